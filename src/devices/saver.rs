//! Makes durable what sessions change: they cannot wait for the disk.
//!
//! Only what may be lost in a crash goes this way: a device that enrolled itself does so again at
//! its next login, and a first token that is forgotten is refused, upon which terminals register.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Core;
use crate::audit::{Act, By, acts};
use crate::store::{StoreError, Table};

/// How soon it is tried again where the store cannot write.
const AGAIN: Duration = Duration::from_secs(5);

/// Keys of what is not on the disk yet. Bounded by the enrolled devices.
#[derive(Default)]
struct Pending {
    enrolments: HashSet<String>,
    tokens: HashSet<String>,
}

pub(super) struct Saver {
    pending: Arc<Mutex<Pending>>,
    /// Holds one wake-up at most; `None` while it ends.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    pub(super) fn start(core: Arc<Core>) -> Self {
        let (wake, woken) = sync_channel(1);
        let pending = Arc::default();
        let theirs = Arc::clone(&pending);
        let thread = std::thread::Builder::new()
            .name("devices".to_owned())
            .spawn(move || run(&core, &theirs, &woken))
            .inspect_err(|error| tracing::error!(%error, "no thread to save devices with"))
            .ok();
        Self { pending, wake: Some(wake), thread }
    }

    pub(super) fn save_enrolment(&self, key: &str) {
        self.save(|pending| pending.enrolments.insert(key.to_owned()));
    }

    pub(super) fn save_token(&self, key: &str) {
        self.save(|pending| pending.tokens.insert(key.to_owned()));
    }

    fn save(&self, add: impl FnOnce(&mut Pending) -> bool) {
        add(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(wake) = &self.wake {
            // Full: it is about to wake, and takes all that there is.
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

fn run(core: &Core, pending: &Mutex<Pending>, woken: &Receiver<()>) {
    let mut failed = false;
    loop {
        let woken = if failed {
            woken.recv_timeout(AGAIN)
        } else {
            woken.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        let mut taken =
            std::mem::take(&mut *pending.lock().unwrap_or_else(PoisonError::into_inner));
        let saved = save(core, &mut taken);
        if let Err(error) = &saved {
            if !failed {
                tracing::warn!(%error, "devices that enrolled themselves are not on the disk yet");
            }
            let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.enrolments.extend(taken.enrolments);
            pending.tokens.extend(taken.tokens);
        }
        failed = saved.is_err();
        if woken == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// Takes out what is durable: it must not be noted again.
fn save(core: &Core, pending: &mut Pending) -> Result<(), StoreError> {
    // What was revoked in the meantime must not come back.
    let _changing = core.changing();
    if !pending.enrolments.is_empty() {
        let enrolments: Vec<_> = {
            let fleet = core.fleet();
            let found = pending.enrolments.iter();
            found.filter_map(|key| Some((key, fleet.find(&key.as_str().into())?))).collect()
        };
        let by = By::server().because("it logged in, and any device is heard");
        let noted = enrolments.iter();
        let noted = noted.map(|(_, enrolment)| core.noted(acts::DEVICE_ENROL, enrolment, &by));
        let acts: Vec<Act> = noted.collect();
        let changes = enrolments.iter();
        let changes = changes.map(|(key, enrolment)| (key.as_bytes(), Some(&**enrolment)));
        core.store.write_noted(Table::Enrolments, changes, &acts)?;
        pending.enrolments.clear();
    }
    if !pending.tokens.is_empty() {
        let by = By::server().because("the window for tokens of another platform is open");
        let act = Act::new(core.clock.now(), acts::DEVICE_TOKEN, &by);
        let acts = act.naming("devices", pending.tokens.iter().map(String::as_str));
        let tokens = pending.tokens.iter();
        let tokens = tokens.filter_map(|key| Some((key.as_bytes(), Some(core.tokens.other(key)?))));
        core.store.write_noted(Table::DeviceTokens, tokens, &acts)?;
        pending.tokens.clear();
    }
    Ok(())
}
