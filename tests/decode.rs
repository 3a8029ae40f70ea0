//! `interdict decode` and `interdict protocols`, as people and scripts use them.

mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use interdict_protocols::tracker::tracker;
use interdict_protocols::{ALL, DeviceId, Fix, Time};
use serde_json::Value;
use support::interdict;

/// The program with `input` on its standard input.
fn fed(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that ends early closes its input: what it printed is still to be looked at.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Positions as a tracker says them, one string of bytes each.
fn reports(protocol: &str, device: &str, count: usize) -> Vec<Vec<u8>> {
    let (_, mut tracker) = tracker(protocol, &DeviceId::from(device)).expect("can be played");
    let begin = Time::parse("2026-06-15T02:01:15Z").expect("a time");
    (0..count)
        .map(|number| {
            let time = begin.plus_seconds(10.0 * number as f64);
            let fix = Fix::new(time, 39.03 + number as f64 / 1000.0, 121.63).expect("on the globe");
            tracker.report(&fix)
        })
        .collect()
}

#[test]
fn an_unknown_protocol_is_wrong_use() {
    let output = interdict(&["decode", "telegraph", "00"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("jt808"), "the known ones are named");
}

#[test]
fn the_reads_of_one_connection_may_cut_a_frame_anywhere() {
    let [report] = <[_; 1]>::try_from(reports("h02", "1451316451", 1)).unwrap();
    let whole = interdict(&["decode", "h02", &hex(&report)]);
    let (head, tail) = report.split_at(17);
    let cut = interdict(&["decode", "h02", &hex(head), &hex(tail)]);
    assert_eq!(whole.status.code(), Some(0));
    assert_eq!(lines(&whole), lines(&cut));
    let fix = lines(&whole).into_iter().find(|item| item["kind"] == "fix").expect("a fix");
    assert_eq!(fix["device"], "1451316451");
    assert_eq!(fix["fix_time"], "2026-06-15T02:01:15Z");
    for key in ["valid", "latitude", "longitude", "altitude_m", "speed_kmh", "course_deg", "alarms"]
    {
        assert!(fix.get(key).is_some(), "{key}");
    }
}

#[test]
fn a_blank_line_starts_a_new_connection() {
    let [report] = <[_; 1]>::try_from(reports("h02", "1451316451", 1)).unwrap();
    let (head, tail) = report.split_at(17);
    let joined = fed(&["decode", "h02"], &format!("{}\n{}\n", hex(head), hex(tail)));
    assert_eq!(lines(&joined).iter().filter(|item| item["kind"] == "fix").count(), 1);
    let parted = fed(&["decode", "h02"], &format!("{}\n\n{}\n", hex(head), hex(tail)));
    let items = lines(&parted);
    assert!(items.iter().all(|item| item["kind"] != "fix"), "{items:?}");
    assert!(items.iter().any(|item| item["kind"] == "reject"), "{items:?}");
}

#[test]
fn a_bad_line_costs_only_itself() {
    let reports = reports("h02", "1451316451", 2);
    let input = format!("{}\nnot hex\n{}\n", hex(&reports[0]), hex(&reports[1]));
    let output = fed(&["decode", "h02"], &input);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("line 2"), "{}", text(&output.stderr));
    assert_eq!(lines(&output).iter().filter(|item| item["kind"] == "fix").count(), 2);
    let output = interdict(&["decode", "h02", "abc"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("argument 1"));
}

#[test]
fn what_a_connection_leaves_counts_only_as_text() {
    let sentence = "$GPRMC,094907.000,A,6000.5332,N,03020.5192,E,1.17,60.26,091111,,*33";
    let output = interdict(&["decode", "t55", "--device", "d1", &hex(sentence.as_bytes())]);
    let items = lines(&output);
    assert_eq!(items[0]["kind"], "fix", "{items:?}");
    assert_eq!(items[0]["device"], "d1");
    let output = interdict(&["decode", "teltonika", "000f3335"]);
    let items = lines(&output);
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((&items[0]["kind"], &items[0]["reason"]), (&"reject".into(), &"truncated".into()));
}

#[test]
fn a_datagram_is_whole() {
    let [report] = <[_; 1]>::try_from(reports("h02", "1451316451", 1)).unwrap();
    let whole = interdict(&["decode", "h02", "--udp", &hex(&report)]);
    assert!(lines(&whole).iter().any(|item| item["kind"] == "fix"));
    let (head, tail) = report.split_at(17);
    let cut = interdict(&["decode", "h02", "--udp", &hex(head), &hex(tail)]);
    assert!(lines(&cut).iter().all(|item| item["kind"] != "fix"));
}

#[test]
fn a_batch_answers_every_line_once() {
    let [report] = <[_; 1]>::try_from(reports("h02", "1451316451", 1)).unwrap();
    let wire = hex(&report);
    let (head, _) = wire.split_at(20);
    let input = format!(
        "{{\"wire\":\"{wire}\"}}\n\
         {{\"wire\":\"{head}\",\"transport\":\"tcp\"}}\n\
         {{\"wire\":\"{wire}\",\"transport\":\"udp\",\"model\":\"any\",\"device\":null}}\n\
         nonsense\n\
         \n\
         {{\"wire\":\"7x\"}}\n\
         {{\"wire\":\"\",\"transport\":\"pigeon\"}}\n\
         {{\"wire\":\"\"}}"
    );
    let output = fed(&["decode", "h02", "--batch"], &input);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answers = lines(&output);
    assert_eq!(answers.len(), 8, "{answers:?}");
    let has_fix = |answer: &Value| {
        answer["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(|item| item["kind"] == "fix"))
    };
    assert!(has_fix(&answers[0]) && !has_fix(&answers[1]) && has_fix(&answers[2]), "{answers:?}");
    for wrong in &answers[3..7] {
        assert_eq!(wrong["items"], Value::Array(Vec::new()), "{wrong}");
        assert!(wrong["error"].is_string(), "{wrong}");
    }
    assert!(answers[7].get("error").is_none());
}

#[test]
fn a_recording_decodes_to_the_same_answers_every_day() {
    let (_, mut tracker) = tracker("jt808", &DeviceId::from("13800000001")).expect("can be played");
    let hello = hex(&tracker.hello());
    let at = |time: &str| interdict(&["decode", "jt808", "--received-at", time, &hello]).stdout;
    let first = at("2026-06-15T02:01:15Z");
    assert!(text(&first).contains("\"kind\":\"reply\""), "{}", text(&first));
    assert_eq!(first, at("2031-01-01T00:00:00Z"));
    let wrong = interdict(&["decode", "jt808", "--received-at", "yesterday", &hello]);
    assert_eq!(wrong.status.code(), Some(2));
}

/// JT/T 809: a position that went through the cipher, under key 1 and the constants below.
#[test]
fn an_encrypted_message_needs_the_constants_of_its_platform() {
    const POSITION: &str = "5b0000005a0200000002120000200f090100000100000001eed55e022d2e2f28291c1c1c1c1c1c1c\
        1c1c1c1c1c1c1e0e1e1c1c1c381c131a1bf6161d131b5c12241e4dc3a71c361c351c1c2c251c9b1c\
        051c1c1c1f1c1c1c1c870c5d";
    let told = |more: &[&str]| {
        let output = interdict(&[&["decode", "jt809", POSITION], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        lines(&output)
    };
    assert_eq!(told(&[])[0]["reason"], "encrypted");
    let folder = support::folder();
    let peer = "[[jt809.peers]]\nplatform_code = 2101001\nuser_id = 1001\npassword = 'letmein'\n\
        networks = ['10.21.0.0/16']\nm1 = 10000000\nia1 = 20000000\nic1 = 30000000\n";
    let config = support::file(folder.path(), "interdict.toml", peer);
    let found = told(&["--config", config.to_str().expect("text")]);
    assert_eq!(found[0]["device"], "jt809:2101001:辽B12345:2");
    assert_eq!(found[0]["latitude"], 38.920_123);
}

#[test]
fn wrong_use_is_told_apart_from_failure() {
    assert_eq!(interdict(&["decode"]).status.code(), Some(2));
    assert_eq!(interdict(&["decode", "h02", "--batch", "00"]).status.code(), Some(2));
    assert_eq!(interdict(&["decode", "h02", "--sideways"]).status.code(), Some(2));
}

#[test]
fn the_table_holds_every_protocol() {
    let rows = lines(&interdict(&["protocols", "--format", "json"]));
    assert_eq!(rows.len(), ALL.len());
    for (row, protocol) in rows.iter().zip(ALL) {
        assert_eq!(row["name"], protocol.name);
        assert_eq!(row["port"], protocol.port);
        assert_eq!(row["alarms"].as_array().map(Vec::len), Some(protocol.alarms.len()));
    }
    let markdown = text(&interdict(&["protocols", "--format", "markdown"]).stdout);
    assert_eq!(markdown.lines().count(), ALL.len() + 2);
    let human = text(&interdict(&["protocols"]).stdout);
    assert!(ALL.iter().all(|protocol| human.contains(protocol.title)));
}
