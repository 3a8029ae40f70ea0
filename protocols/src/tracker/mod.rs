//! The other end of a connection: a tracker that says positions and understands the answers.
//!
//! For `demo`, `replay --to`, `simulate` and the load bench; and every decoder's counterpart in
//! tests. Sans-IO as the decoders are: bytes in, bytes out.

mod gt06;
mod h02;
mod jt808;
mod osmand;
mod t55;
mod teltonika;
mod write;

use crate::{DeviceId, Fix, Transport};

/// What an answer made of a tracker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Bytes to send in return.
    pub say: Vec<u8>,
    /// Reports that the server has accepted with it.
    pub accepted: usize,
}

/// How far a tracker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Waits for an answer to what it said first.
    Waiting,
    /// May report.
    Ready,
    /// The server does not want it.
    Refused,
}

/// One tracker.
pub trait Tracker: Send {
    /// What it says first; empty where its protocol has no greeting.
    fn hello(&mut self) -> Vec<u8>;

    /// Takes bytes from the server, in whatever pieces they come.
    fn hear(&mut self, bytes: &[u8]) -> Heard;

    /// How far it has come.
    fn progress(&self) -> Progress;

    /// Says a position, with the alarms that its protocol has a place for.
    fn report(&mut self, fix: &Fix) -> Vec<u8>;

    /// Whether the server answers every report.
    fn is_answered(&self) -> bool;
}

/// Makes a tracker.
type Make = fn(&DeviceId) -> Box<dyn Tracker>;

/// Protocols that a tracker can speak, how it travels, and what makes one; sorted by name.
static TRACKERS: &[(&str, Transport, Make)] = &[
    ("gt06", Transport::Tcp, |device| Box::new(gt06::Gt06::new(device))),
    ("h02", Transport::Udp, |device| Box::new(h02::H02::new(device))),
    ("jt808", Transport::Tcp, |device| Box::new(jt808::Jt808::new(device))),
    ("osmand", Transport::Tcp, |device| Box::new(osmand::OsmAnd::new(device))),
    ("t55", Transport::Tcp, |device| Box::new(t55::T55::new(device))),
    ("teltonika", Transport::Tcp, |device| Box::new(teltonika::Teltonika::new(device))),
];

/// A tracker that speaks `protocol` as `device`, and how it travels; `None` where it cannot be
/// played.
#[must_use]
pub fn tracker(protocol: &str, device: &DeviceId) -> Option<(Transport, Box<dyn Tracker>)> {
    let (_, transport, make) = TRACKERS.iter().find(|(name, ..)| *name == protocol)?;
    Some((*transport, make(device)))
}

/// The protocols that a tracker can be played in.
pub fn tracker_protocols() -> impl Iterator<Item = &'static str> {
    TRACKERS.iter().map(|(name, ..)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Alarm, AlarmSet, Connection, HmacTokens, Item, Lent, Time, When, find};

    fn fix() -> Fix {
        let mut fix =
            Fix::new(Time::parse("2026-06-15T02:01:15Z").unwrap(), 39.030_8, 121.630_4).unwrap();
        fix.speed_kmh = Some(54.0);
        fix.course_deg = Some(271.0);
        fix
    }

    /// Lets a tracker and a connection talk until neither has more to say; gives the items.
    fn talk(
        protocol: &str,
        device: &DeviceId,
        reports: &[Fix],
    ) -> (Vec<Item>, Box<dyn Tracker>, usize) {
        let (transport, mut tracker) = tracker(protocol, device).unwrap();
        let mut connection = Connection::new(find(protocol).unwrap(), transport, None);
        let installation = HmacTokens::new(*b"fixture");
        let lent = Lent {
            received_at: Time::parse("2026-06-15T02:01:16Z").unwrap(),
            installation: &installation,
        };
        let (mut seen, mut accepted) = (Vec::new(), 0);
        let mut exchange = |tracker: &mut Box<dyn Tracker>, mut said: Vec<u8>| {
            while !said.is_empty() {
                let mut items = Vec::new();
                match transport {
                    Transport::Tcp => connection.receive(&said, &lent, &mut items),
                    Transport::Udp => connection.datagram(&said, &lent, &mut items),
                }
                said.clear();
                for item in &items {
                    if let Item::Reply { bytes, .. } = item {
                        let heard = tracker.hear(bytes);
                        said.extend(heard.say);
                        accepted = heard.accepted.saturating_add(accepted);
                    }
                }
                seen.extend(items);
            }
        };
        let hello = tracker.hello();
        exchange(&mut tracker, hello);
        for fix in reports {
            let said = tracker.report(fix);
            exchange(&mut tracker, said);
        }
        (seen, tracker, accepted)
    }

    #[test]
    fn what_a_tracker_says_is_what_its_decoder_reads() {
        for protocol in tracker_protocols() {
            let device = DeviceId::from("123456789012345");
            let device = if protocol == "jt808" { "13800000001".into() } else { device };
            let sent = [fix(), Fix { latitude: -12.5, longitude: -77.25, ..fix() }];
            let (items, tracker, accepted) = talk(protocol, &device, &sent);
            assert_eq!(tracker.progress(), Progress::Ready, "{protocol}: {items:?}");
            let fixes: Vec<_> = items
                .iter()
                .filter_map(|item| match item {
                    Item::Fix { device: Some(device), fix, .. } => Some((device, fix)),
                    _ => None,
                })
                .collect();
            assert_eq!(fixes.len(), sent.len(), "{protocol}: {items:?}");
            for ((from, read), sent) in fixes.iter().zip(&sent) {
                assert_eq!(**from, device, "{protocol}");
                assert_eq!(read.fix_time, sent.fix_time, "{protocol}");
                assert!(read.valid, "{protocol}");
                assert!((read.latitude - sent.latitude).abs() < 1e-5, "{protocol}: {read:?}");
                assert!((read.longitude - sent.longitude).abs() < 1e-5, "{protocol}: {read:?}");
                assert!((read.speed_kmh.unwrap() - 54.0).abs() < 0.6, "{protocol}: {read:?}");
                assert!((read.course_deg.unwrap() - 271.0).abs() < 0.6, "{protocol}: {read:?}");
            }
            if tracker.is_answered() {
                assert_eq!(accepted, sent.len(), "{protocol}: {items:?}");
                let due = items
                    .iter()
                    .filter(|item| matches!(item, Item::Reply { when: When::Accepted, .. }));
                assert_eq!(due.count(), sent.len(), "{protocol}: {items:?}");
            }
        }
    }

    #[test]
    fn an_emergency_button_is_heard_where_the_protocol_has_one() {
        for protocol in ["gt06", "h02", "jt808", "osmand", "teltonika"] {
            let device = DeviceId::from("123456789012345");
            let device = if protocol == "jt808" { "13800000001".into() } else { device };
            let sos = Fix { alarms: AlarmSet::only(Alarm::Sos), ..fix() };
            let (items, ..) = talk(protocol, &device, &[sos]);
            let heard = items.iter().any(
                |item| matches!(item, Item::Fix { fix, .. } if fix.alarms.contains(Alarm::Sos)),
            );
            assert!(heard, "{protocol}: {items:?}");
        }
    }
}
