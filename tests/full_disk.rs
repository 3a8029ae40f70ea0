//! Disks that are full: no position is answered, heartbeats are, operators are told, alerts are still
//! stored where room was kept for them, and it is over by itself when there is room again.

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use interdict_protocols::field::checksum;
use interdict_protocols::{Alarm, AlarmSet, Fix};
use serde_json::{Value, json};
use support::{Events, Server, Talk, eventually, fix_ago, folder};

const MIB: u64 = 1024 * 1024;

fn sos(fix: Fix) -> Fix {
    Fix { alarms: AlarmSet::only(Alarm::Sos), ..fix }
}

/// A terminal's heartbeat (JT/T 808, 0x0002) of the number 013800000001, with a serial that nothing
/// else has.
const HEARTBEAT: [u8; 12] =
    [0x00, 0x02, 0x00, 0x00, 0x01, 0x38, 0x00, 0x00, 0x00, 0x01, 0x4d, 0x53];
/// How the general answer 0x8001 to it ends: its serial, its id, 0 for success.
const HEARTBEAT_ANSWERED: [u8; 5] = [0x4d, 0x53, 0x00, 0x02, 0x00];

/// Reports and sends a heartbeat after it. Whether the report was answered before the heartbeat
/// was, which always is.
fn is_answered(talk: &mut Talk, fix: &Fix) -> bool {
    talk.send(fix);
    let mut heartbeat = HEARTBEAT.to_vec();
    heartbeat.push(checksum::xor(&heartbeat));
    let frame = [&[0x7e], &heartbeat[..], &[0x7e]].concat();
    talk.stream.write_all(&frame).expect("sent");
    let (mut accepted, mut heard) = (0, Vec::new());
    let mut buffer = [0; 4096];
    while !heard.windows(5).any(|part| part == HEARTBEAT_ANSWERED) {
        let length = talk.stream.read(&mut buffer).expect("the heartbeat is answered");
        assert!(length > 0, "hung up on");
        heard.extend_from_slice(&buffer[..length]);
        accepted += talk.tracker.hear(&buffer[..length]).accepted;
    }
    accepted > 0
}

fn flag(server: &Server, case: &str) -> (u16, Value) {
    let flag = json!({
        "vehicle": "car-1", "reason": "stolen", "case": case, "authority": "test", "emergency": true
    });
    server.request_as(server.dispatcher(), "POST", "/v1/flags", Some(&flag))
}

fn is_ready(server: &Server) -> bool {
    server.request("GET", "/readyz", None).0 == 200
}

/// The value of a metric without labels.
fn metric(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics");
    let mut lines = text.as_str().expect("text").lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.expect("there is one").parse().expect("a number")
}

/// The program, under a shell that has it told of a file that may not grow, in place of ending it.
fn without_signal() -> Command {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_interdict");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", program]);
    command
}

#[test]
fn a_log_that_may_not_grow_is_noticed_and_written_on_once_it_may() {
    let data = folder();
    let server = Server::start_by(without_signal(), data.path(), &["jt808"], &[]);
    server.enrol("13800000001", "car-1", "辽B·00001", "corporate");
    let mut car = server.tracker("jt808", "13800000001");
    assert_eq!(flag(&server, "before").0, 201);
    assert!(is_answered(&mut car, &sos(fix_ago(1_000, 39.0, 121.6))));

    let pid = server.id().cast_signed();
    let limit = |bytes| {
        let new = Some((bytes, u64::MAX));
        rlimit::prlimit(pid, rlimit::Resource::FSIZE, new, None).expect("a limit is set");
    };
    // It fails in the middle of what sled writes, in segments of 512 KiB; and then at all.
    let length = fs::metadata(data.path().join("sled/db")).expect("sled's log").len();
    limit((length / (512 * 1024) + 1) * 512 * 1024);
    let mut sent = 1_000;
    let mut report = |car: &mut Talk| {
        sent -= 1;
        is_answered(car, &sos(fix_ago(sent, 39.0, 121.6)))
    };
    while report(&mut car) {}
    limit(0);
    assert!(!report(&mut car), "and no later one");
    let (status, problem) = server.request("GET", "/readyz", None);
    assert_eq!(status, 503);
    assert!(problem["detail"].as_str().unwrap().contains("the store cannot write"), "{problem}");
    assert_eq!(flag(&server, "in vain").0, 503);
    assert_eq!(metric(&server, "interdict_durable"), 0);

    limit(u64::MAX);
    eventually("it is ready again", || is_ready(&server));
    assert!(report(&mut car), "positions are answered again");
    assert_eq!(flag(&server, "after").0, 201);
    assert!(metric(&server, "interdict_store_reopened_total") >= 1);
    let said = server.said();
    let about = |text: &str| said.iter().filter(|line| line.contains(text)).count();
    assert_eq!(about("the store cannot write"), 1, "{said:?}");
    assert_eq!(about("the store can write again"), 1, "{said:?}");

    // Nothing was lost, nothing is there twice, nothing is left out.
    let live = server.all_events();
    let ids: BTreeSet<_> = live.iter().map(|event| event["id"].as_str()).collect();
    assert_eq!(ids.len(), live.len());
    for (event, number) in live.iter().zip(1..) {
        assert_eq!(event["sequence"], number.to_string());
    }
    server.kill();
    let server = Server::start(data.path(), &["jt808"], &[]);
    assert_eq!(server.all_events(), live);
}

/// A small disk of its own for a test; `None` where the test may not mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, mib: u64) -> Option<Self> {
        fs::create_dir(at).expect("a folder");
        let size = format!("size={mib}m");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).status();
        mount.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Leaves so many MiB free, by what somebody else has on the disk.
    fn leave(&self, mib: u64) {
        let path = self.0.join("ballast");
        let mut ballast = File::options().append(true).create(true).open(path).expect("a file");
        let found = rustix::fs::statvfs(&self.0).expect("a disk");
        let free = found.f_bavail * found.f_frsize;
        if free < mib * MIB {
            let length = ballast.metadata().expect("a file").len();
            return ballast.set_len(length.saturating_sub(mib * MIB - free)).expect("shrunk");
        }
        let chunk = vec![1; 65_536];
        for _ in 0..(free - mib * MIB) / 65_536 {
            // The server takes some, too.
            if ballast.write_all(&chunk).is_err() {
                return;
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that has just been killed may hold it for a moment.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn alerts_are_stored_in_what_was_kept_for_them() {
    let outside = folder();
    let Some(disk) = SmallDisk::mount(&outside.path().join("disk"), 160) else {
        eprintln!("SKIPPED: a file system of its own can be mounted by root only");
        return;
    };
    let data = disk.0.join("data");
    let limits = "[limits]\ndisk_free_mib = 40\ndisk_reserve_mib = 48\n";
    let config = support::file(outside.path(), "small.toml", limits);
    let checkpoints = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/checkpoints.geojson");
    let arguments = ["--config", config.to_str().unwrap(), "--checkpoints", checkpoints];
    let server = Server::start(&data, &["jt808"], &arguments);
    let reserve = |server: &Server| metric(server, "interdict_disk_reserve_bytes") / MIB;
    server.enrol("13800000001", "car-1", "辽B·00001", "corporate");
    let mut car = server.tracker("jt808", "13800000001");
    assert!(is_answered(&mut car, &fix_ago(100, 39.0, 121.6)));
    assert_eq!(reserve(&server), 48);
    let dispatcher = server.dispatcher().to_owned();
    let mut alarms = server.events(0);
    let mut remarks = Events::open(server.http, "/v1/events?after=0");

    // Little is left: whose position it is does not matter, nobody's is answered.
    disk.leave(30);
    eventually("it says so", || !is_ready(&server));
    assert!(remarks.remark().contains("the disk is nearly full"));
    assert!(!is_answered(&mut car, &fix_ago(99, 39.0, 121.6)), "not flagged");
    assert_eq!(flag(&server, "scarce").0, 201);
    assert!(!is_answered(&mut car, &fix_ago(98, 39.0, 121.6)), "flagged");
    assert!(!is_answered(&mut car, &sos(fix_ago(97, 39.0, 121.6))), "alarmed");
    let alarm = alarms.next("device.alarm");
    // Others take the rest: the reserve gives way.
    disk.leave(0);
    assert_eq!(flag(&server, "reserve").0, 201);
    assert!(reserve(&server) < 48);
    assert!(!is_answered(&mut car, &sos(fix_ago(96, 39.0, 121.6))));
    let live = server.all_events();
    // What was told is there after a kill, and it starts on a full disk.
    server.kill();
    let server = Server::start(&data, &["jt808"], &arguments).with_dispatcher(dispatcher);
    assert!(!is_ready(&server));
    assert_eq!(server.all_events(), live);
    assert!(live.iter().any(|event| event["id"] == alarm["id"]));
    // Others take that, too: nothing is accepted any more, and nothing breaks.
    while !matches!(flag(&server, "none").0, 503) {
        disk.leave(0);
    }
    let mut car = server.tracker("jt808", "13800000001");
    assert!(!is_answered(&mut car, &sos(fix_ago(95, 39.0, 121.6))));
    let (status, problem) = server.request("GET", "/readyz", None);
    assert_eq!(status, 503);
    assert!(problem["detail"].as_str().unwrap().contains("is full"), "{problem}");

    disk.leave(120);
    eventually("it is ready again", || is_ready(&server));
    assert_eq!(reserve(&server), 48);
    assert!(is_answered(&mut car, &sos(fix_ago(94, 39.0, 121.6))));
    assert_eq!(flag(&server, "ample").0, 201);
    assert_eq!(metric(&server, "interdict_store_reopened_total"), 0, "sled never saw it");
    let now = server.all_events();
    assert_eq!(now[..live.len()], live);
    assert_eq!(server.stop(), 0);
}

#[test]
fn strangers_cannot_fill_the_disk() {
    let data = folder();
    let server = Server::start(data.path(), &["jt808", "teltonika"], &[]);
    server.enrol("123456789012345", "car-1", "辽B·00001", "corporate");
    let mut car = server.tracker("teltonika", "123456789012345");
    assert!(car.report(&fix_ago(10, 39.0, 121.6)));
    let used = || -> u64 {
        let files = fs::read_dir(data.path().join("sled")).expect("a database");
        files.map(|file| file.expect("readable").metadata().expect("readable").len()).sum()
    };
    let commits = || metric(&server, "interdict_events_total");
    let (used_before, events_before) = (used(), commits());
    for number in 0..300 {
        // Unknown devices, tokens that are none, frames that are none, somebody else's number.
        let mut stranger =
            Talk::open(server.ports["jt808"], "jt808", &format!("1390000{number:04}"));
        stranger.greet();
        let (status, _) = server.request_as("nobody", "GET", "/v1/flags", None);
        assert_eq!(status, 401);
        let mut noise = Talk::open(server.ports["jt808"], "jt808", "1");
        noise.stream.write_all(&[0x7e, 1, 2, 3, 0x7e]).expect("sent");
        let mut thief = server.tracker("teltonika", "123456789012345");
        thief.send(&sos(fix_ago(10, 10.0, 20.0)));
    }
    assert!(car.report(&fix_ago(9, 39.0, 121.6)));
    assert_eq!(commits(), events_before + 1, "the conflict is told once");
    // A segment at the most: the log grows by such.
    assert!(used() <= used_before + 512 * 1024, "{used_before} {}", used());
}
