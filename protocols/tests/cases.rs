//! The fixtures: every protocol has them, and each decodes as it says, however its bytes are cut.
//!
//! `UPDATE=1 cargo test -p interdict-protocols --test cases` rewrites the expectations (and only
//! them); read the difference before committing it.

#![allow(clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use interdict_protocols::{ALL, Fix, Item, Protocol};
use support::{Case, bytes_of, cases, entries, fixtures, lines};

/// Fewer say too little about a protocol.
const CASES_AT_LEAST: usize = 5;

#[test]
fn the_list_of_protocols_is_sorted_and_nothing_in_it_collides() {
    for pair in ALL.windows(2) {
        if let [earlier, later] = pair {
            assert!(earlier.name < later.name, "{} stands before {}", earlier.name, later.name);
        }
    }
    let mut ports: BTreeMap<u16, &Protocol> = BTreeMap::new();
    for protocol in ALL {
        let name = protocol.name;
        if let Some(other) = ports.insert(protocol.port, protocol) {
            panic!("{name} and {} share port {}", other.name, protocol.port);
        }
        assert_ne!(protocol.framer.max(), 0, "{name} has no longest frame");
        assert!(!protocol.title.is_empty(), "{name} has no title");
    }
}

#[test]
fn every_file_of_a_protocol_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/all");
    let files: Vec<_> = entries(&folder)
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
        .filter(|name| name != "mod")
        .collect();
    for file in &files {
        assert!(
            ALL.iter().any(|protocol| protocol.name == file),
            "src/all/{file} holds no protocol of that name that ALL lists"
        );
    }
    for protocol in ALL {
        assert!(files.iter().any(|file| file == protocol.name), "{} has no file", protocol.name);
    }
}

#[test]
fn every_protocol_has_cases_and_every_folder_a_protocol() {
    for protocol in ALL {
        let count = entries(&fixtures().join(protocol.name)).len();
        assert!(count >= CASES_AT_LEAST, "{} has {count} of {CASES_AT_LEAST} cases", protocol.name);
    }
    for folder in entries(&fixtures()) {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(
            ALL.iter().any(|protocol| protocol.name == name),
            "fixtures/{name} belongs to no protocol"
        );
        for file in entries(&folder) {
            let known = file.extension().is_some_and(|extension| extension == "case");
            assert!(known, "{} is no .case file", file.display());
        }
    }
}

#[test]
fn every_case_gives_what_it_says() {
    let update = env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut complaints = Vec::new();
    for case in cases() {
        match case {
            Ok(case) => complaints.extend(check(&case, update)),
            Err(complaint) => complaints.push(complaint),
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn check(case: &Case, update: bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut results = Vec::new();
    for (number, script) in case.scripts.iter().enumerate() {
        let place = format!("{}: connection {}", case.path.display(), number.saturating_add(1));
        let mut reference: Option<Vec<String>> = None;
        for segments in case.segmentations() {
            let found = lines(&case.replay(script, *segments));
            match &reference {
                None => reference = Some(found),
                Some(recorded) if *recorded != found => complaints.push(format!(
                    "{place}: {segments:?} differs from the bytes as recorded\n{}",
                    difference(recorded, &found)
                )),
                Some(_) => {}
            }
        }
        for item in case.replay(script, support::Segments::AsRecorded) {
            let (Item::Fix { fix: Fix { alarms, .. }, .. } | Item::Report { alarms, .. }) = item
            else {
                continue;
            };
            let declared = case.protocol.alarms;
            complaints.extend(
                alarms
                    .iter()
                    .filter(|alarm| !declared.contains(alarm))
                    .map(|alarm| format!("{place}: {alarm} is not among the protocol's alarms")),
            );
        }
        let found = reference.unwrap_or_default();
        if !update && found != script.expected {
            let told = difference(&script.expected, &found);
            complaints.push(format!("{place} gives something else\n{told}"));
        }
        results.push(found);
    }
    let text = case.rewritten(&results);
    if update
        && fs::read_to_string(&case.path).ok().as_deref() != Some(&text)
        && let Err(error) = fs::write(&case.path, text)
    {
        complaints.push(format!("{}: {error}", case.path.display()));
    }
    complaints
}

/// The lines from the first unequal one on.
fn difference(expected: &[String], found: &[String]) -> String {
    let equal = expected.iter().zip(found).take_while(|(left, right)| left == right).count();
    let tell = |lines: &[String], mark: &str| -> String {
        lines.iter().skip(equal).take(3).map(|line| format!("  {mark} {line}\n")).collect()
    };
    format!("{}{}", tell(expected, "expected"), tell(found, "found   "))
}

#[test]
fn inputs_are_hexadecimal_or_quoted() {
    assert_eq!(bytes_of("78 78 0D"), Ok(vec![0x78, 0x78, 0x0d]));
    assert_eq!(bytes_of(r#""a\r\n\x00\\\"""#), Ok(b"a\r\n\0\\\"".to_vec()));
    assert!(bytes_of("787").is_err());
    assert!(bytes_of("7x").is_err());
    assert!(bytes_of("\"a").is_err());
    assert!(bytes_of(r#""\q""#).is_err());
}
