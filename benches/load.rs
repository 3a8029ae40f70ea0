//! `cargo bench --bench load`: what a position costs the server, beside a floor.
//!
//! Two servers, each a process of its own, take the same load of JT/T 808 positions over the same
//! number of connections: the real one, and a floor that only reads, finds frames and answers them.
//! What is compared is the processor time of each per position that it acknowledged, as the system
//! accounts it, so that neither the load generator nor the machine's other work counts.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use interdict_protocols::tracker::{Progress, Tracker, tracker};
use interdict_protocols::{DeviceId, Fix, Time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 200;
const SECONDS: u64 = 8;
const IN_FLIGHT: [usize; 3] = [1, 16, 64];

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // `cargo bench` passes --bench; the floor is this program once more.
    if std::env::args().any(|argument| argument == "--floor") {
        return runtime()?.block_on(floor());
    }
    println!(
        "{CONNECTIONS} connections, {SECONDS} s each, {} processors; processor time a position",
        std::thread::available_parallelism()?
    );
    println!("in flight   server µs   floor µs   ratio   server/s    floor/s");
    for in_flight in IN_FLIGHT {
        let server = measure(Subject::server()?, in_flight)?;
        let floor = measure(Subject::floor()?, in_flight)?;
        println!(
            "{in_flight:9}   {:9.2}   {:8.2}   {:5.2}   {:8.0}   {:8.0}",
            server.cpu_us,
            floor.cpu_us,
            server.cpu_us / floor.cpu_us,
            server.rate,
            floor.rate
        );
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new()
}

/// A server under load.
struct Subject {
    child: Child,
    address: SocketAddr,
    /// The real server's data; the floor has none and knows no greeting either.
    folder: Option<tempfile::TempDir>,
}

impl Subject {
    fn server() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
        command.args(["serve", "--enrol-all", "--http", "127.0.0.1:0"]);
        command.args(["--port", "jt808=127.0.0.1:0", "--data"]).arg(folder.path());
        Self::start(command, "listening jt808 ", Some(folder))
    }

    fn floor() -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--floor");
        Self::start(command, "listening floor ", None)
    }

    fn start(
        mut command: Command,
        mark: &str,
        folder: Option<tempfile::TempDir>,
    ) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no pipe")?).lines();
        let address = loop {
            let line = lines.next().ok_or("the server ended")??;
            if let Some(address) = line.strip_prefix(mark) {
                break address.parse()?;
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address, folder })
    }

    /// Processor time used so far, user and system.
    fn cpu(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The fields behind the name in parentheses; utime and stime are the 14th and 15th of all,
        // in hundredths of a second (proc(5)).
        let fields: Vec<&str> =
            stat.rsplit_once(')').ok_or("no name")?.1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Figures {
    cpu_us: f64,
    rate: f64,
}

fn measure(subject: Subject, in_flight: usize) -> Result<Figures, Failure> {
    runtime()?.block_on(async {
        let mut lines = Vec::new();
        for number in 0..CONNECTIONS {
            let device = DeviceId::from(format!("139{number:08}"));
            let greets = subject.folder.is_some();
            lines.push(Line::open(subject.address, &device, greets).await?);
        }
        let (before, began) = (subject.cpu()?, Instant::now());
        let until = began + Duration::from_secs(SECONDS);
        let tasks: Vec<_> =
            lines.into_iter().map(|line| tokio::spawn(line.run(in_flight, until))).collect();
        let mut acknowledged = 0;
        for task in tasks {
            acknowledged += task.await??;
        }
        let (cpu, wall) = (subject.cpu()? - before, began.elapsed());
        Ok(Figures {
            cpu_us: cpu.as_secs_f64() * 1e6 / acknowledged as f64,
            rate: acknowledged as f64 / wall.as_secs_f64(),
        })
    })
}

/// One device's connection.
struct Line {
    stream: TcpStream,
    tracker: Box<dyn Tracker>,
}

impl Line {
    async fn open(address: SocketAddr, device: &DeviceId, greets: bool) -> Result<Self, Failure> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (_, mut tracker) = tracker("jt808", device).ok_or("no tracker")?;
        let mut buffer = [0; 4096];
        if greets {
            stream.write_all(&tracker.hello()).await?;
        }
        while greets && tracker.progress() == Progress::Waiting {
            let length = stream.read(&mut buffer).await?;
            let heard = tracker.hear(&buffer[..length]);
            stream.write_all(&heard.say).await?;
        }
        Ok(Self { stream, tracker })
    }

    /// Keeps so many positions unanswered until the time is up; gives how many were acknowledged.
    async fn run(mut self, in_flight: usize, until: Instant) -> Result<usize, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let time = Time::from_seconds(now.cast_signed());
        let mut fix = Fix::new(time, 39.0, 121.6).ok_or("no fix")?;
        fix.speed_kmh = Some(40.0);
        let (mut acknowledged, mut due) = (0, in_flight);
        let mut buffer = [0; 16 * 1024];
        let mut batch = Vec::new();
        while Instant::now() < until {
            batch.clear();
            for _ in 0..due {
                batch.extend(self.tracker.report(&fix));
            }
            self.stream.write_all(&batch).await?;
            let length = self.stream.read(&mut buffer).await?;
            if length == 0 {
                return Err("the server hung up".into());
            }
            due = self.tracker.hear(&buffer[..length]).accepted;
            acknowledged += due;
        }
        Ok(acknowledged)
    }
}

/// Reads, finds frames, answers each: nothing less can be called a server.
async fn floor() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stderr(), "listening floor {}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut held = 0;
    let mut answers = Vec::new();
    loop {
        let length = stream.read(&mut buffer[held..]).await?;
        if length == 0 {
            return Ok(());
        }
        let filled = held + length;
        let mut rest = &buffer[..filled];
        answers.clear();
        while let Some(end) = rest.iter().skip(1).position(|byte| *byte == 0x7e) {
            let (frame, later) = rest.split_at(end + 2);
            rest = later;
            let mut header = unescaped(&frame[1..]);
            let [id, _, number, serial] =
                [2, 2, 6, 2].map(|length| -> Vec<u8> { header.by_ref().take(length).collect() });
            let mut message = vec![0x80, 0x01, 0x00, 0x05];
            for part in [&number, &serial, &serial, &id] {
                message.extend_from_slice(part);
            }
            message.push(0);
            message.push(message.iter().fold(0, |sum, byte| sum ^ byte));
            answers.push(0x7e);
            for byte in message {
                match byte {
                    0x7e => answers.extend([0x7d, 0x02]),
                    0x7d => answers.extend([0x7d, 0x01]),
                    byte => answers.push(byte),
                }
            }
            answers.push(0x7e);
        }
        held = rest.len();
        let from = filled - held;
        buffer.copy_within(from..filled, 0);
        stream.write_all(&answers).await?;
    }
}

fn unescaped(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = bytes.iter();
    std::iter::from_fn(move || match bytes.next()? {
        0x7d => Some(if bytes.next() == Some(&2) { 0x7e } else { 0x7d }),
        byte => Some(*byte),
    })
}
