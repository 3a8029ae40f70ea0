//! What is said of a silence, and of its end.

use std::collections::BTreeMap;

use interdict_protocols::{Alarm, Time};

use super::window::{Basis, Window, Windows};
use super::{Broken, Silence};
use crate::approach::{Track, metres, spoken};
use crate::geo::{Site, distance_m};
use crate::roads::RoadApproach;
use crate::subject::{Newest, Subject, rounded};
use crate::watched::Scene;
use crate::{
    CaseView, CheckpointId, CheckpointView, Data, Event, HeardReport, Kind, SilenceReport, Type,
    UnitId, VehicleView, Why,
};

/// The way of a vehicle until it was heard last.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) track: &'a Track,
    pub(crate) road: Option<&'a RoadApproach>,
}

impl Silence {
    /// Says that the vehicle is silent: once for each checkpoint that it may soon reach, the one that
    /// it reaches first first; once in all where there is none at first. With `only`, of that
    /// checkpoint alone. Others follow when their time comes.
    pub(crate) fn tell(
        &mut self,
        scene: Scene<'_>,
        subject: &mut Subject,
        way: Way<'_>,
        only: Option<&CheckpointId>,
        events: &mut Vec<Event>,
    ) {
        if only.is_none() {
            self.due = None;
        }
        let (Some(newest), Some(flag)) = (subject.newest, subject.flags.foremost()) else { return };
        let foremost = CaseView::from(flag);
        let told = self.told.clone().unwrap_or_default();
        // Who was at rest may have stood there until now.
        let left_at = if self.at_rest { scene.now } else { self.heard_at.unwrap_or(newest.time) };
        let windows = Windows::new(scene, way, newest, left_at);
        let ferry = windows.as_ref().and_then(Windows::ferry);
        let sites = scene.sites.values().filter(|site| {
            let id = &site.checkpoint.id;
            !site.is_closed()
                && !told.contains(id)
                && only.is_none_or(|only| only == id)
                && subject.is_looked_for_at(scene, site)
        });
        let reach_s = scene.rules.silent_reach_s;
        let reached = sites.filter_map(|site| Some((site, windows.as_ref()?.at(site)?)));
        let (mut reached, later): (Vec<(&Site, Window)>, Vec<_>) =
            reached.partition(|(_, window)| window.earliest_at.seconds_since(scene.now) <= reach_s);
        reached.sort_by_key(|(_, window)| window.earliest_at);
        let later = later.iter().map(|(_, window)| window.earliest_at.plus_seconds(-reach_s));
        self.due = later.chain(self.due).min();

        let mut say = |place: Option<(&Site, &Window)>| {
            let checkpoint = place.map(|(site, _)| CheckpointView::from(&site.checkpoint));
            let unit = match &checkpoint {
                Some(checkpoint) => Some(checkpoint.unit.clone()),
                None => unit_of(scene, newest),
            };
            let there = checkpoint.as_ref().map(|checkpoint| &checkpoint.unit);
            let flag = there.and_then(|unit| subject.flags.foremost_at(unit, scene.above(unit)));
            let report = SilenceReport {
                vehicle: VehicleView::from(&subject.vehicle),
                flag: flag.map_or_else(|| foremost.clone(), CaseView::from),
                checkpoint,
                unit,
                earliest_at: place.map(|(_, window)| window.earliest_at),
                latest_at: place.map(|(_, window)| window.latest_at),
                silent_s: rounded(self.silent_s(scene.now), 10.0),
                signs: self.signs_before().collect(),
                may_be_aboard_ferry: ferry.is_some(),
                fix: newest.seen(),
                fix_age_s: age_s(newest, scene.now),
                why: {
                    let mut why = self.why(scene.now, newest, place, ferry.as_deref());
                    if let Some(sighted) = newest.sighted {
                        sighted.own_up(&mut why);
                    }
                    why
                },
            };
            let data = Data::Silence(Box::new(report));
            let id = subject.next_id();
            events.push(Event { id, time: scene.now, kind: Type::Silent, data });
        };
        if reached.is_empty() && self.told.is_none() {
            say(None);
        }
        for (site, window) in &reached {
            say(Some((site, window)));
        }
        let reached = reached.into_iter().map(|(site, _)| site.checkpoint.id.clone());
        self.told.get_or_insert_default().extend(reached);
    }

    fn why(
        &self,
        now: Time,
        newest: Newest,
        place: Option<(&Site, &Window)>,
        ferry: Option<&str>,
    ) -> Why {
        let mut figures = BTreeMap::new();
        let mut figure = |name: &str, value: f64, steps: f64| {
            figures.insert(name.to_owned(), rounded(value, steps));
        };
        let silent_s = self.silent_s(now);
        figure("silent_s", silent_s, 1.0);
        figure("fix_age_s", age_s(newest, now), 1.0);
        let speaks = self.speaks(now);
        let mut text = if speaks {
            format!("No place for {}, though its tracker speaks", spoken(silent_s))
        } else {
            format!("Not heard for {}", spoken(silent_s))
        };
        if let Some(usual_s) = self.usual_s() {
            figure("usual_s", usual_s, 1.0);
            let at_rest = if self.at_rest { "at rest " } else { "" };
            text.push_str(&format!(" ({at_rest}usually every {})", spoken(usual_s)));
        }
        let signs: Vec<String> = self.signs_before().map(words).collect();
        if !signs.is_empty() {
            text.push_str(&format!(", {} reported before", signs.join(" and ")));
        }
        match place {
            None => text.push_str("; no checkpoint is within its reach yet"),
            Some((site, window)) => {
                let name = &site.checkpoint.name;
                let (earliest_s, latest_s) =
                    (window.earliest_at.seconds_since(now), window.latest_at.seconds_since(now));
                figure("earliest_s", earliest_s, 1.0);
                figure("latest_s", latest_s, 1.0);
                figure("probability", window.probability, 1_000.0);
                match window.basis {
                    Basis::There => {}
                    Basis::Road { drive_s } => figure("drive_s", drive_s, 1.0),
                    Basis::Straight { distance_m } => figure("distance_m", distance_m, 1.0),
                }
                text.push_str(&match window.basis {
                    Basis::There => format!("; was in {name} when it was heard last"),
                    _ if latest_s <= 0.0 => {
                        format!("; may have passed {name}, up to {} ago", spoken(-latest_s))
                    }
                    _ if earliest_s <= 0.0 => {
                        format!("; can be at {name} by now, at the latest in {}", spoken(latest_s))
                    }
                    _ => format!(
                        "; can be at {name} in {} to {}",
                        spoken(earliest_s),
                        spoken(latest_s)
                    ),
                });
            }
        }
        if let Some(ferry) = ferry {
            let there = place.is_some_and(|(site, window)| {
                matches!(window.basis, Basis::There) && site.checkpoint.kind == Kind::Port
            });
            text.push_str(&if there {
                "; may be aboard a ferry".to_owned()
            } else {
                format!("; may be aboard a ferry: it was last heard at {ferry}")
            });
        }
        let code = match (signs.is_empty(), speaks) {
            (false, _) => "silent_after_sign",
            (true, true) => "no_place",
            (true, false) => "silent",
        };
        Why { code: code.to_owned(), text, figures }
    }
}

impl Broken {
    /// Says that the vehicle is heard again; `last` is the fix before.
    pub(crate) fn tell(
        self,
        scene: Scene<'_>,
        subject: &mut Subject,
        last: Newest,
        events: &mut Vec<Event>,
    ) {
        let (Some(newest), Some(flag)) = (subject.newest, subject.flags.foremost()) else { return };
        let flag = CaseView::from(flag);
        let moved_m = distance_m(last.sight().position, newest.sight().position);
        let Self { silent_s, told } = self;
        let figures = [("silent_s", silent_s), ("moved_m", moved_m)];
        let figures = figures.map(|(name, value)| (name.to_owned(), value.round()));
        let text =
            format!("Heard again after {}, {} from there", spoken(silent_s), metres(moved_m));
        let sites = told.iter().filter_map(|id| scene.sites.get(id));
        let report = HeardReport {
            vehicle: VehicleView::from(&subject.vehicle),
            flag,
            unit: unit_of(scene, newest),
            unit_before: unit_of(scene, last),
            silent_s: rounded(silent_s, 10.0),
            checkpoints: sites.map(|site| CheckpointView::from(&site.checkpoint)).collect(),
            fix: newest.fix,
            fix_age_s: age_s(newest, scene.now),
            why: Why { code: "heard".to_owned(), text, figures: figures.into() },
        };
        let (id, data) = (subject.next_id(), Data::Heard(Box::new(report)));
        events.push(Event { id, time: scene.now, kind: Type::Heard, data });
    }
}

fn age_s(newest: Newest, now: Time) -> f64 {
    rounded(now.seconds_since(newest.time).max(0.0), 10.0)
}

fn unit_of(scene: Scene<'_>, newest: Newest) -> Option<UnitId> {
    scene.regions.unit_of(newest.sight().position).cloned()
}

/// An alarm's name as people say it: `power cut`.
fn words(alarm: Alarm) -> String {
    let mut words = String::new();
    for letter in alarm.name().chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
