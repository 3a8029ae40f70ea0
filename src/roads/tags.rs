//! What OpenStreetMap's tags say about driving (wiki.openstreetmap.org: Key:highway, Key:access,
//! Key:oneway, Key:maxspeed, Relation:restriction).

use interdict_engine::roads::RoadClass;

/// The tags that matter, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    highway: Option<String>,
    route: Option<String>,
    junction: Option<String>,
    oneway: Option<String>,
    area: Option<String>,
    name: Option<String>,
    reference: Option<String>,
    maxspeed: [Option<String>; 3],
    access: [Option<String>; 4],
    kind: Option<String>,
    restriction: [Option<String>; 3],
    except: Option<String>,
}

/// How a way may be driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A road.
    Road { class: RoadClass, speed_kmh: [u8; 2], name: String },
    /// A ferry that takes cars.
    Ferry { name: String },
    /// Not by car.
    None,
}

impl Tags {
    /// Takes note of one tag.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let slot = match key {
            "highway" => &mut self.highway,
            "route" => &mut self.route,
            "junction" => &mut self.junction,
            "oneway" => &mut self.oneway,
            "area" => &mut self.area,
            "name" => &mut self.name,
            "ref" => &mut self.reference,
            "maxspeed" => &mut self.maxspeed[0],
            "maxspeed:forward" => &mut self.maxspeed[1],
            "maxspeed:backward" => &mut self.maxspeed[2],
            // From the general to the particular: the last one given decides.
            "access" => &mut self.access[0],
            "vehicle" => &mut self.access[1],
            "motor_vehicle" => &mut self.access[2],
            "motorcar" => &mut self.access[3],
            "type" => &mut self.kind,
            "restriction" => &mut self.restriction[0],
            "restriction:motor_vehicle" => &mut self.restriction[1],
            "restriction:motorcar" => &mut self.restriction[2],
            "except" => &mut self.except,
            _ => return,
        };
        *slot = Some(value.trim().to_owned());
    }

    /// How the way that bears these tags may be driven.
    pub(super) fn usage(&self) -> Use {
        let is = |slot: &Option<String>, value: &str| slot.as_deref() == Some(value);
        if !self.allowed() {
            return Use::None;
        }
        let name = self.name.clone().or_else(|| self.reference.clone()).unwrap_or_default();
        if is(&self.route, "ferry") {
            // Ferries take cars only where the map says so (Tag:route=ferry).
            let says_so = self.access.iter().skip(1).any(Option::is_some);
            return if says_so { Use::Ferry { name } } else { Use::None };
        }
        let Some(class) = self.highway.as_deref().and_then(RoadClass::from_name) else {
            return Use::None;
        };
        if is(&self.area, "yes") {
            return Use::None;
        }
        let general = self.maxspeed[0].as_deref().and_then(speed_kmh);
        let speed = |own: &Option<String>| {
            let limit = own.as_deref().and_then(speed_kmh).or(general);
            limit.unwrap_or_else(|| class.default_speed_kmh())
        };
        let mut speeds = [speed(&self.maxspeed[1]), speed(&self.maxspeed[2])];
        let implied = matches!(class, RoadClass::Motorway | RoadClass::MotorwayLink)
            || matches!(self.junction.as_deref(), Some("roundabout" | "circular"));
        match self.oneway.as_deref() {
            Some("yes" | "true" | "1") => speeds[1] = 0,
            Some("-1" | "reverse") => speeds[0] = 0,
            Some("no" | "false" | "0") => {}
            _ if implied => speeds[1] = 0,
            _ => {}
        }
        Use::Road { class, speed_kmh: speeds, name }
    }

    /// Whether a car may be there at all; the most particular tag decides.
    fn allowed(&self) -> bool {
        let decides = self.access.iter().rev().flatten().next().map(String::as_str);
        !matches!(decides, Some("no" | "private" | "agricultural" | "forestry" | "use_sidepath"))
    }

    /// Whether these are the tags of a turn restriction for cars, and if so, whether it names the
    /// only turn allowed.
    pub(super) fn restriction(&self) -> Option<bool> {
        if self.kind.as_deref() != Some("restriction") {
            return None;
        }
        let excepted = self.except.as_deref().unwrap_or_default();
        if excepted.split(';').any(|who| matches!(who.trim(), "motorcar" | "motor_vehicle")) {
            return None;
        }
        let value = self.restriction.iter().rev().flatten().next()?;
        if value.starts_with("only_") {
            Some(true)
        } else if value.starts_with("no_") && value != "no_entry" && value != "no_exit" {
            Some(false)
        } else {
            None
        }
    }
}

/// A speed in km/h: `50`, `30 mph`, `walk`; `None` for what names no number, such as `signals`.
pub(super) fn speed_kmh(text: &str) -> Option<u8> {
    let text = text.trim();
    if text == "walk" {
        return Some(7);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: f64 = number.parse().ok()?;
    let kmh = match unit.trim() {
        "" | "km/h" | "kmh" | "kph" => number,
        "mph" => number * 1.609_344,
        "knots" => number * 1.852,
        _ => return None,
    };
    // Above any limit in force and below walking, it is a slip of the pen.
    (5.0..=200.0).contains(&kmh).then_some(kmh.round() as u8)
}
