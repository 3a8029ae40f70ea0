//! Takes away what has been kept long enough: at every start and every hour.

mod due;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use interdict_engine::FlagId;
use interdict_protocols::Time;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::By;
use crate::config::Retention;
use crate::shards::Shards;
use crate::store::{Purged, Store, StoreError};

/// Periods are days and years: nobody notices an hour.
const EVERY: Duration = Duration::from_secs(3_600);

/// How long snapshots are waited for that hold nothing more of what is purged, and how often.
const SNAPSHOT: Duration = Duration::from_secs(2);
const SNAPSHOTS: usize = 5;

/// Flags that the engine is told to let go of at the same time.
const TOLD_AT_ONCE: usize = 256;

/// Purges what is due at `now`, and clears away what earlier purges have made unreadable. Blocks on
/// the disk.
///
/// # Errors
/// As [`Store::purge`].
pub fn purge_due(store: &Store, periods: &Retention, now: Time) -> Result<Purged, StoreError> {
    let held: BTreeSet<_> = store.holds()?.into_keys().collect();
    let due = due::due(&store.lives()?, &held, &store.days(), periods, now);
    let purged = store.purge(&due, now, &By::server().because("retention"))?;
    store.clear_purged_tracks()?;
    Ok(purged)
}

/// A task that purges until it is closed.
pub struct Keeper {
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Begins.
    #[must_use]
    pub fn start(store: &Store, shards: &Shards, periods: Retention) -> Self {
        let closing = CancellationToken::new();
        let task = tokio::spawn(run(store.clone(), shards.clone(), periods, closing.clone()));
        Self { closing, task }
    }

    /// Ends after the purge that is under way.
    pub async fn close(self) {
        self.closing.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the retention job did not end well");
        }
    }
}

async fn run(store: Store, shards: Shards, periods: Retention, closing: CancellationToken) {
    loop {
        for _ in 0..SNAPSHOTS {
            let Some(unforgotten) = purge_once(&store, &shards, &periods).await else { break };
            let tell = |flag| async {
                if let Err(error) = shards.forget(flag).await {
                    tracing::warn!(%error, "a purge waits until the engine can be told");
                }
            };
            // One after another each would wait for a commit of its own.
            stream::iter(unforgotten).for_each_concurrent(TOLD_AT_ONCE, tell).await;
            shards.save_snapshots().await;
            tokio::select! {
                () = tokio::time::sleep(SNAPSHOT) => {}
                () = closing.cancelled() => return,
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = closing.cancelled() => return,
        }
    }
}

/// Purges; answers what the engine has to let go of where something waits for further snapshots.
async fn purge_once(
    store: &Store,
    shards: &Shards,
    periods: &Retention,
) -> Option<BTreeSet<FlagId>> {
    let (store, periods, now) = (store.clone(), periods.clone(), shards.clock().now());
    match tokio::task::spawn_blocking(move || purge_due(&store, &periods, now)).await {
        Ok(Ok(purged)) => {
            if !purged.gone.is_empty() {
                tracing::info!(keys = purged.gone.len(), "what was kept long enough is purged");
            }
            (!purged.waiting.is_empty()).then_some(purged.unforgotten)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "nothing could be purged; it is tried again within the hour");
            None
        }
        Err(error) => {
            tracing::error!(%error, "the retention job failed; it is tried again within the hour");
            None
        }
    }
}
