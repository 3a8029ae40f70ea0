//! Small networks: some drawn by hand, hundreds by dice, which are held against every choice of
//! checkpoints there is.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::roads::testing::{at, builder, checkpoint, point, sketch, street, time};
use crate::roads::{
    ArcId, Gate, Restriction, RoadBuilder, RoadClass, RoadGraph, StreetId, Way, gates,
};
use crate::{Shape, State};

fn position((latitude, longitude): (f64, f64)) -> Position {
    Position { latitude, longitude }
}

fn post(name: &str, east: f64, north: f64, ready_s: f64) -> Checkpoint {
    Checkpoint { state: State::Unmanned, ready_s, ..checkpoint(name, east, north) }
}

/// A car seen there a minute ago.
fn seen(east: f64, north: f64) -> Question {
    Question::new(position(at(east, north)), time(0.0), time(60.0))
}

fn answer(graph: &RoadGraph, checkpoints: &[Checkpoint], question: &Question) -> Containment {
    contain(graph, &RoadIndex::new(graph), checkpoints, question).unwrap()
}

fn names(closing: &[Closing]) -> Vec<&str> {
    closing.iter().map(|closing| closing.checkpoint.id.as_str()).collect()
}

fn uncovered(answer: &Containment) -> Vec<(WayOutKind, &str)> {
    answer.uncovered.iter().map(|out| (out.kind, out.name.as_str())).collect()
}

/// A town of streets round (10, 10) within a belt road, and roads out of it.
///
/// Four roads lead from the town's block to the belt at (10, 5), (15, 10), (10, 15) and (5, 10); from
/// the belt roads lead out of the map to the north and the east only.
fn belt() -> RoadBuilder {
    let mut builder = belt_with_one_way_out();
    let east = [point(15, 10), point(20, 10)];
    let class = RoadClass::Primary;
    let name = "Way East".to_owned();
    builder.way(Way { class, name, ..street(8, &east, [60, 60]) });
    builder
}

fn belt_with_one_way_out() -> RoadBuilder {
    let mut builder = builder();
    let mut road = |id: i64, places: &[(i64, i64)], name: &str| {
        let points: Vec<i64> = places.iter().map(|(east, north)| point(*east, *north)).collect();
        let class = RoadClass::Primary;
        builder.way(Way { class, name: name.to_owned(), ..street(id, &points, [60, 60]) });
    };
    road(
        1,
        &[(9, 9), (10, 9), (11, 9), (11, 10), (11, 11), (10, 11), (9, 11), (9, 10), (9, 9)],
        "Block",
    );
    road(2, &[(10, 9), (10, 5)], "South Road");
    road(3, &[(11, 10), (15, 10)], "East Road");
    road(4, &[(10, 11), (10, 15)], "North Road");
    road(5, &[(9, 10), (5, 10)], "West Road");
    road(
        6,
        &[(10, 5), (15, 5), (15, 10), (15, 15), (10, 15), (5, 15), (5, 10), (5, 5), (10, 5)],
        "Belt",
    );
    road(7, &[(10, 15), (10, 20)], "Way North");
    builder
}

fn belt_posts(ready_s: f64) -> Vec<Checkpoint> {
    [("s", 10.0, 7.0), ("e", 13.0, 10.0), ("n", 10.0, 13.0), ("w", 7.0, 10.0)]
        .into_iter()
        .chain([("out-n", 10.0, 18.0), ("out-e", 18.0, 10.0)])
        .map(|(name, east, north)| post(name, east, north, ready_s))
        .collect()
}

#[test]
fn the_ring_with_the_fewest_checkpoints_is_closed_and_the_most_urgent_comes_first() {
    let graph = belt().build().unwrap().0;
    let answer = answer(&graph, &belt_posts(5.0), &seen(11.0, 10.0));
    assert_eq!(names(&answer.checkpoints), ["out-e", "out-n"]);
    assert!(answer.closed && answer.proven && answer.uncovered.is_empty());
    assert_eq!(answer.ways_out, 2);
    let first = &answer.checkpoints[0];
    assert_eq!(first.roads, ["Way East"]);
    assert_eq!(first.in_place_at, time(65.0));
    // 1 400 m at 60 km/h, and a crossing: four fifths of 87 s.
    assert!((first.earliest_at.seconds_since(time(69.6))).abs() < 1.5, "{}", first.earliest_at);
    assert!((first.slack_s - first.earliest_at.seconds_since(first.in_place_at)).abs() < 1e-9);
    assert!(first.slack_s < answer.checkpoints[1].slack_s);
}

#[test]
fn a_checkpoint_that_is_not_ready_in_time_is_left_out_and_its_road_uncovered() {
    let graph = belt().build().unwrap().0;
    let mut posts = belt_posts(5.0);
    posts[5].ready_s = 60.0;
    let late = answer(&graph, &posts, &seen(11.0, 10.0));
    assert_eq!(names(&late.checkpoints), ["out-n"]);
    assert_eq!(uncovered(&late), [(WayOutKind::Road, "Way East")]);
    assert!(!late.closed && late.proven);
    let why = |answer: &Containment, id: &str| {
        let of = answer.left_out.iter().find(|left| left.checkpoint.id.as_str() == id);
        of.map(|left| left.why)
    };
    assert_eq!(why(&late, "out-e"), Some(WhyLeftOut::TooLate));
    assert_eq!(why(&late, "e"), Some(WhyLeftOut::TooLate), "it is 400 m away, a minute ago");
    assert_eq!(why(&late, "out-n"), None);
    posts[5].state = State::Manned;
    assert!(answer(&graph, &posts, &seen(11.0, 10.0)).closed, "its people are there already");
    posts[5].state = State::Closed;
    let closed = answer(&graph, &posts, &seen(11.0, 10.0));
    assert_eq!(uncovered(&closed), [(WayOutKind::Road, "Way East")]);
    assert_eq!(why(&closed, "out-e"), Some(WhyLeftOut::Closed));
    posts[5] = post("out-e", 20.0, 20.0, 0.0);
    assert_eq!(why(&answer(&graph, &posts, &seen(11.0, 10.0)), "out-e"), Some(WhyLeftOut::OffRoad));
}

#[test]
fn a_ferry_that_no_checkpoint_covers_is_named() {
    let mut roads = belt();
    roads.ferry(vec![point(5, 5), point(1, 1)], "Island Ferry".to_owned());
    let graph = roads.build().unwrap().0;
    let answer = answer(&graph, &belt_posts(5.0), &seen(11.0, 10.0));
    assert_eq!(names(&answer.checkpoints), ["out-e", "out-n"]);
    assert_eq!(uncovered(&answer), [(WayOutKind::Ferry, "Island Ferry")]);
    let place = answer.uncovered[0].place;
    assert!((place.latitude - at(5.0, 5.0).0).abs() < 1e-6);
    assert_eq!(answer.ring, None, "the ferry is all there is to stop");
}

#[test]
fn of_as_few_the_manned_are_chosen_and_then_those_with_more_time() {
    let graph = belt().build().unwrap().0;
    let mut posts = belt_posts(5.0);
    posts.push(post("far-n", 10.0, 19.0, 5.0));
    let chosen = |posts: &[Checkpoint]| {
        let answer = answer(&graph, posts, &seen(11.0, 10.0));
        answer.checkpoints.iter().map(|c| c.checkpoint.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&posts), ["out-e", "far-n"]);
    posts[4].state = State::Manned;
    assert_eq!(chosen(&posts), ["out-e", "out-n"]);
}

#[test]
fn who_is_held_up_comes_too_late_for_the_next_gate() {
    // The way out is guarded too late for who comes the short way, which another checkpoint stops,
    // but not for who then comes the long way.
    let graph = belt_with_one_way_out().build().unwrap().0;
    let posts = [post("n", 10.0, 13.0, 0.0), post("out-n", 10.0, 17.0, 55.0)];
    let question = Question::new(position(at(10.0, 11.0)), time(0.0), time(10.0));
    let both = answer(&graph, &posts, &question);
    assert_eq!(names(&both.checkpoints), ["n", "out-n"]);
    assert!(both.closed && both.proven);
    assert!(!answer(&graph, &posts[..1], &question).closed);
    assert!(!answer(&graph, &posts[1..], &question).closed);
}

#[test]
fn roads_to_be_stopped_besides_close_a_ring_that_leaks() {
    // One more road leads from the block to the belt, and the two ways out are unguarded.
    let mut roads = belt();
    let lane = [point(9, 9), point(5, 5)];
    roads.way(Way { name: "Lane".to_owned(), ..street(9, &lane, [30, 30]) });
    let graph = roads.build().unwrap().0;
    let posts: Vec<Checkpoint> = belt_posts(0.0)
        .into_iter()
        .take(4)
        .map(|mut post| {
            post.state = State::Manned;
            post
        })
        .collect();
    let mut question = seen(10.0, 10.9);
    question.now = question.since;
    // Nobody could stop the lane in time but far away.
    question.pace = 20.0;
    let answer = answer(&graph, &posts, &question);
    assert_eq!(uncovered(&answer).len(), 2, "{answer:#?}");
    let ring = answer.ring.unwrap();
    assert_eq!(ring.roads.len(), 1);
    assert_eq!((ring.roads[0].kind, ring.roads[0].name.as_str()), (WayOutKind::Through, "Lane"));
    assert_eq!(names(&ring.checkpoints).len(), 4);
    assert!(ring.proven);
}

#[test]
fn where_the_map_shows_no_road_out_the_places_furthest_away_count_as_outside() {
    // Two villages and a bridge between them.
    let mut roads = builder();
    let square = |id: i64, east: i64| {
        let corners = [(0, 0), (2, 0), (2, 2), (0, 2), (0, 0)];
        let points = corners.map(|(e, n)| point(east + e, n));
        street(id, &points, [30, 30])
    };
    roads.way(square(1, 2));
    roads.way(square(2, 12));
    roads.way(street(3, &[point(4, 2), point(12, 2)], [30, 30]));
    let graph = roads.build().unwrap().0;
    let answer = answer(&graph, &[post("bridge", 8.0, 2.0, 10.0)], &seen(2.0, 0.0));
    assert!(answer.no_road_out && answer.closed);
    assert_eq!(names(&answer.checkpoints), ["bridge"]);
}

#[test]
fn beyond_the_time_that_was_asked_for_is_out() {
    let graph = belt().build().unwrap().0;
    let mut question = seen(11.0, 10.0);
    question.within_s = 10.0;
    let near = answer(&graph, &belt_posts(0.0), &question);
    assert!(near.uncovered.iter().all(|out| out.kind == WayOutKind::Beyond));
    assert!(!near.closed && near.outside_after_s == 10.0);
    assert!(near.uncovered.iter().any(|out| out.name == "West Road"), "{near:#?}");
}

#[test]
fn a_car_may_be_on_any_road_that_is_drawn_within_its_accuracy() {
    // 100 m from a column, 200 m from a row.
    let question = seen(0.5, 1.0);
    let streets = |accuracy_m: u16| {
        let graph = sketch(accuracy_m);
        let scene = Scene::new(&graph, &RoadIndex::new(&graph), &[], &question).unwrap().0;
        scene.starts.len()
    };
    assert_eq!((streets(0), streets(250)), (2, 4));
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_reason() {
    let graph = belt().build().unwrap().0;
    let index = RoadIndex::new(&graph);
    let ask = |question: &Question| contain(&graph, &index, &[], question).unwrap_err().to_string();
    let far = Question::new(position((48.0, 2.0)), time(0.0), time(1.0));
    assert!(ask(&far).contains("no road within 500 m of 48, 2"), "{}", ask(&far));
    let later = Question::new(position(at(11.0, 10.0)), time(1.0), time(0.0));
    assert!(ask(&later).contains("later than now"), "{}", ask(&later));
}

/// Numbers by dice that fall the same way each time (Knuth's MMIX multiplier).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % limit
    }

    fn once_in(&mut self, times: i64) -> bool {
        self.below(times) == 0
    }
}

/// A network of 16 to 36 crossings: streets left out, one way, turns forbidden, roads out, ferries.
fn network(dice: &mut Dice) -> Option<RoadGraph> {
    let mut roads = builder();
    let (width, height) = (4 + dice.below(3), 4 + dice.below(3));
    let (mut id, missing) = (0, 3 + dice.below(3));
    let mut road = |roads: &mut RoadBuilder, dice: &mut Dice, from, to| {
        id += 1;
        let speed = 20 + 10 * dice.below(6) as u8;
        let speeds = match dice.below(8) {
            0 => [speed, 0],
            1 => [0, speed],
            _ => [speed, speed],
        };
        roads.way(street(id, &[from, to], speeds));
        id
    };
    for east in 4..4 + width {
        for north in 4..4 + height {
            for (e, n) in [(1, 0), (0, 1)] {
                if east + e < 4 + width && north + n < 4 + height && !dice.once_in(missing) {
                    road(&mut roads, dice, point(east, north), point(east + e, north + n));
                }
            }
        }
    }
    for _ in 0..1 + dice.below(3) {
        let (east, north) = (4 + dice.below(width), 4 + dice.below(height));
        let (from, to) = match dice.below(4) {
            0 => ((4, north), (1, north)),
            1 => ((3 + width, north), (6 + width, north)),
            2 => ((east, 4), (east, 1)),
            _ => ((east, 3 + height), (east, 6 + height)),
        };
        road(&mut roads, dice, point(from.0, from.1), point(to.0, to.1));
    }
    if dice.once_in(2) {
        let land = point(4 + dice.below(width), 4 + dice.below(height));
        roads.ferry(vec![land, point(0, 20)], "ferry".to_owned());
    }
    for _ in 0..dice.below(6) {
        let via = point(4 + dice.below(width), 4 + dice.below(height));
        let (from, to, only) = (1 + dice.below(40), 1 + dice.below(40), dice.once_in(4));
        roads.restriction(Restriction { from, via, to, only });
    }
    roads.build().ok().map(|(graph, _)| graph)
}

/// Points on streets, lines across several, and areas.
fn posts(dice: &mut Dice) -> Vec<Checkpoint> {
    let count = 5 + dice.below(5);
    (0..count)
        .map(|number| {
            let name = format!("p{number}");
            let (east, north) = (4 + dice.below(6), 4 + dice.below(6));
            let (e, n) = if dice.once_in(2) { (0.5, 0.0) } else { (0.0, 0.5) };
            let (east, north) = (east as f64 + e, north as f64 + n);
            let mut made = post(&name, east, north, (dice.below(16) * 5) as f64);
            let size = (1 + dice.below(3)) as f64;
            made.shape = match dice.below(6) {
                0 => Shape::Line(
                    [(east, north - size), (east, north + size)]
                        .map(|(e, n)| position(at(e + 0.3, n)))
                        .to_vec(),
                ),
                1 => {
                    let corners = [(0.0, 0.0), (size, 0.0), (size, size), (0.0, size), (0.0, 0.0)];
                    let outline =
                        corners.map(|(e, n)| position(at(east + e + 0.2, north + n + 0.3)));
                    Shape::Polygon(outline.to_vec())
                }
                _ => made.shape,
            };
            if dice.once_in(5) {
                made.bearing_deg = Some((dice.below(4) * 90) as f64);
            }
            made.state = match dice.below(8) {
                0 => State::Closed,
                1 | 2 => State::Manned,
                _ => State::Unmanned,
            };
            made
        })
        .collect()
}

/// The plainest search there is: every arc again and again until nothing comes earlier.
struct Plain<'a> {
    graph: &'a RoadGraph,
    question: Question,
    /// Gates with when they close, by checkpoint.
    posts: Vec<(Vec<Gate>, u32)>,
    starts: Vec<(ArcId, f32)>,
    stopped: BTreeSet<StreetId>,
}

impl<'a> Plain<'a> {
    fn new(
        graph: &'a RoadGraph,
        index: &RoadIndex,
        checkpoints: &[Checkpoint],
        question: Question,
    ) -> Self {
        let now = question.now.millis_since(question.since) as u32;
        let posts = checkpoints.iter().filter(|post| post.state != State::Closed).map(|post| {
            let ready_s = if post.state == State::Manned { 0.0 } else { post.ready_s };
            (gates(graph, index, post), now + (ready_s * 1_000.0) as u32)
        });
        let place = (question.place.latitude, question.place.longitude);
        let near = index.near(graph, place, 60.0);
        let starts = near
            .iter()
            .flat_map(|snap| graph.arcs_along(snap.street).iter().map(|arc| (*arc, snap.offset_m)));
        Self {
            graph,
            question,
            posts: posts.collect(),
            starts: starts.collect(),
            stopped: BTreeSet::new(),
        }
    }

    fn takes(&self, arc: ArcId) -> u32 {
        (self.graph.time_s(arc) * (self.question.pace as f32 * 1_000.0)) as u32
    }

    /// Whether a choice of checkpoints lets a vehicle along an arc.
    fn lets_pass(&self, choice: u32, arc: ArcId, from_m: f32, begun: u32) -> bool {
        let (street, length_m) = (self.graph.street(arc), self.graph.length_m(arc));
        let stopped = from_m < 0.0 && self.stopped.contains(&street);
        !stopped
            && !self.posts.iter().enumerate().any(|(number, (gates, in_place))| {
                choice >> number & 1 == 1
                    && gates.iter().any(|gate| {
                        let after =
                            self.takes(arc) as f32 * (gate.offset_m - from_m.max(0.0)) / length_m;
                        gate.street == street
                            && gate.offset_m > from_m
                            && begun + after as u32 >= *in_place
                    })
            })
    }

    /// Whether a gate of a checkpoint is passed before it is in place where nobody stops the vehicle.
    fn is_passed_early(&self, number: usize, free: &BTreeMap<NodeId, u32>) -> bool {
        let arcs = 0..self.graph.arcs() as ArcId;
        let (gates, _) = &self.posts[number];
        let gated = |arc: &ArcId| gates.iter().any(|gate| gate.street == self.graph.street(*arc));
        arcs.filter(gated).any(|arc| {
            let begun = free.get(&self.graph.tail(arc));
            begun.is_some_and(|begun| self.lets_pass(1 << number, arc, -1.0, *begun))
        })
    }

    /// When each node is reached, and what lies beyond: no further than one arc beyond `inside`.
    fn times(&self, choice: u32, inside: impl Fn(NodeId, u32) -> bool) -> BTreeMap<NodeId, u32> {
        let mut times: BTreeMap<NodeId, u32> = BTreeMap::new();
        let arrive = |times: &mut BTreeMap<NodeId, u32>, node, time| {
            let is_new = times.get(&node).is_none_or(|known| time < *known);
            if is_new {
                times.insert(node, time);
            }
            is_new
        };
        for (arc, from_m) in &self.starts {
            if self.lets_pass(choice, *arc, *from_m, 0) {
                let length_m = self.graph.length_m(*arc);
                let left = self.takes(*arc) as f32 * (length_m - from_m).max(0.0) / length_m;
                arrive(&mut times, self.graph.head(*arc), left as u32);
            }
        }
        loop {
            let mut changed = false;
            for arc in 0..self.graph.arcs() as ArcId {
                let Some(begun) = times.get(&self.graph.tail(arc)).copied() else { continue };
                if inside(self.graph.tail(arc), begun) && self.lets_pass(choice, arc, -1.0, begun) {
                    changed |= arrive(&mut times, self.graph.head(arc), begun + self.takes(arc));
                }
            }
            if !changed {
                return times;
            }
        }
    }

    /// The places where a choice of checkpoints lets the vehicle out.
    fn ways_out(&self, choice: u32, inside: &BTreeSet<NodeId>) -> BTreeSet<(i64, i64)> {
        let times = self.times(choice, |node, _| inside.contains(&node));
        let at = |node: NodeId| key(position(self.graph.place(node)));
        let exits: BTreeSet<_> = self.graph.exits().iter().map(|exit| at(exit.node)).collect();
        let is_out = |node: &NodeId| !inside.contains(node) || exits.contains(&at(*node));
        times.into_keys().filter(is_out).map(at).collect()
    }
}

/// A place as it is stored.
fn key(place: Position) -> (i64, i64) {
    ((place.latitude * 1e7).round() as i64, (place.longitude * 1e7).round() as i64)
}

#[test]
fn no_choice_of_checkpoints_does_with_fewer() {
    let (mut kinds, mut most, mut by_time, mut unproven, mut cases) = (BTreeSet::new(), 0, 0, 0, 0);
    for seed in 0..800 {
        let mut dice = Dice(seed);
        let Some(graph) = network(&mut dice) else { continue };
        let checkpoints = posts(&mut dice);
        let mut question = seen(4.0 + dice.below(5) as f64, 4.3 + dice.below(5) as f64);
        question.now = question.since.plus_seconds((dice.below(3) * 10) as f64);
        question.within_s = [40.0, 80.0, 3_600.0][dice.below(3) as usize];
        let index = RoadIndex::new(&graph);
        let plain = Plain::new(&graph, &index, &checkpoints, question);
        if plain.starts.is_empty() {
            continue;
        }
        let told = contain(&graph, &index, &checkpoints, &question).unwrap();
        if told.no_road_out {
            continue;
        }
        cases += 1;
        let until =
            question.now.millis_since(question.since) as u32 + (question.within_s * 1e3) as u32;
        let free = plain.times(0, |_, time| time <= until);
        let inside: BTreeSet<NodeId> =
            free.iter().filter(|(_, time)| **time <= until).map(|(node, _)| *node).collect();
        let all = (1u32 << plain.posts.len()) - 1;
        let open = plain.ways_out(all, &inside);
        let holds = |choice: u32| plain.ways_out(choice, &inside).is_subset(&open);
        let used: Vec<&Checkpoint> =
            checkpoints.iter().filter(|post| post.state != State::Closed).collect();
        let unmanned = |choice: u32| {
            let chosen = (0..used.len()).filter(|number| choice >> number & 1 == 1);
            chosen.filter(|number| used[*number].state == State::Unmanned).count()
        };
        let best = (0..=all)
            .filter(|choice| holds(*choice))
            .map(|choice| (choice.count_ones() as usize, unmanned(choice)));
        let number = |closing: &Closing| {
            used.iter().position(|post| post.id == closing.checkpoint.id).unwrap()
        };
        let choice = |told: &Containment| {
            told.checkpoints.iter().fold(0, |choice, closing| choice | 1 << number(closing))
        };
        let chosen = choice(&told);
        assert!(holds(chosen), "seed {seed}: {told:#?}");
        assert_eq!(
            (told.checkpoints.len(), unmanned(chosen)),
            best.min().unwrap(),
            "seed {seed}: {told:#?}"
        );
        assert!(told.proven, "seed {seed}");
        let none = Effort { look: 0, finish: 0 };
        let hasty = contain_within(&graph, &index, &checkpoints, &question, none).unwrap();
        assert!(holds(choice(&hasty)), "seed {seed}: {hasty:#?}");
        unproven += usize::from(!hasty.proven);
        assert_eq!(told.closed, open.is_empty(), "seed {seed}");
        let places: BTreeSet<(i64, i64)> =
            told.uncovered.iter().map(|out| key(out.place)).collect();
        assert_eq!(places, open, "seed {seed}");
        most = most.max(told.checkpoints.len());
        kinds.extend(told.uncovered.iter().map(|out| out.kind));
        // A chosen one is passed before it is in place by who is not held up elsewhere.
        let chosen = (0..used.len()).filter(|number| chosen >> number & 1 == 1);
        by_time += usize::from(chosen.into_iter().any(|one| plain.is_passed_early(one, &free)));
    }
    // The dice have thrown what is to be tested.
    assert!(cases > 200 && most >= 4, "{cases} {most}");
    assert!(by_time > 7 && unproven > 10, "{by_time} {unproven}");
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[test]
fn what_a_ring_stops_closes_it_and_one_road_less_does_not() {
    let (mut one, mut more) = (0, 0);
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let Some(graph) = network(&mut dice) else { continue };
        let checkpoints = posts(&mut dice);
        let mut question = seen(4.0 + dice.below(5) as f64, 4.3 + dice.below(5) as f64);
        // So slow that roads can be stopped before it comes.
        (question.pace, question.within_s) = (20.0, 1e6);
        let index = RoadIndex::new(&graph);
        let Ok(told) = contain(&graph, &index, &checkpoints, &question) else { continue };
        let Some(ring) = told.ring.as_ref().filter(|_| !told.no_road_out) else { continue };
        let mut plain = Plain::new(&graph, &index, &checkpoints, question);
        if plain.starts.is_empty() {
            continue;
        }
        let free = plain.times(0, |_, _| true);
        let inside: BTreeSet<NodeId> = free.keys().copied().collect();
        let all = (1u32 << plain.posts.len()) - 1;
        let open = plain.ways_out(all, &inside);
        assert!(ring.roads.len() < open.len(), "seed {seed}");
        let begins = |street: StreetId| key(position(graph.place_along(street, 0.0)));
        let streets = 0..graph.pieces() as StreetId * 2;
        let through = |way: &WayOut| way.kind == WayOutKind::Through;
        let (roads, exits): (Vec<&WayOut>, Vec<&WayOut>) =
            ring.roads.iter().partition(|way| through(way));
        let is_stopped = |street: &StreetId| {
            let is = |way: &&WayOut| {
                way.name == graph.name(*street) && key(way.place) == begins(*street)
            };
            roads.iter().any(is)
        };
        plain.stopped = streets.clone().filter(is_stopped).collect();
        let exits: BTreeSet<(i64, i64)> = exits.iter().map(|way| key(way.place)).collect();
        let chosen = ring.checkpoints.iter().fold(0, |choice, closing| {
            let mut used = checkpoints.iter().filter(|post| post.state != State::Closed);
            choice | 1 << used.position(|post| post.id == closing.checkpoint.id).unwrap()
        });
        let left = plain.ways_out(chosen, &inside);
        let from = question.now.millis_since(question.since) as u32 + 600_000;
        let early: BTreeSet<(i64, i64)> = free
            .iter()
            .filter(|(_, time)| **time < from)
            .map(|(node, _)| key(position(graph.place(*node))))
            .collect();
        let remains = |left: &BTreeSet<(i64, i64)>| !left.is_subset(&early);
        assert!(left.is_subset(&(&exits | &early)), "seed {seed}: {left:?} {told:#?}");

        // Each road alone that could be stopped in time.
        let in_time = |street: &StreetId| {
            let begun =
                graph.arcs_along(*street).iter().filter_map(|arc| free.get(&graph.tail(*arc)));
            begun.min().is_some_and(|begun| *begun >= from)
        };
        let alone = streets.filter(in_time).any(|street| {
            plain.stopped = BTreeSet::from([street]);
            !remains(&plain.ways_out(all, &inside))
        });
        assert_eq!(alone, ring.roads.len() == 1, "seed {seed}: {told:#?}");
        one += usize::from(ring.roads.len() == 1);
        more += usize::from(ring.roads.len() > 1);
    }
    assert!(one > 5 && more > 5, "{one} {more}");
}
