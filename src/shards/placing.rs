//! [`Placing`]: works out the driving times to checkpoints that change while the engine runs,
//! beside it.

use std::sync::{Arc, Mutex, PoisonError};

use interdict_engine::roads::Roads;
use interdict_engine::{Checkpoint, CheckpointId, Input};

use super::{Refused, Shards};
use crate::audit::Act;

/// The roads as the engines have them, or are about to.
#[derive(Default)]
pub(super) struct Placing {
    roads: Mutex<Option<Roads>>,
    /// Held while one change is carried through: the times that are made are of what was told.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Placing {
    pub(super) fn new(roads: Option<&Roads>) -> Self {
        Self { roads: Mutex::new(roads.cloned()), turn: Arc::default() }
    }

    /// The roads with the checkpoint on them, where there are roads and it was not there already.
    fn prepare(&self, checkpoint: &Checkpoint) -> Option<Arc<Roads>> {
        let mut roads = self.roads.lock().unwrap_or_else(PoisonError::into_inner);
        let roads = roads.as_mut()?;
        if roads.has_placed(checkpoint) {
            return None;
        }
        roads.place(checkpoint);
        Some(Arc::new(roads.clone()))
    }

    fn remove(&self, checkpoint: &CheckpointId) {
        let mut roads = self.roads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(roads) = roads.as_mut() {
            roads.remove(checkpoint);
        }
    }
}

/// Checkpoints that come, move and go while the engine runs.
impl Shards {
    /// Adds a checkpoint, or changes it. Answers once that is durable; the driving times to where it
    /// stands follow within moments, and until then approaches to it are judged by geometry. The audit
    /// log is to say `act` of it.
    ///
    /// # Errors
    /// [`Refused`]: it may not be taken for accepted.
    pub async fn change_checkpoint(&self, checkpoint: Checkpoint, act: Act) -> Result<(), Refused> {
        let turn = Arc::clone(&self.placing.turn).lock_owned().await;
        self.tell_all(Input::Checkpoint(checkpoint.clone()), None, vec![act]).await?;
        let shards = self.clone();
        tokio::spawn(async move {
            // The next change waits until this one is carried through.
            let _turn = turn;
            shards.place(checkpoint).await;
        });
        Ok(())
    }

    /// Takes a checkpoint away. The audit log is to say `act` of it.
    ///
    /// # Errors
    /// [`Refused`]: it may not be taken for accepted.
    pub async fn remove_checkpoint(
        &self,
        checkpoint: CheckpointId,
        act: Act,
    ) -> Result<(), Refused> {
        let _turn = self.placing.turn.lock().await;
        self.tell_all(Input::RemoveCheckpoint(checkpoint.clone()), None, vec![act]).await?;
        self.placing.remove(&checkpoint);
        Ok(())
    }

    async fn place(&self, checkpoint: Checkpoint) {
        let (placing, id) = (Arc::clone(&self.placing), checkpoint.id.clone());
        let search = tokio::task::spawn_blocking(move || placing.prepare(&checkpoint));
        let Ok(Some(roads)) = search.await else { return };
        if let Err(error) = self.tell_all(Input::Placed(id.clone()), Some(roads), Vec::new()).await
        {
            tracing::warn!(checkpoint = ?id.as_str(), %error, "approaches to a changed checkpoint stay judged by geometry until the next start");
        }
    }
}
