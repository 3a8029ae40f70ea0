//! [`FlagChanges`]: when something is to be looked at again that rests on flags.

use std::time::Duration;

use interdict_engine::Type;
use tokio::sync::watch;

use super::{Filter, Reader, Wanted};
use crate::store::Store;

/// How long what is no event may wait to be seen: a flag that begins later.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Waits for what is said of flags.
pub struct FlagChanges {
    store: Store,
    latest: watch::Receiver<u64>,
    events: Reader,
}

impl FlagChanges {
    /// Of what is said from here on; `latest` is the number of the latest event.
    #[must_use]
    pub fn new(store: Store, mut latest: watch::Receiver<u64>) -> Self {
        let events = flag_events(&store, *latest.borrow_and_update());
        Self { store, latest, events }
    }

    /// Returns when something was said of a flag, or after a while; never again once nothing more can
    /// happen.
    pub async fn next(&mut self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => return,
                changed = self.latest.changed() => if changed.is_err() {
                    return std::future::pending().await;
                },
            }
            match self.events.next().await {
                Ok(page) if page.events.is_empty() => {}
                Ok(_) => return,
                // Fallen behind what is kept: whatever was said of flags is in their table.
                Err(_) => {
                    self.events = flag_events(&self.store, *self.latest.borrow());
                    return;
                }
            }
        }
    }
}

fn flag_events(store: &Store, after: u64) -> Reader {
    let types = Type::ALL.iter().map(|kind| kind.name());
    let types = types.filter(|name| name.starts_with("interdict.flag.")).map(str::to_owned);
    let wanted = Wanted { types: types.collect(), ..Wanted::default() };
    // Nothing is asked for but types that there are.
    let filter = Filter::new(&wanted, &Default::default()).unwrap_or_default();
    Reader::new(store.clone(), filter, after)
}
