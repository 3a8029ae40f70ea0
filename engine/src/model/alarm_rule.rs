//! [`AlarmRule`]: who is told of a device's alarm, and what follows from it by itself.

use interdict_protocols::Alarm;
use serde::{Deserialize, Serialize};

use super::Class;

/// A provisional flag that no person confirms lapses so soon: time enough to call the driver back.
pub const PROVISIONAL_S: f64 = 1_800.0;

/// A flag that a person has confirmed holds so long from its alarm, as one that a person asks for.
pub const CONFIRMED_S: f64 = 24.0 * 3_600.0;

/// The reason's code of flags that the engine makes of alarms.
pub const ALARM_REASON: &str = "device_alarm";

/// Of alarms of vehicles of a class. The first rule that fits holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmRule {
    /// The class.
    pub class: Class,
    /// The alarms.
    pub alarms: Vec<Alarm>,
    /// The departments and companies that are told beside the unit of the region.
    #[serde(default)]
    pub departments: Vec<String>,
    /// Whether the vehicle is flagged, to be observed, until a person decides.
    #[serde(default)]
    pub provisional: bool,
    /// Vehicles of the class that are flagged so in a minute. When there are more alarms, that is told
    /// once, and nothing more is flagged in that minute: people look at one cause, not at each.
    #[serde(default = "per_minute")]
    pub per_minute: u32,
}

impl AlarmRule {
    /// The one that holds for an alarm of a vehicle of that class.
    #[must_use]
    pub fn find(rules: &[Self], class: Class, alarm: Alarm) -> Option<&Self> {
        rules.iter().find(|rule| rule.class == class && rule.alarms.contains(&alarm))
    }
}

/// What a dispatcher can look into in a minute, and some.
const fn per_minute() -> u32 {
    10
}
