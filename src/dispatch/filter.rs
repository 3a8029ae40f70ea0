//! [`Filter`]: which events somebody wants.

use std::collections::BTreeSet;

use interdict_engine::{CheckpointId, Setup, Type, UnitId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::StoredEvent;

/// What somebody asks for, in their words; an empty list asks for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = EventFilter)]
pub struct Wanted {
    /// Units, each with those under it.
    pub units: Vec<String>,
    /// Checkpoints.
    pub checkpoints: Vec<String>,
    /// Types, such as `interdict.alert.raised`.
    pub types: Vec<String>,
    /// Only what is said for flags that concern the neighbours, too: those of scope `linked`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub linked: bool,
}

/// Somebody asks for what there is not: an answer of silence would be taken for quiet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// No such unit.
    #[error("there is no unit `{0}`")]
    Unit(String),
    /// No such checkpoint.
    #[error("there is no checkpoint `{0}`")]
    Checkpoint(String),
    /// No such type.
    #[error("`{0}` is no type of event; they begin with `interdict.`")]
    Type(String),
}

/// Which events somebody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `None`: of every unit and of none.
    units: Option<BTreeSet<UnitId>>,
    checkpoints: Option<BTreeSet<CheckpointId>>,
    types: Option<BTreeSet<String>>,
    linked_only: bool,
    leaves_covert_out: bool,
}

impl Filter {
    /// The filter that `wanted` asks for among the units and checkpoints of `setup`.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn new(wanted: &Wanted, setup: &Setup) -> Result<Self, Unknown> {
        for unit in &wanted.units {
            if !is_known(&UnitId::from(unit.as_str()), setup) {
                return Err(Unknown::Unit(unit.clone()));
            }
        }
        for wanted in &wanted.checkpoints {
            if !setup.checkpoints.iter().any(|known| known.id.as_str() == wanted) {
                return Err(Unknown::Checkpoint(wanted.clone()));
            }
        }
        if let Some(strange) = wanted.types.iter().find(|kind| !kind.starts_with("interdict.")) {
            return Err(Unknown::Type(strange.clone()));
        }
        Ok(Self::as_asked(wanted, setup))
    }

    /// The filter that was good when it was asked for; what has gone since passes nothing.
    #[must_use]
    pub fn as_asked(wanted: &Wanted, setup: &Setup) -> Self {
        let units = wanted.units.iter().map(|unit| UnitId::from(unit.as_str()));
        let units = units.flat_map(|unit| with_those_under(unit, setup)).collect();
        let checkpoints = wanted.checkpoints.iter().map(|id| CheckpointId::from(id.as_str()));
        Self {
            units: Some(units).filter(|_| !wanted.units.is_empty()),
            checkpoints: Some(checkpoints.collect()).filter(|_| !wanted.checkpoints.is_empty()),
            types: Some(wanted.types.iter().cloned().collect())
                .filter(|_| !wanted.types.is_empty()),
            linked_only: wanted.linked,
            leaves_covert_out: false,
        }
    }

    /// The same without what is said for covert flags.
    #[must_use]
    pub fn without_covert(self) -> Self {
        Self { leaves_covert_out: true, ..self }
    }

    /// Whether an event is wanted. A vehicle that merely comes into view is told only to those who
    /// ask for that type; who was told of a silence is told of its end.
    #[must_use]
    pub fn passes(&self, event: &StoredEvent) -> bool {
        let kind = match &self.types {
            Some(types) => types.contains(event.kind.name()),
            None => event.kind != Type::Watch,
        };
        let mut units = event.unit.iter().chain(&event.told_units);
        let mut checkpoints = event.checkpoint.iter().chain(&event.told_checkpoints);
        kind && self.units.as_ref().is_none_or(|wanted| units.any(|unit| wanted.contains(unit)))
            && self
                .checkpoints
                .as_ref()
                .is_none_or(|wanted| checkpoints.any(|id| wanted.contains(id)))
            && (event.linked || !self.linked_only)
            // What cannot be read might be covert.
            && (!self.leaves_covert_out || event.covert().is_ok_and(|covert| covert.is_empty()))
    }
}

/// A unit may be named by a checkpoint or a region alone.
fn is_known(unit: &UnitId, setup: &Setup) -> bool {
    setup.units.iter().any(|known| known.id == *unit)
        || setup.checkpoints.iter().any(|checkpoint| checkpoint.unit == *unit)
        || setup.regions.iter().any(|region| region.unit == *unit)
}

/// A unit and all those under it.
#[must_use]
pub fn with_those_under(unit: UnitId, setup: &Setup) -> BTreeSet<UnitId> {
    let mut found = BTreeSet::from([unit]);
    loop {
        let before = found.len();
        for unit in &setup.units {
            if unit.parent.as_ref().is_some_and(|parent| found.contains(parent)) {
                found.insert(unit.id.clone());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Flag, Level, Scope, Unit};

    use super::*;
    use crate::store::Store;
    use crate::store::testing::{alert, event, flag, heard, silence};

    fn setup() -> Setup {
        let unit = |id: &str, level, parent: Option<&str>| Unit {
            id: id.into(),
            name: id.into(),
            name_zh: None,
            level,
            parent: parent.map(UnitId::from),
            zone: None,
        };
        let checkpoint = r#"{"id":"north","name":"North","kind":"throat-road","unit":"station",
            "shape":{"point":{"latitude":39.0,"longitude":121.5}}}"#;
        Setup {
            // A loop, as a configuration that nobody checked might hold.
            units: vec![
                unit("station", Level::Station, Some("district")),
                unit("district", Level::District, Some("city")),
                unit("city", Level::City, Some("district")),
                unit("harbour", Level::District, None),
            ],
            checkpoints: vec![serde_json::from_str(checkpoint).unwrap()],
            ..Setup::default()
        }
    }

    /// The ids of those of some events that pass.
    fn passing(units: &[&str], checkpoints: &[&str], types: &[&str]) -> Vec<String> {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let wanted = Wanted {
            units: texts(units),
            checkpoints: texts(checkpoints),
            types: texts(types),
            linked: false,
        };
        let filter = Filter::new(&wanted, &setup()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let events = [
            alert("watch", "a", Type::Watch, 1),
            alert("raised", "a", Type::Raised, 1),
            event("flag", Type::FlagAdded, flag("f", "v")),
            silence("silent", Some((600, 1_200))),
            heard("heard"),
        ];
        let committed = store.commit(&[], &events).unwrap();
        let passing = committed.events.iter().filter(|event| filter.passes(event));
        passing.map(|event| event.id.0.clone()).collect()
    }

    #[test]
    fn all_but_what_must_be_asked_for_passes_an_empty_filter() {
        assert_eq!(passing(&[], &[], &[]), ["raised", "flag", "silent", "heard"]);
        assert_eq!(passing(&[], &[], &["interdict.alert.watch"]), ["watch"]);
        assert_eq!(
            passing(&[], &[], &["interdict.flag.added", "interdict.alert.raised"]),
            ["raised", "flag"]
        );
    }

    #[test]
    fn a_unit_includes_those_under_it() {
        let alert = &["interdict.alert.raised"];
        assert_eq!(passing(&["station"], &[], alert), ["raised"]);
        assert_eq!(passing(&["city"], &[], alert), ["raised"]);
        assert_eq!(passing(&["harbour"], &[], alert), Vec::<String>::new());
        assert_eq!(passing(&["harbour", "district"], &["north"], alert), ["raised"]);
    }

    #[test]
    fn who_was_told_of_a_silence_is_told_of_its_end() {
        let types = &["interdict.vehicle.silent", "interdict.vehicle.heard"];
        assert_eq!(passing(&["station"], &["north"], types), ["silent", "heard"]);
        assert_eq!(passing(&["city"], &[], types), ["silent", "heard"]);
        assert_eq!(passing(&["harbour"], &[], types), ["heard"], "it is there now");
        assert_eq!(passing(&[], &["north"], types), ["silent", "heard"]);
    }

    #[test]
    fn neighbours_are_told_of_linked_flags_alone() {
        let filter = Filter::new(&Wanted { linked: true, ..Wanted::default() }, &setup()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let linked = Flag { scope: Scope::Linked, ..flag("f", "v") };
        let events = [
            event("linked", Type::FlagAdded, linked),
            event("own", Type::FlagAdded, flag("g", "w")),
        ];
        let committed = store.commit(&[], &events).unwrap();
        let passing: Vec<_> =
            committed.events.iter().filter(|event| filter.passes(event)).collect();
        assert_eq!(passing.len(), 1);
        assert_eq!(passing[0].id.0, "linked");
    }

    #[test]
    fn what_there_is_not_is_said() {
        let wanted = |units: &[&str], checkpoints: &[&str], types: &[&str]| {
            let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
            Filter::new(
                &Wanted {
                    units: texts(units),
                    checkpoints: texts(checkpoints),
                    types: texts(types),
                    linked: false,
                },
                &setup(),
            )
        };
        assert_eq!(wanted(&["nowhere"], &[], &[]), Err(Unknown::Unit("nowhere".into())));
        assert_eq!(wanted(&[], &["south"], &[]), Err(Unknown::Checkpoint("south".into())));
        assert_eq!(wanted(&[], &[], &["raised"]), Err(Unknown::Type("raised".into())));
    }
}
