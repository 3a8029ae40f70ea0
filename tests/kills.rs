//! The real program, killed with SIGKILL fifty times at random moments while cars drive, alarm and are
//! flagged: no answered alarm and no event that anybody was told is lost, none comes twice, and
//! what the engine decided is what it decides when it is told the same and never stopped. The audit
//! log holds to every head that left, and notes each event and each command once.

#[path = "kills/checks.rs"]
mod checks;
mod support;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use interdict::store::Store;
use interdict_engine::{Record, Type};
use interdict_protocols::tracker::{Progress, Tracker, tracker};
use interdict_protocols::{Alarm, AlarmSet, DeviceId, Fix, Time};
use serde_json::{Value, json};
use support::{Events, PATIENCE, Server, folder};
use tempfile::TempDir;

const KILLS: usize = 50;
const CARS: usize = 24;
/// Fixes that each car sends between two kills, as far as it comes.
const FIXES_A_ROUND: usize = 3;
/// Another seed of the moments; the default is one as good as any.
const SEED: &str = "INTERDICT_KILLS_SEED";

/// Houyan, of the built-in checkpoints.
const HOUYAN: (f64, f64) = (39.030_8, 121.630_4);
/// 15 m to the north.
const STEP_DEG: f64 = 15.0 / 111_195.0;

/// Pseudo-random numbers (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("small")
    }
}

fn device(number: usize) -> String {
    format!("1380000{number:04}")
}

/// A car with its tracker, which keeps a fix until it is answered.
struct Car {
    number: usize,
    began: Time,
    /// How many fixes were answered: the next one is sent until it is, too.
    answered: i64,
    /// The first fix after it was flagged for good.
    flagged_from: Option<i64>,
}

impl Car {
    /// Its fix of that number: a second and 15 m after the one before. Every third one cries for
    /// help, and those of one car in three.
    fn fix(&self, number: i64) -> Fix {
        let behind = 40.0 + 3.0 * self.number as f64 - number as f64;
        let time = self.began.plus_seconds(number as f64);
        let latitude = HOUYAN.0 - STEP_DEG * behind;
        let mut fix = Fix::new(time, latitude, HOUYAN.1).expect("on the globe");
        fix.speed_kmh = Some(54.0);
        fix.course_deg = Some(0.0);
        if self.cries(number) {
            fix.alarms = AlarmSet::only(Alarm::Sos);
        }
        fix
    }

    fn cries(&self, number: i64) -> bool {
        self.number.is_multiple_of(3) && number % 3 == 0
    }

    /// Sends until the server is gone or there is enough for this round.
    fn drive(&mut self, address: SocketAddr, answers: &AtomicUsize) {
        let mut drive = || -> io::Result<()> {
            let mut line = Line::open(address, &device(self.number))?;
            for _ in 0..FIXES_A_ROUND {
                line.report(&self.fix(self.answered))?;
                self.answered += 1;
                answers.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        // It ends when the server is killed.
        let _ = drive();
    }
}

/// A connection that may end at any moment.
struct Line {
    stream: TcpStream,
    tracker: Box<dyn Tracker>,
}

impl Line {
    fn open(address: SocketAddr, device: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (_, tracker) = tracker("jt808", &DeviceId::from(device)).expect("can be played");
        let mut line = Self { stream, tracker };
        let hello = line.tracker.hello();
        line.stream.write_all(&hello)?;
        while line.tracker.progress() == Progress::Waiting {
            line.hear()?;
        }
        assert_eq!(line.tracker.progress(), Progress::Ready, "{device} is enrolled for good");
        Ok(line)
    }

    fn hear(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        let length = self.stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let heard = self.tracker.hear(&buffer[..length]);
        self.stream.write_all(&heard.say)?;
        Ok(heard.accepted)
    }

    fn report(&mut self, fix: &Fix) -> io::Result<()> {
        let report = self.tracker.report(fix);
        self.stream.write_all(&report)?;
        while self.hear()? == 0 {}
        Ok(())
    }
}

/// What people do and see: flags that were confirmed, events that were told.
#[derive(Default)]
struct People {
    flags: Vec<(String, Time)>,
    told: BTreeMap<u64, Value>,
}

impl People {
    /// Follows the events until the server is gone.
    fn follow(&mut self, http: SocketAddr) {
        let last = self.told.last_key_value().map_or(0, |(sequence, _)| *sequence);
        let Some(mut stream) = Events::of_all_types(http, last) else { return };
        while let Some(event) = stream.try_next() {
            let sequence = event["sequence"].as_str().expect("a cursor").parse().expect("a number");
            assert_eq!(self.told.insert(sequence, event), None, "{sequence} is told once");
        }
    }
}

const CHECKPOINTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/checkpoints.geojson");

/// A server's data folder, and the file that the audit log's heads leave for.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = folder();
        let text = "[audit]\nheads_file = 'heads'\nheads_every = 5\n";
        support::file(folder.path(), "interdict.toml", text);
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn arguments(&self) -> [String; 4] {
        let config = self.path("interdict.toml");
        ["--config".to_owned(), config, "--checkpoints".to_owned(), CHECKPOINTS.to_owned()]
    }

    fn start(&self) -> Server {
        let more = self.arguments();
        let data = self.path("data");
        Server::start(Path::new(&data), &["jt808"], &more.each_ref().map(String::as_str))
    }
}

/// Kills a start in the middle, wherever that may be.
fn kill_while_it_starts(place: &Place, after: Duration) {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["serve", "--http", "127.0.0.1:0", "--port", "jt808=127.0.0.1:0", "--data"])
        .arg(place.path("data"))
        .args(place.arguments())
        .env("INTERDICT_ADMIN_TOKEN", support::TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    while began.elapsed() < after {
        std::thread::yield_now();
    }
    child.kill().expect("still running");
    child.wait().expect("ends");
}

fn flag(server: &Server, car: usize, expires_s: usize) -> Option<(String, Time)> {
    let body = json!({
        "vehicle": format!("car-{car}"), "reason": "stolen", "case": "C-1", "authority": "test",
        "expires_s": expires_s, "emergency": true,
    });
    let (status, flag) = server.request_as(server.dispatcher(), "POST", "/v1/flags", Some(&body));
    let text = |name: &str| flag[name].as_str().expect("text");
    (status == 201)
        .then(|| (text("id").to_owned(), Time::parse(text("expires_at")).expect("a time")))
}

#[test]
fn fifty_kills_lose_nothing_and_repeat_nothing() {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let mut random = Random(seed.unwrap_or(0x9e37_79b9_7f4a_7c15));
    let place = Place::new();
    let began = support::fix_ago(45, 0.0, 0.0).fix_time;
    let mut cars: Vec<Car> =
        (0..CARS).map(|number| Car { number, began, answered: 0, flagged_from: None }).collect();
    let mut people = People::default();

    for kill in 0..KILLS {
        if kill % 10 == 9 {
            kill_while_it_starts(&place, Duration::from_millis(random.below(200) as u64));
            continue;
        }
        let server = place.start();
        if kill == 0 {
            for car in 0..CARS {
                server.enrol(&device(car), &format!("car-{car}"), &format!("P{car}"), "corporate");
            }
        }
        // Most cars are flagged for good; others again and again for some seconds, and the
        // end of that comes by itself, whether the server runs then or not.
        if kill < CARS / 2
            && let Some(flag) = flag(&server, kill, 86_400)
        {
            people.flags.push(flag);
            cars[kill].flagged_from = Some(cars[kill].answered);
        }
        people.flags.extend(flag(&server, CARS / 2 + random.below(CARS / 2), 1 + random.below(9)));
        let answers = AtomicUsize::new(0);
        let enough = random.below(CARS * FIXES_A_ROUND);
        let later = Duration::from_micros(random.below(12_000) as u64);
        let (address, http) = (server.ports["jt808"], server.http);
        std::thread::scope(|scope| {
            let driving: Vec<_> =
                cars.iter_mut().map(|car| scope.spawn(|| car.drive(address, &answers))).collect();
            scope.spawn(|| people.follow(http));
            support::eventually("enough is answered", || {
                answers.load(Ordering::Relaxed) >= enough
                    || driving.iter().all(|car| car.is_finished())
            });
            let reached = Instant::now();
            while reached.elapsed() < later {
                std::thread::yield_now();
            }
            server.kill();
        });
    }

    // The last start tells what timers had yet to say of all that came before.
    let server = place.start();
    let log = server.all_events();
    server.kill();
    checks::the_audit_log_holds_to_its_heads(&place);
    let store = Store::open_existing(Path::new(&place.path("data"))).expect("it opens");
    let records: Vec<Record> =
        store.load().expect("readable").records.collect::<Result<_, _>>().expect("readable");

    checks::nothing_is_lost(&log, &records, &cars, &people);
    checks::nothing_is_repeated(&log, &records);
    checks::it_is_as_if_never_stopped(&log, &records, &place);
    checks::all_is_noted_once(&log, &store, &people);
    // Something has happened.
    let of = |kind: Type| log.iter().filter(|event| event["type"] == kind.name()).count();
    let counts = [Type::DeviceAlarm, Type::Raised, Type::FlagAdded, Type::FlagExpired].map(of);
    assert!(counts.iter().all(|count| *count >= 10), "{counts:?}");
    let answered: i64 = cars.iter().map(|car| car.answered).sum();
    println!("{answered} answers, {} records, {} events, {counts:?}", records.len(), log.len());
}
