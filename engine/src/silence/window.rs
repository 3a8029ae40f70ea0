//! [`Windows`]: when a vehicle that is not heard any more can be at each checkpoint.
//!
//! The earliest time is that of a driver who flees: from the best of all places where the vehicle
//! may have been, turned round there if that helps, faster than the map says and without a light.
//! The latest depends on how well the way so far led to the checkpoint. Whoever heads for it comes
//! at the pace of late, by a detour and with a short stop. Whoever does not, and comes after all,
//! goes by some other place first, and that takes long: the less likely he was to come, the wider is
//! the window. By road where the vehicle was on one and the checkpoint stands on one, else by
//! geometry.

use std::collections::BTreeMap;

use interdict_protocols::Time;

use super::Way;
use crate::approach::Motion;
use crate::geo::Site;
use crate::roads::{Drive, Reach};
use crate::subject::Newest;
use crate::watched::Scene;
use crate::{CheckpointId, Kind, Shape};

/// Seconds by the clock that a driver who flees takes for each by the map: 60 km/h in a street of
/// 30, 100 on a road of 50, and no light...
const FLEEING: f64 = 0.5;
/// ...or such a share of what he took of late, if that is less.
const FASTER_STILL: f64 = 0.8;
/// Lights, detours and other views of the streets make a drive longer than expected by as much...
const DETOUR: f64 = 1.5;
/// ...less by a way that is a detour already...
const DETOUR_ROUND: f64 = 1.2;
/// ...and a short stop adds so many seconds.
const STOP_S: f64 = 240.0;
/// To go by another place first is not allowed for where the checkpoint is as likely to be passed
/// as this, by road and by geometry, which is too sure of itself; below in proportion.
const HEADS_THERE_BY_ROAD: f64 = 0.3;
const HEADS_THERE: f64 = 0.5;
/// By geometry: how much longer it takes to go by another place of the same town first.
const ROUND_S: f64 = 1_500.0;
/// As the crow flies: nobody comes nearer any faster than this, or than so many times as fast as he
/// drove of late, in a town...
const FASTEST_KMH: f64 = 90.0;
const FASTER: f64 = 1.3;
/// ...and whoever is on his way comes nearer no more slowly than at this share of it, since streets
/// are no straight lines.
const SLOWER: f64 = 0.5;
/// What a receiver's error may make of a distance...
const ERROR_M: f64 = 50.0;
/// ...and of a drive.
const ERROR_S: f64 = 5.0;
/// Roads that have not explained the newest fix for so long tell nothing of where it was.
const STALE_S: f64 = 60.0;
/// A window that ended no longer ago is told: it may just have passed, and nobody was told.
const JUST_ENDED_S: f64 = 600.0;
/// An area is left where the vehicle is this far outside: receivers put it outside now and then.
const INSIDE_M: f64 = 50.0;
/// So near the place where a ferry begins a vehicle may go aboard.
const QUAY_M: f64 = 150.0;

/// When a vehicle can be at a checkpoint.
pub(super) struct Window {
    pub(super) earliest_at: Time,
    pub(super) latest_at: Time,
    /// That it goes there, by the way until it was heard last.
    pub(super) probability: f64,
    pub(super) basis: Basis,
}

/// What a window leans on.
#[derive(Clone, Copy)]
pub(super) enum Basis {
    /// It was there when it was heard last.
    There,
    /// A drive, seconds at the map's speeds.
    Road { drive_s: f64 },
    /// A distance.
    Straight { distance_m: f64 },
}

/// What windows are reckoned from.
pub(super) struct Windows<'a> {
    scene: Scene<'a>,
    motion: Motion<'a>,
    newest: Newest,
    /// When it drove on at the latest.
    left_at: Time,
    road: Option<ByRoad>,
}

struct ByRoad {
    pace: f64,
    /// The fix that the drives begin at.
    since: Time,
    drives: BTreeMap<CheckpointId, Drive>,
}

impl<'a> Windows<'a> {
    /// `None` before the first fix.
    pub(super) fn new(
        scene: Scene<'a>,
        way: Way<'a>,
        newest: Newest,
        left_at: Time,
    ) -> Option<Self> {
        let by_road = || {
            let (roads, road) = (scene.roads?, way.road?);
            let since = road.on_road_at(roads)?;
            let Reach { pace, drives } = road.reach(roads)?;
            (newest.time.seconds_since(since) <= STALE_S).then(|| ByRoad {
                pace,
                since,
                drives: drives.into_iter().collect(),
            })
        };
        Some(Self { scene, motion: Motion::of(way.track)?, newest, left_at, road: by_road() })
    }

    /// The window at a checkpoint; `None` where it cannot be reached while anybody watches, and where
    /// it ended long ago.
    pub(super) fn at(&self, site: &Site) -> Option<Window> {
        if self.is_within(site) && matches!(site.checkpoint.shape, Shape::Polygon(_)) {
            let at = self.newest.time;
            return Some(Window {
                earliest_at: at,
                latest_at: at,
                probability: 1.0,
                basis: Basis::There,
            });
        }
        let window = self.by_road(site).unwrap_or_else(|| self.straight(site));
        let Scene { now, rules, .. } = self.scene;
        let drive_s = window.earliest_at.seconds_since(self.newest.time);
        let ended_s = now.seconds_since(window.latest_at);
        (drive_s <= rules.silent_watch_s && ended_s <= JUST_ENDED_S).then_some(window)
    }

    fn by_road(&self, site: &Site) -> Option<Window> {
        let road = self.road.as_ref()?;
        let drive = *road.drives.get(&site.checkpoint.id)?;
        let Drive { least_s, onward_s, round_s, probability } = drive;
        let straight_s = onward_s * DETOUR;
        let longer_s = (round_s * DETOUR_ROUND - straight_s).max(0.0);
        let by_another = by_another_place(probability, HEADS_THERE_BY_ROAD);
        let fleeing = FLEEING.min(road.pace * FASTER_STILL);
        let latest_s = (straight_s + longer_s * by_another) * road.pace + STOP_S;
        Some(Window {
            earliest_at: road.since.plus_seconds((least_s - ERROR_S).max(0.0) * fleeing),
            latest_at: self.left_at.plus_seconds(latest_s),
            probability,
            basis: Basis::Road { drive_s: onward_s },
        })
    }

    fn straight(&self, site: &Site) -> Window {
        let outlook = self.motion.outlook(site);
        let (distance_m, of_late_kmh) = (outlook.distance_m, outlook.evidence.speed_kmh);
        let fastest_kmh = FASTEST_KMH.max(of_late_kmh * FASTER);
        let seconds = |metres: f64, kmh: f64| metres.max(0.0) / (kmh / 3.6);
        let reaches_m = if matches!(site.checkpoint.shape, Shape::Point(_)) {
            site.radius_m.max(ERROR_M)
        } else {
            ERROR_M
        };
        let earliest_s = seconds(distance_m - reaches_m, fastest_kmh);
        let probability = outlook.probability;
        let by_another = by_another_place(probability, HEADS_THERE);
        let latest_s = seconds(distance_m, of_late_kmh * SLOWER) + ROUND_S * by_another + STOP_S;
        Window {
            earliest_at: self.newest.time.plus_seconds(earliest_s),
            latest_at: self.left_at.plus_seconds(latest_s),
            probability,
            basis: Basis::Straight { distance_m },
        }
    }

    /// Where it may have gone aboard a ferry, by name: the port in which it was, or the line at
    /// whose quay.
    pub(super) fn ferry(&self) -> Option<String> {
        let ports = self.scene.sites.values().filter(|site| site.checkpoint.kind == Kind::Port);
        if let Some(port) = ports.into_iter().find(|port| self.is_within(port)) {
            return Some(port.checkpoint.name.clone());
        }
        let graph = self.scene.roads?.graph();
        let exits = graph.exits().iter().map(|exit| {
            let (latitude, longitude) = graph.place(exit.node);
            (self.motion.distance_m(crate::Position { latitude, longitude }), exit)
        });
        let (distance_m, exit) = exits.min_by(|(one, _), (other, _)| one.total_cmp(other))?;
        (distance_m <= QUAY_M).then(|| match exit.name.as_str() {
            "" => "a ferry's quay".to_owned(),
            name => name.to_owned(),
        })
    }

    /// Whether it was at the very place when it was heard last.
    fn is_within(&self, site: &Site) -> bool {
        let reaches_m = match site.checkpoint.shape {
            Shape::Polygon(_) => INSIDE_M,
            Shape::Point(_) | Shape::Line(_) => site.radius_m,
        };
        self.motion.straight_m(site) <= reaches_m
    }
}

/// How much of the way by another place is to be allowed for.
fn by_another_place(probability: f64, heads_there: f64) -> f64 {
    (1.0 - probability / heads_there).max(0.0)
}
