//! Every protocol there is, one file each: `mod name;` and `&name::PROTOCOL,`, both sorted.

mod gt06;
mod jt808;

use crate::Protocol;

/// Every protocol, by name.
pub static ALL: &[&Protocol] = &[&gt06::PROTOCOL, &jt808::PROTOCOL];

/// The protocol of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Protocol> {
    ALL.iter().copied().find(|protocol| protocol.name == name)
}
