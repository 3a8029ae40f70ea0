//! HTTP: JSON under `/v1`, each request with a token, each error a problem document.

mod alerts;
mod audit;
mod auth;
mod backup;
mod checkpoints;
mod commands;
mod console;
mod containment;
mod devices;
mod document;
mod door;
mod events;
mod extract;
mod flags;
mod health;
mod host;
mod ingest;
mod noting;
mod page;
mod presence;
mod problem;
mod rates;
mod reports;
mod request_id;
mod roads;
mod scope;
mod session_routes;
mod sessions;
mod sight;
mod sightings;
mod subjects;
mod tls;
mod token_routes;
mod tokens;
mod track;
mod units;
mod vehicles;
mod ways;
mod webhooks;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::serve::{Listener as _, ListenerExt as _};
use interdict_engine::Setup;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::audit::Signer;
use crate::config::{FlagReasons, History, Limits, Persons, Reasons, Source, Web};
use crate::devices::Registry;
use crate::dispatch::webhook::Webhooks;
use crate::downlink::Downlink;
use crate::metrics::Metrics;
use crate::shards::Shards;
use crate::store::{Store, StoreError};
use document::Document;
use problem::Problem;
use tokens::Tokens;

pub use door::Door;
pub use tls::TlsError;
pub use tokens::{Action, Kind, Role, Token, TokenError, first_admin};

/// The largest body, bytes: any of our JSON is far smaller.
const BODY_BYTES: usize = 1024 * 1024;
/// The largest CSV, bytes: a city's fleet of 200,000 vehicles.
const CSV_BYTES: usize = 16 * 1024 * 1024;

/// How long clients may take over the last of their answers: one that reads nothing must not keep
/// the engine from its own orderly end.
const GRACE: Duration = Duration::from_secs(1);

/// The rooms that requests are answered from.
pub struct Rooms {
    /// What is durable.
    pub store: Store,
    /// Devices and vehicles.
    pub registry: Registry,
    /// The engine.
    pub shards: Shards,
    /// Other systems that events are sent to.
    pub webhooks: Webhooks,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// What requests are answered from. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

/// The parts of [`ApiState`].
pub struct Inner {
    store: Store,
    registry: Registry,
    shards: Shards,
    webhooks: Webhooks,
    metrics: Arc<Metrics>,
    setup: Setup,
    tokens: Tokens,
    signer: Arc<Signer>,
    reasons: Reasons,
    persons: Persons,
    flag_reasons: FlagReasons,
    history: History,
    downlink: Downlink,
    web: Web,
    https: bool,
    sessions: sessions::Sessions,
    speakers: Vec<ingest::Speaker>,
    closing: CancellationToken,
    followers: std::sync::atomic::AtomicUsize,
    presence: presence::Presence,
    /// Held while a backup is made: one at a time.
    backing_up: Arc<tokio::sync::Mutex<()>>,
    rates: rates::Rates,
    /// Held while a ring is reckoned: one at a time, since each takes a processor for a second.
    containing: tokio::sync::Semaphore,
}

impl Deref for ApiState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What the configuration says of requests.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Units, checkpoints and rules, as the engine was told them.
    pub setup: Setup,
    /// Whether positions are read for a stated reason only.
    pub reasons: Reasons,
    /// Who may approve.
    pub persons: Persons,
    /// The reasons for which vehicles are flagged.
    pub flag_reasons: FlagReasons,
    /// How far back each role reads.
    pub history: History,
    /// How often one caller may ask.
    pub limits: Limits,
    /// How devices are asked for something.
    pub downlink: Downlink,
    /// What browsers are told.
    pub web: Web,
    /// HTTPS is spoken.
    pub https: bool,
    /// Platforms that post positions.
    pub sources: Vec<Source>,
}

impl ApiState {
    /// Joins what requests are answered from; reads the tokens and the audit log's key. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// What the store says.
    pub fn new(
        rooms: Rooms,
        settings: Settings,
        closing: CancellationToken,
    ) -> Result<Self, StoreError> {
        let Settings {
            setup,
            reasons,
            persons,
            flag_reasons,
            history,
            limits,
            downlink,
            web,
            https,
            sources,
        } = settings;
        let Rooms { store, registry, shards, webhooks, metrics } = rooms;
        Ok(Self(Arc::new(Inner {
            tokens: Tokens::load(&store)?,
            sessions: sessions::Sessions::load(&store, *shards.clock())?,
            speakers: ingest::Speaker::all(sources, &setup),
            signer: store.audit_signer(shards.clock().now())?,
            followers: Default::default(),
            presence: presence::Presence::default(),
            rates: rates::Rates::new(&limits),
            backing_up: Arc::default(),
            containing: tokio::sync::Semaphore::new(1),
            store,
            registry,
            shards,
            webhooks,
            metrics,
            setup,
            reasons,
            persons,
            flag_reasons,
            history,
            downlink,
            web,
            https,
            closing,
        })))
    }
}

/// Answers requests until `closing` of the state is cancelled; then ends the streams and finishes
/// the answers begun, as far as their clients take them within a second.
///
/// # Errors
/// The door fails.
pub async fn serve(door: Door, state: ApiState) -> io::Result<()> {
    let closing = state.closing.clone();
    let ended = closing.clone().cancelled_owned();
    tokio::spawn(presence::tell(state.clone()));
    // Tapped, since that lends requests their peer's address.
    let door = door.tap_io(|_| {});
    let address = door.local_addr().ok().map(|address| address.ip());
    let app = router(state, address).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(door, app).with_graceful_shutdown(ended);
    let too_long = async {
        closing.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = server => result,
        () = too_long => Ok(()),
    }
}

fn router(state: ApiState, address: Option<IpAddr>) -> Router {
    let csv = DefaultBodyLimit::max(CSV_BYTES);
    let v1 = OpenApiRouter::new()
        .routes(routes!(devices::list, devices::enrol))
        .routes(routes!(devices::import).layer(csv))
        .routes(routes!(devices::refused))
        .routes(routes!(devices::show, devices::revoke))
        .routes(routes!(devices::swap))
        .routes(routes!(commands::ask))
        .routes(routes!(commands::text))
        .routes(routes!(flags::list, flags::add))
        .routes(routes!(flags::show, flags::end))
        .routes(routes!(flags::table::export))
        .routes(routes!(flags::table::import).layer(csv))
        .routes(routes!(flags::reasons))
        .routes(routes!(flags::withdraw))
        .routes(routes!(flags::holds::hold))
        .routes(routes!(flags::holds::release))
        .routes(routes!(flags::holds::holds))
        .routes(routes!(flags::decisions::approve))
        .routes(routes!(flags::decisions::reject))
        .routes(routes!(flags::decisions::renew))
        .routes(routes!(subjects::report))
        .routes(routes!(sightings::add))
        .routes(routes!(vehicles::list))
        .routes(routes!(vehicles::show))
        .routes(routes!(track::track))
        .routes(routes!(units::units))
        .routes(routes!(units::regions))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::deliver))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(alerts::instruct))
        .routes(routes!(alerts::dispose))
        .routes(routes!(reports::alerts))
        .routes(routes!(checkpoints::list))
        .routes(routes!(
            checkpoints::show,
            checkpoints::put,
            checkpoints::change,
            checkpoints::remove
        ))
        .routes(routes!(containment::show))
        .routes(routes!(events::follow))
        .routes(routes!(backup::download))
        .routes(routes!(roads::show))
        .routes(routes!(ways::way))
        .routes(routes!(ways::reach))
        .routes(routes!(ingest::take))
        .routes(routes!(token_routes::list, token_routes::add))
        .routes(routes!(token_routes::revoke))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::remove))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::pause))
        .routes(routes!(webhooks::resume))
        .routes(routes!(webhooks::replay))
        .routes(routes!(webhooks::dead))
        .routes(routes!(webhooks::resend))
        .routes(routes!(audit::list))
        .routes(routes!(audit::head))
        .routes(routes!(audit::key))
        .routes(routes!(audit::prove));
    let (v1, of_v1) = v1.split_for_parts();
    let require = from_fn_with_state(state.clone(), auth::require);
    let note_refusals = from_fn_with_state(state.clone(), noting::note_refusals);
    // The layer covers what is not there too: who bears no token learns nothing.
    let v1 = v1.fallback(not_found).method_not_allowed_fallback(not_allowed);
    let rates = from_fn_with_state(state.clone(), rates::of_token);
    let strangers = from_fn_with_state(state.clone(), rates::of_strangers);
    let v1 = v1.layer(note_refusals.clone()).layer(rates).layer(require.clone());
    let hosts = Arc::new(host::Hosts::new(address, &state.web.hosts));
    let (named, of_named) = OpenApiRouter::new()
        .routes(routes!(health::metrics).layer(note_refusals).layer(require.clone()))
        .routes(routes!(session_routes::show, session_routes::close).layer(require))
        // To log in takes no session yet.
        .routes(routes!(session_routes::open))
        .routes(routes!(document::openapi))
        .split_for_parts();
    // Whoever watches over the server knows its address, not its names.
    let (nameless, of_nameless) = OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .split_for_parts();
    let mut all = document::Common::openapi().nest("/v1", of_v1);
    all.merge(of_named);
    all.merge(of_nameless);
    named
        .nest("/v1", v1)
        .merge(console::routes(&state.web))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(hosts, host::check))
        .merge(nameless.method_not_allowed_fallback(not_allowed))
        .layer(Extension(Document::new(&all)))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(strangers)
        .layer(map_response(no_store))
        .layer(from_fn(request_id::name))
        .with_state(state)
}

/// Nothing here may lie in anybody's cache, but for the console's own files, which say so.
async fn no_store(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}

async fn not_found() -> Problem {
    Problem::not_found("there is nothing at this address")
}

async fn not_allowed() -> Problem {
    let detail = "this address does not take that method; `Allow` names those that it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}

/// Runs what blocks on the disk.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server failed on this request; its log says where",
        )),
    }
}
