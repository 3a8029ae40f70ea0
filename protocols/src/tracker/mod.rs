//! The other end of a connection: a tracker that says positions and understands the answers.
//!
//! For `demo`, `replay --to`, `simulate` and the load bench; and every decoder's counterpart in
//! tests. Sans-IO as the decoders are: bytes in, bytes out.

mod gl200;
mod gps103;
mod gt06;
mod h02;
mod jt808;
mod meiligao;
mod meitrack;
mod osmand;
mod plain;
mod suntech;
mod t55;
mod teltonika;
mod tk103;
mod watch;
mod wialon;
mod write;

use self::plain::{Plain, Ways};
use crate::{Command, DeviceId, Fix, Transport};

/// What an answer made of a tracker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Bytes to send in return.
    pub say: Vec<u8>,
    /// Reports that the server has accepted with it.
    pub accepted: usize,
    /// What the server asks for.
    pub asked: Vec<Command>,
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

/// What makes a tracker.
enum Make {
    /// One that remembers nothing of what it said.
    Plain(&'static Ways),
    /// Another.
    New(fn(&DeviceId) -> Box<dyn Tracker>),
}
use Make::New;

/// Protocols that a tracker can speak, how it travels, how many digits its identity has, and what
/// makes one; sorted by name.
static TRACKERS: &[(&str, Transport, usize, Make)] = &[
    ("gl200", Transport::Tcp, 15, Make::Plain(&gl200::WAYS)),
    ("gps103", Transport::Tcp, 15, Make::Plain(&gps103::WAYS)),
    ("gt06", Transport::Tcp, 15, New(|device| Box::new(gt06::Gt06::new(device)))),
    ("h02", Transport::Udp, 15, Make::Plain(&h02::WAYS)),
    ("jt808", Transport::Tcp, 12, New(|device| Box::new(jt808::Jt808::new(device)))),
    ("meiligao", Transport::Tcp, 14, Make::Plain(&meiligao::WAYS)),
    ("meitrack", Transport::Tcp, 15, Make::Plain(&meitrack::WAYS)),
    ("osmand", Transport::Tcp, 15, Make::Plain(&osmand::WAYS)),
    ("suntech", Transport::Tcp, 15, Make::Plain(&suntech::WAYS)),
    ("t55", Transport::Tcp, 15, Make::Plain(&t55::WAYS)),
    ("teltonika", Transport::Tcp, 15, New(|device| Box::new(teltonika::Teltonika::new(device)))),
    ("tk103", Transport::Tcp, 12, Make::Plain(&tk103::WAYS)),
    ("watch", Transport::Tcp, 15, Make::Plain(&watch::WAYS)),
    ("wialon", Transport::Tcp, 15, Make::Plain(&wialon::WAYS)),
];

/// A tracker that speaks `protocol` as `device`, and how it travels; `None` where it cannot be
/// played.
#[must_use]
pub fn tracker(protocol: &str, device: &DeviceId) -> Option<(Transport, Box<dyn Tracker>)> {
    let (_, transport, _, make) = TRACKERS.iter().find(|(name, ..)| *name == protocol)?;
    let tracker: Box<dyn Tracker> = match make {
        Make::Plain(ways) => Box::new(Plain::new(ways, device)),
        New(make) => make(device),
    };
    Some((*transport, tracker))
}

/// An identity of as many digits as trackers have in `protocol`, another one for each number.
#[must_use]
pub fn identity(protocol: &str, number: u32) -> DeviceId {
    let found = TRACKERS.iter().find(|(name, ..)| *name == protocol);
    let digits = found.map_or(15, |(_, _, digits, _)| *digits).saturating_sub(2);
    // 86: China, in IMEIs as in telephone numbers.
    format!("86{number:0digits$}").into()
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
            let device = identity(protocol, 7);
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
        // NMEA 0183 has no alarms.
        for protocol in tracker_protocols().filter(|protocol| *protocol != "t55") {
            let device = identity(protocol, 7);
            let sos = Fix { alarms: AlarmSet::only(Alarm::Sos), ..fix() };
            let (items, ..) = talk(protocol, &device, &[sos]);
            let heard = items.iter().any(
                |item| matches!(item, Item::Fix { fix, .. } if fix.alarms.contains(Alarm::Sos)),
            );
            assert!(heard, "{protocol}: {items:?}");
        }
    }
}
