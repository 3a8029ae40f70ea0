//! `interdict replay`: the same drive gives the same events however it was written down, and bad
//! input never stops good input.

#[path = "replay/drive.rs"]
mod drive;
#[path = "replay/silence.rs"]
mod silence;
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use interdict_protocols::Fix;
use serde_json::Value;
use support::{Server, file, folder, interdict};

/// A folder with the checkpoints in it.
struct Bench {
    folder: tempfile::TempDir,
    checkpoints: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = folder();
        let checkpoints = file(folder.path(), "north.geojson", drive::CHECKPOINTS);
        Self { folder, checkpoints }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn replay(&self, arguments: &[&str]) -> Output {
        let checkpoints = self.checkpoints.to_str().expect("UTF-8");
        interdict(&[&["replay", "--checkpoints", checkpoints], arguments].concat())
    }

    /// What stands on standard output with `--flag-all --format json`.
    fn events(&self, arguments: &[&str]) -> String {
        let output = self.replay(&[&["--flag-all", "--format", "json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        printed(&output)
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).expect("written");
    gzip.finish().expect("finished")
}

/// Type, time and checkpoint of each event: what rounding in a format does not touch.
fn outline(events: &str) -> Vec<(String, String, String)> {
    events
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            let text = |pointer: &str| {
                event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            (text("/type"), text("/time"), text("/data/checkpoint/id"))
        })
        .collect()
}

fn count(events: &str, kind: &str) -> usize {
    outline(events).iter().filter(|(name, ..)| name.ends_with(kind)).count()
}

#[test]
fn every_format_gives_the_same_events() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let csv = drive::csv("car", &fixes);
    let expected = bench.events(&[&bench.file("car.csv", &csv)]);
    assert_eq!(count(&expected, "alert.raised"), 1, "{expected}");
    assert_eq!(count(&expected, "alert.passed"), 1, "{expected}");
    let same = [
        bench.file("packed.csv.gz", gzip(&csv)),
        bench.file("packed-without-a-name", gzip(&csv)),
        bench.file("marked.csv", format!("\u{feff}{}", csv.replace('\n', "\r\n"))),
        bench.file("semicolons.csv", csv.replace(',', ";")),
        bench.file("plain", &csv),
        bench.file("points.geojson", drive::geojson("car", &fixes)),
        bench.file("points.json", drive::geojson("car", &fixes)),
        bench.file("fixes.jsonl", drive::jsonl("car", &fixes)),
        bench.file("fixes.jsonl.gz", gzip(&drive::jsonl("car", &fixes))),
        bench.file("car.gpx", drive::gpx("car", &fixes)),
    ];
    for path in &same {
        assert!(bench.events(&[path]) == expected, "{path} differs");
    }
    let local = bench.file("local.csv", drive::csv_local("car", &fixes));
    assert_eq!(bench.events(&["--zone", "Asia/Shanghai", &local]), expected);
    let rounded = [
        bench.file("car.nmea", drive::nmea(&fixes)),
        bench.file("car.log", drive::nmea(&fixes)),
        bench.file("recording.jsonl", drive::frames("h02", "1451316451", &fixes)),
    ];
    for path in &rounded {
        assert_eq!(outline(&bench.events(&[path])), outline(&expected), "{path}");
    }
}

#[test]
fn events_are_cloud_events() {
    let bench = Bench::new();
    let events = bench.events(&[&bench.file("car.csv", drive::csv("car", &drive::fixes()))]);
    let mut ids = std::collections::BTreeSet::new();
    for (number, line) in events.lines().enumerate() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["sequence"], (number + 1).to_string());
        assert!(event["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        assert!(event["source"].as_str().is_some_and(|source| !source.is_empty()));
        assert!(ids.insert(event["id"].as_str().expect("an id").to_owned()), "{line}");
    }
}

#[test]
fn rows_may_come_in_any_order_and_in_any_number_of_files() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let cars = ["a", "b", "c"];
    let header = "device,time,latitude,longitude,speed_kmh,course_deg\n";
    let row = |car: &str, fix: &Fix| drive::csv(car, &[*fix]).split_off(header.len());
    let by_vehicle: Vec<_> =
        cars.iter().flat_map(|car| fixes.iter().map(|fix| row(car, fix))).collect();
    let by_time: Vec<_> =
        fixes.iter().flat_map(|fix| cars.iter().rev().map(|car| row(car, fix))).collect();
    let backwards: Vec<_> = by_vehicle.iter().rev().cloned().collect();
    let table = |rows: &[String]| format!("{header}{}", rows.concat());
    let expected = bench.events(&[&bench.file("by-vehicle.csv", table(&by_vehicle))]);
    assert_eq!(count(&expected, "alert.passed"), 3);
    assert_eq!(bench.events(&[&bench.file("by-time.csv", table(&by_time))]), expected);
    assert_eq!(bench.events(&[&bench.file("backwards.csv", table(&backwards))]), expected);
    let folder = bench.folder.path().join("each");
    std::fs::create_dir_all(folder.join("below")).expect("made");
    for (number, row) in by_time.iter().enumerate() {
        let name = if number % 2 == 0 { "each" } else { "each/below" };
        bench.file(&format!("{name}/{number}.csv"), format!("{header}{row}"));
    }
    assert_eq!(bench.events(&[folder.to_str().expect("UTF-8")]), expected);
}

#[test]
fn a_file_without_devices_is_one_vehicle_of_its_own_name() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let named = bench.events(&[&bench.file("named.csv", drive::csv("v17", &fixes))]);
    let text = drive::csv("", &fixes);
    let text = text.replace("device,time", "time").replace("\n,", "\n");
    assert_eq!(bench.events(&[&bench.file("v17.csv.gz", gzip(&text))]), named);
}

#[cfg(unix)]
#[test]
fn many_files_need_few_handles() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    std::fs::create_dir(bench.folder.path().join("many")).expect("made");
    for number in 0..400 {
        let car = format!("car-{number:03}");
        bench.file(&format!("many/{car}.csv"), drive::csv(&car, &fixes[..3]));
    }
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 24 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_interdict")])
        .args(["replay", "--flag-all", "--format", "json"])
        .arg(bench.folder.path().join("many"))
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let events = printed(&output);
    assert_eq!(count(&events, "flag.added"), 400);
}

#[test]
fn bad_rows_cost_only_themselves() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let good = drive::csv("car", &fixes);
    let expected = bench.events(&[&bench.file("good.csv", &good)]);
    let bad = [
        "car,yesterday,39.0,121.6,60,0\n",
        "car,2026-06-15T02:00:05Z,139.0,121.6,60,0\n",
        "car,2026-06-15T02:00:05Z,,121.6,60,0\n",
        "car,2026-06-15T02:00:05Z,39.0,east,60,0\n",
        "car,\"2026-06-15T02:00:05Z,39.0,121.6,60,0\n",
        "car\n",
        "\u{0}\u{1b}[2J\n",
    ];
    let mut lines: Vec<_> = good.split_inclusive('\n').map(str::to_owned).collect();
    for (number, row) in bad.iter().cycle().take(21).enumerate() {
        lines.insert(2 + 2 * number, (*row).to_owned());
    }
    let path = bench.file("mixed.csv", lines.concat());
    let output = bench.replay(&["--flag-all", "--format", "json", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(printed(&output), expected);
    let told = errors(&output);
    assert!(told.contains("mixed.csv:3: ") && told.contains("yesterday"), "{told}");
    assert!(told.contains("21 bad rows"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
    assert!(told.lines().count() < 20, "only the first few are told: {told}");
}

#[test]
fn bad_files_cost_only_themselves() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let csv = drive::csv("car", &fixes);
    let good = bench.file("good.csv", &csv);
    let expected = bench.events(&[&good]);
    let packed = gzip(&drive::csv("other", &fixes[..20]));
    for (name, text, words) in [
        ("empty.csv", Vec::new(), "is empty"),
        ("no-header.csv", b"car,2026-06-15T02:00:00Z,39,121\n".to_vec(), "header"),
        ("words.txt", b"hello\n".to_vec(), "is no GPX"),
        ("cut.gpx", drive::gpx("other", &[]).into_bytes()[..60].to_vec(), "cut.gpx"),
        ("no-rmc.nmea", b"$GPGGA,1,2,3\n".to_vec(), "RMC"),
        ("broken.geojson", b"{\"type\":\"FeatureCollection\",\"features\":[{".to_vec(), "line 1"),
        ("cut.csv.gz", packed[..packed.len() - 20].to_vec(), "cut.csv.gz: cannot be read beyond"),
    ] {
        let path = bench.file(name, text);
        let output = bench.replay(&["--flag", "car", "--format", "json", &path, &good]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(errors(&output).contains(words), "{name}: {}", errors(&output));
        let events = printed(&output);
        assert_eq!(count(&events, "alert.passed"), count(&expected, "alert.passed"), "{name}");
    }
    let output = bench.replay(&["nowhere.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("nowhere.csv"), "{}", errors(&output));
}

#[test]
fn what_a_cut_archive_still_holds_counts() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    // Uncompressed within, so that the cut falls on the last rows.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(drive::csv("car", &fixes).as_bytes()).expect("written");
    let whole = gzip.finish().expect("finished");
    let path = bench.file("cut.csv.gz", &whole[..whole.len() - 100]);
    let output = bench.replay(&["--flag-all", "--format", "json", &path]);
    assert_eq!(output.status.code(), Some(1));
    let events = printed(&output);
    assert_eq!(count(&events, "alert.passed"), 1, "{}", errors(&output));
}

#[test]
fn times_without_a_zone_need_one() {
    let bench = Bench::new();
    let path = bench.file("local.csv", drive::csv_local("car", &drive::fixes()));
    let output = bench.replay(&["--flag-all", &path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(errors(&output).contains("--zone"), "{}", errors(&output));
}

#[test]
fn wrong_use_ends_with_2_and_says_why() {
    let bench = Bench::new();
    let path = bench.file("car.csv", drive::csv("car", &drive::fixes()));
    for (arguments, words) in [
        (&["--speed", "0"][..], "speed"),
        (&["--raise-at", "2"], "raise-at"),
        (&["--lead", "soon"], "lead"),
        (&["--zone", "Asia/Dalian"], "zone"),
        (&["--from", "noon"], "--from"),
        (&["--to", "tcp://127.0.0.1:1"], "--protocol"),
        (&["--to", "tcp://127.0.0.1:1", "--protocol", "telegraph"], "jt808"),
        (&["--to", "tcp://127.0.0.1", "--protocol", "jt808"], "port"),
        (&["--to", "pigeon://127.0.0.1:1", "--protocol", "jt808"], "tcp://"),
    ] {
        let output = bench.replay(&[arguments, &[path.as_str()]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", errors(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(errors(&output).contains(words), "{arguments:?}: {}", errors(&output));
    }
    assert_eq!(interdict(&["replay"]).status.code(), Some(2));
}

#[test]
fn only_flagged_vehicles_are_judged() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let path = bench.file(
        "cars.csv",
        format!("{}{}", drive::csv("1", &fixes), drive::csv("2", &fixes).split_off(52)),
    );
    let fleet = bench.file("fleet.csv", "device,vehicle,plate,class\n1,v1,辽B·T1001,taxi\n");
    let watchlist = bench.file("watchlist.csv", "vehicle,reason,priority\n辽B·T1001,stolen,1\n");
    let run = |arguments: &[&str]| {
        let output = bench.replay(&[arguments, &["--format", "json", &path]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        printed(&output)
    };
    assert_eq!(run(&[]), "");
    let by_plate = run(&["--fleet", &fleet, "--watchlist", &watchlist]);
    assert_eq!(count(&by_plate, "alert.passed"), 1);
    assert!(by_plate.contains("\"id\":\"v1\",\"plate\":\"辽B·T1001\",\"class\":\"taxi\""));
    assert!(by_plate.contains("\"reason\":\"stolen\"") && by_plate.contains("\"priority\":1"));
    assert_eq!(outline(&run(&["--fleet", &fleet, "--flag", "v1"])), outline(&by_plate));
    assert_eq!(count(&run(&["--flag", "2"]), "alert.passed"), 1);
    assert_eq!(count(&run(&["--flag-all"]), "alert.passed"), 2);
    assert_eq!(count(&run(&["--flag-all", "--vehicle", "2"]), "alert.passed"), 1);
    assert_eq!(
        count(&run(&["--flag-all", "--to-time", "2026-06-15T02:04:00Z"]), "alert.passed"),
        0
    );
    let late = run(&["--flag-all", "--from", "2026-06-15T02:04:00Z"]);
    assert_eq!(count(&late, "alert.passed"), 2);
    assert!(outline(&late).iter().all(|(_, time, _)| time.as_str() >= "2026-06-15T02:04:00Z"));
}

#[test]
fn a_watchlists_flag_begins_when_it_says() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let path = bench.file("car.csv", drive::csv("car", &fixes));
    let watchlist = bench.file(
        "watchlist.csv",
        "vehicle,reason,starts,expires\ncar,stolen,2026-06-15T02:02:05Z,60s\n,nobody,,\n",
    );
    let output = bench.replay(&["--watchlist", &watchlist, "--format", "json", &path]);
    let events = printed(&output);
    let times: Vec<_> = outline(&events)
        .into_iter()
        .filter(|(kind, ..)| kind.starts_with("interdict.flag"))
        .map(|(kind, time, _)| format!("{kind} {time}"))
        .collect();
    assert_eq!(
        times,
        [
            "interdict.flag.added 2026-06-15T02:02:05Z",
            "interdict.flag.expired 2026-06-15T02:03:05Z",
        ]
    );
}

#[test]
fn leads_and_thresholds_of_the_command_line_count() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let path = bench.file("car.csv", drive::csv("car", &fixes));
    let raised = |arguments: &[&str]| {
        let events = bench.events(&[arguments, &[path.as_str()]].concat());
        let raised = outline(&events).into_iter().find(|(kind, ..)| kind.ends_with("raised"));
        raised.map(|(_, time, _)| time)
    };
    let (short, long) = (raised(&["--lead", "1m"]), raised(&["--lead", "4m"]));
    assert!(long.is_some() && short > long, "{short:?} {long:?}");
    assert_eq!(raised(&["--raise-at", "1"]), None);
}

#[test]
fn roads_of_any_kind_give_the_way_and_the_same_events() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let car = bench.file("car.csv", drive::csv("car", &fixes));
    let drawn = bench.file("roads.geojson", drive::roads());
    let by_road = bench.events(&["--roads", &drawn, &car]);
    assert_eq!(count(&by_road, "alert.raised"), 1, "{by_road}");
    assert_eq!(count(&by_road, "alert.passed"), 1, "{by_road}");
    let raised: Value = by_road
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .find(|event: &Value| event["type"] == "interdict.alert.raised")
        .expect("raised");
    assert_eq!(raised["data"]["route"], serde_json::json!(["North Road"]), "{raised}");
    let sentence = raised["data"]["why"]["text"].as_str().expect("a sentence");
    assert!(sentence.contains("by North Road"), "{sentence}");
    assert_ne!(bench.events(&[&car]), by_road, "the roads changed nothing");

    let compact = bench.file("roads.bin", "to be replaced");
    let output = interdict(&["roads", "import", &drawn, &compact]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(printed(&output).contains("primary"), "{}", printed(&output));
    let info = interdict(&["roads", "info", &compact]);
    assert_eq!(printed(&info), printed(&output));
    assert_eq!(bench.events(&["--roads", &compact, &car]), by_road);
}

#[test]
fn roads_that_the_configuration_names_go_with_its_own_checkpoints_only() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let car = bench.file("car.csv", drive::csv("car", &fixes));
    bench.file("roads.geojson", drive::roads());
    let other = bench.file("points.geojson", drive::CHECKPOINTS);
    let files = "[files]\ncheckpoints = 'points.geojson'\nroads = 'roads.geojson'\n";
    let config = bench.file("interdict.toml", files);
    let raised = |arguments: &[&str]| {
        let arguments = [&["replay", "--config", &config, "--flag-all"], arguments].concat();
        let output = interdict(&[&arguments[..], &["--format", "json", &car]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        let events = printed(&output);
        assert_eq!(count(&events, "alert.raised"), 1, "{events}");
        events
    };
    assert!(raised(&[]).contains("North Road"));
    // Other checkpoints may be in another city.
    assert!(!raised(&["--checkpoints", &other]).contains("North Road"));
    let checked = interdict(&["check", "--config", &config]);
    assert!(printed(&checked).contains("roads.geojson"), "{}", errors(&checked));
}

#[test]
fn a_checkpoint_beside_the_road_is_not_passed() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    // Ninety metres from the way, and within its radius: but it stands on the street that crosses.
    let beside = drive::CHECKPOINTS.replace("[121.63,39.0]", "[121.62896,39.0]");
    let beside = bench.file("beside.geojson", beside);
    let roads = bench.file("roads.geojson", drive::roads());
    let car = bench.file("car.csv", drive::csv("car", &fixes));
    let passed = |arguments: &[&str]| {
        let arguments = [&["replay", "--checkpoints", &beside, "--flag-all"], arguments].concat();
        let output = interdict(&[&arguments[..], &["--format", "json", &car]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        count(&printed(&output), "alert.passed")
    };
    assert_eq!(passed(&[]), 1);
    assert_eq!(passed(&["--roads", &roads]), 0);
}

#[test]
fn roads_that_cannot_be_read_are_a_failure_and_not_no_roads() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let car = bench.file("car.csv", drive::csv("car", &fixes));
    for (name, text) in [("none.osm", None), ("other.osm", Some("no roads at all"))] {
        let path = match text {
            Some(text) => bench.file(name, text),
            None => bench.folder.path().join(name).to_str().expect("UTF-8").to_owned(),
        };
        let output = bench.replay(&["--roads", &path, &car]);
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        assert!(output.stdout.is_empty());
        assert!(errors(&output).contains(name), "{}", errors(&output));
    }
}

#[test]
fn the_measures_say_how_good_alerts_were() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let path = bench.file("car.csv", drive::csv("car", &fixes));
    let truth = "device,checkpoint,time,start_time\n\
                 car,north,2026-06-15T02:05:00Z,2026-06-15T01:50:00Z\n\
                 ghost,north,2026-06-15T02:05:00Z,2026-06-15T01:50:00Z\n\
                 ghost,north,2026-06-15T02:05:00Z,2026-06-15T02:04:00Z\n";
    let truth = bench.file("truth.csv", truth);
    let run = |format: &str| {
        bench.replay(&["--flag-all", "--lead", "2m", "--truth", &truth, "--format", format, &path])
    };
    let human = run("human");
    let out = printed(&human);
    assert!(out.contains("recall       0.500 (1 of 2 passages"), "{out}{}", errors(&human));
    assert!(out.contains("precision    1.000 (1 of 1 alerts)"), "{out}");
    let json = run("json");
    assert!(errors(&json).contains("recall       0.500"), "{}", errors(&json));
    let events = printed(&json);
    assert!(events.lines().all(|line| line.starts_with('{')), "{events}");
}

#[test]
fn two_sets_of_rules_are_set_side_by_side() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let path = bench.file("car.csv", drive::csv("car", &fixes));
    let truth = "device,checkpoint,time,start_time\ncar,north,2026-06-15T02:05:00Z,\n";
    let truth = bench.file("truth.csv", truth);
    let usual = bench.file("usual.toml", "");
    let short = bench.file("short.toml", "[rules]\nlead_s = 60.0\n");
    let never =
        bench.file("never.toml", "[rules]\nraise_probability = 1.0\nsure_probability = 1.0\n");
    let compare = |one: &str, other: &str, more: &[&str]| {
        let both = ["--flag-all", "--compare", one, "--compare", other, &path];
        let output = bench.replay(&[&both, more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        printed(&output)
    };
    let same = compare(&usual, &usual, &[]);
    assert!(same.ends_with("1 alike, 0 different\n"), "{same}");
    let later = compare(&usual, &short, &["--truth", &truth]);
    assert!(later.starts_with("B ") && later.contains(" s later"), "{later}");
    assert_eq!(later.matches("recall       ").count(), 2, "{later}");
    let only = compare(&never, &usual, &["--format", "json"]);
    let only: Value = serde_json::from_str(&only).expect("one line of JSON");
    assert_eq!((&only["vehicle"], &only["a"]), (&"car".into(), &Value::Null), "{only}");
    assert_eq!(only["b"]["outcome"], "passed", "{only}");
    let once = bench.replay(&["--compare", &usual, &path]);
    assert_eq!(once.status.code(), Some(2), "{}", errors(&once));
}

#[test]
fn names_from_outside_do_not_act_on_a_terminal() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let path = bench.file("car.csv", drive::csv("car\u{1b}[2J\u{202e}", &fixes));
    let output = bench.replay(&["--flag-all", &path]);
    let out = printed(&output);
    assert!(out.contains("car\\u{1b}[2J\\u{202e}"), "{out}");
    assert!(out.chars().all(|letter| letter == '\n' || !letter.is_control()), "{out}");
}

#[test]
fn tracks_are_sent_to_a_gateway_and_its_recording_is_a_track() {
    let (bench, fixes) = (Bench::new(), drive::fixes());
    let path = bench.file("car.csv", drive::csv("13800000001", &fixes));
    let recording = bench.folder.path().join("recording.jsonl");
    let recording = recording.to_str().expect("UTF-8");
    let data = folder();
    let server = Server::start(data.path(), &["jt808"], &["--enrol-all", "--record", recording]);
    let to = format!("tcp://{}", server.ports["jt808"]);
    let output = bench.replay(&["--to", &to, "--protocol", "jt808", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(output.stdout.is_empty());
    let told = errors(&output);
    assert!(told.contains("sent 45 fixes of 1 devices; 45 were acknowledged"), "{told}");
    assert_eq!(server.stop(), 0);
    let events = bench.events(&[recording]);
    assert_eq!(count(&events, "flag.added"), 1, "{events}");
    assert!(events.contains("\"vehicle\":\"13800000001\""), "{events}");
}

#[test]
fn a_gateway_that_is_not_there_is_a_failure() {
    let bench = Bench::new();
    let path = bench.file("car.csv", drive::csv("13800000001", &drive::fixes()[..1]));
    // A port that was free a moment ago, and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let to = format!("tcp://{}", port.expect("an address"));
    let output = bench.replay(&["--to", &to, "--protocol", "jt808", &path]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    assert!(errors(&output).contains("13800000001"), "{}", errors(&output));
}

#[test]
fn the_night_in_dalian_runs() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let path = |name: &str| fixtures.join(name).to_str().expect("UTF-8").to_owned();
    let output = interdict(&[
        "replay",
        "--fleet",
        &path("fleet.csv"),
        "--watchlist",
        &path("watchlist.csv"),
        "--format",
        "json",
        &path("tracks"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(!errors(&output).contains("bad row"), "{}", errors(&output));
    let events = printed(&output);
    let passed: Vec<_> = outline(&events)
        .into_iter()
        .filter(|(kind, ..)| kind.ends_with("alert.passed"))
        .map(|(.., checkpoint)| checkpoint)
        .collect();
    assert!(passed.iter().any(|checkpoint| checkpoint == "houyan"), "{passed:?}");
    let sos = events.lines().filter(|line| line.contains("interdict.device.alarm"));
    assert_eq!(sos.count(), 1, "one button, pressed once");
}

/// The cities of ../shared/quality, where they are at hand.
#[test]
fn both_cities_run() {
    let quality = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/quality");
    for city in ["campo-grande", "porto-alegre"] {
        let folder = quality.join(city);
        if !folder.is_dir() {
            eprintln!("SKIPPED: {} is not there", folder.display());
            continue;
        }
        let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
        let output = interdict(&[
            "replay",
            "--flag-all",
            "--checkpoints",
            &path("checkpoints.geojson"),
            "--truth",
            &path("truth.csv"),
            "--format",
            "json",
            &path("tracks.csv.gz"),
        ]);
        assert_eq!(output.status.code(), Some(0), "{city}: {}", errors(&output));
        assert!(!errors(&output).contains("bad row"), "{city}: {}", errors(&output));
        let events = printed(&output);
        assert!(count(&events, "alert.passed") > 100, "{city}");
        assert!(errors(&output).contains("recall"), "{city}: {}", errors(&output));
    }
}
