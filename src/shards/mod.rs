//! Runs the engine's shards and the one writer that makes their work durable.
//!
//! What the rest of the server sees is [`Shards`]: tell it something and be answered once that is
//! durable; ask it something; be told of the latest event.

use interdict_engine::{Engine, Input, VehicleId};
use tokio::sync::watch;

/// The engine's shards, from outside. Cheap to clone.
#[derive(Clone)]
pub struct Shards {
    latest: watch::Receiver<u64>,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing can be made durable at present.
    #[error("the store cannot write at present; what was sent was not accepted")]
    NotDurable,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Closing,
}

impl Shards {
    /// Tells the engine, in order. Answers once all of it is applied and what must be durable is.
    ///
    /// # Errors
    /// [`Refused`]: nothing of it may be taken for accepted.
    pub async fn tell(&self, inputs: Vec<Input>) -> Result<(), Refused> {
        let _ = inputs;
        Err(Refused::Closing)
    }

    /// Asks the shard that holds `vehicle`.
    ///
    /// # Errors
    /// [`Refused::Closing`] when the server is shutting down.
    pub async fn ask<T: Send + 'static>(
        &self,
        vehicle: &VehicleId,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let _ = (vehicle, question);
        Err(Refused::Closing)
    }

    /// Asks every shard.
    ///
    /// # Errors
    /// [`Refused::Closing`] when the server is shutting down.
    pub async fn ask_all<T: Send + 'static>(
        &self,
        question: impl Fn(&Engine) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, Refused> {
        let _ = question;
        Err(Refused::Closing)
    }

    /// The sequence of the latest event; changes when one is durable.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<u64> {
        self.latest.clone()
    }
}
