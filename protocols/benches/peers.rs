//! NMEA and Teltonika side by side with the crates that do nothing else: the same bytes, to owned
//! values. Ours also checks and maps what it reads, and makes the answers. Neither names a Teltonika
//! record's elements unless somebody looks at them; what it costs to look at all of them is a line of
//! its own.

#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a bench fails loudly")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use interdict_protocols::{Connection, DeviceId, Item, Lent, Time, Transport, find};

const RECEIVED_AT: Time = Time::from_seconds(1_781_488_800);
const RMC: &str = "$GPRMC,015955.000,A,3854.8400,N,12136.8820,E,24.30,271.5,150626,,*0F";
/// Codec 8 with two records, one of them with nineteen elements: `protocols/fixtures/teltonika`.
const AVL: &str = "000000000000007708020000019ec901cd1800487cee381731ce20001f01100c002f001006ef01f0011504c8004501010106b5000cb6000842362e430fac09015944000003f10000b3b1100012d68748ffffffdd014e1a2b3c4d5e6f70810000019ec901a60801487d2cb81731d208001e010f0c0031f00101f001000000020000e500";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Every attribute of an item, which names those that the decoder has left unnamed.
fn attributes(item: &Item) {
    if let Item::Fix { attributes, .. } = item {
        attributes.iter().for_each(|attribute| _ = black_box(attribute));
    }
}

/// Ours: one read of a connection whose device is known, and a look at each item.
fn ours(criterion: &mut Criterion, name: &str, protocol: &str, read: &[u8], look: fn(&Item)) {
    let lent = Lent { received_at: RECEIVED_AT, installation: &() };
    let device = Some(DeviceId::from("356307042400017"));
    let mut connection = Connection::new(find(protocol).unwrap(), Transport::Tcp, device);
    let mut items: Vec<Item> = Vec::new();
    connection.receive(read, &lent, &mut items);
    assert!(items.iter().any(|item| matches!(item, Item::Fix { .. })), "{items:?}");
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            items.clear();
            connection.receive(black_box(read), &lent, &mut items);
            black_box(&items).iter().for_each(look);
        });
    });
}

fn nmea(criterion: &mut Criterion) {
    let line = format!("{RMC}\r\n");
    ours(criterion, "nmea/ours", "t55", line.as_bytes(), |_| ());
    assert!(nmea::parse_str(RMC).is_ok());
    criterion.bench_function("nmea/crate nmea", |bencher| {
        bencher.iter(|| black_box(nmea::parse_str(black_box(RMC)).unwrap()));
    });
}

fn teltonika(criterion: &mut Criterion) {
    let frame = bytes(AVL);
    ours(criterion, "teltonika/ours", "teltonika", &frame, |_| ());
    ours(criterion, "teltonika/ours, attributes read", "teltonika", &frame, attributes);
    criterion.bench_function("teltonika/crate nom-teltonika", |bencher| {
        bencher.iter(|| {
            let (_, view) = nom_teltonika::decoder::parse_frame(black_box(&frame)).unwrap();
            black_box(view.evaluate())
        });
    });
}

criterion_group!(benches, nmea, teltonika);
criterion_main!(benches);
