//! Every protocol there is, one file each: `mod name;` and `&name::PROTOCOL,`, both sorted.

mod atrack;
mod gt06;
mod h02;
mod jt600;
mod jt808;
mod megastek;
mod meiligao;
mod navis;
mod osmand;
mod t55;
mod t800x;
mod taip;
mod teltonika;
mod totem;
mod trv;
mod wialon;

use crate::Protocol;

/// Every protocol, by name.
pub static ALL: &[&Protocol] = &[
    &atrack::PROTOCOL,
    &gt06::PROTOCOL,
    &h02::PROTOCOL,
    &jt600::PROTOCOL,
    &jt808::PROTOCOL,
    &megastek::PROTOCOL,
    &meiligao::PROTOCOL,
    &navis::PROTOCOL,
    &osmand::PROTOCOL,
    &t55::PROTOCOL,
    &t800x::PROTOCOL,
    &taip::PROTOCOL,
    &teltonika::PROTOCOL,
    &totem::PROTOCOL,
    &trv::PROTOCOL,
    &wialon::PROTOCOL,
];

/// The protocol of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Protocol> {
    ALL.iter().copied().find(|protocol| protocol.name == name)
}
