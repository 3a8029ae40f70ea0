//! [`Hold`]: nothing of a flag is purged while somebody needs it for a procedure.

use std::collections::BTreeMap;
use std::sync::Arc;

use interdict_engine::FlagId;
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use sled::Batch;
use utoipa::ToSchema;

use super::concern::Sealing;
use super::journal::{HOLDS, decode, encode, hold_key, identity};
use super::keys::{KeyName, Opened};
use super::{Store, StoreError};
use crate::audit::Act;

/// Who holds what is kept of a flag, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// Since when.
    pub at: Time,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Store {
    /// The flags of which nothing is purged.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub fn holds(&self) -> Result<BTreeMap<FlagId, Hold>, StoreError> {
        let handles = self.handles()?;
        let mut holds = BTreeMap::new();
        for entry in handles.journal.scan_prefix(HOLDS) {
            let (key, value) = entry?;
            if let Opened::Plain(plain) = handles.keys.unseal("a hold", &value)? {
                holds.insert(FlagId::from(identity(&key)), decode("a hold", &plain)?);
            }
        }
        Ok(holds)
    }

    /// Holds a flag or lets it go (`None`), and notes that; durable when it returns. Blocks on the disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn hold(&self, flag: &FlagId, hold: Option<&Hold>, act: Act) -> Result<(), StoreError> {
        let writer = self.writer();
        let handles = self.handles()?;
        let mut sealing = Sealing::new(&writer.standing, &[], &handles.keys);
        let (mut noting, mut batch) = (self.0.log.note(), Batch::default());
        match hold {
            Some(hold) => {
                let sealed = sealing.seal(&[KeyName::general()], &encode(hold)?)?;
                batch.insert(hold_key(flag.as_str()), sealed);
            }
            None => batch.remove(hold_key(flag.as_str())),
        }
        noting.acts(&[act], &mut sealing, &mut batch)?;
        let noted = noting.finish(&mut batch);
        self.check_room()?;
        sealing.finish()?;
        self.apply(&Arc::clone(&handles), &handles.journal, batch)?;
        self.0.log.settle(noted);
        Ok(())
    }
}
