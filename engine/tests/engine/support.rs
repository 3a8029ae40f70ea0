//! A made-up harbour town, vehicles that drive about it, and an engine that is told of them as the
//! server tells it.

use std::collections::BTreeSet;

use interdict_engine::{
    AlertReport, Checkpoint, CheckpointId, Class, Data, Engine, Event, EventId, Flag, Input, Kind,
    Observation, Position, Record, RecordId, Setup, Shape, State, Type, UnitId, Vehicle, VehicleId,
};
use interdict_protocols::{DeviceId, Fix, Time};

/// Seconds after this instant are what tests call time.
pub(crate) const START: i64 = 1_781_488_800;

/// The middle of the town. Places are metres east and north of it.
const MIDDLE: Position = Position { latitude: 38.95, longitude: 121.60 };
const METRES_PER_DEGREE: f64 = 111_195.08;

pub(crate) fn at(seconds: f64) -> Time {
    Time::from_seconds(START).plus_seconds(seconds)
}

pub(crate) fn place((east_m, north_m): (f64, f64)) -> Position {
    Position {
        latitude: MIDDLE.latitude + north_m / METRES_PER_DEGREE,
        longitude: MIDDLE.longitude
            + east_m / (METRES_PER_DEGREE * libm::cos(MIDDLE.latitude.to_radians())),
    }
}

pub(crate) fn fix(seconds: f64, east_north_m: (f64, f64)) -> Fix {
    let Position { latitude, longitude } = place(east_north_m);
    Fix::new(at(seconds), latitude, longitude).expect("a place of the town")
}

pub(crate) fn checkpoint(id: &str, shape: Shape) -> Checkpoint {
    Checkpoint {
        id: CheckpointId::from(id),
        name: id.to_owned(),
        name_zh: None,
        kind: Kind::ThroatRoad,
        unit: UnitId::from("station"),
        ring: None,
        shape,
        bearing_deg: None,
        lead_s: 240.0,
        ready_s: 0.0,
        radius_m: 100.0,
        state: State::Manned,
        approximate: false,
        accuracy_m: None,
    }
}

pub(crate) fn point(id: &str, east_north_m: (f64, f64)) -> Checkpoint {
    checkpoint(id, Shape::Point(place(east_north_m)))
}

pub(crate) fn line(id: &str, from: (f64, f64), to: (f64, f64)) -> Checkpoint {
    checkpoint(id, Shape::Line(vec![place(from), place(to)]))
}

/// A square area.
pub(crate) fn area(id: &str, (east_m, north_m): (f64, f64), half_m: f64) -> Checkpoint {
    let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)];
    let outline =
        corners.map(|(east, north)| place((east_m + east * half_m, north_m + north * half_m)));
    checkpoint(id, Shape::Polygon(outline.to_vec()))
}

pub(crate) fn flag(id: &str, vehicle: &str, from_s: f64, to_s: f64) -> Flag {
    Flag {
        case: "case 7".to_owned(),
        authority: "city".to_owned(),
        ..Flag::new(id.into(), vehicle.into(), "stolen", (at(from_s), at(to_s)))
    }
}

pub(crate) fn vehicle(id: &str, class: Class) -> Vehicle {
    let mut vehicle = Vehicle::unknown(VehicleId::from(id));
    vehicle.class = class;
    vehicle.unit = Some(UnitId::from("station"));
    vehicle
}

/// A vehicle's device bears its vehicle's name with a `d-` before it.
pub(crate) fn observation(vehicle: &str, fix: Fix) -> Input {
    Input::Fix(Observation {
        device: DeviceId::from(format!("d-{vehicle}")),
        vehicle: VehicleId::from(vehicle),
        fix,
    })
}

pub(crate) fn login(vehicle: &str) -> Input {
    Input::Login {
        device: DeviceId::from(format!("d-{vehicle}")),
        vehicle: VehicleId::from(vehicle),
    }
}

/// An engine, its records, and what it has said.
pub(crate) struct Town {
    pub(crate) engine: Engine,
    pub(crate) records: Vec<Record>,
    pub(crate) events: Vec<Event>,
    next_record: u64,
}

impl Town {
    pub(crate) fn new(checkpoints: Vec<Checkpoint>) -> Self {
        Self::with(Setup { checkpoints, ..Setup::default() })
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let engine = Engine::new(setup);
        Self { engine, records: Vec::new(), events: Vec::new(), next_record: 1 }
    }

    /// Tells the engine something; the events that it says to that.
    pub(crate) fn tell(&mut self, seconds: f64, input: Input) -> Vec<Event> {
        let mut prepared = self.engine.prepare(at(seconds), input);
        let mut events = Vec::new();
        if prepared.durable {
            prepared.record.id = RecordId(self.next_record);
            self.next_record += 1;
        }
        self.engine.apply(&prepared.record, &mut events);
        if prepared.durable {
            self.records.push(prepared.record);
        } else {
            assert!(events.iter().all(|event| event.time < at(seconds)), "not durable: {events:?}");
        }
        self.events.extend(events.iter().cloned());
        events
    }

    /// Lets the clock run.
    pub(crate) fn wait(&mut self, until_s: f64) -> Vec<Event> {
        let mut events = Vec::new();
        self.engine.advance(at(until_s), &mut events);
        self.events.extend(events.iter().cloned());
        events
    }

    pub(crate) fn flag(&mut self, seconds: f64, vehicle: &str) -> Vec<Event> {
        let flag = flag(&format!("f-{vehicle}"), vehicle, seconds, seconds + 86_400.0);
        self.tell(seconds, Input::Flag(flag))
    }

    /// Drives along corners at a steady speed with a fix every `every_s` seconds, and reports
    /// speed and course as trackers do. Gives the time of the last fix.
    pub(crate) fn drive(&mut self, vehicle: &str, start_s: f64, way: &Way) -> f64 {
        let mut last = start_s;
        for (seconds, fix) in way.fixes(start_s) {
            self.tell(seconds, observation(vehicle, fix));
            last = seconds;
        }
        last
    }

    /// What has been said of alerts, in words such as `raised cp`.
    pub(crate) fn alerts(&self) -> Vec<String> {
        said(&self.events)
    }

    /// The identities of the alerts at a checkpoint.
    pub(crate) fn alert_ids(&self, checkpoint: &str) -> BTreeSet<EventId> {
        let alerts = self.events.iter().filter_map(|event| match &event.data {
            Data::Alert(alert) if alert.checkpoint.id.as_str() == checkpoint => Some(&alert.alert),
            _ => None,
        });
        alerts.cloned().collect()
    }

    /// The first alert event of a type at a checkpoint.
    pub(crate) fn first(&self, kind: Type, checkpoint: &str) -> (&Event, &AlertReport) {
        let found = self.events.iter().find_map(|event| match &event.data {
            Data::Alert(alert)
                if event.kind == kind && alert.checkpoint.id.as_str() == checkpoint =>
            {
                Some((event, &**alert))
            }
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no {} at {checkpoint}: {:?}", kind.name(), self.alerts()))
    }
}

/// Alert events in words such as `raised cp`; updates are left out.
pub(crate) fn said(events: &[Event]) -> Vec<String> {
    let words = events.iter().filter(|event| event.kind != Type::Updated).filter_map(|event| {
        let name = event.kind.name().strip_prefix("interdict.alert.")?;
        Some(format!("{name} {}", event.checkpoint()?))
    });
    words.collect()
}

/// A way through the town.
pub(crate) struct Way {
    pub(crate) corners: Vec<(f64, f64)>,
    pub(crate) speed_kmh: f64,
    pub(crate) every_s: f64,
}

impl Way {
    pub(crate) fn new(corners: &[(f64, f64)], speed_kmh: f64, every_s: f64) -> Self {
        Self { corners: corners.to_vec(), speed_kmh, every_s }
    }

    pub(crate) fn fixes(&self, start_s: f64) -> Vec<(f64, Fix)> {
        let metres_a_fix = self.speed_kmh / 3.6 * self.every_s;
        let mut fixes = Vec::new();
        let mut driven_m = 0.0;
        let mut begun_m = 0.0;
        for leg in self.corners.windows(2) {
            let (from, to) = (leg[0], leg[1]);
            let (east, north) = (to.0 - from.0, to.1 - from.1);
            let length_m = libm::hypot(east, north);
            while driven_m <= begun_m + length_m {
                let share = (driven_m - begun_m) / length_m;
                let seconds = start_s + self.every_s * fixes.len() as f64;
                let mut fix = fix(seconds, (from.0 + east * share, from.1 + north * share));
                fix.speed_kmh = Some(self.speed_kmh);
                fix.course_deg = Some(libm::atan2(east, north).to_degrees().rem_euclid(360.0));
                fixes.push((seconds, fix));
                driven_m += metres_a_fix;
            }
            begun_m += length_m;
        }
        fixes
    }
}
