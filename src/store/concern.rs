//! Whom something concerns, and so which keys it is sealed under.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use interdict_engine::{Data, Event, Flag, FlagId, Input, Record, UnitId, VehicleId};
use interdict_protocols::Time;

use super::StoreError;
use super::flags::is_end;
use super::handles::Handles;
use super::keys::{Hidden, KeyName, Keyring, Purpose, Sealer};
use super::tracks::Kept;
use crate::audit::{Act, acts};

/// The most flags of a vehicle under whose keys something of it is sealed, beside the one that it names:
/// more than stand on any vehicle. Each takes 80 bytes of every value, and a value must stay small.
const MOST_FLAGS: usize = 32;

/// Which flags stand on each vehicle.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing(HashMap<VehicleId, BTreeMap<FlagId, Stands>>);

/// What is known of a flag that stands.
#[derive(Clone, Debug)]
struct Stands {
    /// Whether it follows its vehicle, and does not wait for approval.
    is_in_force: bool,
    /// The units that alone may know of it, where it is covert.
    covert: Vec<UnitId>,
}

impl Standing {
    /// What the journal says of it.
    pub(super) fn find(handles: &Handles) -> Result<Self, StoreError> {
        let mut standing = Self::default();
        for report in super::flags::all(handles)? {
            standing.add(&report.flag);
        }
        Ok(standing)
    }

    fn add(&mut self, flag: &Flag) {
        let stands = Stands { is_in_force: flag.is_in_force(), covert: flag.covert.clone() };
        self.0.entry(flag.vehicle.clone()).or_default().insert(flag.id.clone(), stands);
    }

    /// An event is durable.
    pub(super) fn take(&mut self, event: &Event) {
        let Data::Flag(report) = &event.data else { return };
        let flag = &report.flag;
        if !is_end(event.kind) {
            self.add(flag);
        } else if let Some(flags) = self.0.get_mut(&flag.vehicle) {
            flags.remove(&flag.id);
            if flags.is_empty() {
                self.0.remove(&flag.vehicle);
            }
        }
    }

    fn on<'a>(&'a self, vehicle: &VehicleId) -> impl Iterator<Item = (&'a FlagId, &'a Stands)> {
        self.0.get(vehicle).into_iter().flatten()
    }
}

/// Seals what one commit writes under the keys of those whom it concerns.
pub(super) struct Sealing<'a> {
    /// The flags that stood before it.
    standing: Arc<Standing>,
    /// Those that it adds.
    added: Standing,
    keys: &'a Keyring,
    sealer: Sealer<'a>,
}

impl<'a> Sealing<'a> {
    pub(super) fn new(standing: &Arc<Standing>, events: &[Event], keys: &'a Keyring) -> Self {
        let mut added = Standing::default();
        events.iter().filter(|event| !is_end(event.kind)).for_each(|event| added.take(event));
        Self { standing: Arc::clone(standing), added, keys, sealer: Sealer::new(keys) }
    }

    pub(super) fn seal(&mut self, names: &[KeyName], value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.sealer.seal(names, value)
    }

    /// Makes the keys durable that are new: before what is sealed under them.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        self.sealer.finish()
    }

    fn on(&self, vehicle: &VehicleId) -> BTreeSet<FlagId> {
        self.standing_on(vehicle).map(|(flag, _)| flag.clone()).collect()
    }

    fn standing_on(&self, vehicle: &VehicleId) -> impl Iterator<Item = (&FlagId, &Stands)> {
        self.standing.on(vehicle).chain(self.added.on(vehicle)).take(MOST_FLAGS)
    }

    /// A flag whose key was purged has none any more: what still comes of it is its day's.
    fn of_flags(
        &self,
        purpose: Purpose,
        flags: &BTreeSet<FlagId>,
        otherwise: impl FnOnce() -> KeyName,
    ) -> Vec<KeyName> {
        let names = flags.iter().map(|flag| KeyName::of_flag(purpose, flag.as_str()));
        let names: Vec<_> = names.filter(|name| !self.keys.is_purged(name)).collect();
        if names.is_empty() { vec![otherwise()] } else { names }
    }

    pub(super) fn keys_of_record(&self, record: &Record) -> Vec<KeyName> {
        let vehicle = match &record.input {
            // Every shard is told, and still it names one.
            Input::MassAlarm(mass) => Some(&mass.vehicle),
            input => input.vehicle(),
        };
        let Some(vehicle) = vehicle else { return vec![KeyName::general()] };
        let mut flags = self.on(vehicle);
        match &record.input {
            Input::Flag(flag) => flags.insert(flag.id.clone()),
            Input::Withdraw { flag, .. } => flags.insert(flag.clone()),
            Input::Decide(decided) => flags.insert(decided.flag.clone()),
            _ => false,
        };
        self.of_flags(Purpose::Tracks, &flags, || KeyName::of_day(record.at))
    }

    /// The keys that a fix is kept under, each by itself, and the units that alone may know of it where
    /// that is a covert flag's.
    pub(super) fn keys_of_fix(&self, kept: &Kept) -> Vec<(KeyName, Vec<UnitId>)> {
        let of_class = kept.class.map(|class| KeyName::of_class_day(class, kept.fix.at));
        let of_flags: BTreeMap<_, _> = match kept.is_followed {
            // What is added in this commit stands as that says.
            true => self.standing_on(&kept.vehicle).collect(),
            false => BTreeMap::new(),
        };
        let of_flags = of_flags.into_iter().filter(|(_, stands)| stands.is_in_force);
        let of_flags = of_flags.map(|(flag, stands)| {
            (KeyName::of_flag(Purpose::Tracks, flag.as_str()), stands.covert.clone())
        });
        let names = of_class.map(|name| (name, Vec::new())).into_iter().chain(of_flags);
        // A key that was purged is never made again.
        names.filter(|(name, _)| !self.keys.is_purged(name)).collect()
    }

    /// What stands for `text` under a key that something was sealed under.
    pub(super) fn hide_under(&self, name: &KeyName, table: &str, text: &[u8]) -> Option<Hidden> {
        self.sealer.hide_under(name, table, text)
    }

    fn flags_of_event(&self, event: &Event) -> BTreeSet<FlagId> {
        let named = match &event.data {
            // What is said of a flag itself concerns no other.
            Data::Flag(report) => return [report.flag.id.clone()].into(),
            Data::Alert(report) => Some(&report.flag.id),
            Data::Silence(report) => Some(&report.flag.id),
            Data::Heard(report) => Some(&report.flag.id),
            Data::Sighting(report) => Some(&report.flag.id),
            // It is what stays when a flag's keys have gone.
            Data::Recall(_) => return BTreeSet::new(),
            Data::Alarm(_) | Data::Mass(_) | Data::Conflict(_) => None,
        };
        let mut flags: BTreeSet<FlagId> =
            event.vehicle().map(|vehicle| self.on(vehicle)).unwrap_or_default();
        flags.extend(named.cloned());
        flags
    }

    pub(super) fn keys_of_event(&self, event: &Event) -> Vec<KeyName> {
        let flags = self.flags_of_event(event);
        self.of_flags(Purpose::Alerts, &flags, || KeyName::of_day(event.time))
    }

    /// Of what the audit log says of an event.
    pub(super) fn audit_keys_of_event(&self, event: &Event) -> Vec<KeyName> {
        self.of_audit(&self.flags_of_event(event), event.time)
    }

    pub(super) fn keys_of_act(&self, act: &Act) -> Vec<KeyName> {
        // What was purged must be known as long as there is a log.
        if [acts::AUDIT_PURGE, acts::RETENTION_PURGE].contains(&act.act) {
            return vec![KeyName::general()];
        }
        // Reads list their vehicles, mostly one; of several that one entry names each would have to
        // know the other.
        let named = |name: &str| {
            let value = act.content.what.get(name)?;
            let alone = value.as_array().filter(|all| all.len() == 1).and_then(|all| all.first());
            value.as_str().or_else(|| alone?.as_str())
        };
        let flags = match (named("flag"), named("vehicle").or_else(|| named("vehicles"))) {
            (Some(flag), _) => [flag.into()].into(),
            (None, Some(vehicle)) => self.on(&vehicle.into()),
            (None, None) => BTreeSet::new(),
        };
        self.of_audit(&flags, act.at)
    }

    fn of_audit(&self, flags: &BTreeSet<FlagId>, at: Time) -> Vec<KeyName> {
        self.of_flags(Purpose::Audit, flags, || KeyName::of_audit_day(at))
    }
}
