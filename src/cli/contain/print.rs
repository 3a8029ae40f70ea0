//! An answer as people read it.

use std::io::{self, Write};

use interdict_engine::{
    Closing, Containment, LeftOut, Ring, State, Vehicle, WayOut, WayOutKind, WhyLeftOut,
};
use jiff::tz::TimeZone;

use super::Answer;
use crate::cli::event_line::span;
use crate::cli::remote::{clock, table};
use crate::cli::terminal::escape;

/// Ways out that are shown: nobody reads on.
const SHOWN: usize = 20;

pub(super) fn human(answer: &Answer, zone: &TimeZone) -> io::Result<()> {
    let containment = &answer.containment;
    let say = |line: &str| writeln!(io::stdout(), "{line}");
    say(&whereabouts(answer, zone))?;
    if containment.no_road_out {
        say(&format!(
            "The map shows no road out of it: what lies more than {} away counts as outside.",
            span(containment.outside_after_s)
        ))?;
    }
    say(&verdict(containment))?;
    closing(&containment.checkpoints, zone)?;
    if !containment.uncovered.is_empty() {
        say("\nOpen, whichever checkpoints are manned:")?;
        ways_out(&containment.uncovered, zone)?;
    }
    if let Some(Ring { stopped_after_s, roads, checkpoints, proven }) = &containment.ring {
        let which = match roads.len() {
            1 => "this road is".to_owned(),
            count => format!("these {count} roads are"),
        };
        say(&format!(
            "\nThose of them that it cannot reach within {} close if {which} stopped besides:",
            span(*stopped_after_s)
        ))?;
        ways_out(roads, zone)?;
        if !checkpoints.is_empty() {
            let fewest = if *proven { "" } else { " (fewer may do)" };
            say(&format!("and these checkpoints are manned{fewest}:"))?;
            closing(checkpoints, zone)?;
        }
    }
    left_out(&containment.left_out)
}

fn whereabouts(answer: &Answer, zone: &TimeZone) -> String {
    let asked = &answer.containment;
    format!(
        "{} was at {:.5}, {:.5} at {}; by now ({}) it may be {:.1} km away from there.",
        answer.vehicle.as_ref().map_or_else(|| "The vehicle".to_owned(), named),
        asked.place.latitude,
        asked.place.longitude,
        clock(asked.since, zone),
        clock(asked.now, zone),
        asked.may_be_within_m / 1_000.0
    )
}

fn named(vehicle: &Vehicle) -> String {
    let id = vehicle.id.as_str();
    match &vehicle.plate {
        Some(plate) => escape(&format!("{plate} ({id})")),
        None => escape(id),
    }
}

fn verdict(containment: &Containment) -> String {
    let within = span(containment.outside_after_s);
    let fewest = if containment.proven { "fewer do not" } else { "fewer may do" };
    let ways = match containment.ways_out {
        0 => {
            return format!(
                "No way out is known that it reaches within {within}: there is nothing to close."
            );
        }
        1 => "the only way out".to_owned(),
        count => format!("all {count} ways out"),
    };
    let closes = match containment.checkpoints.len() {
        0 => return format!("No checkpoint closes a way out within {within} in time."),
        1 => "1 checkpoint closes".to_owned(),
        count => format!("{count} checkpoints close"),
    };
    if containment.closed {
        return format!("{closes} {ways} within {within} ({fewest}), the most urgent first:");
    }
    format!("{closes} what can be closed within {within} ({fewest}), the most urgent first:")
}

fn closing(checkpoints: &[Closing], zone: &TimeZone) -> io::Result<()> {
    if checkpoints.is_empty() {
        return Ok(());
    }
    let heading =
        ["checkpoint", "unit", "state", "in place", "there at the earliest", "slack", "roads"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(checkpoints.iter().map(|closing| {
        let state = match closing.state {
            State::Manned => "manned",
            State::Unmanned => "to be set up",
            State::Closed => "closed",
        };
        vec![
            line(&format!("{} ({})", closing.checkpoint.name, closing.checkpoint.id)),
            line(closing.checkpoint.unit.as_str()),
            state.to_owned(),
            clock(closing.in_place_at, zone),
            clock(closing.earliest_at, zone),
            span(closing.slack_s),
            line(&closing.roads.join(", ")),
        ]
    }));
    table(&rows)
}

fn ways_out(ways_out: &[WayOut], zone: &TimeZone) -> io::Result<()> {
    let heading = ["way out", "kind", "at", "there at the earliest"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(ways_out.iter().take(SHOWN).map(|way| {
        let kind = match way.kind {
            WayOutKind::Road => "road off the map",
            WayOutKind::Ferry => "ferry",
            WayOutKind::Beyond => "road to outside",
            WayOutKind::Through => "road",
        };
        let name = if way.name.is_empty() { "(unnamed)" } else { &way.name };
        vec![
            line(name),
            kind.to_owned(),
            format!("{:.5}, {:.5}", way.place.latitude, way.place.longitude),
            clock(way.earliest_at, zone),
        ]
    }));
    table(&rows)?;
    match ways_out.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(io::stdout(), "and {more} more; --format json lists all"),
    }
}

fn left_out(left_out: &[LeftOut]) -> io::Result<()> {
    let words = [
        (WhyLeftOut::TooLate, "cannot be in place in time"),
        (WhyLeftOut::Closed, "are closed"),
        (WhyLeftOut::OffRoad, "are on no road of the map"),
        (WhyLeftOut::TooMany, "are more than can be reckoned with"),
    ];
    let mut out = io::stdout().lock();
    for (why, words) in words {
        let of = left_out.iter().filter(|left| left.why == why);
        let names: Vec<String> = of.map(|left| line(left.checkpoint.id.as_str())).collect();
        if !names.is_empty() {
            writeln!(out, "\nThese checkpoints {words}: {}", names.join(", "))?;
        }
    }
    Ok(())
}

/// Text from outside, on its line.
fn line(text: &str) -> String {
    escape(&text.replace('\n', " "))
}
