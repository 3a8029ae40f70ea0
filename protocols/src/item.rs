//! What comes out of a connection, and how `interdict decode` and the fixtures write it.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{AlarmSet, Attributes, Datum, DeviceId, Fix, PlatformLink, Reason, Time};

/// How far an identity has been shown to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The device has named itself.
    Claimed,
    /// It has also shown the secret that its protocol foresees.
    Proven,
}

/// A device has said who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// Who.
    pub device: DeviceId,
    /// How surely.
    pub standing: Standing,
    /// What the protocol answers to a device that is not welcome; empty where it has no word for
    /// that. Sent in place of every reply that would follow.
    pub refusal: Vec<u8>,
}

/// When a reply may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once the device's login is accepted: it says nothing about data.
    Now,
    /// Once what the frame reported is safe: it tells the device to forget it.
    Accepted,
}

/// One thing decoded, in the order of the bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A device has said who it is.
    Login(Login),
    /// Another platform has shown its password: the connection is its main link.
    PlatformIn(PlatformLink),
    /// That platform has taken leave.
    PlatformOut {
        /// The number under which we know it.
        access_code: u32,
    },
    /// A position.
    Fix {
        /// Whose; `None` where nobody has logged in.
        device: Option<DeviceId>,
        /// The position.
        fix: Fix,
        /// What else the frame states.
        attributes: Attributes,
    },
    /// Something without a position.
    Report {
        /// Whose; `None` where nobody has logged in.
        device: Option<DeviceId>,
        /// When the device says it was.
        time: Option<Time>,
        /// The alarms reported.
        alarms: AlarmSet,
        /// The alarms whose absence means that they are off.
        alarm_states: AlarmSet,
        /// What else the frame states.
        attributes: Attributes,
    },
    /// Bytes for the device.
    Reply {
        /// What to send.
        bytes: Vec<u8>,
        /// When it may be sent.
        when: When,
    },
    /// A frame refused; the connection lives.
    Reject {
        /// Why.
        reason: Reason,
        /// The offending byte, counted from the connection's first.
        offset: u64,
    },
    /// The connection is lost.
    Fatal {
        /// Why.
        reason: Reason,
        /// The offending byte, counted from the connection's first.
        offset: u64,
    },
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    hex_to(bytes, &mut text);
    text
}

/// The same, behind `text`.
pub(crate) fn hex_to(bytes: &[u8], text: &mut String) {
    let digit = |half: u8| if half < 10 { b'0' | half } else { half.wrapping_add(b'a' - 10) };
    for part in bytes.chunks(16) {
        // At once: letter by letter each would ask for room.
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(part) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        let digits = digits.get(..part.len().saturating_mul(2)).unwrap_or_default();
        text.push_str(std::str::from_utf8(digits).unwrap_or_default());
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Login(login) => {
                map.serialize_entry("kind", "login")?;
                map.serialize_entry("device", &login.device)?;
            }
            Self::PlatformIn(PlatformLink { access_code, .. })
            | Self::PlatformOut { access_code } => {
                map.serialize_entry("kind", "platform")?;
                map.serialize_entry("access_code", access_code)?;
                map.serialize_entry("logged_in", &matches!(self, Self::PlatformIn(_)))?;
            }
            Self::Fix { device, fix, attributes } => {
                map.serialize_entry("kind", "fix")?;
                map.serialize_entry("device", device)?;
                map.serialize_entry("fix_time", &fix.fix_time)?;
                map.serialize_entry("valid", &fix.valid)?;
                map.serialize_entry("latitude", &fix.latitude)?;
                map.serialize_entry("longitude", &fix.longitude)?;
                map.serialize_entry("altitude_m", &fix.altitude_m)?;
                map.serialize_entry("speed_kmh", &fix.speed_kmh)?;
                map.serialize_entry("course_deg", &fix.course_deg)?;
                if fix.datum != Datum::Wgs84 {
                    map.serialize_entry("datum", &fix.datum)?;
                }
                if fix.backfill {
                    map.serialize_entry("backfill", &true)?;
                }
                map.serialize_entry("alarms", &fix.alarms)?;
                map.serialize_entry("attributes", attributes)?;
            }
            Self::Report { device, time, alarms, attributes, .. } => {
                map.serialize_entry("kind", "report")?;
                map.serialize_entry("device", device)?;
                if let Some(time) = time {
                    map.serialize_entry("time", time)?;
                }
                map.serialize_entry("alarms", alarms)?;
                map.serialize_entry("attributes", attributes)?;
            }
            Self::Reply { bytes, when } => {
                map.serialize_entry("kind", "reply")?;
                map.serialize_entry("bytes", &hex(bytes))?;
                let when = match when {
                    When::Now => "now",
                    When::Accepted => "accepted",
                };
                map.serialize_entry("when", when)?;
            }
            Self::Reject { reason, offset } => {
                map.serialize_entry("kind", "reject")?;
                map.serialize_entry("reason", reason)?;
                map.serialize_entry("offset", offset)?;
            }
            Self::Fatal { reason, offset } => {
                map.serialize_entry("kind", "fatal")?;
                map.serialize_entry("reason", reason)?;
                map.serialize_entry("offset", offset)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_written_as_the_design_says() {
        let reject = Item::Reject { reason: Reason::Checksum, offset: 14 };
        assert_eq!(
            serde_json::to_string(&reject).unwrap(),
            r#"{"kind":"reject","reason":"checksum","offset":14}"#
        );
        let reply = Item::Reply { bytes: vec![0x0d, 0xa0], when: When::Accepted };
        assert_eq!(
            serde_json::to_string(&reply).unwrap(),
            r#"{"kind":"reply","bytes":"0da0","when":"accepted"}"#
        );
        let mut fix = Fix::new(Time::from_seconds(1_781_488_875), 38.5, 121.25).unwrap();
        fix.speed_kmh = Some(60.0);
        let item = Item::Fix { device: None, fix, attributes: Attributes::new() };
        assert_eq!(
            serde_json::to_string(&item).unwrap(),
            "{\"kind\":\"fix\",\"device\":null,\"fix_time\":\"2026-06-15T02:01:15Z\",\"valid\":true,\
             \"latitude\":38.5,\"longitude\":121.25,\"altitude_m\":null,\"speed_kmh\":60.0,\
             \"course_deg\":null,\"alarms\":[],\"attributes\":{}}"
        );
    }
}
