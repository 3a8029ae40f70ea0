//! Where HTTP's certificate lies.

use std::path::PathBuf;

use super::document::{Places, TlsEntry};
use super::files::Files;
use super::problem::Report;

/// The files that HTTPS is spoken with, in PEM. Both are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, followed by those that lead to one that clients trust.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the document says of it; the files lie beside it.
pub(super) fn read(
    file: &str,
    entry: &TlsEntry,
    places: &Places,
    files: &Files,
    report: &mut Report,
) -> Option<Tls> {
    match (&entry.certificate, &entry.key) {
        (Some(certificate), Some(key)) => {
            Some(Tls { certificate: files.beside(certificate), key: files.beside(key) })
        }
        (None, None) => None,
        (Some(_), None) => {
            let line = places.line("tls.certificate");
            report.problem(file, line, "tls.key: expected the file of the certificate's key");
            None
        }
        (None, Some(_)) => {
            let line = places.line("tls.key");
            report.problem(
                file,
                line,
                "tls.certificate: expected the file of the key's certificate",
            );
            None
        }
    }
}
