//! [`Mailbox`]: commands that wait for one connection, or for the datagram peers of one port.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use interdict_protocols::{Command, DeviceId};
use tokio::sync::{Notify, oneshot};

use crate::downlink::NotAsked;

/// A command for a device that a peer is believed to be.
pub(super) struct Mail {
    pub(super) peer: SocketAddr,
    pub(super) device: DeviceId,
    pub(super) command: Command,
    /// Whoever wants to know what came of it.
    pub(super) answer: Option<oneshot::Sender<Result<&'static str, NotAsked>>>,
}

impl Mail {
    /// Says what came of it.
    pub(super) fn answer(self, result: Result<&'static str, NotAsked>) {
        if let Some(answer) = self.answer {
            // Nobody waits any more.
            let _ = answer.send(result);
        }
    }
}

/// Commands that wait.
pub(super) struct Mailbox {
    most: usize,
    waiting: Mutex<VecDeque<Mail>>,
    rung: Notify,
}

impl Mailbox {
    /// One in which at most so many commands wait.
    pub(super) fn new(most: usize) -> Self {
        Self { most, waiting: Mutex::default(), rung: Notify::new() }
    }

    /// Puts a command in; gives it back where there is no room.
    pub(super) fn put(&self, mail: Mail) -> Result<(), Mail> {
        let mut waiting = self.waiting();
        if waiting.len() >= self.most {
            return Err(mail);
        }
        waiting.push_back(mail);
        drop(waiting);
        self.rung.notify_one();
        Ok(())
    }

    /// The command that waits longest; once there is one.
    pub(super) async fn next(&self) -> Mail {
        loop {
            if let Some(mail) = self.waiting().pop_front() {
                return mail;
            }
            self.rung.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Mail>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
