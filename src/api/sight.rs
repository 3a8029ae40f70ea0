//! Who may know of a flag and of what is said for it.

use interdict_engine::{Flag, Type, UnitId};
use serde::Deserialize;

use super::ApiState;
use super::auth::Caller;
use crate::store::StoredEvent;

/// How the types of events of flags themselves begin.
const FLAG_EVENTS: &str = "interdict.flag.";

/// What is read of an event of a flag itself.
#[derive(Deserialize)]
struct Told {
    data: Of,
}

#[derive(Deserialize)]
struct Of {
    flag: Flag,
}

impl Caller {
    /// The unit that they belong to.
    pub(super) fn unit(&self) -> Option<UnitId> {
        self.0.unit.as_deref().map(UnitId::from)
    }

    /// Whether they may know of what `covert` units alone are to see; everybody where there are
    /// none.
    pub(super) fn is_let_in(&self, covert: &[UnitId]) -> bool {
        covert.is_empty() || self.unit().is_some_and(|own| covert.contains(&own))
    }

    /// Whether they may read an event: of a covert flag's, those whom it lets in alone; of a flag
    /// itself, those who see it.
    pub(super) fn reads(&self, state: &ApiState, event: &StoredEvent) -> bool {
        // It names nothing but the flag's identity, to those who had more.
        if event.kind == Type::FlagRecalled {
            return true;
        }
        if event.kind.name().starts_with(FLAG_EVENTS) {
            let told = serde_json::from_str::<Told>(&event.json);
            return told.is_ok_and(|told| self.sees(state, &told.data.flag));
        }
        event.covert().is_ok_and(|covert| self.is_let_in(&covert))
    }

    /// Whether they may know of a flag: who applied for it or approved it, and of what is not
    /// covert the units that it reaches and those above its own.
    pub(super) fn sees(&self, state: &ApiState, flag: &Flag) -> bool {
        let person = Some(self.person());
        if person == flag.applicant.as_deref() || person == flag.approved_by.as_deref() {
            return true;
        }
        let scope = self.scope(state);
        let reaches =
            |own: &UnitId| flag.reaches(own, &state.above(own)) || scope.holds(flag.unit.as_ref());
        self.is_let_in(&flag.covert) && scope.unit().is_none_or(reaches)
    }
}

impl ApiState {
    /// The units above one, nearest first.
    pub(super) fn above(&self, unit: &UnitId) -> Vec<UnitId> {
        let known = |id: &UnitId| self.setup.units.iter().find(|unit| unit.id == *id);
        let mut above: Vec<UnitId> = Vec::new();
        let mut next = known(unit).and_then(|unit| unit.parent.clone());
        while let Some(id) = next.filter(|id| !above.contains(id)) {
            next = known(&id).and_then(|unit| unit.parent.clone());
            above.push(id);
        }
        above
    }
}
