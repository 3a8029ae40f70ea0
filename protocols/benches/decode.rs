//! What a frame with one position costs, for every protocol: framing, checksum, decoding, answers.
//!
//! `cargo bench -p interdict-protocols --bench decode [PROTOCOL]`. The input is told in
//! `tests/support/positions.rs`; it comes over and over.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use support::positions::subjects;

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (protocol, subjects) in subjects() {
        if subjects.is_empty() {
            eprintln!("SKIPPED: {protocol} has no sound fixture with one position");
        }
        for mut subject in subjects {
            let mut items = Vec::new();
            let id = BenchmarkId::new(protocol, subject.form.name());
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    black_box(&mut subject).receive(&mut items);
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
