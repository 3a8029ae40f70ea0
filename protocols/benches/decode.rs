//! What a frame with one position costs, for every protocol: framing, checksum, decoding, answers.
//!
//! `cargo bench -p interdict-protocols --bench decode [PROTOCOL]`. The input is the first read of a
//! protocol's fixtures that gives one position and has nothing to refuse, once for text and once for
//! binary where a protocol has both; it comes over and over on a connection that has had the reads
//! before it.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use interdict_protocols::{ALL, Connection, DeviceId, Item, Lent, Transport};
use support::{Case, Lending, RECEIVED_AT, Script, entries, fixtures};

/// One read that gives one position, and the connection that it comes on.
struct Subject<'a> {
    case: &'a Case,
    connection: Connection,
    read: &'a [u8],
    form: &'static str,
}

fn is_one_position(items: &[Item]) -> bool {
    let fixes = items.iter().filter(|item| matches!(item, Item::Fix { .. })).count();
    fixes == 1 && !items.iter().any(|item| matches!(item, Item::Reject { .. } | Item::Fatal { .. }))
}

fn form(read: &[u8]) -> &'static str {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n');
    if read.iter().all(is_text) { "text" } else { "binary" }
}

fn receive(case: &Case, connection: &mut Connection, read: &[u8], items: &mut Vec<Item>) {
    let lending = Lending::new(case.model.as_deref());
    let lent = Lent { received_at: RECEIVED_AT, installation: &lending };
    take(case, connection, read, &lent, items);
}

fn take(
    case: &Case,
    connection: &mut Connection,
    read: &[u8],
    lent: &Lent<'_>,
    items: &mut Vec<Item>,
) {
    if case.udp {
        connection.datagram(read, lent, items);
    } else {
        connection.receive(read, lent, items);
    }
}

/// The reads of a connection that give the same one position each time that they come.
fn subjects<'a>(case: &'a Case, script: &'a Script) -> impl Iterator<Item = Subject<'a>> {
    let connection = move || {
        let transport = if case.udp { Transport::Udp } else { Transport::Tcp };
        Connection::new(case.protocol, transport, case.device.as_deref().map(DeviceId::from))
    };
    (0..script.reads.len()).filter_map(move |at| {
        let (before, rest) = script.reads.split_at_checked(at)?;
        let read = rest.first()?;
        let (mut connection, mut items) = (connection(), Vec::new());
        for read in before {
            receive(case, &mut connection, read, &mut items);
        }
        let steady = (0..3).all(|_| {
            items.clear();
            receive(case, &mut connection, read, &mut items);
            is_one_position(&items) && connection.pending() == 0
        });
        steady.then(|| Subject { case, connection, read, form: form(read) })
    })
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for protocol in ALL {
        let files = entries(&fixtures().join(protocol.name));
        let cases: Vec<Case> = files.iter().filter_map(|path| Case::read(path).ok()).collect();
        let scripts = cases.iter().flat_map(|case| case.scripts.iter().map(move |s| (case, s)));
        let mut found: Vec<Subject<'_>> = Vec::new();
        for subject in scripts.flat_map(|(case, script)| subjects(case, script)) {
            if found.iter().all(|known| known.form != subject.form) {
                found.push(subject);
            }
        }
        if found.is_empty() {
            eprintln!("SKIPPED: {} has no sound fixture with one position", protocol.name);
        }
        for Subject { case, mut connection, read, form } in found {
            let lending = Lending::new(case.model.as_deref());
            let lent = Lent { received_at: RECEIVED_AT, installation: &lending };
            let mut items = Vec::new();
            group.bench_function(BenchmarkId::new(protocol.name, form), |bencher| {
                bencher.iter(|| {
                    take(case, &mut connection, black_box(read), &lent, &mut items);
                    black_box(&items);
                    items.clear();
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
