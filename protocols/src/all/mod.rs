//! Every protocol there is, one file each: `mod name;` and `&name::PROTOCOL,`, both sorted.

mod aplicom;
mod atrack;
mod castel;
mod easytrack;
mod eelink;
mod egts;
mod fifotrack;
mod galileo;
mod gb32960;
mod gl200;
mod gosafe;
mod gps103;
mod gt06;
mod h02;
mod huasheng;
mod its;
mod jt600;
mod jt808;
mod jt809;
mod khd;
mod laipac;
mod megastek;
mod meiligao;
mod meitrack;
mod minifinder2;
mod mobilogix;
mod navis;
mod osmand;
mod owntracks;
mod pt502;
mod ruptela;
mod starlink;
mod startek;
mod suntech;
mod t55;
mod t800x;
mod taip;
mod teltonika;
mod tk103;
mod tlt2h;
mod totem;
mod trv;
mod tzone;
mod ulbotech;
mod upro;
mod watch;
mod wialon;
mod xexun;

pub use self::jt809::{PLATFORM_VEHICLE, PlatformLink, SubLink, SubLinkState};

use crate::Protocol;

/// Every protocol, by name.
pub static ALL: &[&Protocol] = &[
    &aplicom::PROTOCOL,
    &atrack::PROTOCOL,
    &castel::PROTOCOL,
    &easytrack::PROTOCOL,
    &eelink::PROTOCOL,
    &egts::PROTOCOL,
    &fifotrack::PROTOCOL,
    &galileo::PROTOCOL,
    &gb32960::PROTOCOL,
    &gl200::PROTOCOL,
    &gosafe::PROTOCOL,
    &gps103::PROTOCOL,
    &gt06::PROTOCOL,
    &h02::PROTOCOL,
    &huasheng::PROTOCOL,
    &its::PROTOCOL,
    &jt600::PROTOCOL,
    &jt808::PROTOCOL,
    &jt809::PROTOCOL,
    &khd::PROTOCOL,
    &laipac::PROTOCOL,
    &megastek::PROTOCOL,
    &meiligao::PROTOCOL,
    &meitrack::PROTOCOL,
    &minifinder2::PROTOCOL,
    &mobilogix::PROTOCOL,
    &navis::PROTOCOL,
    &osmand::PROTOCOL,
    &owntracks::PROTOCOL,
    &pt502::PROTOCOL,
    &ruptela::PROTOCOL,
    &starlink::PROTOCOL,
    &startek::PROTOCOL,
    &suntech::PROTOCOL,
    &t55::PROTOCOL,
    &t800x::PROTOCOL,
    &taip::PROTOCOL,
    &teltonika::PROTOCOL,
    &tk103::PROTOCOL,
    &tlt2h::PROTOCOL,
    &totem::PROTOCOL,
    &trv::PROTOCOL,
    &tzone::PROTOCOL,
    &ulbotech::PROTOCOL,
    &upro::PROTOCOL,
    &watch::PROTOCOL,
    &wialon::PROTOCOL,
    &xexun::PROTOCOL,
];

/// The protocol of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Protocol> {
    ALL.iter().copied().find(|protocol| protocol.name == name)
}
