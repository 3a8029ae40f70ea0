//! [`Night`]: what is built in of one night, read as anybody's files are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};
use interdict_protocols::{DeviceId, Fix, Time};

use crate::config::{Entry, embedded, read_fleet, read_watchlist};
use crate::tracks::{Complaints, Said, Times, Tracks};

/// What each model of the fleet speaks.
const MODELS: &[(&str, &str)] = &[
    ("FMB920", "teltonika"),
    ("GT06N", "gt06"),
    ("JT/T 808", "jt808"),
    ("NMEA modem", "t55"),
    ("OsmAnd", "osmand"),
    ("ST-901", "h02"),
];

/// The protocols that are spoken.
pub(super) fn protocols() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(_, protocol)| *protocol)
}

/// One night.
pub(super) struct Night {
    /// The first fix.
    pub(super) begins: Time,
    /// The last one.
    pub(super) ends: Time,
    /// How many vehicles there are.
    pub(super) vehicles: usize,
    /// What each device says.
    pub(super) tracks: Vec<Track>,
    /// Who is flagged, and when.
    pub(super) watchlist: Vec<Entry>,
}

/// A device's way through the night.
pub(super) struct Track {
    pub(super) device: DeviceId,
    pub(super) protocol: &'static str,
    pub(super) fixes: Vec<Fix>,
}

impl Night {
    /// Reads it by way of `folder`.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let (fleet, problems) = read_fleet(embedded::FLEET);
        ensure!(problems.is_empty(), "the fleet that is built in is wrong: {problems:?}");
        let (watchlist, problems) =
            read_watchlist("watchlist.csv", embedded::WATCHLIST.as_bytes())?;
        ensure!(problems.is_empty(), "the watchlist that is built in is wrong: {problems:?}");
        let mut fixes = read_tracks(&folder.join("tracks"))?;
        let times = || fixes.values().flatten().map(|fix| fix.fix_time);
        let (begins, ends) = times().min().zip(times().max()).context("no track is built in")?;
        let vehicles: BTreeSet<_> = fleet.iter().map(|enrol| enrol.vehicle.as_str()).collect();
        let mut tracks = Vec::new();
        let vehicles = vehicles.len();
        for enrol in &fleet {
            let device = DeviceId::from(enrol.device.as_str());
            let model = enrol.model.as_deref().unwrap_or_default();
            let (_, protocol) =
                MODELS.iter().find(|(name, _)| *name == model).with_context(|| {
                    format!("nobody knows what the model {model:?} of {device} speaks")
                })?;
            if let Some(fixes) = fixes.remove(&device) {
                tracks.push(Track { device, protocol, fixes });
            }
        }
        ensure!(fixes.is_empty(), "tracks of devices that nobody enrols: {:?}", fixes.keys());
        Ok(Self { begins, ends, vehicles, tracks, watchlist })
    }

    pub(super) fn length_s(&self) -> f64 {
        self.ends.seconds_since(self.begins)
    }
}

/// Each device's fixes in order of time.
fn read_tracks(folder: &Path) -> anyhow::Result<BTreeMap<DeviceId, Vec<Fix>>> {
    let written = || -> std::io::Result<()> {
        std::fs::create_dir(folder)?;
        for (name, text) in embedded::TRACKS {
            std::fs::write(folder.join(format!("{name}.csv")), text)?;
        }
        Ok(())
    };
    written().with_context(|| format!("cannot write to {}", folder.display()))?;
    let tracks = Tracks {
        paths: vec![folder.to_owned()],
        times: Times::default(),
        wanted: Box::new(|_| true),
    };
    let mut wrong = Vec::new();
    let mut complaints = Complaints::new(|what| wrong.push(what.to_owned()));
    let rows = tracks.read(&mut complaints)?;
    drop(complaints);
    ensure!(wrong.is_empty(), "the tracks that are built in are wrong: {}", wrong.join("; "));
    let mut fixes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        let row = row?;
        if let Said::Fix(fix) = row.said {
            fixes.entry(row.device).or_default().push(fix);
        }
    }
    Ok(fixes)
}

#[cfg(test)]
mod tests {
    use interdict_protocols::tracker::tracker;

    use super::*;

    #[test]
    fn everybody_of_the_fleet_drives_and_can_be_played() {
        let folder = tempfile::tempdir().unwrap();
        let night = Night::read(folder.path()).unwrap();
        assert_eq!(night.begins, Time::parse("2026-06-15T12:00:00Z").unwrap());
        let (fleet, _) = read_fleet(embedded::FLEET);
        assert_eq!(night.tracks.len(), fleet.len());
        assert!((40..=45).contains(&night.vehicles));
        let spoken: BTreeSet<_> = night.tracks.iter().map(|track| track.protocol).collect();
        assert_eq!(spoken, protocols().collect());
        for track in &night.tracks {
            assert!(tracker(track.protocol, &track.device).is_some(), "{}", track.device);
        }
        for entry in &night.watchlist {
            assert!(fleet.iter().any(|enrol| enrol.vehicle == entry.vehicle), "{}", entry.vehicle);
        }
    }

    #[test]
    fn nobody_drives_as_no_car_can() {
        let folder = tempfile::tempdir().unwrap();
        for track in Night::read(folder.path()).unwrap().tracks {
            for pair in track.fixes.windows(2) {
                let [before, after] = pair else { unreachable!() };
                let north_m = (after.latitude - before.latitude) * 111_200.0;
                // The cosine of 38.9°.
                let east_m = (after.longitude - before.longitude) * 111_200.0 * 0.778;
                let seconds = after.fix_time.seconds_since(before.fix_time);
                let kmh = north_m.hypot(east_m) / seconds * 3.6;
                assert!(kmh < 100.0, "{} at {}: {kmh:.0} km/h", track.device, after.fix_time);
            }
        }
    }
}
