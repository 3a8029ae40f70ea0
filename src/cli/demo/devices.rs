//! [`Devices`]: everybody who talks to the server: trackers, and whoever flags vehicles.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use tokio::task::JoinSet;

use super::night::Night;
use crate::cli::terminal::escape;
use crate::client::{Client, ClientError};
use crate::clock::Clock;
use crate::config::{Entry, Expiry};
use crate::drive::{DriveError, drive};

/// What one of them came to.
enum Done {
    Drove(Result<crate::drive::Driven, DriveError>),
    Flagged(Result<(), ClientError>),
}

/// Trackers and those who flag vehicles, at work.
pub(super) struct Devices {
    working: JoinSet<Done>,
    trackers: usize,
    protocols: usize,
    sent: usize,
    accepted: usize,
    failures: usize,
}

impl Devices {
    /// Adds the flags that hold from the beginning, then lets everybody go.
    pub(super) async fn start(
        night: Night,
        ports: &BTreeMap<&'static str, SocketAddr>,
        client: &Arc<Client>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let mut working = JoinSet::new();
        for entry in night.watchlist {
            let client = Arc::clone(client);
            match entry.starts {
                None => flag(client, entry).await?,
                Some(starts) => {
                    working.spawn(async move {
                        tokio::time::sleep_until(clock.instant(starts).into()).await;
                        Done::Flagged(flag(client, entry).await)
                    });
                }
            }
        }
        let trackers = night.tracks.len();
        let protocols: BTreeSet<_> = night.tracks.iter().map(|track| track.protocol).collect();
        let protocols = protocols.len();
        for track in night.tracks {
            let address = *ports
                .get(track.protocol)
                .with_context(|| format!("nobody listens to {}", track.protocol))?;
            working.spawn(async move {
                Done::Drove(drive(address, track.protocol, &track.device, track.fixes, clock).await)
            });
        }
        Ok(Self { working, trackers, protocols, sent: 0, accepted: 0, failures: 0 })
    }

    /// Waits until everybody is done. What was counted stays where this is given up.
    pub(super) async fn done(&mut self) {
        while let Some(done) = self.working.join_next().await {
            let failure = match done {
                Ok(Done::Drove(Ok(driven))) => {
                    self.sent += driven.sent;
                    self.accepted += driven.accepted;
                    continue;
                }
                Ok(Done::Flagged(Ok(()))) => continue,
                Ok(Done::Drove(Err(error))) => error.to_string(),
                Ok(Done::Flagged(Err(error))) => error.to_string(),
                Err(error) => error.to_string(),
            };
            self.failures += 1;
            eprintln!("interdict: {}", escape(&failure));
        }
    }

    pub(super) const fn have_failed(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn summary(&self) -> String {
        let Self { trackers, protocols, sent, accepted, .. } = self;
        format!(
            "  {sent} positions of {trackers} trackers in {protocols} protocols, {accepted} \
             acknowledged (gt06, h02 and t55 answer no position)"
        )
    }
}

/// Asks the server for a flag, as `interdict flag add` does.
async fn flag(client: Arc<Client>, entry: Entry) -> Result<(), ClientError> {
    let mut asked = json!({
        "vehicle": entry.vehicle,
        "reason": entry.reason,
        "case": entry.case,
        "authority": entry.authority,
        "priority": entry.priority,
        "instruction": entry.instruction,
        "cautions": entry.cautions,
        "contact": entry.contact,
        // The demo has one person only, and nobody to approve.
        "emergency": true,
    });
    match entry.expires {
        Expiry::At(time) => asked["expires_at"] = json!(time),
        Expiry::After(length_s) => asked["expires_s"] = json!(length_s),
    }
    let task = tokio::task::spawn_blocking(move || client.post("/v1/flags", &asked).map(drop));
    // A task that was cut short has nobody left to tell.
    task.await.unwrap_or(Ok(()))
}
