//! [`Sender`]: one endpoint's connections. A name is resolved anew for each of them and the address
//! checked that is connected to, so that no answer of a name server can lead elsewhere in between; no
//! redirect is followed and no proxy asked.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::guard::{Barred, Guard};
use super::target::Target;

/// What of an answer's body is read, bytes: nobody here needs any of it, but a connection can be
/// used again only once it is read. One that says more is hung up on.
const ANSWER_BYTES: usize = 16 * 1024;
/// Headers of an answer, bytes.
const HEADER_BYTES: usize = 16 * 1024;
/// What of a refusal is kept for people, characters.
const EXCERPT: usize = 200;
/// An endpoint that asks for more patience than this is asked again nevertheless.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answered with 2xx.
    Delivered,
    /// The endpoint does not want this very request; others may be welcome.
    Rejected(String),
    /// The endpoint takes nothing at present.
    Down {
        /// Why.
        error: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
        /// It answered that it failed: that may be this request's fault.
        failed: bool,
    },
    /// It asks never to be sent anything again.
    Gone,
}

/// Why a connection was not made.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The address must not be connected to.
    #[error(transparent)]
    Barred(#[from] Barred),
    /// There is no such name, or nobody answers there.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It took too long.
    #[error("{0} took longer than {1} s")]
    Slow(&'static str, f64),
    /// TLS cannot be spoken.
    #[error("{0}")]
    Tls(&'static str),
}

type Link = SendRequest<Full<Bytes>>;

/// One endpoint's connections.
pub(super) struct Sender {
    target: Target,
    guard: Guard,
    connect: Duration,
    answer: Duration,
    idle: Mutex<Vec<Link>>,
}

impl Sender {
    pub(super) fn new(target: Target, guard: Guard, connect_s: f64, answer_s: f64) -> Self {
        Self {
            target,
            guard,
            connect: Duration::from_secs_f64(connect_s),
            answer: Duration::from_secs_f64(answer_s),
            idle: Mutex::default(),
        }
    }

    /// Looks the endpoint's name up, and whether it may be connected to.
    pub(super) async fn resolve(&self) -> Result<Vec<SocketAddr>, Unreachable> {
        let Target { host, port, is_https, .. } = &self.target;
        let found = timeout(self.connect, lookup_host((host.as_str(), *port))).await;
        let slow = |_| Unreachable::Slow("the look-up of the name", self.connect.as_secs_f64());
        let found: Vec<_> = found.map_err(slow)??.collect();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        Ok(self.guard.admit(found, *is_https)?)
    }

    /// Sends one request.
    pub(super) async fn post(&self, headers: &HeaderMap, body: &Bytes) -> Outcome {
        match timeout(self.answer, self.exchange(headers, body)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => down(error),
            Err(_) => down(format!("no answer within {} s", self.answer.as_secs_f64())),
        }
    }

    async fn exchange(&self, headers: &HeaderMap, body: &Bytes) -> Result<Outcome, String> {
        // An idle connection may have been closed by the other side; a new one tells.
        if let Some(mut link) = self.take_idle()
            && link.ready().await.is_ok()
            && let Ok(answer) = link.send_request(self.request(headers, body)?).await
        {
            return Ok(self.read(link, answer).await);
        }
        let mut link = self.open().await.map_err(|error| error.to_string())?;
        let answer = link.send_request(self.request(headers, body)?).await;
        let answer = answer.map_err(|error| format!("no answer: {error}"))?;
        Ok(self.read(link, answer).await)
    }

    fn take_idle(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|link| !link.is_closed());
        idle.pop()
    }

    fn request(&self, headers: &HeaderMap, body: &Bytes) -> Result<Request<Full<Bytes>>, String> {
        let request = Request::post(self.target.path.as_str())
            .header("host", self.target.authority.as_str())
            .header("user-agent", concat!("interdict/", env!("CARGO_PKG_VERSION")));
        let mut request =
            request.body(Full::new(body.clone())).map_err(|error| error.to_string())?;
        request.headers_mut().extend(headers.clone());
        Ok(request)
    }

    async fn open(&self) -> Result<Link, Unreachable> {
        let addresses = self.resolve().await?;
        let slow = |_| Unreachable::Slow("the connection", self.connect.as_secs_f64());
        timeout(self.connect, self.connect_to(&addresses)).await.map_err(slow)?
    }

    async fn connect_to(&self, addresses: &[SocketAddr]) -> Result<Link, Unreachable> {
        let stream = TcpStream::connect(addresses).await?;
        // Without it a small request waits for the answer to the one before.
        let _ = stream.set_nodelay(true);
        if !self.target.is_https {
            return handshake(stream).await;
        }
        let name = ServerName::try_from(self.target.host.clone())
            .map_err(|_| Unreachable::Tls("the host's name cannot be in a certificate"))?;
        let tls = TlsConnector::from(tls_config()?);
        handshake(tls.connect(name, stream).await?).await
    }

    async fn read(&self, link: Link, answer: hyper::Response<hyper::body::Incoming>) -> Outcome {
        let (parts, body) = answer.into_parts();
        let text = match Limited::new(body, ANSWER_BYTES).collect().await {
            Ok(whole) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
                whole.to_bytes()
            }
            Err(_) => Bytes::new(),
        };
        judge(parts.status, &parts.headers, &String::from_utf8_lossy(&text))
    }
}

fn down(error: String) -> Outcome {
    Outcome::Down { error, retry_after: None, failed: false }
}

/// What an answer means. What a client error says of the whole endpoint (who may come, where it is,
/// how often) is no fault of the one event.
fn judge(status: StatusCode, headers: &HeaderMap, body: &str) -> Outcome {
    let excerpt: String = body.trim().chars().take(EXCERPT).collect();
    let parting = if excerpt.is_empty() { "" } else { ": " };
    let error = format!("answered {}{parting}{excerpt}", status.as_u16());
    match status.as_u16() {
        200..=299 => Outcome::Delivered,
        410 => Outcome::Gone,
        401 | 402 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 426 | 429 => {
            Outcome::Down { error, retry_after: retry_after(headers), failed: false }
        }
        400..=499 => Outcome::Rejected(error),
        300..=399 => down(format!("{error} (redirects are not followed)")),
        502..=504 => Outcome::Down { error, retry_after: retry_after(headers), failed: false },
        _ => Outcome::Down { error, retry_after: retry_after(headers), failed: true },
    }
}

/// Only the form in seconds; a date would need the other side's clock to be right.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

async fn handshake<S>(stream: S) -> Result<Link, Unreachable>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new();
    builder.max_buf_size(HEADER_BYTES);
    let (link, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Ends when the link is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to an endpoint ended");
        }
    });
    Ok(link)
}

/// The system's trusted certificates, read when first needed: whom the operator's machine trusts is
/// the operator's affair, an authority of its own included.
fn tls_config() -> Result<Arc<ClientConfig>, Unreachable> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let make = || {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a trusted certificate of this system cannot be read");
        }
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return None;
        }
        let mut config =
            ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Arc::new(config))
    };
    CONFIG.get_or_init(make).clone().ok_or(Unreachable::Tls(
        "this system trusts no certificates; install its package ca-certificates, or name a file in SSL_CERT_FILE",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Outcome {
        judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), " no such field ")
    }

    #[test]
    fn an_answer_concerns_the_event_or_the_endpoint() {
        assert_eq!(answer(204), Outcome::Delivered);
        assert_eq!(answer(422), Outcome::Rejected("answered 422: no such field".into()));
        assert_eq!(answer(410), Outcome::Gone);
        for of_the_endpoint in [301, 401, 404, 429, 503] {
            let is_down = matches!(answer(of_the_endpoint), Outcome::Down { failed: false, .. });
            assert!(is_down, "{of_the_endpoint}");
        }
        assert!(matches!(answer(500), Outcome::Down { failed: true, .. }));
    }

    #[test]
    fn an_endpoint_may_ask_for_patience_within_reason() {
        let after = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers)
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("99999999"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(after("Fri, 31 Dec 1999 23:59:59 GMT"), None);
    }
}
