//! Sub links of JT/T 809: a platform whose password held on the main link is called back at the
//! address that the configuration has for it, and never at the one that it states.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use interdict_protocols::{PlatformLink, Reason, SubLink, SubLinkState, Time};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::tcp::write;
use crate::config::HostPort;

/// How long the other side may take to be connected to, and to answer our login.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// A link test a minute, and lost after three minutes of silence: the standard's own figures.
const TEST_EVERY: Duration = Duration::from_secs(60);
const SILENCE_LIMIT: Duration = Duration::from_secs(180);

/// So many tries fail in a row before the platform is told over its main link (0x9007).
const TRIES: u32 = 3;

/// Pauses between tries: doubled from the first one to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a leave may take: less than a shutdown has.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// Messages for the main link that wait for it: one an outage.
const NOTICES: usize = 4;

/// Wrong frames after which a sub link is hung up.
const REFUSED: usize = 60;

/// Answers are short.
const READ: usize = 4096;

/// The call back of one main link, until dropped.
pub(super) struct Callback {
    ending: CancellationToken,
    notices: Receiver<Vec<u8>>,
    accepted: Arc<AtomicU32>,
}

impl Callback {
    /// Begins to call back.
    pub(super) fn start(shared: &Arc<Shared>, link: PlatformLink, address: HostPort) -> Self {
        let ending = CancellationToken::new();
        let accepted = Arc::new(AtomicU32::new(0));
        let (sender, notices) = channel(NOTICES);
        let caller = Caller {
            shared: Arc::clone(shared),
            ending: ending.clone(),
            notices: sender,
            accepted: Arc::clone(&accepted),
            told_until: shared.shards.clock().now(),
            link,
            address,
        };
        shared.tasks.spawn(caller.run());
        Self { ending, notices, accepted }
    }

    /// So many positions have been accepted.
    pub(super) fn accepted(&self, positions: u32) {
        self.accepted.fetch_add(positions, Ordering::Relaxed);
    }

    /// The next message for the main link.
    pub(super) async fn notice(&mut self) -> Vec<u8> {
        match self.notices.recv().await {
            Some(notice) => notice,
            None => pending().await,
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

struct Caller {
    shared: Arc<Shared>,
    /// Cancelled with the main link.
    ending: CancellationToken,
    notices: Sender<Vec<u8>>,
    accepted: Arc<AtomicU32>,
    /// Up to when the platform has been told what was accepted.
    told_until: Time,
    link: PlatformLink,
    address: HostPort,
}

/// How a try ended.
enum End {
    /// With the main link.
    Left,
    /// By itself; since when it was open, where it was.
    Lost { open_since: Option<Instant>, why: &'static str },
}

impl Caller {
    /// Calls, and calls again, until the main link ends.
    async fn run(mut self) {
        let (mut failed, mut was_ever_open) = (0_u32, false);
        let mut pause = FIRST_PAUSE;
        while let End::Lost { open_since, why } = self.call().await {
            if let Some(since) = open_since {
                (failed, was_ever_open) = (0, true);
                // One that is lost as soon as it opens is not to be hammered at.
                if since.elapsed() >= TEST_EVERY {
                    pause = FIRST_PAUSE;
                }
            } else {
                failed = failed.saturating_add(1);
            }
            let access_code = self.link.access_code;
            tracing::debug!(access_code, address = %self.address, why, "no sub link");
            if failed == TRIES {
                tracing::warn!(
                    access_code, address = %self.address, why,
                    "a platform cannot be called back"
                );
                let notice = self.link.sub_link_lost(was_ever_open, self.now());
                // Full: the main link takes nothing at present, and will soon be closed for that.
                let _ = self.notices.try_send(notice);
            }
            tokio::select! {
                biased;
                () = self.ending.cancelled() => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn now(&self) -> Time {
        self.shared.shards.clock().now()
    }

    async fn call(&mut self) -> End {
        let to = (self.address.host.as_str(), self.address.port);
        let connected = tokio::select! {
            biased;
            () = self.ending.cancelled() => return End::Left,
            connected = timeout(ANSWER_LIMIT, TcpStream::connect(to)) => connected,
        };
        let mut open_since = None;
        let Ok(Ok(mut stream)) = connected else {
            return End::Lost { open_since, why: "not connected" };
        };
        let _ = stream.set_nodelay(true);
        let mut sub = SubLink::new(self.link.clone());
        match self.talk(&mut stream, &mut sub, &mut open_since).await {
            Some(why) => End::Lost { open_since, why },
            None => {
                // It may be gone already.
                let _ = timeout(LEAVE_LIMIT, self.leave(&mut stream, &mut sub)).await;
                End::Left
            }
        }
    }

    /// Keeps the link alive; why it was lost, `None` where the main link has ended.
    async fn talk(
        &mut self,
        stream: &mut TcpStream,
        sub: &mut SubLink,
        open_since: &mut Option<Instant>,
    ) -> Option<&'static str> {
        if !write(stream, &sub.login(self.now())).await {
            return Some("not written to");
        }
        let mut buffer = [0; READ];
        let mut refused = 0;
        let mut lost_at = Instant::now() + ANSWER_LIMIT;
        let mut test_at = Instant::now() + TEST_EVERY;
        loop {
            let is_open = open_since.is_some();
            tokio::select! {
                biased;
                () = self.ending.cancelled() => return None,
                read = stream.read(&mut buffer) => {
                    let length = match read {
                        Ok(0) | Err(_) => return Some("closed by the platform"),
                        Ok(length) => length,
                    };
                    let wrong = sub.hear(buffer.get(..length).unwrap_or_default());
                    for _ in 0..wrong {
                        self.shared.metrics.reject("jt809", Reason::Unsupported);
                    }
                    refused += wrong;
                    match sub.state() {
                        _ if refused > REFUSED => return Some("too many frames refused"),
                        SubLinkState::Waiting => {}
                        SubLinkState::Refused(result) => {
                            tracing::debug!(result, "a sub link was refused");
                            return Some("refused by the platform");
                        }
                        SubLinkState::Closed => return Some("taken leave of"),
                        SubLinkState::Open => {
                            if open_since.is_none() {
                                *open_since = Some(Instant::now());
                                let access_code = self.link.access_code;
                                tracing::info!(
                                    access_code, address = %self.address,
                                    "a sub link is open"
                                );
                            }
                            lost_at = Instant::now() + SILENCE_LIMIT;
                        }
                    }
                }
                () = sleep_until(test_at), if is_open => {
                    let mut message = self.received(sub).unwrap_or_default();
                    message.extend(sub.test(self.now()));
                    if !write(stream, &message).await {
                        return Some("not written to");
                    }
                    test_at = Instant::now() + TEST_EVERY;
                }
                () = sleep_until(lost_at) => return Some("silent"),
            }
        }
    }

    /// What has been accepted since it was said last.
    fn received(&mut self, sub: &SubLink) -> Option<Vec<u8>> {
        let count = self.accepted.swap(0, Ordering::Relaxed);
        let (since, now) = (self.told_until, self.now());
        self.told_until = now;
        if count == 0 { None } else { sub.received(count, since, now) }
    }

    async fn leave(&mut self, stream: &mut TcpStream, sub: &mut SubLink) {
        let mut message = self.received(sub).unwrap_or_default();
        message.extend(sub.logout(self.now()));
        if !write(stream, &message).await {
            return;
        }
        let mut buffer = [0; READ];
        while sub.state() != SubLinkState::Closed {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => drop(sub.hear(buffer.get(..length).unwrap_or_default())),
            }
        }
    }
}
