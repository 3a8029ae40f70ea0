//! A made city with drives through it, of which it is known which checkpoints each passes: what the
//! quality of alerts is measured on. Any seed gives another city with other drivers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use interdict_protocols::Time;

/// Where the south-west corner lies, and degrees to a metre there.
const CORNER: (f64, f64) = (38.85, 121.45);
const NORTH_DEG: f64 = 1.0 / 111_195.0;
const EAST_DEG: f64 = NORTH_DEG / 0.778_8;
/// Metres between streets.
const BLOCK_M: f64 = 180.0;
/// When the first drive begins, seconds since 1970.
const BEGIN_S: f64 = 1_781_488_800.0;

/// How large a city is and how it is driven in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) seed: u64,
    /// Streets each way.
    pub(crate) side: usize,
    pub(crate) drives: usize,
    pub(crate) checkpoints: usize,
    /// How far a driver's own view of a street's time is off, as a share (one standard deviation).
    pub(crate) own_view: f64,
}

/// A checkpoint, and whether a vehicle came by, for whoever judges.
pub(crate) struct City {
    /// Of each checkpoint its place, metres.
    checkpoints: Vec<(f64, f64)>,
    /// Of each drive its fixes, seconds and metres.
    fixes: Vec<Vec<(f64, f64, f64)>>,
    /// Vehicle, checkpoint, when it passed, when its drive began.
    passages: Vec<(usize, usize, f64, f64)>,
}

/// A street between two crossings.
struct Street {
    ends: [usize; 2],
    length_m: f64,
    class: &'static str,
    speed_kmh: f64,
    oneway: bool,
    name: String,
}

/// Numbers that are the same in every run (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    fn below(&mut self, limit: usize) -> usize {
        ((self.share() * limit as f64) as usize).min(limit - 1)
    }

    /// Near zero, with a standard deviation of one: the sum of twelve shares.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

struct Roads {
    places: Vec<(f64, f64)>,
    streets: Vec<Street>,
    /// From each crossing: the street, and the crossing that it leads to.
    out: Vec<Vec<(usize, usize)>>,
}

impl Roads {
    /// A grid of streets with avenues, a river with few bridges, and two highways that cross it all.
    fn new(made: &Made, dice: &mut Dice) -> Self {
        let side = made.side;
        let node = |east: usize, north: usize| north * side + east;
        let mut places = Vec::new();
        for north in 0..side {
            for east in 0..side {
                let mut off = || dice.between(-0.2, 0.2) * BLOCK_M;
                places.push((east as f64 * BLOCK_M + off(), north as f64 * BLOCK_M + off()));
            }
        }
        let (avenue, highway) = (3 + dice.below(3), [dice.below(side), dice.below(side)]);
        let (river, bridge) = (side / 3 + dice.below(side / 3), 4 + dice.below(4));
        let mut streets = Vec::new();
        for line in 0..side {
            for step in 0..side - 1 {
                for along_north in [false, true] {
                    let at = |step: usize| {
                        if along_north { node(line, step) } else { node(step, line) }
                    };
                    let is_highway = highway[usize::from(along_north)] == line;
                    let is_avenue = line % avenue == 0;
                    let over_river = along_north && step == river;
                    if over_river && !is_highway && line % bridge != 0 {
                        continue;
                    }
                    // Some small streets are missing, and a third of the rest are one-way.
                    let is_small = !is_highway && !is_avenue && !over_river;
                    let (missing, oneway) = (dice.share() < 0.12, dice.share() < 0.33);
                    if is_small && missing {
                        continue;
                    }
                    let (class, speed_kmh) = match (is_highway, is_avenue) {
                        (true, _) => ("trunk", 80.0),
                        (_, true) => ("secondary", 50.0),
                        _ => ("residential", 30.0),
                    };
                    let mut ends = [at(step), at(step + 1)];
                    if is_small && line % 2 == 0 {
                        ends.reverse();
                    }
                    let (a, b): ((f64, f64), (f64, f64)) = (places[ends[0]], places[ends[1]]);
                    streets.push(Street {
                        ends,
                        length_m: (b.0 - a.0).hypot(b.1 - a.1),
                        class,
                        speed_kmh,
                        oneway: is_small && oneway,
                        name: format!("{} {line}", if along_north { "Column" } else { "Row" }),
                    });
                }
            }
        }
        let mut out = vec![Vec::new(); places.len()];
        for (number, street) in streets.iter().enumerate() {
            let [a, b] = street.ends;
            out[a].push((number, b));
            if !street.oneway {
                out[b].push((number, a));
            }
        }
        Self { places, streets, out }
    }

    /// The streets and crossings of the quickest way to somebody to whom streets take so long.
    fn way(&self, seconds: &[f64], from: usize, to: usize) -> Option<Vec<(usize, usize)>> {
        let mut best = vec![f64::INFINITY; self.places.len()];
        let mut came: Vec<Option<(usize, usize)>> = vec![None; self.places.len()];
        let mut heap = BinaryHeap::from([Reverse((0_u64, from))]);
        best[from] = 0.0;
        while let Some(Reverse((milliseconds, here))) = heap.pop() {
            if here == to {
                break;
            }
            if milliseconds as f64 / 1e3 > best[here] + 0.01 {
                continue;
            }
            for (street, there) in &self.out[here] {
                let through = best[here] + seconds[*street];
                if through < best[*there] {
                    best[*there] = through;
                    came[*there] = Some((*street, here));
                    heap.push(Reverse(((through * 1e3) as u64, *there)));
                }
            }
        }
        let (mut way, mut at) = (Vec::new(), to);
        while at != from {
            let (street, before) = came[at]?;
            way.push((street, at));
            at = before;
        }
        way.reverse();
        Some(way)
    }
}

impl City {
    /// Makes a city and writes its roads, checkpoints, tracks and what really happened into a folder,
    /// as `roads.geojson`, `checkpoints.geojson`, `tracks.csv` and `truth.csv`.
    pub(crate) fn make(made: &Made, folder: &Path) -> Self {
        let mut dice = Dice(made.seed);
        let roads = Roads::new(made, &mut dice);
        let large: Vec<usize> = (0..roads.streets.len())
            .filter(|street| roads.streets[*street].class != "residential")
            .collect();
        let at: Vec<usize> =
            (0..made.checkpoints).map(|_| large[dice.below(large.len())]).collect();
        let middle = |street: usize| {
            let [a, b] = roads.streets[street].ends.map(|end| roads.places[end]);
            ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
        };
        let mut city = Self {
            checkpoints: at.iter().map(|street| middle(*street)).collect(),
            fixes: Vec::new(),
            passages: Vec::new(),
        };
        // What traffic makes of each street on this day.
        let traffic: Vec<f64> =
            roads.streets.iter().map(|_| (1.0 + 0.3 * dice.normal().abs()).min(3.0)).collect();
        for drive in 0..made.drives {
            city.drive(made, drive, &roads, &at, &traffic, &mut dice);
        }
        city.write(folder, &roads);
        city
    }

    fn drive(
        &mut self,
        made: &Made,
        number: usize,
        roads: &Roads,
        at: &[usize],
        traffic: &[f64],
        dice: &mut Dice,
    ) {
        let seconds = |street: &Street| street.length_m / (street.speed_kmh / 3.6) + 4.0;
        let thinks: Vec<f64> = roads
            .streets
            .iter()
            .map(|street| seconds(street) * (1.0 + made.own_view * dice.normal()).max(0.3))
            .collect();
        let nodes = roads.places.len();
        let from = dice.below(nodes);
        // A third drive to the edge of the city, a tenth to a checkpoint's street.
        let to = match dice.share() {
            share if share < 0.33 => {
                let along = dice.below(made.side);
                let far = made.side - 1;
                [along, far * made.side + along, along * made.side, along * made.side + far]
                    [dice.below(4)]
            }
            share if share < 0.43 => roads.streets[at[dice.below(at.len())]].ends[0],
            _ => dice.below(nodes),
        };
        // One in six has something to see to on the way.
        let stop = (dice.share() < 0.16).then(|| dice.below(nodes));
        let begins_s = BEGIN_S + dice.between(0.0, 3_600.0);
        let (every_s, hurry) = (dice.between(5.0, 60.0).round(), dice.between(0.85, 1.2));
        let (mut now_s, mut next_s) = (begins_s, begins_s);
        let mut fixes = Vec::new();
        let mut legs = vec![from];
        legs.extend(stop);
        legs.push(to);
        for leg in legs.windows(2) {
            let Some(way) = roads.way(&thinks, leg[0], leg[1]) else { break };
            let mut here = leg[0];
            for (street, there) in way {
                let own = (1.0 + 0.15 * dice.normal()).clamp(0.6, 1.6);
                let takes_s = seconds(&roads.streets[street]) * traffic[street] * hurry * own;
                for (checkpoint, _) in at.iter().enumerate().filter(|(_, at)| **at == street) {
                    self.passages.push((number, checkpoint, now_s + takes_s / 2.0, begins_s));
                }
                let (a, b) = (roads.places[here], roads.places[there]);
                while next_s < now_s + takes_s {
                    let share = (next_s - now_s) / takes_s;
                    see(&mut fixes, next_s, a, b, share, dice);
                    next_s += every_s;
                }
                now_s += takes_s;
                here = there;
            }
            // The stop, and the end, where it stands for a while.
            let stands_s = dice.between(150.0, 600.0);
            while next_s < now_s + stands_s {
                see(&mut fixes, next_s, roads.places[here], roads.places[here], 0.0, dice);
                next_s += every_s;
            }
            now_s += stands_s;
        }
        self.fixes.push(fixes);
    }

    fn write(&self, folder: &Path, roads: &Roads) {
        let place = |(east_m, north_m): (f64, f64)| {
            let (latitude, longitude) = degrees(east_m, north_m);
            format!("[{longitude:.7},{latitude:.7}]")
        };
        let collection = |features: Vec<String>| {
            format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",\n"))
        };
        let streets = roads.streets.iter().map(|street| {
            let Street { class, speed_kmh, oneway, name, .. } = street;
            let [a, b] = street.ends.map(|end| place(roads.places[end]));
            format!(
                r#"{{"type":"Feature","properties":{{"class":"{class}","name":"{name}","maxspeed_kmh":{speed_kmh},"oneway":{oneway}}},"geometry":{{"type":"LineString","coordinates":[{a},{b}]}}}}"#
            )
        });
        let points = self.checkpoints.iter().enumerate().map(|(number, at)| {
            let at = place(*at);
            format!(
                r#"{{"type":"Feature","properties":{{"id":"c{number}","name":"Checkpoint {number}","kind":"post","unit":"city"}},"geometry":{{"type":"Point","coordinates":{at}}}}}"#
            )
        });
        let mut tracks = "device,time,latitude,longitude\n".to_owned();
        let mut rows: Vec<(f64, usize, f64, f64)> = Vec::new();
        for (number, fixes) in self.fixes.iter().enumerate() {
            rows.extend(fixes.iter().map(|(at_s, east, north)| (*at_s, number, *east, *north)));
        }
        rows.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for (at_s, number, east_m, north_m) in rows {
            let (latitude, longitude) = degrees(east_m, north_m);
            let _ = writeln!(tracks, "v{number},{},{latitude:.6},{longitude:.6}", time(at_s));
        }
        let mut truth = "device,checkpoint,time,start_time\n".to_owned();
        for (number, checkpoint, at_s, begins_s) in &self.passages {
            let _ = writeln!(truth, "v{number},c{checkpoint},{},{}", time(*at_s), time(*begins_s));
        }
        for (name, text) in [
            ("roads.geojson", collection(streets.collect())),
            ("checkpoints.geojson", collection(points.collect())),
            ("tracks.csv", tracks),
            ("truth.csv", truth),
        ] {
            fs::write(folder.join(name), text).expect("the folder can be written");
        }
    }

    /// Recall and precision of circles round the checkpoints, by radius: what a geofence does. As in
    /// `replay --truth`: caught between the lead and 30 minutes before, true within 30 minutes.
    pub(crate) fn circles(&self, lead_s: f64) -> Vec<(f64, f64)> {
        (2..=30).map(|step| self.circle(f64::from(step) * 200.0, lead_s)).collect()
    }

    fn circle(&self, radius_m: f64, lead_s: f64) -> (f64, f64) {
        let (mut catchable, mut caught, mut total, mut right) = (0, 0, 0, 0);
        for (vehicle, fixes) in self.fixes.iter().enumerate() {
            for (checkpoint, at) in self.checkpoints.iter().enumerate() {
                // When it came in and went out.
                let mut alerts: Vec<(f64, f64)> = Vec::new();
                let mut inside = false;
                for (now_s, east, north) in fixes {
                    let distance_m = (east - at.0).hypot(north - at.1);
                    if !inside && distance_m <= radius_m {
                        alerts.push((*now_s, f64::INFINITY));
                        inside = true;
                    } else if let Some(last) = alerts.last_mut()
                        && inside
                        && distance_m > radius_m * 1.1
                    {
                        last.1 = *now_s;
                        inside = false;
                    }
                }
                let passages = || {
                    let of = self.passages.iter();
                    of.filter(|(v, c, ..)| (*v, *c) == (vehicle, checkpoint))
                };
                for (.., passed_s, begins_s) in passages() {
                    if passed_s - begins_s >= lead_s + 90.0 {
                        catchable += 1;
                        let catches = |alert: &&(f64, f64)| {
                            (lead_s..=1_800.0).contains(&(passed_s - alert.0))
                                && alert.1 >= passed_s - 1.0
                        };
                        caught += usize::from(alerts.iter().find(catches).is_some());
                    }
                }
                total += alerts.len();
                let is_right = |alert: &&(f64, f64)| {
                    passages().any(|(.., at_s, _)| (0.0..=1_800.0).contains(&(at_s - alert.0)))
                };
                right += alerts.iter().filter(is_right).count();
            }
        }
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        (share(caught, catchable), share(right, total))
    }
}

/// The best precision of any circle that reaches at least this recall.
pub(crate) fn circle_precision(circles: &[(f64, f64)], recall: f64) -> f64 {
    let reach = circles.iter().filter(|circle| circle.0 >= recall).map(|circle| circle.1);
    let worst = circles.iter().map(|circle| circle.1).fold(f64::INFINITY, f64::min);
    reach.fold(worst, f64::max)
}

/// A fix on the way between two crossings: 7 m of noise, one in a hundred 200 m off, two lost.
fn see(
    fixes: &mut Vec<(f64, f64, f64)>,
    at_s: f64,
    a: (f64, f64),
    b: (f64, f64),
    share: f64,
    dice: &mut Dice,
) {
    let luck = dice.share();
    if luck < 0.02 {
        return;
    }
    let error_m = if luck < 0.03 { 200.0 } else { 7.0 };
    let east = a.0 + (b.0 - a.0) * share + error_m * dice.normal();
    let north = a.1 + (b.1 - a.1) * share + error_m * dice.normal();
    fixes.push((at_s, east, north));
}

fn time(seconds: f64) -> Time {
    Time::from_millis((seconds * 1e3) as i64)
}

fn degrees(east_m: f64, north_m: f64) -> (f64, f64) {
    (CORNER.0 + north_m * NORTH_DEG, CORNER.1 + east_m * EAST_DEG)
}
