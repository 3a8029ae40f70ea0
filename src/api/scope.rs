//! [`Scope`]: how much a token's holder sees and decides, by unit and by age. It comes from the token
//! alone; what a request asks for can only narrow it.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use interdict_engine::{AlertReport, Setup, Type, UnitId};
use interdict_protocols::Time;

use super::ApiState;
use super::auth::Caller;
use super::problem::Problem;
use super::tokens::{Role, Token};
use crate::config::History;
use crate::dispatch::with_those_under;
use crate::store::StoredEvent;

/// How the types of flags' own events begin.
const FLAG_EVENTS: &str = "interdict.flag.";

/// How much somebody sees and decides.
pub(super) struct Scope {
    extent: Extent,
    own: Option<UnitId>,
    /// How old an event they read may be, seconds; `None`: as old as any.
    history_s: Option<f64>,
}

enum Extent {
    /// Everything.
    All,
    /// A unit at the top of the tree and all under it, and what belongs to none of the tree's units:
    /// everything but these other units'.
    AllBut(BTreeSet<UnitId>),
    /// These units': one and all under it.
    Units(BTreeSet<UnitId>),
}

impl Caller {
    pub(super) fn scope(&self, state: &ApiState) -> Scope {
        Scope::of(&self.0, &state.setup, &state.history)
    }
}

impl Scope {
    fn of(token: &Token, setup: &Setup, history: &History) -> Self {
        let own = token.unit.as_deref().map(UnitId::from);
        let is_top = |unit: &UnitId| {
            setup.units.iter().any(|known| known.id == *unit && known.parent.is_none())
        };
        let extent = match (&own, token.role) {
            // A fleet's people see what is theirs, and nothing where nothing is.
            (own, Role::Fleet) => Extent::Units(
                own.clone().map(|own| with_those_under(own, setup)).unwrap_or_default(),
            ),
            (None, _) => Extent::All,
            (Some(own), _) if is_top(own) => {
                let mine = with_those_under(own.clone(), setup);
                let units = setup.units.iter().map(|unit| &unit.id);
                Extent::AllBut(units.filter(|unit| !mine.contains(*unit)).cloned().collect())
            }
            (Some(own), _) => Extent::Units(with_those_under(own.clone(), setup)),
        };
        let history_s = match token.role {
            Role::Admin => history.admin.0,
            Role::Dispatcher => history.dispatcher.0,
            Role::Operator => history.operator.0,
            Role::Analyst => history.analyst.0,
            Role::Auditor => history.auditor.0,
            // They read no events.
            Role::Fleet | Role::Source => Some(0.0),
        };
        Self { extent, own, history_s }
    }

    /// Whether what belongs to that unit, or to none, is theirs.
    pub(super) fn holds(&self, unit: Option<&UnitId>) -> bool {
        match &self.extent {
            Extent::All => true,
            Extent::AllBut(others) => unit.is_none_or(|unit| !others.contains(unit)),
            Extent::Units(mine) => unit.is_some_and(|unit| mine.contains(unit)),
        }
    }

    /// Goes on only where [`Self::holds`].
    pub(super) fn check(&self, unit: Option<&UnitId>) -> Result<(), Problem> {
        if self.holds(unit) {
            return Ok(());
        }
        let own = self.own.as_ref().map_or("no unit", UnitId::as_str);
        let detail = match unit {
            Some(unit) => format!("you act for {own} and what is under it, not for {unit}"),
            None => {
                format!("you act for {own} and what is under it; this belongs to no unit of it")
            }
        };
        Err(Problem::new(StatusCode::FORBIDDEN, "other-unit", detail))
    }

    /// Whether everything is theirs.
    pub(super) fn is_whole(&self) -> bool {
        match &self.extent {
            Extent::All => true,
            Extent::AllBut(others) => others.is_empty(),
            Extent::Units(_) => false,
        }
    }

    /// The token's own unit.
    pub(super) const fn unit(&self) -> Option<&UnitId> {
        self.own.as_ref()
    }

    /// Whether a token of that unit, or of all, reaches no further than their own.
    pub(super) fn covers(&self, unit: Option<&UnitId>) -> bool {
        match unit {
            Some(_) => self.holds(unit),
            None => matches!(self.extent, Extent::All),
        }
    }

    /// An alert is for the checkpoint's unit, and for every unit that it was told to.
    pub(super) fn sees_alert(&self, alert: &AlertReport) -> bool {
        let told = &alert.progress.told;
        self.holds(Some(&alert.checkpoint.unit)) || told.iter().any(|unit| self.holds(Some(unit)))
    }

    /// Whether an event is theirs to read at `now`. A flag's own events are everybody's, as the list of
    /// flags is: a flag says nothing of any place.
    pub(super) fn sees_event(&self, event: &StoredEvent, now: Time) -> bool {
        if self.since(now).is_some_and(|since| event.time < since) {
            return false;
        }
        (event.kind.name().starts_with(FLAG_EVENTS) && event.kind != Type::FlagRecalled)
            || self.holds(event.unit.as_ref())
            || event.told_units.iter().any(|unit| self.holds(Some(unit)))
    }

    /// The time before which they read nothing.
    pub(super) fn since(&self, now: Time) -> Option<Time> {
        Some(now.plus_seconds(-self.history_s?))
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::{Level, Type, Unit};

    use super::super::tokens::Kind;
    use super::*;
    use crate::config::Depth;

    const NOW: Time = Time::from_seconds(1_000_000);

    /// Two cities, the first with a district of two stations.
    fn setup() -> Setup {
        let unit = |id: &str, level, parent: Option<&str>| Unit {
            id: id.into(),
            name: id.into(),
            name_zh: None,
            level,
            parent: parent.map(Into::into),
            zone: None,
        };
        let units = vec![
            unit("city", Level::City, None),
            unit("district", Level::District, Some("city")),
            unit("east", Level::Station, Some("district")),
            unit("west", Level::Station, Some("district")),
            unit("neighbour", Level::City, None),
        ];
        Setup { units, ..Setup::default() }
    }

    fn scope(role: Role, unit: Option<&str>) -> Scope {
        let token = Token {
            name: "wang".into(),
            person: "wang".into(),
            kind: Kind::Person,
            role,
            unit: unit.map(Into::into),
            created_at: NOW,
            revoked_at: None,
        };
        let history = History { operator: Depth(Some(3_600.0)), ..History::default() };
        Scope::of(&token, &setup(), &history)
    }

    /// What of the tree, of a company outside it and of nobody is theirs.
    fn held(scope: &Scope) -> Vec<&'static str> {
        let all = ["city", "district", "east", "west", "neighbour", "company", ""];
        let unit = |unit: &str| (!unit.is_empty()).then(|| UnitId::from(unit));
        all.into_iter().filter(|name| scope.holds(unit(name).as_ref())).collect()
    }

    #[test]
    fn a_unit_holds_what_is_under_it_and_the_top_what_is_nobody_s() {
        let of = |role, unit| held(&scope(role, unit)).join(" ");
        assert_eq!(of(Role::Operator, None), "city district east west neighbour company ");
        assert_eq!(of(Role::Operator, Some("city")), "city district east west company ");
        assert_eq!(of(Role::Operator, Some("district")), "district east west");
        assert_eq!(of(Role::Operator, Some("east")), "east");
        assert_eq!(of(Role::Operator, Some("gone")), "");
        assert_eq!(of(Role::Fleet, None), "");
        assert!(scope(Role::Auditor, None).is_whole());
        assert!(!scope(Role::Auditor, Some("city")).is_whole(), "there is a neighbour");
        assert_eq!(of(Role::Fleet, Some("company")), "company");
        assert_eq!(of(Role::Fleet, Some("city")), "city district east west");
    }

    #[test]
    fn nobody_makes_a_token_that_reaches_further_than_their_own() {
        let covers = |own: Option<&str>, unit: Option<&str>| {
            scope(Role::Admin, own).covers(unit.map(UnitId::from).as_ref())
        };
        assert!(covers(None, None) && covers(None, Some("east")));
        assert!(
            covers(Some("district"), Some("district")) && covers(Some("district"), Some("east"))
        );
        assert!(!covers(Some("district"), Some("city")) && !covers(Some("district"), None));
        assert!(!covers(Some("east"), Some("west")) && !covers(Some("city"), None));
    }

    #[test]
    fn history_reaches_as_far_back_as_the_role_s() {
        let since = |role| scope(role, None).since(NOW).map(|since| NOW.seconds_since(since));
        assert_eq!(since(Role::Operator), Some(3_600.0));
        assert_eq!(since(Role::Dispatcher), Some(30.0 * 86_400.0));
        assert_eq!((since(Role::Analyst), since(Role::Auditor)), (None, None));
        let event = |seconds: f64, kind, unit: Option<&str>, told: &[&str]| StoredEvent {
            sequence: 1,
            id: interdict_engine::EventId("e".into()),
            kind,
            time: NOW.plus_seconds(-seconds),
            vehicle: Some("v".into()),
            unit: unit.map(Into::into),
            checkpoint: None,
            told_units: told.iter().map(|unit| UnitId::from(*unit)).collect(),
            told_checkpoints: Vec::new(),
            linked: false,
            json: String::new(),
        };
        let east = scope(Role::Operator, Some("east"));
        let sees = |event: &StoredEvent| east.sees_event(event, NOW);
        assert!(sees(&event(3_600.0, Type::Raised, Some("east"), &[])));
        assert!(!sees(&event(3_600.001, Type::Raised, Some("east"), &[])));
        assert!(!sees(&event(0.0, Type::Raised, Some("west"), &["west", "district"])));
        assert!(sees(&event(0.0, Type::Heard, Some("west"), &["east"])));
        // What happens in no unit's region is the city's.
        assert!(!sees(&event(0.0, Type::DeviceAlarm, None, &[])));
        assert!(!sees(&event(0.0, Type::Conflict, None, &[])));
        let city = scope(Role::Operator, Some("city"));
        assert!(city.sees_event(&event(0.0, Type::DeviceAlarm, None, &[]), NOW));
        assert!(!sees(&event(0.0, Type::Silent, Some("city"), &[])));
        assert!(sees(&event(0.0, Type::FlagAdded, None, &[])));
        assert!(!sees(&event(3_601.0, Type::FlagAdded, None, &[])));
    }
}
