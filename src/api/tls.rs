//! [`Identity`]: the certificate that HTTPS is spoken with, read again when its files change.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::Tls;

/// Changed files are noticed within this.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why HTTPS cannot be spoken with some files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no such thing.
    #[error("cannot read {what} from {file}: {reason}")]
    File {
        /// Which of the two.
        what: &'static str,
        /// Where it was looked for.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The two do not belong together, or are of a kind that is not spoken.
    #[error("the certificate in {certificate} and the key in {key} do not go together: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// What is wrong with them.
        reason: rustls::Error,
    },
}

/// The certificate in force.
#[derive(Debug)]
pub(super) struct Identity {
    files: Tls,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
}

impl Identity {
    /// Reads the files.
    pub(super) fn load(files: Tls) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(default_provider());
        let current = ArcSwap::from_pointee(read(&files, &provider)?);
        Ok(Arc::new(Self { files, provider, current }))
    }

    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Takes the files' new contents whenever they change. What is not good is said, and the old one
    /// stays: a renewal that went wrong must not shut the door.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        let mut seen = stamps(&self.files);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = stamps(&self.files);
            // Both files are looked at once they have stood still for a while.
            if found == seen {
                continue;
            }
            seen = found;
            match read(&self.files, &self.provider) {
                Ok(fresh) => {
                    self.current.store(Arc::new(fresh));
                    tracing::info!("HTTPS goes on with the certificate's new file");
                }
                Err(error) => {
                    tracing::error!(%error, "HTTPS goes on with the certificate of before");
                }
            }
        }
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// When the files were changed, and how long they are.
fn stamps(files: &Tls) -> [Option<(SystemTime, u64)>; 2] {
    let stamp = |path: &Path| {
        let about = fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    [stamp(&files.certificate), stamp(&files.key)]
}

fn read(files: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let failed = |what, path: &Path, reason: pem::Error| TlsError::File {
        what,
        file: path.display().to_string(),
        reason: match reason {
            pem::Error::NoItemsFound => "there is none in it; PEM is expected".to_owned(),
            pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                "there is no such file".to_owned()
            }
            other => other.to_string(),
        },
    };
    let no_chain = |reason| failed("a certificate", &files.certificate, reason);
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(no_chain)?;
    if chain.is_empty() {
        return Err(no_chain(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|reason| failed("a private key", &files.key, reason))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|reason| TlsError::Pair {
        certificate: files.certificate.display().to_string(),
        key: files.key.display().to_string(),
        reason,
    })
}
