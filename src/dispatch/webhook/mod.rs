//! Webhooks: events, sent to other systems by HTTP as they come, each endpoint at its own pace.
//!
//! Bodies are CloudEvents, signatures those of Standard Webhooks. Delivery is at least once: an event
//! bears the same `webhook-id`, its own, however often it is sent. Start at [`Webhooks`]; `progress`
//! says what is kept, `courier` what is done with it.

mod courier;
mod definition;
mod endpoint;
mod guard;
mod progress;
mod sender;
mod signing;
mod target;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use interdict_engine::Setup;
use interdict_protocols::Time;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::Wanted;
use crate::audit::{Act, By, acts};
use crate::clock::Clock;
use crate::config;
use crate::store::{Store, StoreError, Table};
use courier::Courier;
use endpoint::{Change, Endpoint};
use guard::Guard;
use sender::Sender;
use target::Target;

pub use definition::{State, Webhook};
pub use progress::{Dead, Held, Progress, Trouble};
pub use sender::Unreachable;
pub use signing::{Secret, Secrets};
pub use target::BadUrl;

/// More endpoints than this, and somebody makes them by mistake in a loop.
const MOST: usize = 100;

/// Why something was not done with a webhook.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address is none.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// The address cannot be found, or must not be connected to.
    #[error("the endpoint cannot be used: {0}")]
    Unreachable(#[from] Unreachable),
    /// There are too many.
    #[error("there are {MOST} webhooks already; remove one that is not needed")]
    TooMany,
    /// There is none of that identity.
    #[error("there is no webhook `{0}`")]
    Missing(String),
    /// It has no such dead letter.
    #[error("there is no dead letter {0}")]
    NoDeadLetter(u64),
    /// A secret cannot be made.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// It could not be made durable, or the cursor is not good.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct New {
    /// What people call it.
    pub name: Option<String>,
    /// Where events go.
    pub url: String,
    /// Which events.
    pub filter: Wanted,
    /// Which fields of their data.
    pub fields: Option<Vec<String>>,
    /// What requests are signed with; made where none is given.
    pub secret: Option<Secret>,
    /// After which event it begins; with those to come where it is not said.
    pub after: Option<u64>,
}

/// A webhook as it may be shown: without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct View {
    /// Its identity.
    pub id: String,
    name: Option<String>,
    url: String,
    /// Which events.
    pub filter: Wanted,
    fields: Option<Vec<String>>,
    created_by: String,
    /// When.
    pub created_at: Time,
    /// Whether events are sent.
    pub state: State,
    /// Until when the secret before the present one is signed with, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_before_until: Option<Time>,
    /// How far behind it is.
    pub lag: Lag,
    cursor: u64,
    /// Events delivered so far.
    pub delivered: u64,
    delivered_at: Option<Time>,
    /// The endpoint takes nothing.
    pub down: Option<Trouble>,
    /// Vehicles whose events wait because the endpoint rejects one of them.
    held: BTreeMap<String, Held>,
    /// Events that were purged before they could be sent.
    pub lost: u64,
}

/// How far behind an endpoint is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = WebhookLag)]
pub struct Lag {
    /// Events still to be delivered. Beyond the next thousand those count, too, that are not wanted.
    pub events: u64,
    /// Seconds since the oldest of them happened.
    pub seconds: f64,
}

/// All webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    settings: config::Webhooks,
    latest: watch::Receiver<u64>,
    ending: CancellationToken,
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    endpoint: Arc<Endpoint>,
    ending: CancellationToken,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// Reads the webhooks and begins to send. Blocks on the disk; within a runtime.
    ///
    /// # Errors
    /// What the store says.
    pub fn start(
        store: &Store,
        setup: &Setup,
        settings: &config::Webhooks,
        clock: Clock,
        latest: watch::Receiver<u64>,
    ) -> Result<Self, StoreError> {
        let all = Self(Arc::new(Inner {
            store: store.clone(),
            clock,
            settings: settings.clone(),
            latest,
            ending: CancellationToken::new(),
            running: Mutex::default(),
        }));
        for (_, webhook) in store.read::<Webhook>(Table::Webhooks)? {
            let endpoint =
                Endpoint::load(store, webhook, setup, settings, store.latest_sequence())?;
            all.begin(Arc::new(endpoint));
        }
        Ok(all)
    }

    /// Ends: what goes out at this moment is given up and sent again after the next start.
    pub async fn close(&self) {
        self.0.ending.cancel();
        let running = std::mem::take(&mut *self.running());
        for (id, Running { task, .. }) in running {
            if let Err(error) = task.await {
                tracing::error!(%error, webhook = id, "a webhook did not end well");
            }
        }
    }

    /// Makes a webhook; its secret is told here and never again. `setup` has the units and checkpoints
    /// of the filter.
    ///
    /// # Errors
    /// [`WebhookError`]; nothing was made then.
    pub async fn create(
        &self,
        new: New,
        setup: &Setup,
        by: &By,
    ) -> Result<(View, Secret), WebhookError> {
        let inner = &self.0;
        if self.running().len() >= MOST {
            return Err(WebhookError::TooMany);
        }
        let settings = &inner.settings;
        let target = Target::parse(&new.url)?;
        let guard = Guard::new(&settings.allow);
        Sender::new(target, guard, settings.connect_s, settings.timeout_s).resolve().await?;
        let latest = inner.store.latest_sequence();
        let cursor = new.after.unwrap_or(latest);
        if cursor > latest {
            return Err(StoreError::Ahead { latest }.into());
        }
        let secret = new.secret.map_or_else(Secret::random, Ok)?;
        let now = inner.clock.now();
        let webhook = Webhook {
            id: identity()?,
            name: new.name,
            url: new.url,
            filter: new.filter,
            fields: new.fields,
            secrets: Secrets::new(secret.clone()),
            created_by: by.who.clone(),
            created_at: now,
            state: State::Active,
        };
        let act = Act::new(now, acts::WEBHOOK_ADD, by)
            .with("webhook", webhook.id.as_str())
            .with("url", webhook.url.as_str())
            .with("filter", serde_json::json!(webhook.filter))
            .with_some("fields", webhook.fields.clone())
            .with("after", cursor);
        let endpoint = Endpoint::load(&inner.store, webhook, setup, settings, cursor)?;
        let endpoint = Arc::new(endpoint);
        let created = Arc::clone(&endpoint);
        blocking(move || Ok(created.create(act)?)).await?;
        self.begin(Arc::clone(&endpoint));
        let now = inner.clock.now();
        Ok((blocking(move || Ok(view(&endpoint, now)?)).await?, secret))
    }

    /// All webhooks, in order of their making.
    ///
    /// # Errors
    /// What the store says.
    pub async fn list(&self) -> Result<Vec<View>, WebhookError> {
        let endpoints: Vec<_> =
            self.running().values().map(|running| Arc::clone(&running.endpoint)).collect();
        let now = self.0.clock.now();
        let mut views = blocking(move || {
            let views = endpoints.iter().map(|endpoint| view(endpoint, now));
            Ok(views.collect::<Result<Vec<_>, StoreError>>()?)
        })
        .await?;
        views.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(views)
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`WebhookError::Missing`]; what the store says.
    pub async fn show(&self, id: &str) -> Result<View, WebhookError> {
        let (endpoint, now) = (self.endpoint(id)?, self.0.clock.now());
        blocking(move || Ok(view(&endpoint, now)?)).await
    }

    /// Takes a webhook away, with what waits for it and its dead letters.
    ///
    /// # Errors
    /// [`WebhookError::Missing`]; what the store says.
    pub async fn remove(&self, id: &str, by: &By) -> Result<(), WebhookError> {
        let endpoint = self.endpoint(id)?;
        let act = self.act(acts::WEBHOOK_REMOVE, by, id);
        blocking(move || Ok(endpoint.remove(act)?)).await?;
        if let Some(running) = self.running().remove(id) {
            running.ending.cancel();
        }
        Ok(())
    }

    /// Gives a webhook another secret, told here and never again; for `overlap_s` seconds requests bear
    /// a signature by the one before, too.
    ///
    /// # Errors
    /// [`WebhookError::Missing`]; what the store says.
    pub async fn rotate(
        &self,
        id: &str,
        secret: Option<Secret>,
        overlap_s: f64,
        by: &By,
    ) -> Result<(View, Secret), WebhookError> {
        let secret = secret.map_or_else(Secret::random, Ok)?;
        let until = self.0.clock.now().plus_seconds(overlap_s);
        let secrets = self.endpoint(id)?.webhook().secrets.clone().rotated(secret.clone(), until);
        let act = self.act(acts::WEBHOOK_ROTATE, by, id).with("before_until", until.to_string());
        Ok((self.change(id, Change::Secrets(secrets), act).await?, secret))
    }

    /// Holds a webhook's events, or lets them go on.
    ///
    /// # Errors
    /// [`WebhookError::Missing`]; what the store says.
    pub async fn set_paused(&self, id: &str, paused: bool, by: &By) -> Result<View, WebhookError> {
        let state = if paused { State::Paused } else { State::Active };
        let act = self.act(acts::WEBHOOK_CHANGE, by, id).with("state", serde_json::json!(state));
        if !paused {
            let (endpoint, now) = (self.endpoint(id)?, self.0.clock.now());
            let mut moving = endpoint.moving();
            moving.progress.resume(now);
            moving.is_dirty = true;
        }
        self.change(id, Change::State(state), act).await
    }

    /// Sends everything after `cursor` again, and goes on from there; 0 is the oldest event kept.
    ///
    /// # Errors
    /// [`WebhookError::Missing`]; [`StoreError::Purged`], [`StoreError::Ahead`].
    pub async fn replay(&self, id: &str, cursor: u64, by: &By) -> Result<View, WebhookError> {
        let endpoint = self.endpoint(id)?;
        let act = self.act(acts::WEBHOOK_REPLAY, by, id).with("after", cursor);
        let now = self.0.clock.now();
        blocking(move || {
            endpoint.store.events_after(cursor, 1, |_| true)?;
            {
                let mut moving = endpoint.moving();
                moving.progress.replay(cursor, now);
                moving.epoch += 1;
                moving.is_dirty = true;
            }
            endpoint.save(&[act])?;
            endpoint.changed.notify_one();
            Ok(view(&endpoint, now)?)
        })
        .await
    }

    /// Up to `limit` events that could not be delivered, those after that sequence.
    ///
    /// # Errors
    /// [`WebhookError::Missing`]; what the store says.
    pub async fn dead(
        &self,
        id: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Dead>, WebhookError> {
        let endpoint = self.endpoint(id)?;
        blocking(move || Ok(endpoint.dead(after, limit)?)).await
    }

    /// Sends dead letters again: they are dead no more once they are delivered.
    ///
    /// # Errors
    /// [`WebhookError::Missing`], [`WebhookError::NoDeadLetter`]; what the store says.
    pub async fn resend(
        &self,
        id: &str,
        sequences: Vec<u64>,
        by: &By,
    ) -> Result<usize, WebhookError> {
        let endpoint = self.endpoint(id)?;
        let act = self.act(acts::WEBHOOK_REPLAY, by, id).with("dead", sequences.clone());
        blocking(move || {
            for sequence in &sequences {
                let found = endpoint.dead_letter(*sequence)?;
                found.ok_or(WebhookError::NoDeadLetter(*sequence))?;
            }
            let count = sequences.len();
            {
                let mut moving = endpoint.moving();
                moving.progress.again.extend(sequences);
                moving.is_dirty = true;
            }
            endpoint.save(&[act])?;
            endpoint.changed.notify_one();
            Ok(count)
        })
        .await
    }

    fn begin(&self, endpoint: Arc<Endpoint>) {
        let inner = &self.0;
        let ending = inner.ending.child_token();
        let courier = Courier {
            endpoint: Arc::clone(&endpoint),
            clock: inner.clock,
            latest: inner.latest.clone(),
            ending: ending.clone(),
            saved: Mutex::new(Instant::now()),
        };
        let id = endpoint.webhook().id.clone();
        let task = tokio::spawn(courier.run());
        self.running().insert(id, Running { endpoint, ending, task });
    }

    async fn change(&self, id: &str, change: Change, act: Act) -> Result<View, WebhookError> {
        let (endpoint, now) = (self.endpoint(id)?, self.0.clock.now());
        blocking(move || {
            endpoint.change(change, Some(act))?;
            Ok(view(&endpoint, now)?)
        })
        .await
    }

    fn act(&self, act: &'static str, by: &By, id: &str) -> Act {
        Act::new(self.0.clock.now(), act, by).with("webhook", id)
    }

    fn endpoint(&self, id: &str) -> Result<Arc<Endpoint>, WebhookError> {
        let found = self.running().get(id).map(|running| Arc::clone(&running.endpoint));
        found.ok_or_else(|| WebhookError::Missing(id.to_owned()))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn view(endpoint: &Endpoint, now: Time) -> Result<View, StoreError> {
    let (events, oldest) = endpoint.lag()?;
    let webhook = Webhook::clone(&endpoint.webhook());
    let progress = endpoint.moving().progress.clone();
    let seconds = oldest.map_or(0.0, |oldest| now.seconds_since(oldest).max(0.0));
    let held = progress.held.into_iter().map(|(vehicle, held)| (vehicle.to_string(), held));
    Ok(View {
        id: webhook.id,
        name: webhook.name,
        url: webhook.url,
        filter: webhook.filter,
        fields: webhook.fields,
        created_by: webhook.created_by,
        created_at: webhook.created_at,
        state: webhook.state,
        secret_before_until: webhook.secrets.before_until(now),
        lag: Lag { events, seconds: (seconds * 10.0).round() / 10.0 },
        cursor: progress.cursor,
        delivered: progress.delivered,
        delivered_at: progress.delivered_at,
        down: progress.down,
        held: held.collect(),
        lost: progress.lost,
    })
}

/// 64 random bits: no two webhooks of an installation share them.
fn identity() -> Result<String, getrandom::Error> {
    Ok(format!("wh_{:016x}", getrandom::u64()?))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WebhookError> + Send + 'static,
) -> Result<T, WebhookError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed.into()))
}
