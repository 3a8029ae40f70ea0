//! [`Flag`]: an entry of the watchlist.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::{FlagId, VehicleId};

/// This vehicle is to be intercepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Its identity.
    pub id: FlagId,
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// The reason's code, such as `stolen`.
    pub reason: String,
    /// The case that it serves.
    pub case: String,
    /// Who ordered it.
    pub authority: String,
    /// 1 (most urgent) to 4.
    pub priority: u8,
    /// What officers are to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// What officers must beware of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cautions: Vec<String>,
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// When it began.
    pub starts_at: Time,
    /// When it ends by itself.
    pub expires_at: Time,
}
