//! `[[jt809.peers]]`: other platforms that hand us their vehicles.

use std::fmt;
use std::net::IpAddr;

use interdict_protocols::Cipher;
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::document::{Document, PeerEntry, Places};
use super::files::Files;
use super::problem::Report;

/// The field of a login that holds the password (JT/T 809, 0x1001).
const PASSWORD_LENGTH: usize = 8;

/// Another platform.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The access code that it was given here: every message of it bears this.
    pub access_code: u32,
    /// Its user.
    pub user_id: u32,
    /// Its password.
    pub password: Password,
    /// Where it may log in from: its password travels as 8 clear bytes.
    pub networks: Vec<IpNet>,
    /// Where it is called back; without one it is not.
    pub sub_link: Option<HostPort>,
    /// The constants that were agreed on for encrypted messages.
    pub cipher: Option<Cipher>,
}

/// A password, of which only the SHA-256 is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Password([u8; 32]);

impl Password {
    fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Whether `password` is it. Of hashes, the time that this takes tells nothing.
    #[must_use]
    pub fn is(&self, password: &[u8]) -> bool {
        self.0 == <[u8; 32]>::from(Sha256::digest(password))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl HostPort {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic());
        let port = port.parse().ok().filter(|port| *port != 0)?;
        is_host.then(|| Self { host: host.to_owned(), port })
    }

    /// Whether somebody else's writing means the same.
    #[must_use]
    pub fn is(&self, host: &str, port: u16) -> bool {
        let address =
            |host: &str| host.parse::<IpAddr>().map(|address| address.to_canonical()).ok();
        let is_host = match (address(&self.host), address(host)) {
            (Some(own), Some(other)) => own == other,
            _ => self.host.eq_ignore_ascii_case(host),
        };
        is_host && self.port == port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Checks the peers that the document names.
pub(super) fn read(
    file: &str,
    document: &Document,
    places: &Places,
    files: &Files,
    report: &mut Report,
) -> Vec<Platform> {
    let line = places.line("jt809.peers");
    let mut platforms: Vec<Platform> = Vec::new();
    for entry in &document.jt809.peers {
        let code = entry.platform_code;
        // A list of tables has one line; the code says which of them is meant.
        let mut problem = |what: &str| {
            report.problem(file, line, format!("jt809.peers of platform_code {code}: {what}"));
        };
        if platforms.iter().any(|other| other.access_code == code) {
            problem("another peer has this code");
        }
        if entry.networks.is_empty() {
            problem("networks: expected at least one, such as \"10.21.0.0/16\"");
        }
        let password = match password(entry, files) {
            Ok(password) => password,
            Err(what) => {
                problem(&what);
                continue;
            }
        };
        let sub_link = entry.sub_link.as_deref().and_then(|text| {
            let parsed = HostPort::parse(text);
            if parsed.is_none() {
                problem(&format!("sub_link: found {text:?}, expected one such as 10.21.0.5:9809"));
            }
            parsed
        });
        let cipher = match (entry.m1, entry.ia1, entry.ic1) {
            (Some(m1), Some(ia1), Some(ic1)) => Some(Cipher { m1, ia1, ic1 }),
            (None, None, None) => None,
            _ => {
                problem("m1, ia1 and ic1 belong together: one of them is missing");
                None
            }
        };
        if entry.networks.iter().any(|network| network.prefix_len() == 0) {
            let what = format!(
                "jt809.peers of platform_code {code}: networks holds the whole internet, and the password is 8 clear bytes"
            );
            report.warning(file, line, what);
        }
        platforms.push(Platform {
            access_code: code,
            user_id: entry.user_id,
            password,
            networks: entry.networks.clone(),
            sub_link,
            cipher,
        });
    }
    platforms
}

fn password(entry: &PeerEntry, files: &Files) -> Result<Password, String> {
    let text = match (&entry.password, &entry.password_file) {
        (Some(text), None) => text.clone(),
        (None, Some(path)) => {
            let (called, text) = files.read(path);
            let text = text.map_err(|what| format!("password_file: {called} {what}"))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        _ => return Err("expected a password or a password_file, and not both".to_owned()),
    };
    // What it is stays out of messages.
    if text.is_empty() || text.len() > PASSWORD_LENGTH || text.contains('\0') {
        return Err(format!(
            "the password has {} bytes, expected 1 to {PASSWORD_LENGTH}",
            text.len()
        ));
    }
    Ok(Password::new(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_written_in_many_ways() {
        let at = |text| HostPort::parse(text);
        let address = at("10.21.0.5:9809").unwrap();
        assert!(address.is("10.21.0.5", 9809) && address.is("::ffff:10.21.0.5", 9809));
        assert!(!address.is("10.21.0.5", 9810) && !address.is("10.21.0.50", 9809));
        assert!(!address.is("", 9809));
        let name = at("gps.example.net:9809").unwrap();
        assert!(name.is("GPS.example.net", 9809) && !name.is("10.21.0.5", 9809));
        assert_eq!(at("[fd00::5]:9809").unwrap().to_string(), "[fd00::5]:9809");
        assert!(at("10.21.0.5").is_none() && at(":1").is_none() && at("a:0").is_none());
        assert!(at("a b:1").is_none() && at("a:70000").is_none());
    }

    #[test]
    fn a_password_is_not_shown() {
        let password = Password::new("letmein");
        assert!(password.is(b"letmein") && !password.is(b"letmeinx") && !password.is(b""));
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
