//! [`Presence`]: which units' people have a client open, so that an alert that nobody would see goes
//! to all levels at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use interdict_engine::UnitId;
use tokio::sync::watch;

use super::ApiState;

/// How long it takes until the store is asked again where it could not write.
const RETRY: Duration = Duration::from_secs(1);

/// How many streams each unit's people have open.
pub(super) struct Presence(watch::Sender<BTreeMap<UnitId, usize>>);

impl Default for Presence {
    fn default() -> Self {
        Self(watch::channel(BTreeMap::new()).0)
    }
}

impl Presence {
    pub(super) fn come(&self, unit: &UnitId) {
        self.0.send_modify(|open| *open.entry(unit.clone()).or_default() += 1);
    }

    pub(super) fn go(&self, unit: &UnitId) {
        self.0.send_modify(|open| {
            if let Some(count) = open.get_mut(unit) {
                *count -= 1;
                if *count == 0 {
                    open.remove(unit);
                }
            }
        });
    }
}

/// Tells the engine who looks, as that changes, until the server closes.
pub(super) async fn tell(state: ApiState) {
    let mut open = state.presence.0.subscribe();
    let known = |engine: &interdict_engine::Engine| engine.live_units().cloned().collect();
    let Ok(mut told) = state.shards.ask_any::<BTreeSet<UnitId>>(known).await else { return };
    loop {
        let wanted: BTreeSet<UnitId> = open.borrow_and_update().keys().cloned().collect();
        if let Some(unit) = wanted.symmetric_difference(&told).next().cloned() {
            let live = wanted.contains(&unit);
            match state.shards.set_live(unit.clone(), live).await {
                Ok(()) if live => _ = told.insert(unit),
                Ok(()) => _ = told.remove(&unit),
                Err(crate::shards::Refused::Closing) => return,
                Err(_) => tokio::time::sleep(RETRY).await,
            }
            continue;
        }
        tokio::select! {
            changed = open.changed() => if changed.is_err() { return },
            () = state.closing.cancelled() => return,
        }
    }
}
