//! [`Endpoint`]: one webhook, how far it has come, and the writing down of both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use interdict_engine::Setup;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::definition::{State, Webhook};
use super::guard::Guard;
use super::progress::{Dead, Progress, lane};
use super::sender::Sender;
use super::target::{BadUrl, Target};
use crate::audit::Act;
use crate::config;
use crate::dispatch::Filter;
use crate::store::{Store, StoreError, StoredEvent, Table};

/// Events that are counted one by one for the lag; beyond, everything that was not looked at counts.
const COUNTED: usize = 1_000;

/// One webhook, shared by its courier and by whoever asks or changes it.
pub(super) struct Endpoint {
    pub(super) store: Store,
    pub(super) settings: config::Webhooks,
    pub(super) filter: Filter,
    pub(super) sender: Sender,
    webhook: ArcSwap<Webhook>,
    moving: Mutex<Moving>,
    /// Held from taking what is to be written to its being written, so that nothing older is written
    /// after it.
    saving: Mutex<Saving>,
    /// There may be something to do that was not there before.
    pub(super) changed: Notify,
}

/// What the courier moves.
pub(super) struct Moving {
    pub(super) progress: Progress,
    /// Changes with every replay: what was begun before it says nothing of the time after.
    pub(super) epoch: u64,
    /// Dead letters that are not written down yet.
    pub(super) dead: Vec<Dead>,
    /// Dead letters that were delivered after all.
    pub(super) risen: Vec<u64>,
    pub(super) is_dirty: bool,
}

#[derive(Default)]
struct Saving {
    is_removed: bool,
}

/// What to change of a webhook.
pub(super) enum Change {
    State(State),
    Secrets(super::signing::Secrets),
}

fn prefix(id: &str) -> Vec<u8> {
    format!("{id}/").into_bytes()
}

fn progress_key(id: &str) -> Vec<u8> {
    format!("{id}/progress").into_bytes()
}

fn dead_prefix(id: &str) -> Vec<u8> {
    format!("{id}/dead/").into_bytes()
}

/// In order of sequence.
fn dead_key(id: &str, sequence: u64) -> Vec<u8> {
    format!("{id}/dead/{sequence:020}").into_bytes()
}

impl Endpoint {
    /// What the store says of `webhook`; it begins at `cursor` where that is nothing yet.
    pub(super) fn load(
        store: &Store,
        webhook: Webhook,
        setup: &Setup,
        settings: &config::Webhooks,
        cursor: u64,
    ) -> Result<Self, StoreError> {
        let target = Target::parse(&webhook.url)
            .map_err(|error: BadUrl| StoreError::Corrupt(error.to_string()))?;
        let progress: Option<Progress> =
            store.get(Table::Deliveries, &progress_key(&webhook.id))?;
        let progress = progress.unwrap_or_else(|| Progress::new(cursor, webhook.created_at));
        let (guard, answer_s) = (Guard::new(&settings.allow), settings.timeout_s);
        Ok(Self {
            store: store.clone(),
            settings: settings.clone(),
            // Whoever runs the other system was let into no flag.
            filter: Filter::as_asked(&webhook.filter, setup).without_covert(),
            sender: Sender::new(target, guard, settings.connect_s, answer_s),
            webhook: ArcSwap::from_pointee(webhook),
            moving: Mutex::new(Moving {
                progress,
                epoch: 0,
                dead: Vec::new(),
                risen: Vec::new(),
                is_dirty: false,
            }),
            saving: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub(super) fn webhook(&self) -> Arc<Webhook> {
        self.webhook.load_full()
    }

    pub(super) fn moving(&self) -> MutexGuard<'_, Moving> {
        // Every change is whole by itself: a panic leaves nothing half done.
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saving(&self) -> MutexGuard<'_, Saving> {
        self.saving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the webhook itself down, with what is noted of that. Blocks on the disk.
    pub(super) fn create(&self, act: Act) -> Result<(), StoreError> {
        let webhook = self.webhook();
        let row = (webhook.id.as_bytes(), Some(&*webhook));
        self.moving().is_dirty = true;
        // The place first: one without its webhook is never read.
        self.save(&[])?;
        self.store.write_noted(Table::Webhooks, [row], &[act])
    }

    /// Changes the webhook, with what is noted of that. Blocks on the disk.
    pub(super) fn change(
        &self,
        change: Change,
        act: Option<Act>,
    ) -> Result<Arc<Webhook>, StoreError> {
        let saving = self.saving();
        let mut webhook = Webhook::clone(&self.webhook());
        match change {
            Change::State(state) => webhook.state = state,
            Change::Secrets(secrets) => webhook.secrets = secrets,
        }
        if !saving.is_removed {
            let row = (webhook.id.as_bytes(), Some(&webhook));
            self.store.write_noted(Table::Webhooks, [row], act.as_slice())?;
        }
        self.webhook.store(Arc::new(webhook));
        drop(saving);
        self.changed.notify_one();
        Ok(self.webhook())
    }

    /// Writes down how far it has come, with what is noted of that. Blocks on the disk.
    pub(super) fn save(&self, acts: &[Act]) -> Result<(), StoreError> {
        let saving = self.saving();
        if saving.is_removed {
            return Ok(());
        }
        let id = &self.webhook().id;
        let (progress, dead, risen) = {
            let mut moving = self.moving();
            moving.is_dirty = false;
            let (dead, risen) =
                (std::mem::take(&mut moving.dead), std::mem::take(&mut moving.risen));
            (moving.progress.clone(), dead, risen)
        };
        let mut rows: Vec<(Vec<u8>, Option<Value>)> =
            vec![(progress_key(id), Some(json!(progress)))];
        rows.extend(risen.iter().map(|sequence| (dead_key(id, *sequence), None)));
        rows.extend(dead.iter().map(|dead| (dead_key(id, dead.sequence), Some(json!(dead)))));
        let changes = rows.iter().map(|(key, value)| (key.as_slice(), value.as_ref()));
        let written = self.store.write_noted(Table::Deliveries, changes, acts);
        if written.is_err() {
            let mut moving = self.moving();
            moving.is_dirty = true;
            moving.dead.extend(dead);
            moving.risen.extend(risen);
        }
        written
    }

    /// Takes everything of it away. Blocks on the disk.
    pub(super) fn remove(&self, act: Act) -> Result<(), StoreError> {
        let mut saving = self.saving();
        let id = &self.webhook().id;
        self.store.write_noted(Table::Webhooks, [(id.as_bytes(), None::<&Webhook>)], &[act])?;
        saving.is_removed = true;
        loop {
            // What is left of it harms nobody: no other webhook has this identity.
            let rows: Vec<(Vec<u8>, Value)> =
                self.store.read_under(Table::Deliveries, &prefix(id), None, COUNTED)?;
            if rows.is_empty() {
                return Ok(());
            }
            let gone = rows.iter().map(|(key, _)| (key.as_slice(), None::<Value>));
            self.store.write(Table::Deliveries, gone)?;
        }
    }

    /// Up to `limit` dead letters after that sequence. Blocks on the disk.
    pub(super) fn dead(&self, after: Option<u64>, limit: usize) -> Result<Vec<Dead>, StoreError> {
        let id = &self.webhook().id;
        let after = after.map(|after| dead_key(id, after));
        let rows =
            self.store.read_under(Table::Deliveries, &dead_prefix(id), after.as_deref(), limit)?;
        Ok(rows.into_iter().map(|(_, dead)| dead).collect())
    }

    /// The dead letter of that sequence. Blocks on the disk.
    pub(super) fn dead_letter(&self, sequence: u64) -> Result<Option<Dead>, StoreError> {
        self.store.get(Table::Deliveries, &dead_key(&self.webhook().id, sequence))
    }

    /// Events that are still to be delivered, and when the oldest of them happened. May block on the
    /// disk.
    pub(super) fn lag(&self) -> Result<(u64, Option<interdict_protocols::Time>), StoreError> {
        let progress = self.moving().progress.clone();
        let waits = |event: &StoredEvent| {
            self.filter.passes(event) && !progress.done.contains(&event.sequence)
        };
        let after = |cursor| match self.store.events_after(cursor, COUNTED, waits) {
            Err(StoreError::Purged { oldest }) => {
                self.store.events_after(oldest - 1, COUNTED, waits)
            }
            page => page,
        };
        let page = after(progress.cursor)?;
        let beyond = self.store.latest_sequence().saturating_sub(page.cursor);
        let waiting: u64 = progress.held.values().map(|held| held.waiting).sum();
        let mut oldest = page.events.first().map(|event| event.time);
        for (vehicle, held) in progress.held.iter().filter(|(_, held)| held.waiting > 0) {
            let of_it = |event: &StoredEvent| lane(event) == *vehicle && waits(event);
            let page = match self.store.events_after(held.from.saturating_sub(1), 1, of_it) {
                Err(StoreError::Purged { .. }) => continue,
                page => page?,
            };
            oldest = oldest.into_iter().chain(page.events.first().map(|event| event.time)).min();
        }
        let counted = u64::try_from(page.events.len()).unwrap_or(u64::MAX);
        Ok((counted + beyond + waiting, oldest))
    }
}
