//! [`Downlink`]: what devices are asked for, on its way from whoever asks to the gateway.
//!
//! Two things go this way: commands, one by one, each with its answer; and the set of devices that
//! are to report faster until they are in it no more. Why a device is in it, nobody here knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use interdict_protocols::{Command, DeviceId, Unsayable};
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that wait for the gateway: people ask one by one.
const QUEUE: usize = 256;

/// Why a device was not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// The installation: nothing is said to devices.
    #[error("nothing is said to devices here: `downlink.enabled` is false")]
    Off,
    /// The device: it has no connection, or has not shown who it is.
    #[error("the device is not connected")]
    NotConnected,
    /// The device's protocol or the command.
    #[error("the device cannot be asked: {0}")]
    Unsayable(#[from] Unsayable),
    /// The server: more waits for the device than it takes, or the server is shutting down.
    #[error("too much waits for the device already; ask again later")]
    Busy,
}

/// A command on its way.
#[derive(Debug)]
pub struct Request {
    /// Who is asked.
    pub device: DeviceId,
    /// For what.
    pub command: Command,
    /// Told the protocol in which it was said, or why it was not.
    pub answer: oneshot::Sender<Result<&'static str, NotAsked>>,
}

/// The end of those who ask. Cheap to clone. The default one leads nowhere: no device is connected.
#[derive(Clone, Debug)]
pub struct Downlink {
    requests: mpsc::Sender<Request>,
    followed: Arc<watch::Sender<BTreeSet<DeviceId>>>,
}

/// The gateway's end.
#[derive(Debug)]
pub struct Requests {
    requests: mpsc::Receiver<Request>,
    followed: watch::Receiver<BTreeSet<DeviceId>>,
}

/// What comes next at the gateway's end.
#[derive(Debug)]
pub enum Next {
    /// Somebody asks a device.
    Request(Request),
    /// Other devices than before are to report faster.
    Followed,
}

/// Both ends.
#[must_use]
pub fn downlink() -> (Downlink, Requests) {
    let (sender, requests) = mpsc::channel(QUEUE);
    let (followed_sender, followed) = watch::channel(BTreeSet::new());
    let downlink = Downlink { requests: sender, followed: Arc::new(followed_sender) };
    (downlink, Requests { requests, followed })
}

impl Default for Downlink {
    fn default() -> Self {
        downlink().0
    }
}

impl Downlink {
    /// Asks a device for something; the protocol in which that was said to it.
    ///
    /// # Errors
    /// [`NotAsked`].
    pub async fn ask(&self, device: DeviceId, command: Command) -> Result<&'static str, NotAsked> {
        let (answer, answered) = oneshot::channel();
        let request = Request { device, command, answer };
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotAsked::Busy,
            mpsc::error::TrySendError::Closed(_) => NotAsked::NotConnected,
        })?;
        // Dropped with its connection.
        answered.await.unwrap_or(Err(NotAsked::NotConnected))
    }

    /// These devices, and no others, are to report faster from now on.
    pub fn follow(&self, devices: BTreeSet<DeviceId>) {
        self.followed.send_if_modified(|followed| {
            let is_other = *followed != devices;
            *followed = devices;
            is_other
        });
    }
}

impl Requests {
    /// What comes next; never where nobody is left to ask.
    pub async fn next(&mut self) -> Next {
        tokio::select! {
            Some(request) = self.requests.recv() => Next::Request(request),
            Ok(()) = self.followed.changed() => Next::Followed,
            else => std::future::pending().await,
        }
    }

    /// The devices that are to report faster.
    #[must_use]
    pub fn followed(&mut self) -> BTreeSet<DeviceId> {
        self.followed.borrow_and_update().clone()
    }
}
