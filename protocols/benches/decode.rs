//! What a frame with one position costs, for every protocol: framing, checksum, decoding, answers.
//!
//! `cargo bench -p interdict-protocols --bench decode [PROTOCOL]`. The input is told in
//! `tests/support/positions.rs`; it comes over and over. At the end stands the fastest sample of each,
//! as docs/protocols.md has them, and what exceeds its limit.

#![expect(clippy::disallowed_methods, reason = "a bench takes the time")]
#![expect(clippy::arithmetic_side_effects, reason = "counts of a bench")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use interdict_protocols::Item;
use support::positions::{Form, subjects};

/// What a frame may cost.
const fn limit(form: Form) -> Duration {
    match form {
        Form::Text => Duration::from_micros(1),
        Form::Binary => Duration::from_nanos(300),
    }
}

/// The fastest sample of one frame.
struct Figure {
    form: Form,
    fastest: Duration,
    bytes: usize,
    attributes: usize,
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let mut table: Vec<(&str, Vec<Figure>)> = Vec::new();
    for (protocol, subjects) in subjects() {
        if subjects.is_empty() {
            eprintln!("SKIPPED: {protocol} has no sound fixture with one position");
        }
        let mut figures = Vec::new();
        for mut subject in subjects {
            let mut items = Vec::new();
            subject.receive(&mut items);
            let attributes = items.iter().map(|item| match item {
                Item::Fix { attributes, .. } => attributes.iter().count(),
                _ => 0,
            });
            let (attributes, bytes, form) = (attributes.sum(), subject.length(), subject.form);
            let mut fastest = Duration::MAX;
            group.bench_function(BenchmarkId::new(protocol, form.name()), |bencher| {
                bencher.iter_custom(|times| {
                    let begun = Instant::now();
                    for _ in 0..times {
                        items.clear();
                        black_box(&mut subject).receive(&mut items);
                        black_box(&items);
                    }
                    let taken = begun.elapsed();
                    // A single one is lost in what a look at the clock takes.
                    if times > 100 {
                        let times = u32::try_from(times).unwrap_or(u32::MAX);
                        fastest = fastest.min(taken / times);
                    }
                    taken
                });
            });
            if fastest < Duration::MAX {
                figures.push(Figure { form, fastest, bytes, attributes });
            }
        }
        table.push((protocol, figures));
    }
    group.finish();
    tell(&table);
}

fn tell(table: &[(&str, Vec<Figure>)]) {
    for (protocol, figures) in table.iter().filter(|(_, figures)| !figures.is_empty()) {
        let column = |form: Form| {
            let figure = figures.iter().find(|figure| figure.form == form)?;
            let Figure { fastest, bytes, attributes, .. } = figure;
            Some(format!("{} ({bytes}, {attributes})", fastest.as_nanos()))
        };
        let [text, binary] =
            [Form::Text, Form::Binary].map(|form| column(form).unwrap_or_default());
        println!("| `{protocol}` | {text} | {binary} |");
    }
    for form in [Form::Text, Form::Binary] {
        let of_form = table.iter().flat_map(|(protocol, figures)| {
            figures.iter().filter(|figure| figure.form == form).map(move |f| (f.fastest, *protocol))
        });
        let mut of_form: Vec<_> = of_form.collect();
        of_form.sort_unstable();
        let (name, limit) = (form.name(), limit(form));
        if let Some((median, _)) = of_form.get(of_form.len() / 2) {
            println!("{name}: median {median:?} of {}, limit {limit:?}", of_form.len());
        }
        for (fastest, protocol) in of_form.iter().filter(|(fastest, _)| *fastest > limit) {
            println!("OVER THE LIMIT: {protocol} {name} {fastest:?}");
        }
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
