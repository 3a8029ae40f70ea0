//! [`Hosts`]: under which names the server may be asked. A page of somebody else's whose name
//! suddenly means this machine (DNS rebinding) would otherwise be as good as our own.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::problem::Problem;

/// The names and addresses that are ours.
pub(super) struct Hosts {
    listening: Option<IpAddr>,
    names: Vec<String>,
}

impl Hosts {
    /// Those of a server that listens there, and the configured `names`.
    pub(super) fn new(listening: Option<IpAddr>, names: &[String]) -> Self {
        let names = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { listening: listening.map(|address| address.to_canonical()), names }
    }

    /// Whether a `Host` is ours. The port is not looked at: something before this may listen on
    /// another one.
    fn knows(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = literal.parse::<IpAddr>() {
            let address = address.to_canonical();
            // An address cannot be made to mean another machine; whoever listens on all of them may
            // be asked under any.
            return address.is_loopback()
                || self.listening.is_some_and(|own| own == address || own.is_unspecified());
        }
        name == "localhost" || self.names.contains(&name)
    }
}

/// Refuses requests that are meant for another name.
pub(super) async fn check(
    State(hosts): State<Arc<Hosts>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let mut stated = request.headers().get_all(header::HOST).iter();
    let host = match (stated.next(), stated.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    };
    if host.is_some_and(|host| hosts.knows(host)) {
        return Ok(next.run(request).await);
    }
    let detail = "the server does not go by that name; where it should, add the name to `hosts` \
                  under [web] in its configuration";
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_known() {
        let hosts = Hosts::new(Some([192, 0, 2, 7].into()), &["Console.example".to_owned()]);
        for own in [
            "localhost",
            "localhost:8080",
            "LOCALHOST.",
            "127.0.0.1:8080",
            "127.8.9.1",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "192.0.2.7:8080",
            "console.example",
            "CONSOLE.EXAMPLE:443",
        ] {
            assert!(hosts.knows(own), "{own}");
        }
        for strange in [
            "",
            "192.0.2.8",
            "evil.example",
            "console.example.evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "user@evil.example",
            "a b",
        ] {
            assert!(!hosts.knows(strange), "{strange}");
        }
        assert!(Hosts::new(Some([0, 0, 0, 0].into()), &[]).knows("192.0.2.8:8080"));
    }
}
