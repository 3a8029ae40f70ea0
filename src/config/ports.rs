//! Where each protocol listens.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use interdict_protocols::{ALL, Protocol, find};

use super::document::{Document, Places, Port};
use super::problem::Report;

/// Addresses by protocol name.
pub type Ports = BTreeMap<&'static str, SocketAddr>;

/// Reads `PROTOCOL=ADDR`, such as `jt808=127.0.0.1:5015`: what `serve --port` takes.
///
/// # Errors
/// What was expected, in words for a person.
pub fn port_argument(text: &str) -> Result<(&'static Protocol, SocketAddr), String> {
    let (name, address) = text
        .split_once('=')
        .ok_or_else(|| "expected PROTOCOL=ADDRESS, such as jt808=127.0.0.1:5015".to_owned())?;
    let protocol = find(name).ok_or_else(|| unknown(name))?;
    let address = address.parse().map_err(|_| {
        format!("{address:?} is no address and port; expected one such as 127.0.0.1:5015")
    })?;
    Ok((protocol, address))
}

fn unknown(name: &str) -> String {
    let names: Vec<_> = ALL.iter().map(|protocol| protocol.name).collect();
    format!("there is no protocol {name:?}; expected one of {}", names.join(", "))
}

/// Every protocol at its own port, bound to loopback, unless the document says otherwise.
pub(super) fn read(file: &str, document: &Document, places: &Places, report: &mut Report) -> Ports {
    let host = document.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut ports: Ports =
        ALL.iter().map(|protocol| (protocol.name, SocketAddr::new(host, protocol.port))).collect();
    for (name, port) in &document.ports {
        let key = format!("ports.{name}");
        let Some(protocol) = find(name) else {
            report.problem(file, places.line(&key), format!("{key}: {}", unknown(name)));
            continue;
        };
        match port {
            Port::Address(address) => {
                ports.insert(protocol.name, *address);
            }
            Port::Number(number) => {
                ports.insert(protocol.name, SocketAddr::new(host, *number));
            }
            Port::Wanted(true) => {}
            Port::Wanted(false) => {
                ports.remove(protocol.name);
            }
        }
    }
    let mut taken: BTreeMap<SocketAddr, &str> = BTreeMap::new();
    for (name, address) in &ports {
        // Port 0 lets the machine choose.
        if address.port() == 0 {
            continue;
        }
        if let Some(other) = taken.insert(*address, name) {
            let key = format!("ports.{name}");
            let line = places.line(&key).or_else(|| places.line(&format!("ports.{other}")));
            report.problem(file, line, format!("{key}: {address} is also that of {other}"));
        }
    }
    ports
}
