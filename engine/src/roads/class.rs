//! [`RoadClass`]: how important a road is, and how fast it is where nothing says so.

use serde::{Deserialize, Serialize};

macro_rules! classes {
    ($($variant:ident $name:literal $speed_kmh:literal $meaning:literal,)+) => {
        /// How important a road is, in OpenStreetMap's order (`highway=*`).
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum RoadClass {
            $(#[doc = $meaning] $variant,)+
        }

        impl RoadClass {
            /// Every class, the most important first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value of `highway=*`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What a car drives there while it rolls, where no limit is given, km/h. Below the
            /// usual limits: people keep to what width and parked cars allow.
            #[must_use]
            pub const fn default_speed_kmh(self) -> u8 {
                match self { $(Self::$variant => $speed_kmh,)+ }
            }
        }
    };
}

classes! {
    Motorway "motorway" 100 "Grade-separated, two carriageways.",
    MotorwayLink "motorway_link" 60 "A ramp of one.",
    Trunk "trunk" 80 "The most important that is no motorway.",
    TrunkLink "trunk_link" 50 "A ramp of one.",
    Primary "primary" 60 "Between large towns, or across a city.",
    PrimaryLink "primary_link" 45 "A ramp of one.",
    Secondary "secondary" 50 "Between towns, or between a city's quarters.",
    SecondaryLink "secondary_link" 40 "A ramp of one.",
    Tertiary "tertiary" 40 "Between villages, or through a quarter.",
    TertiaryLink "tertiary_link" 35 "A ramp of one.",
    Unclassified "unclassified" 35 "Minor and public.",
    Residential "residential" 30 "For those who live there.",
    Road "road" 30 "Of unknown class.",
    LivingStreet "living_street" 15 "Shared with people on foot.",
    Service "service" 15 "Access to something.",
    Track "track" 15 "Farm and forest.",
}

impl RoadClass {
    /// The class of a `highway=*` value, `None` where cars do not drive.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// Its number in the compact file.
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The class of a number in the compact file.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}
