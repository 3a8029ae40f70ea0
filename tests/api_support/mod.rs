//! A server's API on a free port, without trackers.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::Path;
use std::sync::Arc;

use interdict::api::{ApiState, Rooms, first_admin, serve};
use interdict::client::{Client, ClientError};
use interdict::clock::Clock;
use interdict::config::{self, Reasons};
use interdict::devices::{Options, Registry};
use interdict::dispatch::webhook::Webhooks;
use interdict::metrics::Metrics;
use interdict::shards::Shards;
use interdict::store::Store;
use interdict_engine::{Level, Setup, Unit};
use interdict_protocols::Time;
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
    serving: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_on(folder, "127.0.0.1:0")
    }

    pub(crate) fn start_on(folder: &Path, address: &str) -> Self {
        Self::start_as(folder, address, setup(), Reasons::Required)
    }

    pub(crate) fn start_with(folder: &Path, address: &str, setup: Setup) -> Self {
        Self::start_as(folder, address, setup, Reasons::Required)
    }

    /// Started so that positions are read without a reason, too.
    pub(crate) fn start_without_reasons(folder: &Path) -> Self {
        Self::start_as(folder, "127.0.0.1:0", setup(), Reasons::Optional)
    }

    fn start_as(folder: &Path, address: &str, setup: Setup, reasons: Reasons) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let store = Store::open(folder, "urn:interdict:test").unwrap();
        let clock = Clock::new(START, 1.0);
        let options = Options { refused_devices: 100, ..Options::default() };
        let registry = Registry::load(&store, clock, options).unwrap();
        let shards = Shards::start(&store, &setup, clock, 2, 64).unwrap();
        first_admin(&store, Some(ADMIN.to_owned()), START).unwrap();
        let closing = CancellationToken::new();
        let webhooks = config::Webhooks::default();
        let rooms = Rooms {
            store: store.clone(),
            registry: registry.clone(),
            shards: shards.clone(),
            webhooks: Webhooks::start(&store, &setup, &webhooks, clock, shards.latest()).unwrap(),
            metrics: Arc::new(Metrics::default()),
        };
        let state = ApiState::new(rooms, setup, reasons, Vec::new(), closing.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = Some(runtime.spawn(serve(listener, state.unwrap())));
        Self { url, store, registry, shards, runtime, closing, serving }
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

    /// Enrols a device in a vehicle with a plate.
    pub(crate) fn enrol(&self, device: &str, vehicle: &str, plate: &str) -> Value {
        let body = json!({"device": device, "vehicle": vehicle, "plate": plate, "class": "taxi"});
        self.admin().post("/v1/devices", &body).unwrap()
    }

    /// Flags a vehicle; answers the flag's id.
    pub(crate) fn flag(&self, vehicle: &str) -> String {
        let flag = self.admin().post("/v1/flags", &flag_of(vehicle)).unwrap();
        flag["id"].as_str().unwrap().to_owned()
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
        let body = body.read_to_string().unwrap();
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
