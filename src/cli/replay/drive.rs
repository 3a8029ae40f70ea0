//! Rows through the engine, on the rows' own clock.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use interdict_engine::{Engine, Event, Flag, Input, Observation, RecordId, VehicleId};
use interdict_protocols::Time;

use super::fleet::Fleet;
use super::{Speed, progress};
use crate::config::{Configuration, Entry};
use crate::tracks::{Row, Rows, Said};

/// What a run is made with.
pub(super) struct Task<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) fleet: &'a Fleet,
    pub(super) watchlist: &'a [Entry],
    pub(super) flag_all: bool,
    pub(super) speed: Speed,
}

/// Somebody who is told what the engine says.
pub(super) trait Listener {
    /// Takes an event.
    fn hear(&mut self, event: &Event) -> io::Result<()>;

    /// Nothing comes for a while.
    fn pause(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs every row through the engine of each task, side by side, and tells its listeners what that
/// engine says.
pub(super) fn run(rows: Rows, drives: &mut [Drive<'_>]) -> anyhow::Result<()> {
    let bar = progress(&rows);
    for (number, row) in rows.enumerate() {
        let row = row?;
        for drive in &mut *drives {
            if number == 0 {
                drive.begin(row.at)?;
            }
            drive.row(&row)?;
        }
        if number % 1024 == 0 {
            bar.set_position(number as u64);
        }
    }
    bar.finish_and_clear();
    drives.iter_mut().flat_map(|drive| &mut drive.listeners).try_for_each(|one| one.pause())?;
    Ok(())
}

/// One engine on its way through the rows.
pub(super) struct Drive<'a> {
    task: Task<'a>,
    engine: Engine,
    events: Vec<Event>,
    last_record: u64,
    /// Whom `--flag-all` has flagged.
    flagged: BTreeSet<VehicleId>,
    /// Flags that have not begun, earliest first.
    flags: VecDeque<Flag>,
    /// The engine's time.
    now: Time,
    /// When the recording began, by its own clock and by this machine's.
    pace: Option<(Time, Instant)>,
    listeners: Vec<&'a mut dyn Listener>,
}

impl<'a> Drive<'a> {
    pub(super) fn new(task: Task<'a>, listeners: Vec<&'a mut dyn Listener>) -> Self {
        Self {
            engine: Engine::new(task.configuration.setup.clone()),
            task,
            events: Vec::new(),
            last_record: 0,
            flagged: BTreeSet::new(),
            flags: VecDeque::new(),
            now: Time::default(),
            pace: None,
            listeners,
        }
    }

    fn begin(&mut self, at: Time) -> anyhow::Result<()> {
        self.now = at;
        self.pace = Some((at, Instant::now()));
        for vehicle in self.task.fleet.vehicles() {
            self.tell(at, Input::Vehicle(vehicle.clone()))?;
        }
        let mut flags: Vec<_> = self
            .task
            .watchlist
            .iter()
            .map(|entry| entry.flag(self.task.fleet.named(&entry.vehicle), at))
            .collect();
        flags.sort_by_key(|flag| flag.starts_at);
        self.flags = flags.into();
        Ok(())
    }

    fn row(&mut self, row: &Row) -> anyhow::Result<()> {
        let at = row.at;
        while let Some(flag) = self.flags.pop_front_if(|flag| flag.starts_at <= at) {
            let begins = flag.starts_at.max(self.now);
            self.tell(begins, Input::Flag(flag))?;
        }
        let vehicle = self.task.fleet.vehicle_of(&row.device);
        if self.task.flag_all && self.flagged.insert(vehicle.clone()) {
            let id = format!("flag-{vehicle}");
            let entry = Entry::bare(id, vehicle.as_str().to_owned(), "flag-all");
            self.tell(at, Input::Flag(entry.flag(vehicle.clone(), at)))?;
        }
        let device = row.device.clone();
        let input = match row.said.clone() {
            Said::Login => Input::Login { device, vehicle },
            Said::Fix(fix) => {
                let fix = self.task.fleet.in_wgs84(&device, fix);
                Input::Fix(Observation { device, vehicle, fix })
            }
            Said::Report { time, alarms, alarm_states } => {
                Input::Report { device, vehicle, time, alarms, alarm_states }
            }
        };
        self.tell(at, input)
    }

    /// Fires what is due before `at`, then tells the engine.
    fn tell(&mut self, at: Time, input: Input) -> anyhow::Result<()> {
        while let Some(due) = self.engine.next_due().filter(|due| *due <= at) {
            self.wait(due)?;
            self.engine.advance(due, &mut self.events);
            self.say()?;
            // An engine whose timer does not move on would hold us here for ever.
            if self.engine.next_due() == Some(due) {
                break;
            }
        }
        self.now = at;
        self.wait(at)?;
        let mut prepared = self.engine.prepare(at, input);
        if prepared.durable {
            self.last_record += 1;
            prepared.record.id = RecordId(self.last_record);
        }
        self.engine.apply(&prepared.record, &mut self.events);
        self.say()
    }

    fn say(&mut self) -> anyhow::Result<()> {
        for event in self.events.drain(..) {
            self.listeners.iter_mut().try_for_each(|listener| listener.hear(&event))?;
        }
        Ok(())
    }

    /// Waits until `at` comes, as fast as is wanted.
    fn wait(&mut self, at: Time) -> anyhow::Result<()> {
        let (Speed::Times(times), Some((begin, started))) = (self.task.speed, self.pace) else {
            return Ok(());
        };
        let after = Duration::try_from_secs_f64((at.seconds_since(begin) / times).max(0.0))?;
        let left = after.saturating_sub(started.elapsed());
        if !left.is_zero() {
            self.listeners.iter_mut().try_for_each(|listener| listener.pause())?;
            std::thread::sleep(left);
        }
        Ok(())
    }
}
