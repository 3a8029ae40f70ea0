//! [`Nudge`]: wakes whoever waits for sled in vain.
//!
//! Where a write fails on one of sled 0.34's own threads, the error is noted without waking those
//! who wait for that write (`Log::exit_reservation`), and they wait for ever. Anybody who begins
//! another write sees the error and wakes them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sled::Tree;

/// A disk that takes longer is slow, or the wait is in vain.
const PATIENCE: Duration = Duration::from_secs(1);

/// Written for no other purpose than to be written.
const KEY: &[u8] = b"nudge";

#[derive(Default)]
struct Shared {
    /// Waits begun and waits ended.
    begun: AtomicU64,
    done: AtomicU64,
    ended: Mutex<bool>,
    changed: Condvar,
}

/// A thread that writes something small while anybody has waited for long. Lets go of sled when
/// dropped.
pub(super) struct Nudge {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Somebody who waits for sled until dropped.
pub(super) struct Waiting<'a>(&'a Shared);

impl Nudge {
    pub(super) fn start(tree: &Tree) -> Self {
        let shared = Arc::<Shared>::default();
        let (theirs, tree) = (Arc::clone(&shared), tree.clone());
        let thread = std::thread::Builder::new()
            .name("sled-nudge".to_owned())
            .spawn(move || theirs.watch(&tree))
            .inspect_err(|error| tracing::error!(%error, "no thread to watch the store with"))
            .ok();
        Self { shared, thread }
    }

    pub(super) fn wait(&self) -> Waiting<'_> {
        self.shared.begun.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Nudge {
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn watch(&self, tree: &Tree) {
        let mut before = (0, 0);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            let waited = self.changed.wait_timeout(ended, PATIENCE);
            ended = waited.unwrap_or_else(PoisonError::into_inner).0;
            let now = (self.begun.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
            if now == before && now.0 != now.1 && !*ended {
                drop(ended);
                // Whoever waits is told the error, if there is one.
                let _ = tree.insert(KEY, b"true");
                ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            }
            before = now;
        }
    }
}
