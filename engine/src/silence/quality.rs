//! Windows over many made drives that are cut off at some moment: whoever passes a checkpoint after
//! it must do so within the window that was said, and the windows must be narrow enough to be of use.

use std::sync::Arc;

use interdict_protocols::{Fix, Time};

use crate::roads::NodeId;
use crate::roads::drivers::{Dice, drive, way};
use crate::roads::testing::{checkpoint, roads};
use crate::{Checkpoint, Data, Engine, Event, Flag, Input, Observation, RecordId, Setup, Type};

const POSTS: [(&str, f64, f64); 4] = [
    ("west bridge", 4.0, 10.5),
    ("east bridge", 16.0, 10.5),
    ("row 4", 10.5, 4.0),
    ("column 12", 12.0, 17.5),
];

fn flag(at: Time) -> Flag {
    Flag::new("f".into(), "car".into(), "stolen", (at, at.plus_seconds(86_400.0)))
}

/// What is said of a vehicle of which these fixes come and no more.
fn silenced(setup: &Setup, fixes: &[Fix]) -> Vec<Event> {
    let mut engine = Engine::new(setup.clone());
    let mut events = Vec::new();
    let first = fixes[0].fix_time;
    let observed = fixes.iter().map(|fix| {
        let observation = Observation { device: "d".into(), vehicle: "car".into(), fix: *fix };
        (fix.fix_time, Input::Fix(observation))
    });
    let inputs = std::iter::once((first, Input::Flag(flag(first)))).chain(observed);
    for (number, (at, input)) in inputs.enumerate() {
        let mut prepared = engine.prepare(at, input);
        prepared.record.id = RecordId(number as u64 + 1);
        engine.apply(&prepared.record, &mut events);
    }
    engine.advance(fixes[fixes.len() - 1].fix_time.plus_seconds(3_600.0), &mut events);
    events
}

/// Seconds from the last fix to the begin and the end of the window at a checkpoint.
fn window(events: &[Event], name: &str, last: Time) -> Option<(f64, f64)> {
    events.iter().find_map(|event| match &event.data {
        Data::Silence(silence)
            if event.checkpoint().is_some_and(|checkpoint| checkpoint.as_str() == name) =>
        {
            let (earliest_at, latest_at) = (silence.earliest_at?, silence.latest_at?);
            Some((earliest_at.seconds_since(last), latest_at.seconds_since(last)))
        }
        _ => None,
    })
}

/// What windows are worth.
struct Worth {
    /// Passages of a checkpoint after the vehicle was heard last.
    passages: usize,
    /// The share of them within the window said.
    share: f64,
    /// Median width of their windows.
    width_min: f64,
    /// Median width of all windows said, most of which are of checkpoints that are not passed.
    width_of_all_min: f64,
}

/// Of drives with a fix for so many times ten seconds. One in four goes by another place; one in five
/// flees from the last fix on, nearly twice as fast as before, and one in five stops on the way.
fn measure(by_road: bool, every: usize) -> Worth {
    let roads = Arc::new(roads(&POSTS));
    let checkpoints: Vec<Checkpoint> =
        POSTS.iter().map(|(name, east, north)| checkpoint(name, *east, *north)).collect();
    let known = by_road.then(|| Arc::clone(&roads));
    let setup = Setup { checkpoints, roads: known, ..Setup::default() };
    let mut dice = Dice(7);
    let (mut inside, mut widths_min, mut all_min) = (0_usize, Vec::new(), Vec::new());
    let nodes = roads.graph().nodes();
    for number in 0..400 {
        let [from, to, by] = [0; 3].map(|_| dice.below(nodes) as NodeId);
        let way = if number % 4 == 0 {
            let mut way = way(&roads, from, by, &mut dice);
            way.extend(self::way(&roads, by, to, &mut dice));
            way
        } else {
            way(&roads, from, to, &mut dice)
        };
        let (fixes, passed) = drive(&roads, &way, &mut dice);
        let fixes: Vec<Fix> = fixes.into_iter().step_by(every).collect();
        if fixes.len() < 12 {
            continue;
        }
        let cut = 4 + dice.below(fixes.len() - 5);
        let last = fixes[cut - 1].fix_time;
        let last_s = last.seconds_since(fixes[0].fix_time);
        let events = silenced(&setup, &fixes[..cut]);
        let arrives_s = |after_s: f64, dice: &mut Dice| match number % 5 {
            1 => after_s * 0.55,
            2 => after_s + 300.0 * dice.share(),
            _ => after_s,
        };
        assert!(events.iter().any(|event| event.kind == Type::Silent), "{events:?}");
        for (name, ..) in POSTS {
            let Some((earliest_s, latest_s)) = window(&events, name, last) else {
                panic!("nothing said at {name}: {events:?}");
            };
            let width_min = (latest_s - earliest_s) / 60.0;
            all_min.push(width_min);
            if let Some((_, at_s)) = passed.iter().find(|(id, at_s)| id == name && *at_s > last_s) {
                widths_min.push(width_min);
                let after_s = arrives_s(at_s - last_s, &mut dice);
                inside += usize::from((earliest_s..=latest_s).contains(&after_s));
            }
        }
    }
    let passages = widths_min.len();
    Worth {
        passages,
        share: inside as f64 / passages as f64,
        width_min: median(widths_min),
        width_of_all_min: median(all_min),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn nineteen_of_twenty_arrivals_lie_within_the_window() {
    for (by_road, every) in [(true, 1), (true, 3), (false, 1), (false, 3)] {
        let Worth { passages, share, width_min, width_of_all_min } = measure(by_road, every);
        let how = if by_road { "by road" } else { "by geometry" };
        let figures = format!(
            "{how}, a fix each {} s: {share:.3} of {passages} within, median width {width_min:.1} \
             min, of all that were said {width_of_all_min:.1} min",
            every * 10
        );
        eprintln!("{figures}");
        assert!(passages > 100, "{figures}");
        assert!(share >= 0.95, "{figures}");
        // Half a minute to eight minutes away: a window of half an hour would say nothing.
        assert!(width_min <= 15.0 && width_of_all_min <= 30.0, "{figures}");
    }
}
