//! The real program, started, spoken to and stopped by tests.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use interdict_engine::Type;
use interdict_protocols::tracker::{Progress, Tracker, tracker};
use interdict_protocols::{DeviceId, Fix, Time};
use serde_json::Value;

/// How long anything here may take before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const TOKEN: &str = "a-test's-own-admin-token";

/// The program, run to its end.
pub(crate) fn interdict(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

/// Whether `condition` comes true while anybody would still wait.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// A running server on free loopback ports.
pub(crate) struct Server {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) ports: BTreeMap<String, SocketAddr>,
    said: Arc<Mutex<Vec<String>>>,
    dispatcher: std::sync::OnceLock<String>,
}

impl Server {
    /// Starts with the given data folder, protocols and further arguments.
    pub(crate) fn start(data: &Path, protocols: &[&str], more: &[&str]) -> Self {
        Self::start_in(data, protocols, more, &[])
    }

    /// As [`Self::start`], with these variables in its environment.
    pub(crate) fn start_in(
        data: &Path,
        protocols: &[&str],
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
        command.envs(environment.iter().copied());
        Self::start_by(command, data, protocols, more)
    }

    /// As [`Self::start`], by a command that the arguments are given to.
    pub(crate) fn start_by(
        mut command: Command,
        data: &Path,
        protocols: &[&str],
        more: &[&str],
    ) -> Self {
        command
            .args(["serve", "--http", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(
                protocols
                    .iter()
                    .flat_map(|name| ["--port".to_owned(), format!("{name}=127.0.0.1:0")]),
            )
            .args(more)
            .env("INTERDICT_ADMIN_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut ports = BTreeMap::new();
        let mut http = None;
        let mut before = String::new();
        while http.is_none() {
            let Some(Ok(line)) = lines.next() else {
                panic!("the server ended before it listened:\n{before}")
            };
            if let Some(("listening", rest)) = line.split_once(' ')
                && let Some((name, address)) = rest.split_once(' ')
            {
                let address = address.parse().expect("an address");
                match name {
                    "http" | "https" => http = Some(address),
                    name => drop(ports.insert(name.to_owned(), address)),
                }
            }
            before.push_str(&line);
            before.push('\n');
        }
        // What it says later must not fill the pipe.
        let said = Arc::<Mutex<Vec<String>>>::default();
        let hearing = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| hearing.lock().expect("whole").push(line));
        });
        let http = http.expect("listening");
        Self { child, http, ports, said, dispatcher: Default::default() }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard error since it listens.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().expect("whole").clone()
    }

    /// Starts with the Dalian default without roads, and `more` lines of configuration behind it.
    pub(crate) fn start_without_roads(folder: &Path, protocols: &[&str], more: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let path = |name: &str| fixtures.join(name).display().to_string();
        let text = format!(
            "[files]\ncheckpoints = '{}'\nregions = '{}'\nunits = '{}'\n{more}",
            path("checkpoints.geojson"),
            path("regions.geojson"),
            path("units.toml")
        );
        let config = file(folder, "interdict.toml", &text);
        let arguments = ["--config", config.to_str().expect("UTF-8")];
        Self::start(&folder.join("store"), protocols, &arguments)
    }

    /// The token of somebody in that role, of a unit or of none.
    pub(crate) fn person(&self, name: &str, role: &str, unit: Option<&str>) -> String {
        let asked = serde_json::json!({"name": name, "role": role, "unit": unit});
        self.post("/v1/tokens", &asked)["token"].as_str().expect("a token").to_owned()
    }

    /// A command that asks this server, as the holder of that token runs it.
    pub(crate) fn run(&self, token: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(arguments)
            .args(["--server", &self.url("")])
            .env("INTERDICT_TOKEN", token)
            .stdin(Stdio::null())
            .output()
            .expect("the program starts")
    }

    /// What such a command prints that succeeds.
    pub(crate) fn printed(&self, token: &str, arguments: &[&str]) -> String {
        let output = self.run(token, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What such a command says that fails.
    pub(crate) fn complaint(&self, token: &str, arguments: &[&str]) -> String {
        let output = self.run(token, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// One request with the admin's token; the status and the body.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.request_as(TOKEN, method, path, body)
    }

    /// One request by the holder of that token.
    pub(crate) fn request_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(self.url(path))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json")
            .body(body.map(Value::to_string).unwrap_or_default())
            .expect("a request");
        let mut response = agent.run(request).expect("an answer");
        let text = response.body_mut().read_to_string().expect("text");
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (response.status().as_u16(), value)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, value) = self.request("GET", path, None);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (status, value) = self.request("POST", path, Some(body));
        assert!((200..300).contains(&status), "{path}: {status} {value}");
        value
    }

    /// The token of the person `dispatcher`, who flags vehicles: an admin does not.
    pub(crate) fn dispatcher(&self) -> &str {
        self.dispatcher.get_or_init(|| {
            // Another name at each start on the same data.
            let name = format!("desk {}", self.child.id());
            let asked = serde_json::json!({
                "name": name, "person": "dispatcher", "role": "dispatcher"
            });
            self.post("/v1/tokens", &asked)["token"].as_str().expect("a token").to_owned()
        })
    }

    /// The dispatcher is known already, from before a restart on the same data.
    pub(crate) fn with_dispatcher(self, token: String) -> Self {
        self.dispatcher.set(token).expect("nobody has asked for them yet");
        self
    }

    /// Flags a vehicle as the dispatcher asks; the flag.
    pub(crate) fn flag(&self, asked: &Value) -> Value {
        let (status, flag) = self.request_as(self.dispatcher(), "POST", "/v1/flags", Some(asked));
        assert_eq!(status, 201, "{flag}");
        flag
    }

    pub(crate) fn enrol(&self, device: &str, vehicle: &str, plate: &str, class: &str) {
        self.post(
            "/v1/devices",
            &serde_json::json!({
                "device": device, "vehicle": vehicle, "plate": plate, "class": class
            }),
        );
    }

    /// Every event so far, read until the one that was the latest when this began.
    pub(crate) fn all_events(&self) -> Vec<Value> {
        let metrics = self.get("/metrics");
        let mut lines = metrics.as_str().expect("text").lines();
        let last = lines.find_map(|line| line.strip_prefix("interdict_events_total "));
        let last = last.expect("they are counted");
        let mut stream = Events::of_all_types(self.http, 0).expect("an answer");
        let mut events = Vec::new();
        while last != "0" && events.last().is_none_or(|event: &Value| event["sequence"] != last) {
            events.push(stream.try_next().expect("the stream goes on"));
        }
        events
    }

    /// The stream of events after `cursor`, without those that must be asked for by type.
    pub(crate) fn events(&self, after: u64) -> Events {
        Events::open(self.http, &format!("/v1/events?after={after}"))
    }

    /// A tracker that has said hello and been answered.
    pub(crate) fn tracker(&self, protocol: &str, device: &str) -> Talk {
        let mut talk = Talk::open(self.ports[protocol], protocol, device);
        talk.greet();
        talk
    }

    /// Where a protocol is listened to.
    pub(crate) fn address(&self, protocol: &str) -> SocketAddr {
        self.ports[protocol]
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("still running");
        self.child.wait().expect("ends");
    }

    pub(crate) fn signal(&self, name: &str) {
        // A shell has `kill` built in; a program of that name is not on every machine.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status()
            .expect("a shell is there");
        assert!(status.success());
    }

    /// Ends in order; the exit code.
    pub(crate) fn stop(mut self) -> i32 {
        self.signal("TERM");
        self.child.wait().expect("ends").code().expect("by itself")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Stopped already, or the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An event stream.
pub(crate) struct Events {
    lines: std::io::Lines<BufReader<TcpStream>>,
}

impl Events {
    /// The stream of every event after `after`; `None` where the server goes before it answers.
    pub(crate) fn of_all_types(http: SocketAddr, after: u64) -> Option<Self> {
        let types: Vec<&str> = Type::ALL.iter().map(|kind| kind.name()).collect();
        let path = format!("/v1/events?after={after}&type={}", types.join(","));
        Self::try_open(TOKEN, http, &path)
    }

    pub(crate) fn open(http: SocketAddr, path: &str) -> Self {
        Self::open_as(TOKEN, http, path)
    }

    /// With that token.
    pub(crate) fn open_as(token: &str, http: SocketAddr, path: &str) -> Self {
        Self::try_open(token, http, path).expect("an answer")
    }

    fn try_open(token: &str, http: SocketAddr, path: &str) -> Option<Self> {
        let mut stream = TcpStream::connect(http).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .ok()?;
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next()?.ok()?;
        assert!(status.contains(" 200 "), "{status}");
        Some(Self { lines })
    }

    /// What the server remarks next, beside the events.
    pub(crate) fn remark(&mut self) -> String {
        loop {
            let line = self.lines.next().expect("the stream goes on").expect("read in time");
            // An empty one is its heartbeat.
            if let Some(remark) = line.strip_prefix(": ") {
                return remark.to_owned();
            }
        }
    }

    /// The next event; `None` once the server has gone.
    pub(crate) fn try_next(&mut self) -> Option<Value> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(data) = line.strip_prefix("data:") {
                return serde_json::from_str(data).ok();
            }
        }
    }

    /// The next event of a type that ends in `kind`.
    pub(crate) fn next(&mut self, kind: &str) -> Value {
        loop {
            let line = self.lines.next().expect("the stream goes on").expect("read in time");
            if let Some(data) = line.strip_prefix("data:") {
                let event: Value = serde_json::from_str(data).expect("JSON");
                if event["type"].as_str().is_some_and(|name| name.ends_with(kind)) {
                    return event;
                }
            }
        }
    }
}

/// A tracker on a TCP connection.
pub(crate) struct Talk {
    pub(crate) stream: TcpStream,
    pub(crate) tracker: Box<dyn Tracker>,
    /// What the server has asked for, and nobody has looked at.
    asked: std::collections::VecDeque<interdict_protocols::Command>,
}

impl Talk {
    pub(crate) fn open(address: SocketAddr, protocol: &str, device: &str) -> Self {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let (_, tracker) = tracker(protocol, &DeviceId::from(device)).expect("can be played");
        Self { stream, tracker, asked: Default::default() }
    }

    pub(crate) fn greet(&mut self) {
        let hello = self.tracker.hello();
        self.stream.write_all(&hello).expect("sent");
        while self.tracker.progress() == Progress::Waiting {
            assert!(self.hear().is_some(), "the server hung up on the greeting");
        }
    }

    /// Takes one answer; how many reports it accepts, `None` where the server has hung up.
    pub(crate) fn hear(&mut self) -> Option<usize> {
        let mut buffer = [0; 4096];
        let length = self.stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        let heard = self.tracker.hear(&buffer[..length]);
        self.asked.extend(heard.asked);
        self.stream.write_all(&heard.say).expect("sent");
        Some(heard.accepted)
    }

    /// What the server asks for next.
    pub(crate) fn asked(&mut self) -> interdict_protocols::Command {
        loop {
            if let Some(command) = self.asked.pop_front() {
                return command;
            }
            assert!(self.hear().is_some(), "the server asked for nothing");
        }
    }

    pub(crate) fn send(&mut self, fix: &Fix) {
        let report = self.tracker.report(fix);
        self.stream.write_all(&report).expect("sent");
    }

    /// Reports and waits until that is accepted; false where the server hangs up instead.
    pub(crate) fn report(&mut self, fix: &Fix) -> bool {
        self.send(fix);
        loop {
            match self.hear() {
                Some(0) => {}
                Some(_) => return true,
                None => return false,
            }
        }
    }
}

/// A fix of this moment.
pub(crate) fn fix_now(latitude: f64, longitude: f64) -> Fix {
    fix_ago(0, latitude, longitude)
}

/// A fix of `seconds` ago.
pub(crate) fn fix_ago(seconds: i64, latitude: f64, longitude: f64) -> Fix {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let time = Time::from_seconds(now.cast_signed() - seconds);
    Fix::new(time, latitude, longitude).expect("on the globe")
}

/// A folder of its own for a test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A file in `folder` with this text.
pub(crate) fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}
