//! [`Door`]: where HTTP's connections come in, in the clear or by TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::tls::{Identity, TlsError};
use crate::config::Tls;

/// Who has not agreed on keys by then is let go.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Handshakes at a time: each costs a processor about a millisecond, and memory while it waits.
const HANDSHAKES: usize = 256;
/// Connections that have shaken hands and wait to be served.
const READY: usize = 64;

/// Where HTTP's connections come in.
pub struct Door {
    address: SocketAddr,
    kind: Kind,
}

enum Kind {
    Plain(TcpListener),
    Tls { ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>, _closing: DropGuard },
}

impl Door {
    /// Serves `listener`'s connections, by TLS where its files are given.
    ///
    /// # Errors
    /// The listener is not bound, or [`TlsError`].
    pub fn open(listener: TcpListener, tls: Option<Tls>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let Some(files) = tls else { return Ok(Self { address, kind: Kind::Plain(listener) }) };
        let identity = Identity::load(files).map_err(|error: TlsError| io::Error::other(error))?;
        let acceptor = identity.acceptor().map_err(io::Error::other)?;
        let (sender, ready) = mpsc::channel(READY);
        let closing = CancellationToken::new();
        tokio::spawn(closing.clone().run_until_cancelled_owned(identity.keep_fresh()));
        tokio::spawn(
            closing.clone().run_until_cancelled_owned(shake_hands(listener, acceptor, sender)),
        );
        Ok(Self { address, kind: Kind::Tls { ready, _closing: closing.drop_guard() } })
    }
}

impl Listener for Door {
    type Io = Either<TcpStream, TlsStream<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match &mut self.kind {
            Kind::Plain(listener) => {
                let (stream, peer) = Listener::accept(listener).await;
                no_delay(&stream);
                (Either::Left(stream), peer)
            }
            Kind::Tls { ready, .. } => match ready.recv().await {
                Some((stream, peer)) => (Either::Right(stream), peer),
                None => std::future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Each in a task of its own, so that who is slow to answer keeps nobody else waiting.
async fn shake_hands(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let room = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = Listener::accept(&mut listener).await;
        no_delay(&stream);
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _permit = permit;
            match timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                // It is let go where the server ends meanwhile.
                Ok(Ok(stream)) => drop(ready.send((stream, peer)).await),
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS came about"),
                Err(_) => tracing::debug!(%peer, "no TLS came about in time"),
            }
        });
    }
}

/// An alert must not wait for the answer to what was sent before it.
fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the delay of small packets could not be turned off");
    }
}
