//! `cargo bench --bench streams`: how soon an alert is with everybody who follows the events.
//!
//! 2,000 streams of a real server stand open while 10,000 positions a second of other vehicles come in.
//! Flagged vehicles report at a checkpoint, one after the other; what is measured is the time from the
//! fix's bytes being sent to its alert being read, of every stream and every alert. Beside it a floor:
//! the same bytes written to as many sockets by a loop that does nothing else, under the same load.

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use interdict_protocols::tracker::{Progress, tracker};
use interdict_protocols::{DeviceId, Fix};
use memchr::memmem;
use serde_json::json;
use support::{Server, fix_now, folder};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

const STREAMS: usize = 2_000;
const ALERTS: u64 = 50;
const ALERT_EVERY: Duration = Duration::from_millis(400);
/// Connections of vehicles that nobody has flagged, each with a fix so often: 10,000 a second.
const CONNECTIONS: u64 = 200;
const FIX_EVERY: Duration = Duration::from_millis(20);
/// As large as an alert's event.
const FLOOR_BYTES: usize = 1_500;

/// Some 50 m before the toll of Houyan, of the built-in checkpoints.
const AT_HOUYAN: (f64, f64) = (39.030_35, 121.630_4);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// When each stream read each alert, in order.
type Read = Arc<Mutex<Vec<Vec<Instant>>>>;

fn main() -> Result<(), Failure> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let runtime = Runtime::new()?;
    let data = folder();
    let server = Server::start(data.path(), &["jt808"], &["--enrol-all"]);
    let token = server.person("post", "operator", None);
    let mut flagged = Vec::new();
    for number in 0..ALERTS {
        let device = format!("138{number:08}");
        let tracker = server.tracker("jt808", &device);
        server.flag(&json!({"vehicle": device, "reason": "stolen", "case": "C-1",
            "authority": "duty officer", "emergency": true}));
        flagged.push(tracker);
    }
    let answered = Arc::new(AtomicU64::new(0));
    let address = server.address("jt808");
    for number in 0..CONNECTIONS {
        runtime.spawn(load(address, number, Arc::clone(&answered)));
    }
    let read: Read = Arc::default();
    runtime.block_on(follow(server.http, &token, "interdict.alert.raised", &read))?;
    println!(
        "{STREAMS} streams, {} positions/s asked, {} processors",
        CONNECTIONS * 1_000 / FIX_EVERY.as_millis() as u64,
        std::thread::available_parallelism()?
    );
    let (before, began) = (answered.load(Ordering::Relaxed), Instant::now());
    let mut sent = Vec::new();
    for tracker in &mut flagged {
        std::thread::sleep(ALERT_EVERY);
        let mut fix = fix_now(AT_HOUYAN.0, AT_HOUYAN.1);
        (fix.speed_kmh, fix.course_deg) = (Some(40.0), Some(0.0));
        sent.push(Instant::now());
        tracker.send(&fix);
    }
    let rate = (answered.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_secs(2));
    report("an alert to every stream", &sent, &read)?;
    println!("positions answered meanwhile: {rate:.0}/s");

    let (tell, told) = watch::channel(0);
    let floor = runtime.block_on(floor(told))?;
    let read: Read = Arc::default();
    runtime.block_on(follow(floor, "", "floor", &read))?;
    let mut sent = Vec::new();
    for number in 1..=ALERTS {
        std::thread::sleep(ALERT_EVERY);
        sent.push(Instant::now());
        tell.send(number)?;
    }
    std::thread::sleep(Duration::from_secs(2));
    report("the floor: as many bytes to as many sockets", &sent, &read)
}

/// Prints how long it took; fails where anything did not arrive.
fn report(what: &str, sent: &[Instant], read: &Read) -> Result<(), Failure> {
    let read = read.lock().map_err(|_| "a stream failed")?;
    let whole = read.iter().filter(|stream| stream.len() == sent.len()).count();
    if whole < STREAMS {
        return Err(format!("only {whole} of {STREAMS} streams read every alert").into());
    }
    let took = |stream: &Vec<Instant>| -> Vec<Duration> {
        stream.iter().zip(sent).map(|(read, sent)| read.duration_since(*sent)).collect()
    };
    let mut all: Vec<Duration> = read.iter().flat_map(took).collect();
    all.sort();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: median {:.1} ms, p99 {:.1} ms, slowest {:.1} ms, of {}",
        at(0.5),
        at(0.99),
        at(1.0),
        all.len()
    );
    Ok(())
}

/// Opens the streams, and has each note when it reads a line with `mark`.
async fn follow(
    address: SocketAddr,
    token: &str,
    mark: &'static str,
    read: &Read,
) -> Result<(), Failure> {
    read.lock().map_err(|_| "a stream failed")?.resize(STREAMS, Vec::new());
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    for number in 0..STREAMS {
        let stream = TcpStream::connect(address).await?;
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(request.as_bytes()).await?;
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        if !line.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&line).into());
        }
        let read = Arc::clone(read);
        tokio::spawn(async move {
            let mark = memmem::Finder::new(mark);
            loop {
                line.clear();
                if stream.read_until(b'\n', &mut line).await.unwrap_or_default() == 0 {
                    return;
                }
                let now = Instant::now();
                if line.starts_with(b"data:") && mark.find(&line).is_some() {
                    read.lock().expect("whole")[number].push(now);
                }
            }
        });
    }
    Ok(())
}

/// One vehicle that nobody has flagged; counts the positions that were answered.
async fn load(address: SocketAddr, number: u64, answered: Arc<AtomicU64>) -> Result<(), Failure> {
    let device = DeviceId::from(format!("139{number:08}"));
    let (_, mut tracker) = tracker("jt808", &device).ok_or("no tracker")?;
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&tracker.hello()).await?;
    let mut buffer = [0; 4096];
    while tracker.progress() == Progress::Waiting {
        let length = stream.read(&mut buffer).await?;
        let heard = tracker.hear(&buffer[..length]);
        stream.write_all(&heard.say).await?;
    }
    let mut ticks = tokio::time::interval(FIX_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let fix: Fix = fix_now(39.3, 122.0 + number as f64 * 0.001);
                stream.write_all(&tracker.report(&fix)).await?;
            }
            length = stream.read(&mut buffer) => {
                let accepted = tracker.hear(&buffer[..length?]).accepted;
                answered.fetch_add(accepted as u64, Ordering::Relaxed);
            }
        }
    }
}

/// Writes as much as an alert's event to every connection each time that it is told to.
async fn floor(told: watch::Receiver<u64>) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut told = told.clone();
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                let event = format!("data: floor{}\n\n", " ".repeat(FLOOR_BYTES));
                while told.changed().await.is_ok() {
                    stream.write_all(event.as_bytes()).await?;
                }
                Ok::<(), std::io::Error>(())
            });
        }
    });
    Ok(address)
}
