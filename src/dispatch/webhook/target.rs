//! [`Target`]: an endpoint's address, taken apart once.

use hyper::Uri;

/// Why an address is no endpoint's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It cannot be read.
    #[error("`{0}` is no address such as https://receiver.example/interdict")]
    Unreadable(String),
    /// Neither https nor http.
    #[error("the address must begin with https://")]
    Scheme,
    /// A name and password in it would be shown wherever the address is.
    #[error(
        "the address must not hold a user or a password; requests are signed, verify the signature"
    )]
    User,
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) is_https: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// What the header `host` bears.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

/// The longest address that is taken, bytes.
const LONGEST: usize = 2_048;

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, BadUrl> {
        let unreadable = || BadUrl::Unreadable(url.chars().take(200).collect());
        // A fragment is for browsers; `Uri` would drop it silently.
        if url.len() > LONGEST || url.contains('#') {
            return Err(unreadable());
        }
        let uri: Uri = url.parse().map_err(|_| unreadable())?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(BadUrl::Scheme),
        };
        let authority = uri.authority().ok_or_else(unreadable)?;
        if authority.as_str().contains('@') {
            return Err(BadUrl::User);
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let stated = authority.as_str().rsplit_once(':').map(|(_, port)| port);
        let port = match authority.port_u16() {
            // A port that is none, such as 70000.
            None if stated.is_some_and(|port| !port.ends_with(']')) => return Err(unreadable()),
            None => {
                if is_https {
                    443
                } else {
                    80
                }
            }
            Some(0) => return Err(unreadable()),
            Some(port) => port,
        };
        if host.is_empty() {
            return Err(unreadable());
        }
        Ok(Self {
            is_https,
            host: host.to_owned(),
            port,
            authority: authority.to_string(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let target = Target::parse("https://receiver.example/a/b?c=d").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("receiver.example", 443));
        assert_eq!((target.path.as_str(), target.is_https), ("/a/b?c=d", true));
        let target = Target::parse("http://[::1]:8080").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 8080));
        assert_eq!((target.path.as_str(), target.authority.as_str()), ("/", "[::1]:8080"));
        assert_eq!(Target::parse("http://[::1]/").unwrap().port, 80);
    }

    #[test]
    fn what_is_no_endpoint_s_is_refused() {
        assert_eq!(Target::parse("ftp://a/"), Err(BadUrl::Scheme));
        assert_eq!(Target::parse("https://user:word@a/"), Err(BadUrl::User));
        for bad in
            ["", "https://", "https:///a", "https://a:0/", "https://a:70000/", "https://a/#b"]
        {
            let error = Target::parse(bad).unwrap_err();
            assert!(matches!(error, BadUrl::Unreadable(_) | BadUrl::Scheme), "{bad}: {error}");
        }
    }
}
