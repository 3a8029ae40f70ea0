//! Recorded frames, as `serve --record` writes them: JSON lines
//! `{"at":RFC3339,"protocol":"jt808","transport":"tcp|udp","peer":"…","connection":N,"wire":"<hex>"}`,
//! each the bytes of one read.

use std::collections::HashMap;

use interdict_protocols::{
    Connection, DeviceId, HmacTokens, Installation, Item, Lent, PlatformLogin, PlatformRefusal,
    Protocol, Time, Transport, find,
};
use serde::Deserialize;

use super::{Reading, Said};
use crate::text::bytes;

#[derive(Deserialize)]
struct Frame {
    at: String,
    protocol: String,
    #[serde(default)]
    transport: Option<String>,
    #[serde(default)]
    peer: String,
    #[serde(default)]
    connection: u64,
    wire: String,
    /// The peer has closed.
    #[serde(default)]
    closed: bool,
}

/// So many connections are followed at a time: more than one gateway holds. The longest silent are
/// forgotten first.
const CONNECTIONS: usize = 1 << 16;

/// The connections of one recording.
pub(super) struct Recording {
    open: HashMap<(&'static str, bool, u64, String), Followed>,
    lending: Lending,
    latest: Time,
    reads: u64,
}

/// Whoever was heard when it was recorded is heard again: nothing is guarded here.
struct Lending(HmacTokens);

impl Installation for Lending {
    fn issue_token(&self, device: &DeviceId) -> String {
        self.0.issue_token(device)
    }

    fn accepts_token(&self, device: &DeviceId, token: &[u8]) -> bool {
        self.0.accepts_token(device, token)
    }

    fn admit(&self, _: &PlatformLogin<'_>) -> Result<u32, PlatformRefusal> {
        Ok(0)
    }
}

struct Followed {
    connection: Connection,
    last_read: u64,
}

impl Default for Recording {
    fn default() -> Self {
        let lending = Lending(HmacTokens::new(*b"interdict replay"));
        Self { open: HashMap::new(), lending, latest: Time::default(), reads: 0 }
    }
}

impl Recording {
    /// Decodes one line.
    pub(super) fn read(
        &mut self,
        reading: &mut Reading<'_, '_>,
        number: usize,
        line: &str,
    ) -> Result<(), String> {
        let frame: Frame = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let at = reading.time(&frame.at)?;
        let protocol = find(&frame.protocol)
            .ok_or_else(|| format!("there is no protocol {:?}", frame.protocol))?;
        let bytes = bytes(&frame.wire).map_err(|error| format!("wire: {error}"))?;
        let udp = match frame.transport.as_deref() {
            None | Some("tcp" | "http") => false,
            Some("udp") => true,
            Some(other) => return Err(format!("transport: found {other:?}, expected tcp or udp")),
        };
        self.latest = at;
        self.reads += 1;
        self.forget();
        let key = (protocol.name, udp, frame.connection, frame.peer);
        let followed = self.open.entry(key.clone()).or_insert_with(|| Followed::new(protocol, udp));
        followed.last_read = self.reads;
        let lent = Lent { received_at: at, installation: &self.lending };
        let mut items = Vec::new();
        if udp {
            followed.connection.datagram(&bytes, &lent, &mut items);
        } else {
            followed.connection.receive(&bytes, &lent, &mut items);
        }
        if frame.closed && !udp {
            followed.connection.close(&lent, &mut items);
        }
        if frame.closed || !followed.connection.is_open() {
            self.open.remove(&key);
        }
        say(reading, number, at, items);
        Ok(())
    }

    /// The recording is over: what a text protocol left without its end still counts.
    pub(super) fn close(&mut self, reading: &mut Reading<'_, '_>) {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_by(|(left, _), (right, _)| left.cmp(right));
        for (_, mut followed) in open {
            let lent = Lent { received_at: self.latest, installation: &self.lending };
            let mut items = Vec::new();
            followed.connection.close(&lent, &mut items);
            // A recording that stops within a frame is nobody's mistake.
            items.retain(|item| !matches!(item, Item::Reject { .. } | Item::Fatal { .. }));
            say(reading, 0, self.latest, items);
        }
    }

    fn forget(&mut self) {
        if self.open.len() < CONNECTIONS {
            return;
        }
        let mut reads: Vec<_> = self.open.values().map(|followed| followed.last_read).collect();
        reads.sort_unstable();
        let cut = reads.get(CONNECTIONS / 4).copied().unwrap_or_default();
        self.open.retain(|_, followed| followed.last_read >= cut);
    }
}

impl Followed {
    fn new(protocol: &'static Protocol, udp: bool) -> Self {
        let transport = if udp { Transport::Udp } else { Transport::Tcp };
        Self { connection: Connection::new(protocol, transport, None), last_read: 0 }
    }
}

fn say(reading: &mut Reading<'_, '_>, number: usize, at: Time, items: Vec<Item>) {
    for item in items {
        match item {
            Item::Login(login) => reading.row(at, Some(login.device), Said::Login),
            Item::Fix { device: Some(device), fix, .. } => {
                reading.row(at, Some(device), Said::Fix(fix));
            }
            Item::Report { device: Some(device), time, alarms, alarm_states, .. } => {
                reading.row(at, Some(device), Said::Report { time, alarms, alarm_states });
            }
            Item::Fix { device: None, .. } | Item::Report { device: None, .. } => {
                reading.bad(number, "a report from a device that has not said who it is");
            }
            Item::Reject { reason, offset } | Item::Fatal { reason, offset } => {
                let what = format!("refused: {} at byte {offset} of its connection", reason.name());
                reading.bad(number, &what);
            }
            Item::PlatformIn(_) | Item::PlatformOut { .. } | Item::Reply { .. } => {}
        }
    }
}
