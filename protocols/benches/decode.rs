//! What one read costs, for every protocol: framing, checksum, decoding, answers.
//!
//! `cargo bench -p interdict-protocols --bench decode [PROTOCOL]`; the figure under `thrpt` is
//! reads a second. The input is the first connection of a protocol's first fixture that is about
//! positions and has nothing to refuse, read by read.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use interdict_protocols::{ALL, Connection, DeviceId, Item, Lent, Protocol, Transport};
use support::{Case, Lending, RECEIVED_AT, Segments, entries, fixtures};

fn connection(protocol: &'static Protocol, case: &Case) -> Connection {
    let transport = if case.udp { Transport::Udp } else { Transport::Tcp };
    Connection::new(protocol, transport, case.device.as_deref().map(DeviceId::from))
}

fn is_sound(case: &Case) -> bool {
    let Some(script) = case.scripts.first() else { return false };
    let items = case.replay(script, Segments::AsRecorded);
    items.iter().any(|item| matches!(item, Item::Fix { .. }))
        && !items.iter().any(|item| matches!(item, Item::Reject { .. } | Item::Fatal { .. }))
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for protocol in ALL {
        let files = entries(&fixtures().join(protocol.name));
        let mut cases = files.iter().filter_map(|path| Case::read(path).ok());
        let Some(case) = cases.find(is_sound) else {
            eprintln!("SKIPPED: {} has no sound fixture with a position", protocol.name);
            continue;
        };
        let Some(script) = case.scripts.first() else { continue };
        let lending = Lending::new(case.model.as_deref());
        let lent = Lent { received_at: RECEIVED_AT, installation: &lending };
        let mut connection = connection(protocol, &case);
        let mut items = Vec::new();
        group.throughput(Throughput::Elements(script.reads.len().try_into().unwrap_or(u64::MAX)));
        group.bench_function(protocol.name, |bencher| {
            bencher.iter(|| {
                for read in &script.reads {
                    if case.udp {
                        connection.datagram(black_box(read), &lent, &mut items);
                    } else {
                        connection.receive(black_box(read), &lent, &mut items);
                    }
                }
                if !connection.is_open() {
                    connection = self::connection(protocol, &case);
                }
                black_box(&items);
                items.clear();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
