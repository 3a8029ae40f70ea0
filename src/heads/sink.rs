//! [`Sink`]: where heads go.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// A receiver answers within this, or has not taken the head: less than a shutdown may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(4);
/// After a failure it is tried again: at once almost, then less and less often.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Where heads go.
pub(super) enum Sink {
    /// Appended to this file.
    File(PathBuf),
    /// Sent to this address.
    Url(ureq::Agent, String),
}

impl Sink {
    pub(super) fn url(url: String) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_LIMIT)).proxy(None);
        Self::Url(config.build().into(), url)
    }

    /// Carries the newest head away, as often as there is another; ends when no more are to come and
    /// the last one has left, or has been tried once.
    pub(super) async fn run(self, mut newest: watch::Receiver<(u64, Arc<str>)>) {
        let sink = Arc::new(self);
        let mut wait = SHORTEST_WAIT;
        loop {
            let (size, head) = newest.borrow_and_update().clone();
            let (carrier, carried) = (Arc::clone(&sink), Arc::clone(&head));
            let outcome = tokio::task::spawn_blocking(move || carrier.carry(&carried)).await;
            let outcome = outcome.unwrap_or_else(|error| Err(io::Error::other(error)));
            let ended = match outcome {
                Ok(()) => {
                    if wait != SHORTEST_WAIT {
                        tracing::warn!(
                            size,
                            to = sink.name(),
                            "heads of the audit log leave again"
                        );
                    }
                    wait = SHORTEST_WAIT;
                    newest.changed().await.is_err()
                }
                Err(error) => {
                    tracing::error!(%error, size, to = sink.name(), "a head of the audit log cannot leave");
                    let again = tokio::time::timeout(wait, newest.changed()).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    matches!(again, Ok(Err(_)))
                }
            };
            if ended {
                return;
            }
        }
    }

    fn carry(&self, head: &str) -> io::Result<()> {
        match self {
            Self::File(path) => append(path, head),
            Self::Url(agent, url) => {
                let request = agent.post(url).content_type("text/plain; charset=utf-8");
                request.send(head).map(drop).map_err(io::Error::other)
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(_, url) => url.clone(),
        }
    }
}

/// Appends a head and a blank line; what a crash broke off before it is parted from it.
fn append(path: &Path, head: &str) -> io::Result<()> {
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    let mut end = [b'\n'; 2];
    if file.seek(SeekFrom::End(0))? >= 2 {
        file.seek(SeekFrom::End(-2))?;
        file.read_exact(&mut end)?;
    }
    let parting = if end == *b"\n\n" { "" } else { "\n\n" };
    file.write_all(format!("{parting}{head}\n").as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Octets, Signer, read_heads};

    #[test]
    fn heads_are_appended_and_a_broken_one_is_parted_from_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads");
        let signer = Signer::new("urn:test", [7; 32]);
        let head = |size| signer.sign(size, Octets([9; 32])).to_string();
        append(&path, &head(1)).unwrap();
        append(&path, &head(2)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 110]).unwrap();
        append(&path, &head(3)).unwrap();
        let read = read_heads(&std::fs::read_to_string(&path).unwrap());
        let sizes: Vec<_> = read.heads.iter().map(|(_, head)| head.head.size).collect();
        assert_eq!((sizes, read.unreadable.len()), (vec![1, 3], 1));
    }
}
