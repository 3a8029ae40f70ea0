//! Why something is said, in one sentence and in figures.

use std::collections::BTreeMap;

use interdict_protocols::Time;

use super::alert::{Approach, Ended, Raise, Say};
use super::track::{Step, Track};
use crate::geo::{Offset, Plane, Site};
use crate::{FlagEnd, Why};

/// How many minutes of the way are looked at.
const MINUTES: u8 = 5;

/// Roads on the way that a sentence names; an event's route has more.
const ROADS_SPOKEN: usize = 3;

/// Nobody counts such seconds.
const JUST_NOW_S: f64 = 5.0;

/// Why `say` is said of a vehicle's approach, at `now`.
pub(crate) fn why(say: Say, approach: &Approach, site: &Site, track: &Track, now: Time) -> Why {
    let name = &site.checkpoint.name;
    let outlook = &approach.outlook;
    let mut figures = BTreeMap::new();
    let mut figure = |name: &str, value: f64, steps: f64| {
        figures.insert(name.to_owned(), (value * steps).round() / steps);
    };
    figure("probability", outlook.probability, 1_000.0);
    figure("distance_m", outlook.distance_m, 1.0);
    figure("speed_kmh", outlook.evidence.speed_kmh, 10.0);
    figure("fix_age_s", now.seconds_since(approach.as_of).max(0.0), 1.0);
    if let Some(efficiency) = outlook.evidence.efficiency {
        figure("efficiency", efficiency, 100.0);
    }
    if let Some(degrees) = outlook.evidence.off_course_deg {
        figure("off_course_deg", degrees, 1.0);
    }
    if let Some(road) = outlook.evidence.road {
        figure("destination_probability", road.destination, 1_000.0);
        figure("pace", road.pace, 100.0);
    }
    let (shortened, minutes) = shortened_minutes(site, track);
    figure("shortened_min", f64::from(shortened), 1.0);
    figure("of_min", f64::from(minutes), 1.0);
    let eta_s = approach.eta_at(now).seconds_since(now);
    let ahead = Ahead { approach, name, shortened, minutes, eta_s };

    let (code, text) = match say {
        Say::Watch => ("in_view", ahead.sentence()),
        Say::Raised(Raise::LastMoment) => ("closing", ahead.sentence()),
        Say::Raised(Raise::Sure) => ("sure", ahead.sentence()),
        Say::Raised(Raise::Unheard) => {
            let silent_s = now.seconds_since(approach.as_of);
            let text = format!("{}; not heard for {}", ahead.sentence(), spoken(silent_s));
            ("closing_unheard", text)
        }
        Say::Raised(Raise::There) => ("at_checkpoint", at_checkpoint(approach, name, now)),
        Say::Raised(Raise::Near) => {
            let text = format!(
                "Already {} from {name} when it was looked for; probability {:.2}",
                metres(outlook.distance_m),
                outlook.probability
            );
            ("near_when_flagged", text)
        }
        Say::Raised(Raise::HandedOn) => {
            let text = format!("Passed the ring before; {}", ahead.sentence());
            ("handed_on", text)
        }
        Say::Updated { stage, eta } => {
            let arrived = approach.is_there();
            let text = if arrived { at_checkpoint(approach, name, now) } else { ahead.sentence() };
            let code = match (stage, eta) {
                (true, _) if arrived => "arrived",
                (true, _) => "stage_changed",
                (_, true) => "eta_changed",
                _ => "probability_changed",
            };
            (code, text)
        }
        Say::Withdrawn(ended) => {
            if let Ended::Unknown { gap_s } = ended {
                figure("gap_s", gap_s, 1.0);
            }
            withdrawn(ended, &ahead)
        }
        Say::Passed { at, stays } => {
            let (verb, code) = if stays { ("Entered", "entered") } else { ("Passed", "passed") };
            let ago_s = now.seconds_since(at).max(0.0);
            figure("ago_s", ago_s, 1.0);
            let when = if ago_s < JUST_NOW_S {
                "just now".to_owned()
            } else {
                format!("{} ago", spoken(ago_s))
            };
            (code, format!("{verb} {name} {when}"))
        }
        Say::Left => ("left", format!("Left {name}, now {} away", metres(outlook.distance_m))),
    };
    if !matches!(say, Say::Passed { .. } | Say::Left | Say::Withdrawn(_)) {
        figures.insert("eta_s".to_owned(), eta_s.round());
    }
    Why { code: code.to_owned(), text, figures }
}

/// A course that differs so much from the way's is itself what a person wants to hear.
const OFF_THE_WAY_DEG: f64 = 45.0;

fn withdrawn(ended: Ended, ahead: &Ahead<'_>) -> (&'static str, String) {
    let Ahead { approach, name, .. } = ahead;
    let away = metres(approach.outlook.distance_m);
    match ended {
        Ended::TurnedAway => {
            ("turned_away", format!("Moving away from {name}, now {away} from it"))
        }
        Ended::Unlikely => {
            let outlook = &approach.outlook;
            let standing_s = outlook.evidence.standing_s;
            let text = match outlook.evidence.off_course_deg {
                _ if standing_s >= 120.0 => {
                    format!("Standing for {} {away} from {name}", spoken(standing_s))
                }
                Some(degrees) if degrees >= OFF_THE_WAY_DEG => format!(
                    "Now heading {degrees:.0}° off the way to {name}, {away} from it; probability {:.2}",
                    outlook.probability
                ),
                _ => format!("Less likely now: {}", ahead.sentence()),
            };
            ("unlikely", text)
        }
        Ended::Contrary => {
            ("contrary", format!("Came by {name} in the direction that does not count"))
        }
        Ended::Unknown { gap_s } => (
            "unknown_after_gap",
            format!(
                "Not heard for {}, now {away} from {name}: whether it passed is not known",
                spoken(gap_s)
            ),
        ),
        Ended::Flag(end) => recalled(end),
        Ended::Intercepted => ("intercepted", "The vehicle was stopped".to_owned()),
        Ended::CheckpointClosed => ("checkpoint_closed", format!("{name} is closed")),
        Ended::CheckpointRemoved => {
            ("checkpoint_removed", format!("{name} is no checkpoint any more"))
        }
    }
}

/// Why an alert is recalled when its flag ends.
pub(crate) fn recalled(end: FlagEnd) -> (&'static str, String) {
    let text = match end {
        FlagEnd::Expired => return ("flag_expired", "Its flag has expired".to_owned()),
        FlagEnd::NotApproved => {
            let text = "Its flag was not approved: do not act on it";
            return ("flag_not_approved", text.to_owned());
        }
        FlagEnd::Handled => "Its flag was withdrawn: handled",
        FlagEnd::Invalid => "Its flag was withdrawn: it does not hold any more, do not act on it",
        FlagEnd::Wrong => "Its flag was withdrawn: it was wrong, do not act on it",
        FlagEnd::Moved => "Its flag goes on on the vehicle that is enrolled with its plate",
        FlagEnd::Other => "Its flag was withdrawn",
    };
    ("flag_withdrawn", text.to_owned())
}

fn at_checkpoint(approach: &Approach, name: &str, now: Time) -> String {
    let age_s = now.seconds_since(approach.as_of).max(0.0);
    format!("At {name}, by a fix {} old", spoken(age_s))
}

/// What lies ahead of a vehicle on its way.
struct Ahead<'a> {
    approach: &'a Approach,
    name: &'a str,
    shortened: u8,
    minutes: u8,
    eta_s: f64,
}

impl Ahead<'_> {
    fn sentence(&self) -> String {
        let Ahead { approach, name, shortened, minutes, eta_s } = self;
        let outlook = &approach.outlook;
        let way = match (minutes, outlook.evidence.off_course_deg) {
            // By road the way begins wherever the road leads.
            (0, Some(degrees)) if !outlook.is_by_road() => {
                format!("Heading {degrees:.0}° off the way to {name}")
            }
            (0, _) => format!("{} from {name}", metres(outlook.distance_m)),
            (1, _) if *shortened == 1 => format!("The last minute shortened the way to {name}"),
            (1, _) => format!("The last minute did not shorten the way to {name}"),
            _ => format!("{shortened} of the last {minutes} minutes shortened the way to {name}"),
        };
        let speed_kmh = outlook.evidence.speed_kmh;
        let wrong_way =
            if outlook.evidence.wrong_way { " from the side that does not count" } else { "" };
        let roads = match outlook.route.get(..outlook.route.len().min(ROADS_SPOKEN)) {
            Some(names) if !names.is_empty() => format!(" by {}", names.join(", ")),
            _ => String::new(),
        };
        format!(
            "{way}{wrong_way}; {} to go{roads} at {speed_kmh:.0} km/h; probability {:.2}",
            spoken(*eta_s),
            outlook.probability
        )
    }
}

/// Of the last whole minutes of the way, how many ended nearer to the site than they began.
fn shortened_minutes(site: &Site, track: &Track) -> (u8, u8) {
    let Some(last) = track.last() else { return (0, 0) };
    let plane = Plane::at(last.position());
    let mut later_m = site.way_from(&plane, Offset::ORIGIN).length_m();
    let (mut shortened, mut minutes) = (0, 0);
    for minute in 1..=MINUTES {
        let time = last.sight.time.plus_seconds(f64::from(minute) * -60.0);
        let Some(place) = place_at(track, &plane, time) else { break };
        let earlier_m = site.way_from(&plane, place).length_m();
        minutes += 1;
        shortened += u8::from(earlier_m > later_m);
        later_m = earlier_m;
    }
    (shortened, minutes)
}

/// Where the vehicle was at a time, on a straight way between two fixes.
fn place_at(track: &Track, plane: &Plane, time: Time) -> Option<Offset> {
    let mut after: Option<&Step> = None;
    for step in track.steps().rev() {
        if step.sight.time <= time {
            let place = plane.place(step.position());
            let Some(after) = after else { return Some(place) };
            let share = time.seconds_since(step.sight.time)
                / after.sight.time.seconds_since(step.sight.time);
            return Some(place.towards(plane.place(after.position()), share));
        }
        after = Some(step);
    }
    None
}

/// A time as people say it.
pub(crate) fn spoken(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{:.0} s", seconds.max(0.0))
    } else if seconds < 5_400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3_600.0)
    }
}

/// A distance as people say it.
pub(crate) fn metres(metres: f64) -> String {
    if metres < 1_000.0 { format!("{metres:.0} m") } else { format!("{:.1} km", metres / 1_000.0) }
}
