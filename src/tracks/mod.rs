//! Recorded tracks: GPX, NMEA, CSV, GeoJSON, JSON lines of fixes, and recorded frames; each plain or
//! gzip; read once, one file at a time, and given back in order of time.
//!
//! Start at [`Tracks`]. A bad row costs only itself; what is held in memory does not grow with what
//! is read.

mod complaints;
mod csv;
mod files;
mod geojson;
mod gpx;
mod jsonl;
mod nmea;
mod recording;
mod sort;
mod times;
mod watched;

use std::io::{self, BufRead};
use std::path::PathBuf;

use interdict_protocols::{Alarm, AlarmSet, DeviceId, Fix, Time};
use serde::{Deserialize, Serialize};

pub use complaints::Complaints;
pub use sort::Rows;
pub use times::Times;

use files::Format;
use sort::Sorter;

use crate::text::{LONGEST, Line, Lines};

/// Something that a device said, and when it reached the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The engine's time: when it was received where the track says that, else the fix time.
    pub at: Time,
    /// Who said it.
    pub device: DeviceId,
    /// What.
    pub said: Said,
}

/// What a device said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// That it is there.
    Login,
    /// Where it is.
    Fix(Fix),
    /// Something without a position.
    Report {
        /// When the device says it was.
        time: Option<Time>,
        /// The alarms that are on.
        alarms: AlarmSet,
        /// The alarms whose absence means that they are off.
        alarm_states: AlarmSet,
    },
}

/// Files of tracks, to be read together.
pub struct Tracks<'a> {
    /// The files, folders, or `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// How to read times.
    pub times: Times,
    /// Which rows are wanted.
    pub wanted: Box<dyn Fn(&Row) -> bool + 'a>,
}

impl Tracks<'_> {
    /// Reads every file once and gives the rows of all in order of time; rows of one instant in the
    /// order of their devices, those of one device in the order in which they were read. So the
    /// order does not depend on how rows were spread over files.
    ///
    /// # Errors
    /// Where the temporary file cannot be written. What is wrong with a track goes to `complaints`.
    pub fn read(&self, complaints: &mut Complaints<'_>) -> io::Result<Rows> {
        let mut sorter = Sorter::default();
        for path in files::expand(&self.paths, complaints) {
            self.read_file(&path, &mut sorter, complaints)?;
        }
        sorter.finish()
    }

    fn read_file(
        &self,
        path: &std::path::Path,
        sorter: &mut Sorter,
        complaints: &mut Complaints<'_>,
    ) -> io::Result<()> {
        let file = path.display().to_string();
        let (format, mut source) = match files::open(path) {
            Ok(opened) => opened,
            Err(error) => {
                complaints.file(&file, &format!("cannot be read: {error}"));
                return Ok(());
            }
        };
        let stem = files::stem(path);
        let mut reading =
            Reading { tracks: self, file: &file, stem, sorter, complaints, failed: None };
        let result = reading.run(format, &mut source);
        if let Some(error) = reading.failed.take() {
            return Err(error);
        }
        if let Err(error) = result {
            complaints.file(&file, &error);
        }
        Ok(())
    }
}

/// One file being read.
struct Reading<'a, 'c> {
    tracks: &'a Tracks<'a>,
    file: &'a str,
    /// The device of rows that name none.
    stem: DeviceId,
    sorter: &'a mut Sorter,
    complaints: &'a mut Complaints<'c>,
    /// The temporary file could not be written: nothing can go on.
    failed: Option<io::Error>,
}

impl Reading<'_, '_> {
    /// Takes a text line by line, empty ones passed over, until `take` fails or nothing more is
    /// wanted; a line that is no text costs only itself.
    fn lines(
        &mut self,
        source: &mut dyn BufRead,
        mut take: impl FnMut(&mut Self, usize, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut lines = Lines::new(source);
        let mut last = 0;
        while !self.is_over() {
            let next = lines.next();
            let next =
                next.map_err(|error| format!("cannot be read beyond line {last}: {error}"))?;
            let Some((number, line)) = next else { break };
            last = number;
            match line {
                Line::Text(text) if text.trim().is_empty() => {}
                Line::Text(text) => take(self, number, &text)?,
                Line::TooLong => self.bad(number, &format!("is longer than {LONGEST} bytes")),
                Line::NotText => self.bad(number, "is not UTF-8"),
            }
        }
        Ok(())
    }

    fn run(&mut self, format: Format, source: &mut dyn BufRead) -> Result<(), String> {
        match format {
            Format::Csv => csv::read(self, source),
            Format::Nmea => nmea::read(self, source),
            Format::Gpx => gpx::read(self, source),
            Format::GeoJson => geojson::read(self, source),
            Format::JsonLines => jsonl::read(self, source),
            Format::Empty => Err("is empty".to_owned()),
            Format::Unknown => {
                Err("is no GPX, NMEA, CSV, GeoJSON, JSON lines or recorded frames".to_owned())
            }
        }
    }

    fn fix(&mut self, device: Option<DeviceId>, fix: Fix) {
        let at = fix.fix_time;
        self.row(at, device, Said::Fix(fix));
    }

    fn row(&mut self, at: Time, device: Option<DeviceId>, said: Said) {
        let row = Row { at, device: device.unwrap_or_else(|| self.stem.clone()), said };
        if self.failed.is_none()
            && (self.tracks.wanted)(&row)
            && let Err(error) = self.sorter.push(row)
        {
            self.failed = Some(error);
        }
    }

    /// Whether reading on is of no use.
    const fn is_over(&self) -> bool {
        self.failed.is_some()
    }

    fn bad(&mut self, line: usize, what: &str) {
        self.complaints.row(self.file, line, what);
    }

    fn time(&mut self, text: &str) -> Result<Time, String> {
        let time = self.tracks.times.read(text);
        if matches!(time, Err(times::Wrong::NoZone)) {
            self.complaints.zone_missing();
        }
        time.map_err(|wrong| wrong.told(text))
    }
}

/// Alarms that a track lists row by row: one that a row does not list is off.
fn listed(alarms: AlarmSet, fix: &mut Fix) {
    fix.alarms = alarms;
    fix.alarm_states = Alarm::ALL.iter().copied().collect();
}

/// A fix of a place that must be on the globe.
fn fix_at(time: Time, latitude: f64, longitude: f64) -> Result<Fix, String> {
    Fix::new(time, latitude, longitude)
        .ok_or_else(|| format!("latitude {latitude}, longitude {longitude} is not on the globe"))
}
