//! What the engine says: [`Event`], written as CloudEvents 1.0.

use std::fmt;

use interdict_protocols::{Alarm, DeviceId, Fix, Time};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    Action, Checkpoint, CheckpointId, Class, Flag, FlagEnd, FlagId, Kind, MassAlarm, Progress,
    Sighted, Sighting, Standing, UnitId, Vehicle, VehicleId,
};

/// An event's identity: the same in every replay, so that receivers can tell repetitions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventId(pub String);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! types {
    ($($variant:ident $name:literal $meaning:literal,)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Type {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)+
        }

        impl Type {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

types! {
    Watch "interdict.alert.watch" "A vehicle came into a checkpoint's view.",
    Raised "interdict.alert.raised" "An alert was raised.",
    Updated "interdict.alert.updated" "An alert's ETA, probability or stage changed.",
    Withdrawn "interdict.alert.withdrawn" "The vehicle turned away, or its flag ended.",
    Passed "interdict.alert.passed" "The vehicle passed the checkpoint.",
    Left "interdict.alert.left" "The vehicle left the area that it was in.",
    Delivered "interdict.alert.delivered" "A person's client shows an alert.",
    Acknowledged "interdict.alert.acknowledged" "A unit signed an alert off.",
    Escalated "interdict.alert.escalated" "An alert rose to further units.",
    Instructed "interdict.alert.instructed" "A unit was told what to do.",
    Disposed "interdict.alert.disposed" "An alert has its outcome.",
    Silent "interdict.vehicle.silent" "A flagged vehicle is not heard any more.",
    Heard "interdict.vehicle.heard" "A flagged vehicle that was silent is heard again.",
    Sighted "interdict.vehicle.sighted" "Somebody other than its tracker saw a flagged vehicle.",
    DeviceAlarm "interdict.device.alarm" "A device reported an alarm, or its end.",
    MassAlarm "interdict.device.mass-alarm" "Too many vehicles of a class raised alarms to flag each.",
    Conflict "interdict.device.conflict" "Two peers speak as one device, or disagree on a vehicle.",
    FlagAdded "interdict.flag.added" "A flag was added, or applied for.",
    FlagApproved "interdict.flag.approved" "A flag was approved.",
    FlagRejected "interdict.flag.rejected" "A flag was rejected, and has ended.",
    FlagRenewed "interdict.flag.renewed" "A flag lasts longer.",
    FlagWithdrawn "interdict.flag.withdrawn" "A flag was withdrawn.",
    FlagExpired "interdict.flag.expired" "A flag ended by itself.",
    FlagRecalled "interdict.flag.recalled" "What was told of a flag is purged, and to be forgotten by whoever has it.",
}

/// How near an alert's vehicle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = AlertStage))]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// On its way.
    Approaching,
    /// There within the checkpoint's lead.
    Imminent,
    /// There.
    Arrived,
}

/// What people have done about an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = AlertHandling))]
#[serde(rename_all = "lowercase")]
pub enum Handling {
    /// Nobody has it yet.
    #[default]
    Raised,
    /// A person's client shows it.
    Delivered,
    /// A unit has signed it off.
    Acknowledged,
    /// A unit has been told what to do.
    Instructed,
    /// It has an outcome.
    Disposed,
}

/// The vehicle of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VehicleView {
    /// Its identity.
    pub id: VehicleId,
    /// Its plate.
    pub plate: Option<String>,
    /// Its class.
    pub class: Class,
    /// Make and model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Colour of its paint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Colour of its plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate_colour: Option<String>,
    /// Its vehicle identification number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vin: Option<String>,
}

impl From<&Vehicle> for VehicleView {
    fn from(vehicle: &Vehicle) -> Self {
        Self {
            id: vehicle.id.clone(),
            plate: vehicle.plate.clone(),
            class: vehicle.class,
            make: vehicle.make.clone(),
            colour: vehicle.colour.clone(),
            plate_colour: vehicle.plate_colour.clone(),
            vin: vehicle.vin.clone(),
        }
    }
}

/// The flag of an alert: what officers must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CaseView {
    /// Its identity.
    pub id: FlagId,
    /// The case.
    pub case: String,
    /// The reason's code.
    pub reason: String,
    /// 1 (most urgent) to 4.
    pub priority: u8,
    /// What to do.
    pub instruction: Option<String>,
    /// What to beware of.
    pub cautions: Vec<String>,
    /// Whom to call.
    pub contact: Option<String>,
    /// Whether to stop the vehicle.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub action: Action,
    /// The units that alone may see it; everybody where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covert: Vec<UnitId>,
    /// It concerns the neighbours, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linked: bool,
    /// An exercise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
}

impl From<&Flag> for CaseView {
    fn from(flag: &Flag) -> Self {
        Self {
            id: flag.id.clone(),
            case: flag.case.clone(),
            reason: flag.reason.clone(),
            action: flag.action,
            priority: flag.priority,
            instruction: flag.instruction.clone(),
            cautions: flag.cautions.clone(),
            contact: flag.contact.clone(),
            covert: flag.covert.clone(),
            linked: flag.is_linked(),
            drill: flag.drill,
        }
    }
}

/// The checkpoint of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckpointView {
    /// Its identity.
    pub id: CheckpointId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub unit: UnitId,
}

impl From<&Checkpoint> for CheckpointView {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            id: checkpoint.id.clone(),
            name: checkpoint.name.clone(),
            kind: checkpoint.kind,
            unit: checkpoint.unit.clone(),
        }
    }
}

/// Why an event was said: one sentence for people, a code and figures for programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Why {
    /// One word, such as `closing`, `sure`, `turned_away`.
    pub code: String,
    /// One sentence in English, with the figures in it.
    pub text: String,
    /// The figures by name, units in the names.
    pub figures: std::collections::BTreeMap<String, f64>,
}

/// A patrol vehicle that could come: no coordinates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NearestUnit {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// Whose it is.
    pub unit: Option<UnitId>,
    /// Seconds until it could be at the checkpoint: by road where there are roads.
    pub eta_s: f64,
}

/// A place that a vehicle was at, by its tracker unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// When and where.
    #[serde(flatten)]
    pub fix: Fix,
    /// Its `source`, `trust` and `accuracy_m` where that is no tracker's fix, but a sighting.
    #[serde(flatten)]
    pub sighted: Option<Sighted>,
}

impl From<Fix> for Seen {
    fn from(fix: Fix) -> Self {
        Self { fix, sighted: None }
    }
}

impl std::ops::Deref for Seen {
    type Target = Fix;

    fn deref(&self) -> &Fix {
        &self.fix
    }
}

/// One flagged vehicle's approach to one checkpoint, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlertReport {
    /// The alert's identity: that of its first event.
    pub alert: EventId,
    /// The vehicle.
    pub vehicle: VehicleView,
    /// The flag.
    pub flag: CaseView,
    /// The checkpoint.
    pub checkpoint: CheckpointView,
    /// How near it is.
    pub stage: Stage,
    /// What people have done about it.
    pub handling: Handling,
    /// Who has been told, and what was done.
    #[serde(flatten)]
    pub progress: Progress,
    /// Seconds until it is there; 0 where it is.
    pub eta_s: f64,
    /// When it is there. For a passage: when it was.
    pub eta_at: Time,
    /// The probability that it will pass, 0 to 1.
    pub probability: f64,
    /// Metres to go.
    pub distance_m: f64,
    /// What this leans on.
    pub fix: Seen,
    /// Which device, or source of positions, that fix is from; none where it is a sighting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// How old that fix was at the event's time, seconds.
    pub fix_age_s: f64,
    /// Seconds between the fixes of its trackers, as usual: told to whoever asks for the open alerts,
    /// once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix_every_s: Option<f64>,
    /// Why this is said.
    pub why: Why,
    /// Roads on the way, by name.
    pub route: Vec<String>,
    /// Patrol vehicles that could come, the soonest first.
    pub nearest_units: Vec<NearestUnit>,
}

/// A flagged vehicle that is not heard any more, and when it can be at a checkpoint: one event for
/// each checkpoint that it may reach, or one in all where there is none. It neither raises nor
/// withdraws an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SilenceReport {
    /// The vehicle.
    pub vehicle: VehicleView,
    /// The flag.
    pub flag: CaseView,
    /// The checkpoint; `None` where none can be reached.
    pub checkpoint: Option<CheckpointView>,
    /// Whose it is: the checkpoint's unit, or where there is none the one of the region where the
    /// vehicle was last.
    pub unit: Option<UnitId>,
    /// The earliest time at which it can be there. For an area in which it was when it was heard
    /// last, that is when; `latest_at`, too.
    pub earliest_at: Option<Time>,
    /// The latest time at which it is there if it goes there, a detour and a short stop included.
    pub latest_at: Option<Time>,
    /// Seconds that it has not been heard.
    pub silent_s: f64,
    /// What its devices reported before: jammed, cut, taken off.
    pub signs: Vec<Alarm>,
    /// Whether it was in a port, or at a ferry's quay, when it was heard last.
    pub may_be_aboard_ferry: bool,
    /// The last fix.
    pub fix: Seen,
    /// How old that fix was at the event's time, seconds.
    pub fix_age_s: f64,
    /// Why this is said: code `silent`, `silent_after_sign`, or `no_place` where its tracker still
    /// speaks.
    pub why: Why,
}

/// A flagged vehicle that was silent, and is heard again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HeardReport {
    /// The vehicle.
    pub vehicle: VehicleView,
    /// The flag.
    pub flag: CaseView,
    /// The unit of the region where it is now.
    pub unit: Option<UnitId>,
    /// The unit of the region where it was before.
    pub unit_before: Option<UnitId>,
    /// Seconds that it was not heard.
    pub silent_s: f64,
    /// The checkpoints that had been told of its silence.
    pub checkpoints: Vec<CheckpointView>,
    /// Where it is now.
    pub fix: Fix,
    /// How old that fix was at the event's time, seconds.
    pub fix_age_s: f64,
    /// Why this is said: code `heard`.
    pub why: Why,
}

/// Somebody or something other than its tracker saw a flagged vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SightingReport {
    /// What was seen.
    pub sighting: Sighting,
    /// The vehicle.
    pub vehicle: VehicleView,
    /// The flag.
    pub flag: CaseView,
    /// The unit of the region where it was seen.
    pub unit: Option<UnitId>,
    /// What was made of it.
    pub standing: Standing,
    /// Seconds between the sighting and its report.
    pub age_s: f64,
    /// Why that was made of it, and whether it disagrees with what is known: code `followed`,
    /// `agrees`, `disagrees`, `late`, `future` or `tracker_live`.
    pub why: Why,
}

/// An alarm that a device reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlarmReport {
    /// Which device.
    pub device: DeviceId,
    /// What carries it.
    pub vehicle: VehicleView,
    /// Which alarm.
    pub alarm: Alarm,
    /// Whether it is on; false at the falling edge of a lasting alarm.
    pub active: bool,
    /// Where, if the frame or an earlier one says.
    pub fix: Option<Fix>,
    /// The unit of the region where it happened.
    pub unit: Option<UnitId>,
    /// The departments and companies that are told beside that unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<String>,
    /// Seconds between its fix and its receipt, where it came late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<f64>,
}

/// Two peers that speak as one device, or two sides that say of one vehicle what cannot both be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConflictReport {
    /// Which device; where two sides disagree the one that spoke last.
    pub device: DeviceId,
    /// What carries it.
    pub vehicle: VehicleId,
    /// The peer that is believed, by address; the device, where two sides disagree.
    pub believed: String,
    /// The peer that is held apart, likewise.
    pub held: String,
    /// How far two sides that disagree are apart, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart_m: Option<f64>,
    /// What the peer held apart says its position is; where two sides disagree, what was said last.
    pub fix: Option<Fix>,
}

/// A flag that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FlagReport {
    /// The flag.
    pub flag: Flag,
    /// Its vehicle.
    pub vehicle: VehicleView,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FlagEnd>,
    /// Who changed it; nobody where it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A flag that should never have been, and of which nothing is kept any more. It says no more than who
/// must know which one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecallReport {
    /// The flag.
    pub flag: FlagId,
    /// The units that were told of it.
    pub units: Vec<UnitId>,
    /// It concerned the neighbours, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linked: bool,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = EventData))]
#[serde(untagged)]
pub enum Data {
    /// Of an alert.
    Alert(Box<AlertReport>),
    /// Of a vehicle's silence.
    Silence(Box<SilenceReport>),
    /// Of a silence's end.
    Heard(Box<HeardReport>),
    /// Of a device's alarm.
    Alarm(Box<AlarmReport>),
    /// Of many alarms at once.
    Mass(MassAlarm),
    /// Of a conflict.
    Conflict(ConflictReport),
    /// Of a sighting.
    Sighting(Box<SightingReport>),
    /// Of a flag.
    Flag(Box<FlagReport>),
    /// Of a flag that is no more.
    Recall(RecallReport),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its identity.
    pub id: EventId,
    /// The engine's time.
    pub time: Time,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Type,
    /// The particulars.
    pub data: Data,
}

impl Event {
    /// The vehicle concerned; none where it must not be named any more.
    #[must_use]
    pub fn vehicle(&self) -> Option<&VehicleId> {
        Some(match &self.data {
            Data::Alert(alert) => &alert.vehicle.id,
            Data::Silence(silence) => &silence.vehicle.id,
            Data::Heard(heard) => &heard.vehicle.id,
            Data::Alarm(alarm) => &alarm.vehicle.id,
            Data::Mass(mass) => &mass.vehicle,
            Data::Conflict(conflict) => &conflict.vehicle,
            Data::Flag(flag) => &flag.vehicle.id,
            Data::Sighting(report) => &report.vehicle.id,
            Data::Recall(_) => return None,
        })
    }

    /// The checkpoint concerned.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&CheckpointId> {
        match &self.data {
            Data::Alert(alert) => Some(&alert.checkpoint.id),
            Data::Silence(silence) => silence.checkpoint.as_ref().map(|checkpoint| &checkpoint.id),
            _ => None,
        }
    }

    /// The checkpoints and the units that were told of a silence which this ends, or of a flag that
    /// is recalled, and the units that are let in on a covert flag: it concerns them, too.
    #[must_use]
    pub fn told_before(&self) -> (Vec<&CheckpointId>, Vec<&UnitId>) {
        let covert = self.covert().iter();
        let heard = match &self.data {
            Data::Heard(heard) => heard,
            Data::Recall(recall) => return (Vec::new(), recall.units.iter().collect()),
            _ => return (Vec::new(), covert.collect()),
        };
        let units = heard.checkpoints.iter().map(|checkpoint| &checkpoint.unit);
        (
            heard.checkpoints.iter().map(|checkpoint| &checkpoint.id).collect(),
            units.chain(&heard.unit_before).chain(covert).collect(),
        )
    }

    /// The unit that it belongs to.
    #[must_use]
    pub fn unit(&self) -> Option<&UnitId> {
        match &self.data {
            Data::Alert(alert) => Some(&alert.checkpoint.unit),
            Data::Silence(silence) => silence.unit.as_ref(),
            Data::Heard(heard) => heard.unit.as_ref(),
            Data::Alarm(alarm) => alarm.unit.as_ref(),
            Data::Flag(report) => report.flag.unit.as_ref(),
            Data::Sighting(report) => report.unit.as_ref(),
            Data::Mass(_) | Data::Conflict(_) | Data::Recall(_) => None,
        }
    }

    /// The flag whose alerts are recalled by it: somebody decided that, or nobody approved it.
    pub(crate) fn recalls(&self) -> Option<(&FlagId, FlagEnd)> {
        let Data::Flag(report) = &self.data else { return None };
        let end = report.reason.filter(|end| *end != FlagEnd::Expired)?;
        Some((&report.flag.id, end))
    }

    /// The units that alone may see it; everybody where there are none.
    #[must_use]
    pub fn covert(&self) -> &[UnitId] {
        match &self.data {
            Data::Alert(alert) => &alert.flag.covert,
            Data::Silence(silence) => &silence.flag.covert,
            Data::Heard(heard) => &heard.flag.covert,
            Data::Flag(report) => &report.flag.covert,
            Data::Sighting(report) => &report.flag.covert,
            Data::Alarm(_) | Data::Mass(_) | Data::Conflict(_) | Data::Recall(_) => &[],
        }
    }

    /// Whether it is said for a flag that concerns the neighbours, too.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        match &self.data {
            Data::Alert(alert) => alert.flag.linked,
            Data::Silence(silence) => silence.flag.linked,
            Data::Heard(heard) => heard.flag.linked,
            Data::Flag(report) => report.flag.is_linked(),
            Data::Sighting(report) => report.flag.linked,
            Data::Recall(recall) => recall.linked,
            Data::Alarm(_) | Data::Mass(_) | Data::Conflict(_) => false,
        }
    }
}

/// An event as CloudEvents 1.0 in JSON: what replay, the stream and webhooks write.
pub struct Cloud<'a> {
    /// The event.
    pub event: &'a Event,
    /// The installation's name, a URI reference.
    pub source: &'a str,
    /// The cursor.
    pub sequence: u64,
}

impl Serialize for Cloud<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("specversion", "1.0")?;
        map.serialize_entry("id", &self.event.id)?;
        map.serialize_entry("source", self.source)?;
        map.serialize_entry("type", &self.event.kind)?;
        map.serialize_entry("time", &self.event.time)?;
        match (&self.event.data, self.event.vehicle()) {
            (Data::Recall(recall), _) => map.serialize_entry("subject", &recall.flag)?,
            (_, vehicle) => map.serialize_entry("subject", &vehicle)?,
        }
        map.serialize_entry("sequence", &self.sequence.to_string())?;
        map.serialize_entry("datacontenttype", "application/json")?;
        map.serialize_entry("data", &self.event.data)?;
        map.end()
    }
}
