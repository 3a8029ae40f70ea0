//! What the audit log says of a server's start and end.

use std::collections::BTreeMap;

use anyhow::Context as _;
use interdict_protocols::Time;
use serde_json::json;

use super::Options;
use crate::audit::{Act, By, acts};
use crate::config::Configuration;
use crate::store::{Store, StoreError, Table};

/// The SHA-256 of the files of the configuration at the last start, in the installation's table.
const CONFIGURATION: &[u8] = b"configuration";

/// Notes a start, and before it what of the configuration is not as it was at the last one. Answers
/// what there was no room for: the server comes up on a full disk, too, and notes it later.
pub(super) fn start(
    store: &Store,
    configuration: &Configuration,
    options: &Options,
) -> anyhow::Result<Vec<Act>> {
    let mut left = Vec::new();
    let (now, by) = (options.clock.now(), By::server());
    let digests = configuration.all_digests().context("cannot read the roads again")?;
    let before: Option<BTreeMap<String, String>> = store.get(Table::Installation, CONFIGURATION)?;
    if before.as_ref() != Some(&digests) {
        let act = Act::new(now, acts::CONFIGURATION_CHANGE, &by)
            .with("files", json!(digests))
            .with_some("before", before.map(|before| json!(before)));
        let change = [(CONFIGURATION, Some(&digests))];
        let acts = [act];
        match store.write_noted(Table::Installation, change, &acts) {
            // The next start says so once more.
            Err(StoreError::Full(_)) => left.extend(acts),
            done => done?,
        }
    }
    let ports = configuration.ports.iter();
    let ports: BTreeMap<_, _> = ports.map(|(name, at)| (*name, at.to_string())).collect();
    let record = options.record.as_ref().map(|file| file.display().to_string());
    let act = Act::new(now, acts::SERVER_START, &by)
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("http", configuration.http.to_string())
        .with("ports", json!(ports))
        .with("enrol_all", options.enrol_all)
        .with_some("record", record);
    let acts = [act];
    match store.note(&acts) {
        Err(StoreError::Full(_)) => left.extend(acts),
        done => done?,
    }
    Ok(left)
}

/// Notes an orderly end.
pub(super) async fn stop(store: Store, now: Time) {
    let act = Act::new(now, acts::SERVER_STOP, &By::server());
    let noted = tokio::task::spawn_blocking(move || store.note(&[act])).await;
    if let Ok(Err(error)) = noted {
        tracing::error!(%error, "the end could not be noted in the audit log");
    }
}
