//! `cargo bench --bench store [-- durable|alert|tracks|open|audit]`: what the store costs, beside floors.
//!
//! `durable` commits events with their records and their entries in the audit log, a tick's worth at a
//! time, beside the same bytes of records and events appended to a plain file with `fdatasync`. `alert` takes the time from telling the engine of a
//! flagged vehicle's fix to its alert being durable, while 20,000 fixes a second of other vehicles come
//! in. `tracks` has the same fixes come in while no class's tracks are kept, another class's, and their own. `open` opens a store with 1,000,000 records that no snapshot holds, beside reading its file.
//! `audit` verifies the audit log of a store with as many events.

#[path = "store/samples.rs"]
mod samples;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use interdict::audit::{End, Heads, Verification};
use interdict::clock::Clock;
use interdict::config::Configuration;
use interdict::shards::Shards;
use interdict::store::Store;
use interdict_engine::{Class, Input, Observation, Setup, Type, Vehicle, VehicleId};
use interdict_protocols::{Fix, Time};

use samples::{event, flag, record};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Groups of events that are durable together: what comes in a tick of 10 ms at 1,000, 10,000 and 50,000
/// a second.
const GROUPS: [u64; 3] = [10, 100, 500];
const DURABLE_S: u64 = 8;

/// Connections of vehicles that nobody has flagged, each with a fix so often: 20,000 a second.
const CONNECTIONS: u64 = 400;
const FIX_EVERY: Duration = Duration::from_millis(20);
const VEHICLES: u64 = 100_000;
const ALERTS: u64 = 800;
const ALERT_EVERY: Duration = Duration::from_millis(25);

const RECORDS: u64 = 1_000_000;

/// Houyan, of the built-in checkpoints.
const HOUYAN: (f64, f64) = (39.030_8, 121.630_4);

fn main() -> Result<(), Failure> {
    // `cargo bench` passes --bench.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    println!("{} processors", std::thread::available_parallelism()?);
    if is_wanted("durable") {
        durable()?;
    }
    if is_wanted("alert") {
        tokio::runtime::Runtime::new()?.block_on(alert())?;
    }
    if is_wanted("tracks") {
        tokio::runtime::Runtime::new()?.block_on(tracks())?;
    }
    if is_wanted("open") {
        open()?;
    }
    if is_wanted("audit") {
        audit()?;
    }
    Ok(())
}

/// Times taken, for their percentiles.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.0.push(began.elapsed());
        done
    }

    fn ms(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

fn durable() -> Result<(), Failure> {
    println!("\ndurable events, each with its record and its entry in the audit log");
    println!("a commit     events/s   p50 ms   p99 ms   floor/s   p50 ms   p99 ms   share");
    for group in GROUPS {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path(), "urn:bench")?;
        let until = Instant::now() + Duration::from_secs(DURABLE_S);
        let (mut times, mut next, began) = (Times::default(), 1, Instant::now());
        let mut bytes = 0;
        while Instant::now() < until {
            let records: Vec<_> = (next..next + group).map(record).collect();
            let events: Vec<_> = (next..next + group).map(event).collect();
            times.take(|| store.commit(&records, &events))?;
            if bytes == 0 {
                bytes = serde_json::to_vec(&records)?.len();
                let page = store.events_after(0, 1_000, |_| true)?;
                bytes += page.events.iter().map(|event| event.json.len()).sum::<usize>();
            }
            next += group;
        }
        let rate = (next - 1) as f64 / began.elapsed().as_secs_f64();
        drop(store);
        let (floor, mut floor_times) = plain_file(folder.path(), bytes)?;
        let floor = floor * group as f64;
        println!(
            "{group:8}   {rate:10.0}   {:6.1}   {:6.1}   {floor:7.0}   {:6.1}   {:6.1}   {:5.2}",
            times.ms(50),
            times.ms(99),
            floor_times.ms(50),
            floor_times.ms(99),
            rate / floor
        );
    }
    Ok(())
}

/// Appends so many bytes at a time to a plain file and waits for the disk; how often a second.
fn plain_file(folder: &Path, bytes: usize) -> Result<(f64, Times), Failure> {
    let mut file = File::create(folder.join("floor"))?;
    let chunk = vec![b'x'; bytes];
    let (mut times, mut count, began) = (Times::default(), 0, Instant::now());
    while began.elapsed() < Duration::from_secs(DURABLE_S / 2) {
        times.take(|| file.write_all(&chunk).and_then(|()| file.sync_data()))?;
        count += 1;
    }
    Ok((f64::from(count) / began.elapsed().as_secs_f64(), times))
}

async fn alert() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), "urn:bench")?;
    let clock = Clock::wall();
    // Checkpoints without roads, as `serve --checkpoints` has them.
    let (configuration, _) = Configuration::load(None)?;
    let setup = Setup { roads: None, ..configuration.setup };
    let shards = Shards::start(&store, &setup, clock, 1, configuration.limits.shard_queue)?;
    let flagged = |number: u64| VehicleId::from(format!("flagged-{number}").as_str());
    let inputs = (0..ALERTS).flat_map(|number| {
        let flag = flag(&number.to_string(), flagged(number), clock.now());
        [Input::Vehicle(Vehicle::unknown(flagged(number))), Input::Flag(flag)]
    });
    shards.tell(inputs.collect()).await?;

    let fixes = Arc::new(AtomicU64::new(0));
    let drivers: Vec<_> = (0..CONNECTIONS)
        .map(|number| tokio::spawn(drive(shards.clone(), number, Arc::clone(&fixes))))
        .collect();
    // Each driver has its own phase; the first second is theirs.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (began, fixes_before) = (Instant::now(), fixes.load(Ordering::Relaxed));
    let (mut durable, mut answered) = (Times::default(), Times::default());
    let mut latest = shards.latest();
    let mut every = tokio::time::interval(ALERT_EVERY);
    for number in 0..ALERTS {
        every.tick().await;
        // Fifty metres to the checkpoint.
        let mut fix = Fix::new(clock.now(), HOUYAN.0 - 0.000_45, HOUYAN.1).ok_or("no fix")?;
        (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
        let device = format!("d-{number}").as_str().into();
        let input = Input::Fix(Observation { device, vehicle: flagged(number), fix });
        let (before, began) = (*latest.borrow_and_update(), Instant::now());
        let telling = shards.tell(vec![input]);
        let waiting = async {
            let moved = latest.wait_for(|latest| *latest > before).await.map(drop);
            (moved, began.elapsed())
        };
        let (told, (moved, took)) = tokio::join!(telling, waiting);
        told?;
        moved?;
        durable.0.push(took);
        answered.0.push(began.elapsed());
    }
    let rate =
        (fixes.load(Ordering::Relaxed) - fixes_before) as f64 / began.elapsed().as_secs_f64();
    drivers.iter().for_each(tokio::task::JoinHandle::abort);
    let raised = store.events_after(0, usize::MAX, |event| event.kind == Type::Raised)?;
    tokio::task::spawn_blocking(move || shards.close()).await?;
    let (_, mut floor) = plain_file(folder.path(), 4_096)?;
    println!("\nan alert, from telling the engine, while {rate:.0} fixes/s of others come in");
    println!("             p50 ms   p99 ms");
    println!(
        "durable      {:6.1}   {:6.1}   ({} alerts)",
        durable.ms(50),
        durable.ms(99),
        raised.events.len()
    );
    println!("answered     {:6.1}   {:6.1}", answered.ms(50), answered.ms(99));
    println!(
        "floor        {:6.1}   {:6.1}   (4 KiB to a plain file and fdatasync)",
        floor.ms(50),
        floor.ms(99)
    );
    Ok(())
}

/// What 20,000 fixes a second cost where none, another class's and their own class's tracks are kept.
async fn tracks() -> Result<(), Failure> {
    println!("\nfixes of class other, by the classes whose tracks are kept");
    println!("kept       fixes/s   processor µs a fix   bytes on the disk a fix");
    for kept in [None, Some(Class::Patrol), Some(Class::Other)] {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path(), "urn:bench")?;
        let (classes, setup) = (kept.into_iter().collect(), Setup::default());
        let shards = Shards::start_keeping(&store, &setup, Clock::wall(), (1, 4_096), classes)?;
        let fixes = Arc::new(AtomicU64::new(0));
        let drivers: Vec<_> = (0..CONNECTIONS)
            .map(|number| tokio::spawn(drive(shards.clone(), number, Arc::clone(&fixes))))
            .collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let log = folder.path().join("sled/db");
        let now = || -> Result<(u64, f64, u64), Failure> {
            let bytes = std::fs::metadata(&log)?.len();
            Ok((fixes.load(Ordering::Relaxed), processor_s()?, bytes))
        };
        let (began, before) = (Instant::now(), now()?);
        tokio::time::sleep(Duration::from_secs(DURABLE_S)).await;
        let (took, after) = (began.elapsed().as_secs_f64(), now()?);
        drivers.iter().for_each(tokio::task::JoinHandle::abort);
        let count = (after.0 - before.0) as f64;
        println!(
            "{:7}   {:9.0}   {:18.2}   {:23.0}",
            kept.map_or_else(|| "none".to_owned(), |class| format!("{class:?}").to_lowercase()),
            count / took,
            (after.1 - before.1) * 1e6 / count,
            (after.2 - before.2) as f64 / count
        );
        tokio::task::spawn_blocking(move || shards.close()).await?;
    }
    Ok(())
}

/// Processor time that this process has taken, as the system accounts it, seconds.
fn processor_s() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The 14th and 15th field are user and system time in hundredths of a second (proc(5)); the second
    // one, in brackets, may hold blanks.
    let (_, rest) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

/// One connection's vehicles: each fix is told, and its answer awaited.
async fn drive(shards: Shards, number: u64, fixes: Arc<AtomicU64>) {
    let mut every = tokio::time::interval(FIX_EVERY);
    for turn in 0.. {
        every.tick().await;
        let id = (number + turn * CONNECTIONS) % VEHICLES;
        let place = (39.0 + (id % 1_000) as f64 * 1e-4, 121.5 + (id / 1_000) as f64 * 1e-3);
        let Some(fix) = Fix::new(shards.clock().now(), place.0, place.1) else { return };
        let vehicle = VehicleId::from(format!("v-{id}").as_str());
        let device = format!("u-{id}").as_str().into();
        if shards.tell(vec![Input::Fix(Observation { device, vehicle, fix })]).await.is_err() {
            return;
        }
        fixes.fetch_add(1, Ordering::Relaxed);
    }
}

fn open() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), "urn:bench")?;
    for first in (1..=RECORDS).step_by(1_000) {
        store.commit(&(first..first + 1_000).map(record).collect::<Vec<_>>(), &[])?;
    }
    // As a kill leaves it: sled's table of pages is made anew of its whole log.
    std::mem::forget(store);
    let copy = tempfile::tempdir()?;
    copy_folder(folder.path(), copy.path())?;
    println!("\nopening a store of {RECORDS} records that no snapshot holds, its file cached");
    let mut bytes = Vec::new();
    let began = Instant::now();
    File::open(copy.path().join("sled/db"))?.read_to_end(&mut bytes)?;
    println!(
        "floor: reading its file of {} MB   {:.2} s",
        bytes.len() / 1_000_000,
        began.elapsed().as_secs_f64()
    );
    drop(bytes);
    for what in ["after a kill", "after an orderly end"] {
        let began = Instant::now();
        let store = Store::open(copy.path(), "urn:bench")?;
        let opened = began.elapsed().as_secs_f64();
        let count =
            store.load()?.records.map(|record| record.map(|_| 1)).sum::<Result<u64, _>>()?;
        let read = began.elapsed().as_secs_f64();
        println!("{what}: open {opened:.2} s, and {count} records read {read:.2} s");
    }
    let store = Store::open(copy.path(), "urn:bench")?;
    let (configuration, _) = Configuration::load(None)?;
    let setup = Setup { roads: None, ..configuration.setup };
    let began = Instant::now();
    let shards = Shards::start(&store, &setup, Clock::wall(), 1, 64)?;
    println!("and applied by the engine: {:.2} s", began.elapsed().as_secs_f64());
    shards.close();
    Ok(())
}

fn audit() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), "urn:bench")?;
    for first in (1..=RECORDS).step_by(10_000) {
        let numbers = first..first + 10_000;
        let events: Vec<_> = numbers.clone().map(event).collect();
        store.commit(&numbers.map(record).collect::<Vec<_>>(), &events)?;
    }
    drop(store);
    println!("\na store of {RECORDS} records, events and entries of the audit log");
    let began = Instant::now();
    let store = Store::open(folder.path(), "urn:bench")?;
    println!("opened in {:.2} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let signer = store.audit_signer(Time::from_seconds(0))?;
    let size = store.audit_frontier().size();
    let head = signer.sign(size, store.audit_frontier().root());
    let mut verification = Verification::new(signer.public().clone(), Heads::default());
    let mut after = 0;
    while after < size {
        for entry in store.audit_entries(after, size, 10_000)? {
            after = entry.number;
            verification.take(&entry);
        }
    }
    let report = verification.finish(&End { head: Some(head), ..End::default() });
    assert_eq!((report.covered, report.findings), (size, Vec::new()));
    println!("its log verified in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            std::fs::create_dir_all(to.join(&name))?;
            copy_folder(&path, &to.join(&name))?;
        } else {
            std::fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}
