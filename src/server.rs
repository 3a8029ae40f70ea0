//! [`Server`]: the rooms joined, started in order and closed in order. `serve` runs one, `demo` too.

mod noted;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use interdict_engine::Input;
use interdict_engine::roads::RoadGraph;
use interdict_protocols::find;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiState, Door, Rooms};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::devices::{self, Registry};
use crate::dispatch::webhook::Webhooks;
use crate::downlink::downlink;
use crate::gateway::Gateway;
use crate::heads::Publisher;
use crate::mass;
use crate::metrics::Metrics;
use crate::plate_flags;
use crate::pursuit;
use crate::retention::Keeper;
use crate::roads::lend;
use crate::shards::{Refused, Shards};
use crate::store::{Space, Store};

const MIB: u64 = 1024 * 1024;

/// Where in the data folder tables of driving times are kept.
const TABLES: &str = "roads";

/// What a server is started with, beside its configuration.
pub struct Options {
    /// Where everything durable lies.
    pub data: PathBuf,
    /// The engine's time.
    pub clock: Clock,
    /// What approaches are judged by; their tables are kept in the data folder.
    pub roads: Option<RoadGraph>,
    /// Every read of every tracker is written there.
    pub record: Option<PathBuf>,
    /// Any device that logs in becomes a vehicle of its own id.
    pub enrol_all: bool,
    /// The first admin token, where the data folder has none yet.
    pub admin_token: Option<String>,
}

/// A running server.
pub struct Server {
    shards: Shards,
    gateway: Gateway,
    http: SocketAddr,
    api: JoinHandle<std::io::Result<()>>,
    closing: CancellationToken,
    shutdown: Duration,
    new_admin_token: Option<String>,
    store: Store,
    heads: Option<Publisher>,
    keeper: Keeper,
    webhooks: Webhooks,
}

impl Server {
    /// Opens the data, brings the engine to where it was, and listens.
    ///
    /// # Errors
    /// The data folder cannot be used, a port is taken, the recording exists already.
    pub async fn start(
        configuration: &Configuration,
        mut options: Options,
    ) -> anyhow::Result<Self> {
        let store = {
            let (data, source) = (options.data.clone(), configuration.source.clone());
            let space = Space {
                free_bytes: configuration.limits.disk_free_mib.saturating_mul(MIB),
                reserve_bytes: configuration.limits.disk_reserve_mib.saturating_mul(MIB),
            };
            tokio::task::spawn_blocking(move || Store::open_with(&data, &source, space)).await??
        };
        say_restored(&store);
        let signer = store.audit_signer(options.clock.now())?;
        let unnoted = noted::start(&store, configuration, &options)?;
        let devices = devices::Options {
            refused_devices: configuration.limits.refused_devices,
            enrol_all: options.enrol_all,
            token_window_until: configuration.token_window_until,
            datum_of_model: configuration.datums.clone().into_iter().collect(),
            platforms: configuration.platforms.clone(),
        };
        let registry = Registry::load(&store, options.clock, devices)?;
        registry.enrol_fleet(&configuration.fleet)?;
        let metrics = Arc::new(Metrics::default());
        let shards = {
            let (store, mut setup) = (store.clone(), configuration.setup.clone());
            let (clock, queue) = (options.clock, configuration.limits.shard_queue);
            let (roads, count) = (options.roads.take(), shard_count());
            let kept = configuration.retention.unflagged_s.keys().copied().collect();
            tokio::task::spawn_blocking(move || {
                if let Some(graph) = roads {
                    for checkpoint in lend(graph, &mut setup, Some(&store.path().join(TABLES))) {
                        let id = checkpoint.as_str();
                        tracing::warn!(checkpoint = ?id, "a checkpoint is on no road: it is judged by geometry");
                    }
                }
                Shards::start_keeping(&store, &setup, clock, (count, queue), kept)
            })
            .await??
        };
        // The engine keeps nothing of vehicles that are not flagged: it learns them anew, also where
        // there is no room: then the server comes up to say so.
        let vehicles = registry.vehicles().into_iter().map(Input::Vehicle).collect();
        match shards.tell_noted(vehicles, unnoted).await {
            Ok(()) | Err(Refused::NotDurable) => {}
            Err(refused) => return Err(refused.into()),
        }
        let admin = api::first_admin(&store, options.admin_token, options.clock.now())?;
        let (downlink, requests) = downlink();
        let mut gateway = Gateway::new(
            shards.clone(),
            registry.clone(),
            Arc::clone(&metrics),
            configuration.limits.clone(),
            (configuration.downlink.clone(), requests),
            options.record.as_deref(),
        )
        .with_context(|| match &options.record {
            Some(file) => format!("cannot record to {}", file.display()),
            None => "cannot start the gateway".to_owned(),
        })?;
        for (name, address) in &configuration.ports {
            if let Some(protocol) = find(name) {
                gateway.listen(protocol, *address)?;
            }
        }
        let listener = TcpListener::bind(configuration.http).await.with_context(|| {
            format!(
                "cannot listen for HTTP on {}; choose another with --http ADDRESS:PORT",
                configuration.http
            )
        })?;
        let http = listener.local_addr()?;
        let door =
            Door::open(listener, configuration.tls.clone()).context("cannot answer by HTTPS")?;
        let closing = CancellationToken::new();
        tokio::spawn(mass::watch(
            store.clone(),
            shards.clone(),
            configuration.setup.clone(),
            closing.clone(),
        ));
        let heads = Publisher::start(&store, &signer, &configuration.audit);
        let keeper = Keeper::start(&store, &shards, configuration.retention.clone());
        tokio::spawn(plate_flags::follow(
            store.clone(),
            registry.clone(),
            shards.clone(),
            closing.clone(),
        ));
        if configuration.downlink.enabled {
            let (store, registry) = (store.clone(), registry.clone());
            let (shards, downlink) = (shards.clone(), downlink.clone());
            tokio::spawn(pursuit::follow(store, registry, shards, downlink, closing.clone()));
        }
        let webhooks = Webhooks::start(
            &store,
            &configuration.setup,
            &configuration.webhooks,
            options.clock,
            shards.latest(),
        )?;
        let state = ApiState::new(
            Rooms {
                store: store.clone(),
                registry,
                shards: shards.clone(),
                webhooks: webhooks.clone(),
                metrics,
            },
            api::Settings {
                setup: configuration.setup.clone(),
                reasons: configuration.audit.reasons,
                limits: configuration.limits.clone(),
                persons: configuration.persons.clone(),
                flag_reasons: configuration.flag_reasons.clone(),
                history: configuration.history.clone(),
                downlink,
                web: configuration.web.clone(),
                https: configuration.tls.is_some(),
                sources: configuration.sources.clone(),
            },
            closing.clone(),
        )?;
        let api = tokio::spawn(api::serve(door, state));
        Ok(Self {
            shards,
            gateway,
            http,
            api,
            closing,
            shutdown: Duration::from_secs_f64(configuration.limits.shutdown_s),
            new_admin_token: admin,
            store,
            heads,
            keeper,
            webhooks,
        })
    }

    /// Where HTTP is answered.
    #[must_use]
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where trackers are heard, by protocol name.
    pub fn listening(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.gateway.listening().iter().map(|(protocol, address)| (protocol.name, *address))
    }

    /// The admin token made at this start, if one was: it is shown this once.
    #[must_use]
    pub fn new_admin_token(&self) -> Option<&str> {
        self.new_admin_token.as_deref()
    }

    /// Ends in order, within the time that the limits give: what is left undone then is said.
    pub async fn close(self) {
        let Self {
            shards, gateway, api, closing, shutdown, store, heads, keeper, webhooks, ..
        } = self;
        let clock = *shards.clock();
        let orderly = async {
            // Readiness turns false with this, and streams end.
            closing.cancel();
            keeper.close().await;
            gateway.close().await;
            if let Err(error) = api.await {
                tracing::error!(%error, "the HTTP server did not end well");
            }
            if let Err(error) = tokio::task::spawn_blocking(move || shards.close()).await {
                tracing::error!(%error, "the engine did not end well");
            }
            webhooks.close().await;
            noted::stop(store, clock.now()).await;
            if let Some(heads) = heads {
                heads.close().await;
            }
        };
        if tokio::time::timeout(shutdown, orderly).await.is_err() {
            tracing::error!(
                "the shutdown took longer than {} s and was cut short; devices will send unanswered fixes again",
                shutdown.as_secs_f64()
            );
        }
    }
}

/// Says that the data came from a backup, as long as nothing has happened since.
fn say_restored(store: &Store) {
    if let Some(restored) = store.restored().last()
        && store.latest_sequence() + 1 == restored.next_sequence
    {
        tracing::warn!(
            made_at = %restored.made_at, last_event = restored.last_sequence,
            next_event = restored.next_sequence,
            "the data was restored from a backup: what happened after it was made is lost"
        );
    }
}

/// Half the processors: the other half is the gateway's and the writer's.
fn shard_count() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get() / 2).clamp(1, 8)
}
