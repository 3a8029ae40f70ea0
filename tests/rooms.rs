//! Rooms look only at those below them: ARCHITECTURE.md's code map, held against every `crate::`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and what it may use, from the bottom up.
const ROOMS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("clock", &[]),
    ("metrics", &[]),
    ("downlink", &[]),
    ("config", &["text"]),
    ("audit", &[]),
    ("store", &["audit"]),
    ("devices", &["audit", "clock", "config", "store", "text"]),
    ("shards", &["audit", "clock", "store"]),
    ("tracks", &["config", "text"]),
    ("dispatch", &["audit", "clock", "config", "store"]),
    ("report", &["store"]),
    ("subject", &["audit", "store"]),
    ("drive", &["clock"]),
    ("roads", &[]),
    ("client", &[]),
    ("mass", &["dispatch", "shards", "store"]),
    ("plate_flags", &["audit", "devices", "dispatch", "shards", "store"]),
    ("pursuit", &["audit", "devices", "dispatch", "downlink", "shards", "store"]),
    ("gateway", &["clock", "config", "devices", "downlink", "metrics", "shards", "text"]),
    ("heads", &["audit", "config", "store"]),
    ("retention", &["audit", "config", "shards", "store"]),
    (
        "api",
        &[
            "audit", "clock", "config", "devices", "dispatch", "downlink", "metrics", "report",
            "shards", "store", "subject",
        ],
    ),
    (
        "server",
        &[
            "api",
            "audit",
            "clock",
            "config",
            "devices",
            "dispatch",
            "downlink",
            "gateway",
            "heads",
            "mass",
            "metrics",
            "plate_flags",
            "pursuit",
            "retention",
            "roads",
            "shards",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "audit", "client", "clock", "config", "devices", "dispatch", "drive", "roads",
            "server", "store", "text", "tracks",
        ],
    ),
];

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).expect("a folder of sources") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_room_looks_upward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = room.trim_end_matches(".rs");
        if matches!(room, "lib" | "main") {
            continue;
        }
        let Some(allowed) = allowed.get(room) else {
            wrong.push(format!("{room}: a room that ROOMS does not know"));
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                    .collect();
                if used != room && !allowed.contains(&used.as_str()) {
                    wrong.push(format!(
                        "{}:{}: {room} looks at {used}",
                        inside.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn engine_and_protocols_have_no_io_in_their_manifests() {
    for manifest in ["engine/Cargo.toml", "protocols/Cargo.toml"] {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).unwrap();
        let dependencies = text.split("[dev-dependencies]").next().unwrap();
        for banned in ["tokio", "sled", "axum", "socket2", "rand", "getrandom", "ureq"] {
            let found = dependencies.lines().any(|line| {
                line.strip_prefix(banned).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
            });
            assert!(!found, "{manifest} names {banned}");
        }
    }
}

/// A frame is whole before its fields are read; a streaming parser would ask for bytes that never
/// come, and read the frame anew for each that does.
#[test]
fn decoders_use_no_streaming_parser() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/src"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("::streaming"), "{}", file.display());
    }
}

#[test]
fn no_source_file_is_over_800_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "engine", "protocols", "tests", "benches"] {
        sources(&root.join(folder), &mut files);
    }
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 800, "{} has {lines} lines", file.display());
    }
}
