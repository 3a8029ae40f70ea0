//! [`Courier`]: carries one endpoint's events to it. A task for each endpoint, so that one that is slow
//! or down is waited for by nobody else; what waits is on the disk, not in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use interdict_engine::VehicleId;
use interdict_protocols::Time;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::definition::{State, Webhook};
use super::endpoint::{Change, Endpoint, Moving};
use super::progress::{Held, Progress, lane};
use super::sender::Outcome;
use crate::clock::Clock;
use crate::dispatch::Reader;
use crate::store::{Page, StoreError, StoredEvent};

/// How often the place is written down while events go out: what is delivered in between is delivered
/// again after a kill, with the same identity.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Events of one vehicle that were held back and are sent in one go before the others have a turn.
const HELD_IN_A_GO: usize = 32;
/// How long the store is left alone after it failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const CLOUD_EVENT: HeaderValue =
    HeaderValue::from_static("application/cloudevents+json; charset=utf-8");

/// Carries one endpoint's events.
pub(super) struct Courier {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) clock: Clock,
    pub(super) latest: watch::Receiver<u64>,
    pub(super) ending: CancellationToken,
    pub(super) saved: std::sync::Mutex<Instant>,
}

/// What is to be done after a step.
enum Next {
    /// Another step.
    Go,
    /// Wait for something new, or until then.
    Wait(Option<Time>),
}

/// One go at some events: ends for all vehicles once it ends for one.
struct Go {
    webhook: Arc<Webhook>,
    epoch: u64,
    is_over: AtomicBool,
}

impl Courier {
    /// Until the end.
    pub(super) async fn run(mut self) {
        loop {
            self.latest.borrow_and_update();
            let next = tokio::select! {
                biased;
                () = self.ending.cancelled() => break,
                next = self.step() => next,
            };
            let until = match next {
                Ok(Next::Go) => continue,
                Ok(Next::Wait(until)) => until.map(|until| self.clock.instant(until)),
                Err(error) => {
                    tracing::error!(%error, webhook = self.endpoint.webhook().id, "a webhook's events cannot be read or written down");
                    Some(Instant::now() + STORE_PAUSE)
                }
            };
            self.save_if_due().await;
            let until = until.into_iter().chain(self.save_at()).min();
            let timer = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.ending.cancelled() => break,
                () = timer => {}
                () = self.endpoint.changed.notified() => {}
                changed = self.latest.changed() => if changed.is_err() { break },
            }
        }
        self.save().await;
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    async fn step(&self) -> Result<Next, StoreError> {
        let webhook = self.endpoint.webhook();
        if webhook.state != State::Active {
            return Ok(Next::Wait(None));
        }
        let (epoch, progress) = {
            let moving = self.endpoint.moving();
            (moving.epoch, moving.progress.clone())
        };
        let now = self.now();
        if let Some(down) = &progress.down
            && down.next_at > now
        {
            return Ok(Next::Wait(Some(down.next_at)));
        }
        let go = Go { webhook, epoch, is_over: AtomicBool::new(false) };
        if let Some(sequence) = progress.again.first() {
            self.send_again(&go, *sequence).await?;
            return Ok(Next::Go);
        }
        let Some((vehicle, held)) = progress.held_due(now) else {
            return self.send_page(&go, &progress).await;
        };
        self.send_held(&go, vehicle, held, progress.cursor).await?;
        // However much waited there, the other vehicles have their turn.
        let progress = self.endpoint.moving().progress.clone();
        match &progress.down {
            Some(down) if down.next_at > now => Ok(Next::Wait(Some(down.next_at))),
            _ => self.send_page(&go, &progress).await,
        }
    }

    /// The next page of events, vehicles beside each other and each one's in order.
    async fn send_page(&self, go: &Go, progress: &Progress) -> Result<Next, StoreError> {
        let Some(page) = self.read(progress.cursor).await? else { return Ok(Next::Go) };
        if page.cursor == progress.cursor {
            // That it was down is no reason to look again while there is nothing to send.
            let held = progress.held.values().map(|held| held.trouble.next_at);
            return Ok(Next::Wait(held.min()));
        }
        let mut lanes: Vec<Vec<Arc<StoredEvent>>> = Vec::new();
        for event in page.events.iter().filter(|event| progress.is_due(event)) {
            let of_it = |lane: &&mut Vec<Arc<StoredEvent>>| {
                lane.first().is_some_and(|first| first.vehicle == event.vehicle)
            };
            match lanes.iter_mut().find(of_it) {
                Some(lane) => lane.push(Arc::clone(event)),
                None => lanes.push(vec![Arc::clone(event)]),
            }
        }
        if progress.down.is_some() {
            // Whether it is up again is tried with one event, not with all.
            lanes.truncate(1);
            if let Some(lane) = lanes.first_mut() {
                lane.truncate(1);
            }
        }
        let (is_empty, is_probe) = (lanes.is_empty(), progress.down.is_some());
        let in_flight = self.endpoint.settings.in_flight;
        stream::iter(lanes)
            .for_each_concurrent(in_flight, |lane| async move {
                for event in &lane {
                    if !self.send(go, event).await {
                        break;
                    }
                }
            })
            .await;
        let events = || page.events.iter().map(|event| &**event);
        self.record(go, |moving, settings, now| {
            if is_empty {
                moving.progress.passed(events(), page.cursor);
            } else if moving.progress.down.is_some() {
                let dead = moving.progress.give_up(events(), now, settings);
                moving.dead.extend(dead);
            } else if !is_probe && !go.is_over.load(Ordering::Relaxed) {
                moving.progress.passed(events(), page.cursor);
            }
        });
        self.save_if_due().await;
        Ok(Next::Go)
    }

    /// The events of a vehicle of which one was rejected.
    async fn send_held(
        &self,
        go: &Go,
        vehicle: VehicleId,
        held: Held,
        cursor: u64,
    ) -> Result<(), StoreError> {
        let through = cursor.max(held.from);
        let filter = self.endpoint.filter.clone();
        let (store, of_it) = (self.endpoint.store.clone(), vehicle.clone());
        let after = held.from.saturating_sub(1);
        let passes = move |event: &StoredEvent| {
            lane(event) == of_it && event.sequence <= through && filter.passes(event)
        };
        let read = move || store.events_after(after, HELD_IN_A_GO, passes);
        let page = match blocking(read).await {
            Err(StoreError::Purged { oldest }) => {
                self.record(go, |moving, _, _| moving.progress.caught_up(&vehicle, oldest - 1));
                return Ok(());
            }
            page => page?,
        };
        for event in &page.events {
            let is_settled = self.endpoint.moving().progress.done.contains(&event.sequence);
            if !is_settled && !self.send(go, event).await {
                return Ok(());
            }
        }
        let looked_at = page.cursor.min(through);
        self.record(go, |moving, _, _| moving.progress.caught_up(&vehicle, looked_at));
        Ok(())
    }

    /// A dead letter that somebody wants to be sent again: once, unless the endpoint is down.
    async fn send_again(&self, go: &Go, sequence: u64) -> Result<(), StoreError> {
        let store = self.endpoint.store.clone();
        let read = move || store.events_after(sequence.saturating_sub(1), 1, |_| true);
        let event = match blocking(read).await {
            Err(StoreError::Purged { .. }) => None,
            page => page?.events.first().cloned(),
        };
        let Some(event) = event.filter(|event| event.sequence == sequence) else {
            self.record(go, |moving, _, _| {
                moving.progress.again.remove(&sequence);
            });
            return Ok(());
        };
        match self.post(&go.webhook, &event).await {
            Outcome::Delivered => self.record(go, |moving, _, now| {
                moving.progress.again.remove(&sequence);
                moving.progress.delivered += 1;
                (moving.progress.delivered_at, moving.progress.down) = (Some(now), None);
                moving.risen.push(sequence);
            }),
            Outcome::Rejected(_) => {
                self.record(go, |moving, _, _| {
                    moving.progress.again.remove(&sequence);
                });
            }
            Outcome::Down { error, retry_after, .. } => {
                self.record(go, |moving, settings, now| {
                    let failure = (error.as_str(), retry_after, false);
                    moving.progress.failed(&event, failure, now, settings);
                });
            }
            Outcome::Gone => self.gone().await?,
        }
        self.save_if_due().await;
        Ok(())
    }

    /// Sends one event and notes what became of it; whether its vehicle's next one may follow.
    async fn send(&self, go: &Go, event: &StoredEvent) -> bool {
        let is_over = || {
            go.is_over.load(Ordering::Relaxed)
                || self.endpoint.moving().epoch != go.epoch
                || self.endpoint.webhook().state != State::Active
        };
        if is_over() {
            go.is_over.store(true, Ordering::Relaxed);
            return false;
        }
        let goes_on = match self.post(&go.webhook, event).await {
            Outcome::Delivered => {
                self.record(go, |moving, _, now| moving.progress.delivered(event, now));
                true
            }
            Outcome::Rejected(error) => self.reject(go, event, &error),
            Outcome::Down { error, retry_after, failed } => {
                let mut is_rejection = false;
                let is_first = !go.is_over.swap(true, Ordering::Relaxed);
                if is_first {
                    self.record(go, |moving, settings, now| {
                        let failure = (error.as_str(), retry_after, failed);
                        is_rejection = moving.progress.failed(event, failure, now, settings);
                    });
                }
                if is_rejection {
                    go.is_over.store(false, Ordering::Relaxed);
                    self.reject(go, event, &error)
                } else {
                    false
                }
            }
            Outcome::Gone => {
                go.is_over.store(true, Ordering::Relaxed);
                if let Err(error) = self.gone().await {
                    tracing::error!(%error, "that an endpoint is gone could not be written down");
                }
                false
            }
        };
        self.save_if_due().await;
        goes_on
    }

    fn reject(&self, go: &Go, event: &StoredEvent, error: &str) -> bool {
        let mut is_given_up = false;
        self.record(go, |moving, settings, now| {
            let dead = moving.progress.rejected(event, error, now, settings);
            is_given_up = dead.is_some();
            moving.dead.extend(dead);
        });
        is_given_up
    }

    async fn post(&self, webhook: &Webhook, event: &StoredEvent) -> Outcome {
        let body = match webhook.body(event) {
            Ok(body) => Bytes::from(body),
            Err(error) => return Outcome::Rejected(format!("cannot be written: {error}")),
        };
        // The wall's time and not the engine's: receivers hold it to their own clocks.
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = since_1970.unwrap_or_default().as_secs();
        let timestamp = i64::try_from(seconds).unwrap_or(i64::MAX);
        let signature = webhook.secrets.sign(self.now(), &event.id.0, timestamp, &body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, CLOUD_EVENT);
        headers.insert(TIMESTAMP, timestamp.into());
        for (name, text) in [(ID, &event.id.0), (SIGNATURE, &signature)] {
            match HeaderValue::from_str(text) {
                Ok(value) => headers.insert(name, value),
                Err(error) => return Outcome::Rejected(format!("cannot be written: {error}")),
            };
        }
        self.endpoint.sender.post(&headers, &body).await
    }

    /// Changes how far it has come, unless it was set back meanwhile.
    fn record(&self, go: &Go, change: impl FnOnce(&mut Moving, &crate::config::Webhooks, Time)) {
        let mut moving = self.endpoint.moving();
        if moving.epoch == go.epoch {
            change(&mut moving, &self.endpoint.settings, self.now());
            moving.is_dirty = true;
        }
    }

    async fn gone(&self) -> Result<(), StoreError> {
        let endpoint = Arc::clone(&self.endpoint);
        tracing::warn!(webhook = endpoint.webhook().id, "an endpoint answers that it is gone");
        blocking(move || endpoint.change(Change::State(State::Gone), None)).await.map(drop)
    }

    /// The next page after `cursor`; `None` where the place had to be moved first.
    async fn read(&self, cursor: u64) -> Result<Option<Page>, StoreError> {
        let endpoint = &self.endpoint;
        let mut reader = Reader::new(endpoint.store.clone(), endpoint.filter.clone(), cursor);
        match reader.next().await {
            Err(StoreError::Purged { oldest }) => {
                let mut moving = endpoint.moving();
                moving.progress.purged(oldest);
                moving.is_dirty = true;
                tracing::error!(
                    webhook = endpoint.webhook().id,
                    oldest,
                    "events were purged before they could be sent"
                );
                Ok(None)
            }
            page => page.map(Some),
        }
    }

    /// When it is to be written down how far it has come; `None` while that is nothing new.
    fn save_at(&self) -> Option<Instant> {
        self.endpoint.moving().is_dirty.then(|| *self.saved() + SAVE_EVERY)
    }

    fn saved(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.saved.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn save_if_due(&self) {
        if self.save_at().is_some_and(|due| due <= Instant::now()) {
            self.save().await;
        }
    }

    async fn save(&self) {
        *self.saved() = Instant::now();
        let endpoint = Arc::clone(&self.endpoint);
        if let Err(error) = blocking(move || endpoint.save(&[])).await {
            let webhook = &self.endpoint.webhook().id;
            tracing::error!(%error, webhook, "how far a webhook has come cannot be written down");
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}
