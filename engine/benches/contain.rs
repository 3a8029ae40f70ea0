//! Closing the ring on a network of 400,000 nodes and 900,000 arcs with 200 checkpoints: a town
//! between moats, the bridges of which are guarded.

#![expect(clippy::unwrap_used, reason = "a bench fails loudly")]

use std::time::Instant;

use interdict_engine::roads::{RoadBuilder, RoadClass, RoadGraph, RoadIndex, Way};
use interdict_engine::{Checkpoint, Containment, Kind, Position, Question, Shape, State, contain};
use interdict_protocols::Time;

const START: Time = Time::from_seconds(1_781_488_800);
/// Streets each way: their crossings are the nodes.
const SIDE: i64 = 633;
const MIDDLE: i64 = SIDE / 2;
/// Every so many streets one is an avenue, which is driven both ways.
const AVENUE: i64 = 8;
/// How many streets from the middle each moat lies, and how many avenues there are to a bridge.
const MOATS: [(i64, i64); 3] = [(50, 1), (110, 2), (190, 2)];
/// 110 m north and east at 38.9° north.
const NORTH_DEG: f64 = 0.000_99;
const EAST_DEG: f64 = 0.001_27;
const CORNER: (f64, f64) = (38.6, 121.2);

fn point(east: i64, north: i64) -> i64 {
    north * (SIDE + 2) + east
}

fn place(east: f64, north: f64) -> (f64, f64) {
    (CORNER.0 + north * NORTH_DEG, CORNER.1 + east * EAST_DEG)
}

const fn from_middle(east: i64, north: i64) -> i64 {
    let (east, north) = ((east - MIDDLE).abs(), (north - MIDDLE).abs());
    if east > north { east } else { north }
}

/// Which moat lies between two crossings of a line, if any, and whether a bridge leads over it.
fn moat(line: i64, a: (i64, i64), b: (i64, i64)) -> Option<(usize, bool)> {
    let (a, b) = (from_middle(a.0, a.1), from_middle(b.0, b.1));
    let number = MOATS.iter().position(|(at, _)| a.min(b) <= *at && a.max(b) > *at)?;
    Some((number, line % (AVENUE * MOATS[number].1) == 0))
}

/// A grid of one-way streets, alternating, with avenues and a ring road both ways, of which the
/// avenues lead out of the map. Also says where the bridges are.
fn network() -> (RoadGraph, Vec<(f64, f64)>) {
    let (mut builder, mut bridges) = (RoadBuilder::new(), Vec::new());
    for north in 0..SIDE + 1 {
        for east in 0..SIDE + 1 {
            // Crossings lie a little beside the grid's, so that no two ways take the same time.
            let off = |salt: i64| ((point(east, north) * 7_919 + salt) % 101 - 50) as f64 / 500.0;
            let (latitude, longitude) = place(east as f64 + off(0), north as f64 + off(37));
            builder.place(point(east, north), latitude, longitude);
        }
    }
    for line in 0..SIDE {
        let both = line % AVENUE == 0 || line == SIDE - 1;
        let (class, speed) =
            if both { (RoadClass::Secondary, 50) } else { (RoadClass::Residential, 30) };
        let speed_kmh = match (both, line % 2) {
            (true, _) => [speed, speed],
            (false, 0) => [speed, 0],
            (false, _) => [0, speed],
        };
        for is_row in [true, false] {
            let at = |along: i64| if is_row { (along, line) } else { (line, along) };
            let mut add = |points: Vec<i64>| {
                let name = format!("{} {line}", if is_row { "row" } else { "column" });
                builder.way(Way { id: line, points, class, speed_kmh, name, accuracy_m: 0 });
            };
            let mut points = Vec::new();
            let end = if both { SIDE + 1 } else { SIDE };
            for along in 0..end {
                let (before, here) = (at((along - 1).max(0)), at(along));
                match moat(line, before, here) {
                    Some((_, true)) => {
                        let half = |a: i64, b: i64| (a + b) as f64 / 2.0;
                        bridges.push(place(half(before.0, here.0), half(before.1, here.1)));
                    }
                    Some((_, false)) => add(std::mem::take(&mut points)),
                    None => {}
                }
                points.push(point(here.0, here.1));
            }
            add(points);
        }
    }
    (builder.build().unwrap().0, bridges)
}

fn checkpoint(number: usize, shape: Shape, ready_s: f64) -> Checkpoint {
    Checkpoint {
        id: format!("c{number}").into(),
        name: format!("Checkpoint {number}"),
        name_zh: None,
        kind: Kind::ThroatRoad,
        unit: "station".into(),
        ring: None,
        shape,
        bearing_deg: None,
        lead_s: 240.0,
        ready_s,
        radius_m: 100.0,
        state: State::Unmanned,
        approximate: false,
        accuracy_m: None,
    }
}

fn position((latitude, longitude): (f64, f64)) -> Position {
    Position { latitude, longitude }
}

/// Which moat a bridge is over.
fn moat_of(at: Position) -> usize {
    let east = ((at.longitude - CORNER.1) / EAST_DEG) as i64;
    let north = ((at.latitude - CORNER.0) / NORTH_DEG) as i64;
    let out = from_middle(east, north);
    MOATS.iter().rposition(|(from, _)| out + 2 >= *from).unwrap()
}

fn bridges_of(bridges: &[(f64, f64)], moat: usize) -> Vec<(f64, f64)> {
    bridges.iter().copied().filter(|at| moat_of(position(*at)) == moat).collect()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    println!("{what:<46} {:>8.2} s", started.elapsed().as_secs_f64());
    result
}

fn told(answer: &Containment) {
    let proven = if answer.proven { "proven" } else { "not proven" };
    let (chosen, open) = (answer.checkpoints.len(), answer.uncovered.len());
    print!(
        "    {chosen} checkpoints, {proven} fewest; {open} of {} ways out open",
        answer.ways_out
    );
    match &answer.ring {
        Some(ring) => {
            let (roads, checkpoints) = (ring.roads.len(), ring.checkpoints.len());
            println!("; {roads} roads stopped and {checkpoints} checkpoints close them");
        }
        None => println!(),
    }
}

fn main() {
    let (graph, bridges) = network();
    println!("{} nodes, {} arcs, {} bridges", graph.nodes(), graph.arcs(), bridges.len());
    let bytes = graph.to_bytes();
    let graph = timed("reading the compact file", || RoadGraph::from_bytes(&bytes)).unwrap();
    let index = timed("index", || RoadIndex::new(&graph));
    let middle = position(place(MIDDLE as f64 + 0.5, MIDDLE as f64));
    let ask = |what: &str, checkpoints: &[Checkpoint], ago_s: f64| {
        let mut question = Question::new(middle, START.plus_seconds(-ago_s), START);
        question.within_s = 3.0 * 3_600.0;
        told(&timed(what, || contain(&graph, &index, checkpoints, &question)).unwrap());
    };
    let guarded = |ready_s: fn(usize) -> f64| -> Vec<Checkpoint> {
        let bridges = bridges.iter().take(200).enumerate();
        let shape = |place: &(f64, f64)| Shape::Point(position(*place));
        bridges.map(|(number, at)| checkpoint(number, shape(at), ready_s(number))).collect()
    };
    ask("bridges guarded in a minute, seen just now", &guarded(|_| 60.0), 0.0);
    ask("bridges guarded in a minute, seen 5 min ago", &guarded(|_| 60.0), 300.0);
    ask("some ready late, seen 5 min ago", &guarded(|n| (n * 37 % 20) as f64 * 45.0), 300.0);
    ask(
        "all ready late, seen 10 min ago",
        &guarded(|n| 300.0 + (n * 37 % 20) as f64 * 45.0),
        600.0,
    );
    // The third moat's are ready in time for those only whom the first moat's hold up.
    let mut held_up = guarded(|n| if n % 11 == 0 { 900.0 } else { 60.0 });
    for post in &mut held_up {
        let Shape::Point(at) = post.shape else { continue };
        let number = (at.longitude * 1e4) as usize % 20;
        match moat_of(at) {
            0 => {}
            1 => post.ready_s = 3_600.0,
            _ => post.ready_s = 1_100.0 + number as f64 * 40.0,
        }
    }
    ask("ready in time for who is held up", &held_up, 300.0);
    // Each over a bridge of the second moat and one of the third, so that it is not one place that
    // is closed; the first moat's are ready too late.
    let (mut lines, mut third) = (guarded(|_| 1_200.0), bridges_of(&bridges, 2));
    lines.retain(|post| matches!(&post.shape, Shape::Point(at) if moat_of(*at) == 0));
    for at in bridges_of(&bridges, 1) {
        let distance = |to: &(f64, f64)| (to.0 - at.0).abs() + (to.1 - at.1).abs();
        let nearest =
            (0..third.len()).min_by(|a, b| distance(&third[*a]).total_cmp(&distance(&third[*b])));
        let Some(nearest) = nearest else { break };
        let over = |at: (f64, f64)| {
            let (north, east) = (NORTH_DEG * 0.4, EAST_DEG * 0.4);
            [(at.0 - north, at.1 - east), (at.0 + north, at.1 + east)]
        };
        let line = over(at).into_iter().chain(over(third.swap_remove(nearest)));
        let line = Shape::Line(line.map(position).collect());
        lines.push(checkpoint(lines.len(), line, 60.0));
    }
    for at in third {
        lines.push(checkpoint(lines.len(), Shape::Point(position(at)), 60.0));
    }
    ask("lines over two bridges each, seen 5 min ago", &lines, 300.0);
    let scattered: Vec<Checkpoint> = (0..200)
        .map(|number| {
            let (east, north) = ((number * 37 % SIDE) as f64 + 0.5, (number * 91 % SIDE) as f64);
            checkpoint(number as usize, Shape::Point(position(place(east, north))), 60.0)
        })
        .collect();
    ask("scattered checkpoints", &scattered, 300.0);
}
