//! Lets signed heads of the audit log leave the machine, so that whoever has the machine cannot
//! change the log unnoticed. Never in the way of what is noted: heads are made beside the writer, and
//! where one cannot leave, the next one tells more.

mod sink;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::audit::Signer;
use crate::config::Audit;
use crate::store::Store;
use sink::Sink;

/// What carries heads away. Ends only by [`Publisher::close`], which sends the last one.
pub struct Publisher {
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Starts to carry heads to where `settings` say; `None` where they name no place. The first one
    /// leaves at once.
    #[must_use]
    pub fn start(store: &Store, signer: &Arc<Signer>, settings: &Audit) -> Option<Self> {
        let file = settings.heads_file.clone().map(Sink::File);
        let url = settings.heads_url.clone().map(Sink::url);
        let sinks: Vec<Sink> = file.into_iter().chain(url).collect();
        if sinks.is_empty() {
            return None;
        }
        let closing = CancellationToken::new();
        let maker = Maker {
            store: store.clone(),
            signer: Arc::clone(signer),
            every: settings.heads_every,
            within: Duration::from_secs_f64(settings.heads_within_s),
            closing: closing.clone(),
        };
        Some(Self { closing, task: tokio::spawn(maker.run(sinks)) })
    }

    /// Sends the head of the log as it is now, and ends. Waits until it has left or cannot.
    pub async fn close(self) {
        self.closing.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the last head of the audit log was not sent");
        }
    }
}

struct Maker {
    store: Store,
    signer: Arc<Signer>,
    every: u64,
    within: Duration,
    closing: CancellationToken,
}

impl Maker {
    async fn run(self, sinks: Vec<Sink>) {
        let (newest, _) = watch::channel(self.head());
        let sinks: Vec<_> =
            sinks.into_iter().map(|sink| tokio::spawn(sink.run(newest.subscribe()))).collect();
        let mut size = self.store.audit_size();
        while !self.closing.is_cancelled() {
            let (sent, _) = *newest.borrow();
            self.wait(&mut size, sent + 1, None).await;
            let latest = Instant::now() + self.within;
            self.wait(&mut size, sent.saturating_add(self.every), Some(latest)).await;
            let (now, head) = self.head();
            if now > sent {
                newest.send_replace((now, head));
            }
        }
        // Whoever carries them ends when no more are to come.
        drop(newest);
        for sink in sinks {
            if let Err(error) = sink.await {
                tracing::error!(%error, "heads of the audit log were not carried away");
            }
        }
    }

    /// Until the log has `wanted` entries, `latest` has come, or the end.
    async fn wait(&self, size: &mut watch::Receiver<u64>, wanted: u64, latest: Option<Instant>) {
        let latest = async {
            match latest {
                Some(latest) => sleep_until(latest).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The store lives as long as this does.
            _ = size.wait_for(|size| *size >= wanted) => {}
            () = latest => {}
            () = self.closing.cancelled() => {}
        }
    }

    /// The size of the log, and its signed head.
    fn head(&self) -> (u64, Arc<str>) {
        let frontier = self.store.audit_frontier();
        let signed = self.signer.sign(frontier.size(), frontier.root());
        (frontier.size(), signed.to_string().into())
    }
}
