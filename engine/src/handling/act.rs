//! What people do: [`Handled`], one step of the handling of an alert.

use serde::{Deserialize, Serialize};

use crate::{EventId, UnitId, VehicleId};

/// How an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = AlertOutcome))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The vehicle was stopped.
    Intercepted,
    /// It was stopped or seen, and there was nothing to it.
    Cleared,
    /// It passed unstopped.
    Missed,
    /// It went another way.
    Diverted,
    /// The alert or its flag was wrong.
    False,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Their client shows it.
    Deliver,
    /// They have taken note.
    Acknowledge,
    /// They say what is to be done.
    Instruct {
        /// What.
        text: String,
    },
    /// They say how it ended.
    Dispose {
        /// How.
        outcome: Outcome,
        /// In more words; needed where the alert was false.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// One step, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// The alert.
    pub alert: EventId,
    /// Its vehicle.
    pub vehicle: VehicleId,
    /// Who does it.
    pub by: String,
    /// For which unit.
    pub unit: UnitId,
    /// What.
    pub act: Act,
}

/// Why a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such alert, or it is over.
    #[error("there is no such alert, or it was closed long ago")]
    Unknown,
    /// It has its outcome.
    #[error("the alert has its outcome already")]
    Disposed,
    /// The unit has signed.
    #[error("that unit has signed this alert off already")]
    Acknowledged,
    /// Nobody has signed.
    #[error("the alert must be signed off before it is instructed")]
    NotAcknowledged,
    /// It is not that unit's.
    #[error("the alert has not come to that unit: it is told to the checkpoint's own first")]
    NotTold,
    /// A false alert needs a reason.
    #[error("an alert that was false needs a reason")]
    NoReason,
}
