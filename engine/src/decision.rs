//! [`Decided`]: what somebody other than its applicant decides about a flag.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use crate::{Flag, FlagId, FlagState, VehicleId};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may be acted on.
    Approve,
    /// It may not, and ends.
    Reject,
    /// It is to last until then: a new decision, by somebody who may approve.
    Renew {
        /// When it ends by itself from now on.
        expires_at: Time,
    },
}

/// A decision, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The flag.
    pub flag: FlagId,
    /// Its vehicle.
    pub vehicle: VehicleId,
    /// Who decides.
    pub by: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What.
    pub decision: Decision,
}

/// Why something cannot be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagRefusal {
    /// There is no such flag, or it has ended.
    #[error("no such flag holds")]
    Unknown,
    /// Two people are needed.
    #[error("who applied for a flag does not decide about it; ask somebody else who may approve")]
    OwnFlag,
    /// It is decided.
    #[error("the flag is approved already; it can be renewed or withdrawn")]
    Approved,
    /// It is not decided yet.
    #[error("the flag waits for its approval, and can be renewed once it has it")]
    NotApproved,
    /// It would end at once.
    #[error("a flag must be renewed to a time that is later than now")]
    Past,
}

impl Decided {
    /// Whether that can be decided of `flag` at `now`.
    pub(crate) fn check(&self, flag: &Flag, now: Time) -> Result<(), FlagRefusal> {
        if flag.applicant.as_ref() == Some(&self.by) {
            return Err(FlagRefusal::OwnFlag);
        }
        let is_approved = flag.state == FlagState::Approved;
        match self.decision {
            Decision::Approve | Decision::Reject if is_approved => Err(FlagRefusal::Approved),
            Decision::Renew { .. } if !is_approved => Err(FlagRefusal::NotApproved),
            Decision::Renew { expires_at } if expires_at <= now => Err(FlagRefusal::Past),
            _ => Ok(()),
        }
    }
}
