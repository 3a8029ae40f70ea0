//! What must hold whatever bytes come in: the body of the fuzz target, and of the tests that cut,
//! flip and splice the fixtures.

use crate::{ALL, Connection, DeviceId, HmacTokens, Item, Lent, Protocol, Time, Transport};

/// When fuzzed bytes were received: two-digit years need one.
const RECEIVED_AT: Time = Time::from_seconds(1_781_488_800);

/// Checks what came of `length` bytes: a place on the globe or none, figures that are quantities,
/// offsets that are inside, no more items than bytes can carry.
///
/// # Panics
/// Where something does not hold; `place` says of what.
pub fn assert_harmless(items: &[Item], length: usize, place: &dyn Fn() -> String) {
    // A frame of two bytes that logs in and is answered is the densest that there is.
    let most = length.saturating_mul(2).saturating_add(8);
    assert!(items.len() <= most, "{}: {} items", place(), items.len());
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    for item in items {
        match item {
            Item::Fix { fix, .. } => {
                let sane = (-90.0..=90.0).contains(&fix.latitude)
                    && (-180.0..=180.0).contains(&fix.longitude)
                    && fix.speed_kmh.is_none_or(|speed| speed.is_finite() && speed >= 0.0)
                    && fix.course_deg.is_none_or(|course| (0.0..=360.0).contains(&course))
                    && fix.altitude_m.is_none_or(f64::is_finite);
                assert!(sane, "{}: {fix:?}", place());
            }
            Item::Reject { offset, .. } | Item::Fatal { offset, .. } => {
                assert!(*offset <= length, "{}: offset {offset} of {length}", place());
            }
            Item::Login(_) | Item::Report { .. } | Item::Reply { .. } => {}
        }
        assert!(serde_json::to_string(item).is_ok(), "{}: {item:?}", place());
    }
}

/// Decodes any bytes: the first chooses a protocol, the second how the rest comes (bit 0: datagrams;
/// bit 1: the device is known; bit 2: byte by byte), the rest is what a stranger sends. Byte by byte
/// must give what one read gives.
///
/// # Panics
/// Where [`assert_harmless`] does, or where segmentation shows.
pub fn fuzz_decode(bytes: &[u8]) {
    let [which, how, rest @ ..] = bytes else { return };
    let Some(protocol) = ALL.get(usize::from(*which).checked_rem(ALL.len()).unwrap_or(0)) else {
        return;
    };
    let transport = if how & 1 == 1 { Transport::Udp } else { Transport::Tcp };
    if !protocol.transports.include(transport) {
        return;
    }
    let device = (how & 2 == 2).then(|| DeviceId::from("860000000000001"));
    let place = || format!("{} over {}", protocol.name, transport.name());
    let glued = decode(protocol, transport, device.clone(), [rest]);
    assert_harmless(&glued, rest.len(), &place);
    if how & 4 == 4 && transport == Transport::Tcp {
        let single = decode(protocol, transport, device, rest.chunks(1));
        assert_eq!(glued, single, "{}: segmentation shows", place());
    }
}

fn decode<'a>(
    protocol: &'static Protocol,
    transport: Transport,
    device: Option<DeviceId>,
    reads: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Item> {
    let installation = HmacTokens::new(*b"fuzzing");
    let lent = Lent { received_at: RECEIVED_AT, installation: &installation };
    let mut connection = Connection::new(protocol, transport, device);
    let mut items = Vec::new();
    for read in reads {
        match transport {
            Transport::Tcp => connection.receive(read, &lent, &mut items),
            Transport::Udp => connection.datagram(read, &lent, &mut items),
        }
        let (pending, max) = (connection.pending(), protocol.framer.max());
        assert!(pending <= max, "{}: holds {pending} bytes of {max}", protocol.name);
    }
    if transport == Transport::Tcp {
        connection.close(&lent, &mut items);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_harmless_in_every_protocol() {
        // Marsaglia's xorshift: the same noise in every run.
        let mut state = 0x2026_1125_u64;
        for which in 0..ALL.len() {
            for how in 0..8 {
                for length in [0, 1, 7, 64, 700] {
                    let mut bytes = vec![u8::try_from(which).unwrap(), how];
                    for _ in 0..length {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        bytes.push(state.to_le_bytes()[0]);
                    }
                    fuzz_decode(&bytes);
                }
            }
        }
    }
}
