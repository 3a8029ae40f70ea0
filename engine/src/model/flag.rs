//! [`Flag`]: an entry of the watchlist.

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};

use super::{FlagId, UnitId, VehicleId};

/// An emergency flag that nobody approves lapses so long after its start: a day is time enough to
/// find whoever may approve it.
pub const LAPSE_S: f64 = 24.0 * 3_600.0;

/// The priority of a flag that says nothing of it.
const PRIORITY: u8 = 2;

/// What is to be done about a vehicle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = FlagAction))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Stop it.
    #[default]
    Intercept,
    /// Note where it goes, and leave it alone.
    Observe,
}

/// How far a flag is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum FlagState {
    /// Somebody asks for it: it raises nothing until somebody else approves it.
    Applied,
    /// It works at once, and lapses [`LAPSE_S`] after its start where nobody approves it.
    Emergency,
    /// It works.
    #[default]
    Approved,
    /// The engine made it of a device's alarm: it works until it expires or a person decides.
    Provisional,
}

/// How far a flag reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = FlagScope))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The unit whose it is and those below it; everywhere where it is nobody's.
    #[default]
    Unit,
    /// The whole city and its neighbours.
    Linked,
}

/// How a flag ended: the codes that police orders close with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FlagEnd {
    /// Its time was over.
    Expired,
    /// The vehicle was dealt with.
    Handled,
    /// What it rested on does not hold any more.
    Invalid,
    /// It should never have been: the wrong vehicle, or no ground.
    Wrong,
    /// Nobody approved it, or somebody rejected it.
    NotApproved,
    /// It goes on on another vehicle's identity: the plate that it was on belongs to that one.
    Moved,
    /// Anything else.
    #[serde(other)]
    Other,
}

impl FlagEnd {
    /// The codes that a person may withdraw a flag with.
    pub const BY_PERSONS: [Self; 4] = [Self::Handled, Self::Invalid, Self::Wrong, Self::Other];

    /// The code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Handled => "handled",
            Self::Invalid => "invalid",
            Self::Wrong => "wrong",
            Self::NotApproved => "not_approved",
            Self::Moved => "moved",
            Self::Other => "other",
        }
    }
}

impl std::fmt::Display for FlagEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// This vehicle is to be intercepted, or observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Flag {
    /// Its identity.
    pub id: FlagId,
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// The reason's code, such as `stolen`.
    pub reason: String,
    /// What is to be done.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub action: Action,
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
    /// How far it is decided.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub state: FlagState,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicant: Option<String>,
    /// Who approved it, or renewed it last; never its applicant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Whose it is: the applicant's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// How far it reaches.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub scope: Scope,
    /// The units that alone may see it; everybody where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covert: Vec<UnitId>,
    /// An exercise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
    /// When it began.
    pub starts_at: Time,
    /// When it ends by itself.
    pub expires_at: Time,
}

impl Flag {
    /// An approved flag to intercept a vehicle, with nothing said beside its reason.
    #[must_use]
    pub fn new(
        id: FlagId,
        vehicle: VehicleId,
        reason: &str,
        (starts_at, expires_at): (Time, Time),
    ) -> Self {
        Self {
            id,
            vehicle,
            reason: reason.to_owned(),
            action: Action::default(),
            case: String::new(),
            authority: String::new(),
            priority: PRIORITY,
            instruction: None,
            cautions: Vec::new(),
            contact: None,
            state: FlagState::default(),
            applicant: None,
            approved_by: None,
            unit: None,
            scope: Scope::default(),
            covert: Vec::new(),
            drill: false,
            starts_at,
            expires_at,
        }
    }

    /// When it ends unless somebody decides: when it expires or, for want of an approval, lapses.
    #[must_use]
    pub fn ends_at(&self) -> Time {
        match self.state {
            FlagState::Emergency => self.expires_at.min(self.starts_at.plus_seconds(LAPSE_S)),
            _ => self.expires_at,
        }
    }

    /// Whether it concerns the neighbours, too.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.scope == Scope::Linked
    }

    /// Whether it reaches a unit, `above` which are others.
    #[must_use]
    pub fn reaches(&self, unit: &UnitId, above: &[UnitId]) -> bool {
        self.is_linked() || self.unit.as_ref().is_none_or(|own| own == unit || above.contains(own))
    }

    /// Whether its vehicle may be followed: not before anybody has approved that.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.state != FlagState::Applied
    }
}
