//! A server's API on a free port, without trackers.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::Path;
use std::sync::Arc;

use interdict::api::{ApiState, Door, Rooms, Settings, first_admin, serve};
use interdict::client::{Client, ClientError};
use interdict::clock::Clock;
use interdict::config::{self, Reasons, Source};
use interdict::devices::{Options, Registry};
use interdict::dispatch::webhook::Webhooks;
use interdict::metrics::Metrics;
use interdict::shards::Shards;
use interdict::store::Store;
use interdict_engine::{Input, Level, Observation, Setup, Unit};
use interdict_protocols::{Fix, Time};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The first admin's token.
pub(crate) const ADMIN: &str = "the-admin";
/// When the server's clock starts.
pub(crate) const START: Time = Time::from_seconds(1_800_000_000);

/// A running API. Ends in order when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) shards: Shards,
    pub(crate) runtime: Runtime,
    closing: CancellationToken,
    dispatcher: std::sync::OnceLock<String>,
    serving: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_on(folder, "127.0.0.1:0")
    }

    pub(crate) fn start_on(folder: &Path, address: &str) -> Self {
        Self::start_as(folder, address, setup(), Reasons::Required, START)
    }

    pub(crate) fn start_with(folder: &Path, address: &str, setup: Setup) -> Self {
        Self::start_as(folder, address, setup, Reasons::Required, START)
    }

    /// Started at another time.
    pub(crate) fn start_at(folder: &Path, setup: Setup, now: Time) -> Self {
        Self::start_as(folder, "127.0.0.1:0", setup, Reasons::Required, now)
    }

    /// Started so that positions are read without a reason, too.
    pub(crate) fn start_without_reasons(folder: &Path) -> Self {
        Self::start_as(folder, "127.0.0.1:0", setup(), Reasons::Optional, START)
    }

    /// Started with platforms that post positions.
    pub(crate) fn start_with_sources(folder: &Path, setup: Setup, sources: Vec<Source>) -> Self {
        Self::start_from(
            folder,
            "127.0.0.1:0",
            Settings { setup, sources, ..Settings::default() },
            START,
        )
    }

    fn start_as(folder: &Path, address: &str, setup: Setup, reasons: Reasons, now: Time) -> Self {
        Self::start_from(folder, address, Settings { setup, reasons, ..Settings::default() }, now)
    }

    fn start_from(folder: &Path, address: &str, settings: Settings, now: Time) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let store = Store::open(folder, "urn:interdict:test").unwrap();
        let clock = Clock::new(now, 1.0);
        let options = Options { refused_devices: 100, ..Options::default() };
        let registry = Registry::load(&store, clock, options).unwrap();
        let shards = Shards::start(&store, &settings.setup, clock, 2, 64).unwrap();
        first_admin(&store, Some(ADMIN.to_owned()), now).unwrap();
        let closing = CancellationToken::new();
        let webhooks = config::Webhooks {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            ..config::Webhooks::default()
        };
        let rooms = Rooms {
            store: store.clone(),
            registry: registry.clone(),
            shards: shards.clone(),
            webhooks: Webhooks::start(&store, &settings.setup, &webhooks, clock, shards.latest())
                .unwrap(),
            metrics: Arc::new(Metrics::default()),
        };
        let state = ApiState::new(rooms, settings, closing.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let door = runtime.block_on(async { Door::open(listener, None) }).unwrap();
        let serving = Some(runtime.spawn(serve(door, state.unwrap())));
        let dispatcher = std::sync::OnceLock::new();
        Self { url, store, registry, shards, runtime, closing, dispatcher, serving }
    }

    /// A client with that token.
    pub(crate) fn client(&self, token: &str) -> Client {
        Client::new(&self.url, Some(token.to_owned())).unwrap()
    }

    /// Where it listens, such as `127.0.0.1:8080`.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    pub(crate) fn admin(&self) -> Client {
        self.client(ADMIN)
    }

    /// A token that the admin makes.
    pub(crate) fn token(&self, asked: &Value) -> String {
        let made = self.admin().post("/v1/tokens", asked).unwrap();
        made["token"].as_str().unwrap().to_owned()
    }

    /// A client with a token of that role and unit.
    pub(crate) fn client_as(&self, name: &str, role: &str, unit: Option<&str>) -> Client {
        self.client(&self.token(&json!({"name": name, "role": role, "unit": unit})))
    }

    /// A client of the person `dispatcher`, who flags vehicles: an admin does not.
    pub(crate) fn dispatcher(&self) -> Client {
        self.client(self.dispatcher_token())
    }

    pub(crate) fn dispatcher_token(&self) -> &str {
        self.dispatcher.get_or_init(|| {
            // Another name at each start on the same data.
            let known = self.admin().get("/v1/tokens").unwrap();
            let name = format!("desk {}", known["tokens"].as_array().unwrap().len());
            self.token(&json!({"name": name, "person": "dispatcher", "role": "dispatcher"}))
        })
    }

    /// Enrols a device in a vehicle with a plate.
    pub(crate) fn enrol(&self, device: &str, vehicle: &str, plate: &str) -> Value {
        let body = json!({"device": device, "vehicle": vehicle, "plate": plate, "class": "taxi"});
        self.admin().post("/v1/devices", &body).unwrap()
    }

    /// Flags a vehicle; answers the flag's id.
    pub(crate) fn flag(&self, vehicle: &str) -> String {
        let flag = self.dispatcher().post("/v1/flags", &flag_of(vehicle)).unwrap();
        flag["id"].as_str().unwrap().to_owned()
    }

    /// Enrols a vehicle, flags it and drives it north along that meridian, straight at the place where
    /// the setup has its checkpoint, up to 5 km before it.
    pub(crate) fn approach(&self, vehicle: &str, longitude: f64) {
        self.enrol(&format!("d-{vehicle}"), vehicle, &format!("辽B·{vehicle}"));
        self.flag(vehicle);
        for step in 0..36_u32 {
            let time = START.plus_seconds(f64::from(step) * 10.0 - 360.0);
            let mut fix = Fix::new(time, 38.9 + 0.0015 * f64::from(step), longitude).unwrap();
            (fix.speed_kmh, fix.course_deg) = (Some(60.0), Some(0.0));
            let device = format!("d-{vehicle}").into();
            let input = Input::Fix(Observation { device, vehicle: vehicle.into(), fix });
            self.runtime.block_on(self.shards.tell(vec![input])).unwrap();
        }
    }

    /// A request as it is, for its status, headers and body.
    pub(crate) fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (ureq::http::response::Parts, String) {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).unwrap();
        let agent = ureq::Agent::from(config);
        let (parts, mut body) = agent.run(request).unwrap().into_parts();
        // A backup is no text.
        let body = String::from_utf8_lossy(&body.read_to_vec().unwrap()).into_owned();
        (parts, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.cancel();
        let serving = self.serving.take().unwrap();
        // Whatever failed, the test says.
        let _ = self.runtime.block_on(serving);
        self.shards.close();
    }
}

/// How the server refused: status, words, document.
pub(crate) fn refusal<T>(result: Result<T, ClientError>) -> (u16, String, Value) {
    match result.err().unwrap() {
        ClientError::Refused { status, detail, problem } => (status, detail, problem),
        other => panic!("{other}"),
    }
}

/// The next `count` events of a stream: their sequences, and the events.
pub(crate) fn read(
    client: &Client,
    path: &str,
    last: Option<u64>,
    count: usize,
) -> Vec<(u64, Value)> {
    let stream = client.stream(path, last).unwrap();
    let messages = stream.take(count).map(Result::unwrap);
    messages
        .map(|message| (message.id.unwrap(), serde_json::from_str(&message.data).unwrap()))
        .collect()
}

pub(crate) fn flag_of(vehicle: &str) -> Value {
    json!({
        "vehicle": vehicle,
        "reason": "stolen",
        "case": "A-17",
        "authority": "duty officer",
        "cautions": ["armed"],
        "emergency": true,
    })
}

/// A city with one station, and one checkpoint of it.
pub(crate) fn setup() -> Setup {
    let unit = |id: &str, level, parent: Option<&str>| Unit {
        id: id.into(),
        name: id.into(),
        name_zh: None,
        level,
        parent: parent.map(Into::into),
        zone: None,
    };
    let checkpoint = json!({
        "id": "north", "name": "North", "kind": "throat-road", "unit": "station",
        "shape": {"point": {"latitude": 39.0, "longitude": 121.5}},
    });
    Setup {
        units: vec![unit("city", Level::City, None), unit("station", Level::Station, Some("city"))],
        checkpoints: vec![serde_json::from_value(checkpoint).unwrap()],
        ..Setup::default()
    }
}
