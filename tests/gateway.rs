//! Trackers over real sockets: who is heard, what is answered, what comes of it.

mod support;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use interdict_protocols::field::checksum;
use interdict_protocols::tracker::Progress;
use interdict_protocols::{Alarm, AlarmSet, Fix};
use serde_json::{Value, json};
use support::{PATIENCE, Server, Talk, fix_ago, fix_now, folder, interdict};

/// Houyan, of the built-in checkpoints.
const HOUYAN: (f64, f64) = (39.030_8, 121.630_4);

fn sos(fix: Fix) -> Fix {
    Fix { alarms: AlarmSet::only(Alarm::Sos), ..fix }
}

#[test]
fn a_flagged_car_that_drives_to_a_checkpoint_is_told_there() {
    let data = folder();
    let server = Server::start(data.path(), &["jt808"], &[]);
    server.enrol("13800000001", "taxi-1", "辽B·T1234", "taxi");
    let mut events = server.events(0);
    let mut taxi = server.tracker("jt808", "13800000001");
    // Fifty metres to the checkpoint: near enough whatever the road.
    let mut fix = fix_now(HOUYAN.0 - 0.000_45, HOUYAN.1);
    fix.speed_kmh = Some(40.0);
    fix.course_deg = Some(0.0);
    assert!(taxi.report(&fix));
    let flag = server.flag(
        &json!({"vehicle": "辽BT1234", "reason": "stolen", "case": "C-1", "authority": "duty officer",
                "emergency": true}),
    );
    assert_eq!(events.next("flag.added")["data"]["flag"]["id"], flag["id"]);
    let raised = events.next("alert.raised");
    assert_eq!(raised["data"]["checkpoint"]["id"], "houyan", "{raised}");
    assert_eq!(raised["data"]["vehicle"]["plate"], "辽B·T1234");
    assert!(raised["data"]["why"]["text"].as_str().is_some_and(|text| !text.is_empty()));
    // Who has it now had it in time.
    let metrics = server.get("/metrics").to_string();
    assert!(metrics.contains("interdict_alert_delivery_seconds_count 1\\n"), "{metrics}");
    assert!(metrics.contains("interdict_engine_queue_room "), "{metrics}");
}

#[test]
fn a_device_that_is_not_enrolled_is_refused_and_listed() {
    let data = folder();
    let server = Server::start(data.path(), &["jt808", "teltonika", "h02"], &[]);
    // 0x8100 with result 4: no such terminal.
    let mut terminal = Talk::open(server.ports["jt808"], "jt808", "13800000002");
    terminal.greet();
    assert_eq!(terminal.tracker.progress(), Progress::Refused);
    let mut tracker = Talk::open(server.ports["teltonika"], "teltonika", "123456789012345");
    tracker.greet();
    assert_eq!(tracker.tracker.progress(), Progress::Refused);
    // Over UDP there is no answer at all: the next datagram that is answered comes from elsewhere.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let text =
        b"*HQ,123456789012346,V1,020115,A,3901.8480,N,12137.8240,E,000.00,000,150626,FFFFFFFF#";
    socket.send_to(text, server.ports["h02"]).unwrap();
    support::eventually("all three are listed", || {
        let refused = server.get("/v1/devices/refused").to_string();
        ["13800000002", "123456789012345", "123456789012346"].iter().all(|id| refused.contains(id))
    });
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 64]).is_err());
    let metrics = server.get("/metrics").to_string();
    assert!(metrics.contains("interdict_logins_refused_total"), "{metrics}");
}

#[test]
fn a_terminal_is_heard_only_once_its_token_is_shown() {
    let data = folder();
    let server = Server::start(data.path(), &["jt808"], &[]);
    server.enrol("13800000003", "car-3", "辽B·00003", "corporate");
    let mut events = server.events(0);
    // Reports before it has authenticated, as a stranger who knows the number would.
    let mut stranger = Talk::open(server.ports["jt808"], "jt808", "13800000003");
    stranger.send(&sos(fix_ago(60, 39.0, 121.6)));
    let mut terminal = server.tracker("jt808", "13800000003");
    assert!(terminal.report(&sos(fix_now(38.9, 121.5))));
    let alarm = events.next("device.alarm");
    assert_eq!(alarm["data"]["alarm"], "sos");
    assert!((alarm["data"]["fix"]["latitude"].as_f64().unwrap() - 38.9).abs() < 1e-6, "{alarm}");
}

/// An authentication by 0x0102 (JT/T 808-2013) that nobody registered here for.
fn authentication(number: [u8; 6], token: &[u8]) -> Vec<u8> {
    let length = u8::try_from(token.len()).expect("a short token");
    let header = [0x01, 0x02, 0x00, length];
    let mut message = [&header[..], &number, &[0x00, 0x01], token].concat();
    message.push(checksum::xor(&message));
    [&[0x7e], &message[..], &[0x7e]].concat()
}

/// The result in the general answer 0x8001.
fn result_of(address: std::net::SocketAddr, frame: &[u8]) -> u8 {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(frame).expect("sent");
    let mut answer = [0; 20];
    stream.read_exact(&mut answer).expect("answered");
    assert_eq!(answer[..3], [0x7e, 0x80, 0x01]);
    answer[17]
}

#[test]
fn a_token_of_another_platform_is_good_from_its_first_showing_within_the_window() {
    let data = folder();
    let number = [0x01, 0x38, 0x00, 0x00, 0x00, 0x09];
    let open =
        support::file(data.path(), "open.toml", "token_window_until = '2999-01-01T00:00:00Z'\n");
    let folder = data.path().join("data");
    let server = Server::start(&folder, &["jt808"], &["--config", open.to_str().unwrap()]);
    server.enrol("13800000009", "car-9", "辽B·00009", "corporate");
    let port = server.ports["jt808"];
    assert_eq!(result_of(port, &authentication(number, b"theirs")), 0);
    assert_eq!(result_of(port, &authentication(number, b"another")), 1);
    assert_eq!(server.stop(), 0);
    // The window has closed, and what it let in is still good.
    let server = Server::start(&folder, &["jt808"], &[]);
    let port = server.ports["jt808"];
    assert_eq!(result_of(port, &authentication(number, b"theirs")), 0);
    assert_eq!(result_of(port, &authentication(number, b"another")), 1);
}

#[test]
fn the_newer_session_is_held_apart_while_the_older_talks() {
    let data = folder();
    let server = Server::start(data.path(), &["teltonika"], &[]);
    server.enrol("123456789012345", "car-4", "辽B·00004", "corporate");
    let mut events = server.events(0);
    let mut older = server.tracker("teltonika", "123456789012345");
    assert!(older.report(&fix_now(39.0, 121.6)));
    let mut newer = server.tracker("teltonika", "123456789012345");
    newer.send(&fix_now(10.0, 20.0));
    let conflict = events.next("device.conflict");
    assert_eq!(conflict["data"]["device"], "123456789012345");
    assert_eq!(conflict["data"]["believed"], older.stream.local_addr().unwrap().to_string());
    assert!((conflict["data"]["fix"]["latitude"].as_f64().unwrap() - 10.0).abs() < 1e-6);
    assert!(older.report(&fix_now(39.001, 121.6)));
    let vehicle = server.get("/v1/vehicles/car-4?reason=test");
    assert!((vehicle["fix"]["latitude"].as_f64().unwrap() - 39.001).abs() < 1e-6, "{vehicle}");
    // The older one has gone: the newer is believed from its next report on.
    drop(older);
    support::eventually("the newer one is heard", || {
        newer.send(&fix_now(39.002, 121.6));
        let vehicle = server.get("/v1/vehicles/car-4?reason=test");
        vehicle["fix"]["latitude"].as_f64().is_some_and(|north| (north - 39.002).abs() < 1e-6)
    });
}

#[test]
fn a_revoked_device_is_heard_no_more() {
    let data = folder();
    let server = Server::start(data.path(), &["teltonika"], &[]);
    server.enrol("123456789012345", "car-5", "辽B·00005", "corporate");
    let mut tracker = server.tracker("teltonika", "123456789012345");
    assert!(tracker.report(&fix_now(39.0, 121.6)));
    let (status, _) = server.request("DELETE", "/v1/devices/123456789012345", None);
    assert!((200..300).contains(&status));
    assert!(!tracker.report(&fix_now(39.1, 121.6)));
}

#[test]
fn an_answered_alarm_outlives_a_kill_and_keeps_its_identity() {
    let data = folder();
    let server = Server::start(data.path(), &["jt808"], &[]);
    server.enrol("13800000006", "taxi-6", "辽B·T0006", "taxi");
    let mut taxi = server.tracker("jt808", "13800000006");
    let alarm = sos(fix_now(38.95, 121.55));
    assert!(taxi.report(&alarm));
    let before = server.events(0).next("device.alarm");
    server.kill();
    let server = Server::start(data.path(), &["jt808"], &[]);
    let mut events = server.events(0);
    assert_eq!(events.next("device.alarm"), before);
    // The terminal had no answer, as far as it knows, and sends the same again: no second event.
    // Its token is still good: it need not register.
    let mut taxi = server.tracker("jt808", "13800000006");
    assert!(taxi.report(&alarm));
    let mut later = sos(fix_now(38.96, 121.55));
    later.fix_time = alarm.fix_time.plus_millis(1_000);
    let calm = Fix { alarms: AlarmSet::EMPTY, ..later };
    assert!(taxi.report(&calm));
    later.fix_time = alarm.fix_time.plus_millis(2_000);
    assert!(taxi.report(&later));
    let next = events.next("device.alarm");
    assert_ne!(next["id"], before["id"]);
    // What it flags its vehicle for is said once.
    let kinds: Vec<Value> = server.all_events().iter().map(|event| event["type"].clone()).collect();
    let alarms = kinds.iter().filter(|kind| **kind == "interdict.device.alarm").count();
    let flags = kinds.iter().filter(|kind| **kind == "interdict.flag.added").count();
    assert_eq!((alarms, flags), (2, 1), "{kinds:?}");
}

#[test]
fn a_frame_in_single_bytes_and_a_bad_one_before_it() {
    let data = folder();
    let server = Server::start(data.path(), &["jt808"], &[]);
    server.enrol("13800000007", "car-7", "辽B·00007", "corporate");
    let mut car = server.tracker("jt808", "13800000007");
    let mut bad = car.tracker.report(&fix_now(39.0, 121.6));
    let sum = bad.len() - 2;
    bad[sum] ^= 0x55;
    car.stream.write_all(&bad).unwrap();
    for byte in car.tracker.report(&fix_now(39.1, 121.6)) {
        car.stream.write_all(&[byte]).unwrap();
    }
    while car.hear() == Some(0) {}
    let metrics = server.get("/metrics").to_string();
    assert!(metrics.contains("reason=\\\"checksum\\\"} 1"), "{metrics}");
}

#[test]
fn a_fleet_behind_one_address_is_back_within_a_minute() {
    const DEVICES: usize = 3_000;
    let data = folder();
    let fleet: String = std::iter::once("device,vehicle,plate,class,unit\n".to_owned())
        .chain((0..DEVICES).map(|n| format!("1390000{n:04},v{n},,corporate,\n")))
        .collect();
    let csv = support::file(data.path(), "fleet.csv", &fleet);
    let folder = data.path().join("data");
    let server = Server::start(&folder, &["jt808"], &[]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["device", "import", csv.to_str().unwrap(), "--server", &server.url("")])
        .env("INTERDICT_TOKEN", support::TOKEN)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.stop(), 0);
    let server = Server::start(&folder, &["jt808"], &[]);
    let began = Instant::now();
    let mut talks: Vec<Talk> = Vec::with_capacity(DEVICES);
    for n in 0..DEVICES {
        let mut talk = Talk::open(server.ports["jt808"], "jt808", &format!("1390000{n:04}"));
        let hello = talk.tracker.hello();
        talk.stream.write_all(&hello).unwrap();
        talks.push(talk);
    }
    // Registration, then authentication, of all at once as in life.
    for _ in 0..2 {
        for talk in &mut talks {
            assert!(talk.hear().is_some(), "hung up");
        }
    }
    for talk in &talks {
        assert_eq!(talk.tracker.progress(), Progress::Ready);
    }
    // The bound is the issue's own; it is some fifty times what it takes.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let data = folder();
    let output = interdict(&[
        "serve",
        "--data",
        data.path().to_str().unwrap(),
        "--http",
        "127.0.0.1:0",
        "--port",
        &format!("jt808={address}"),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("warning: ")).collect();
    let [line] = lines[..] else { panic!("{said}") };
    assert!(line.contains(&address.to_string()) && line.contains("jt808"), "{line}");
}

#[test]
fn an_orderly_end_answers_what_it_has_read() {
    let data = folder();
    let server = Server::start(data.path(), &["teltonika"], &[]);
    server.enrol("123456789012345", "car-8", "辽B·00008", "corporate");
    let mut car = server.tracker("teltonika", "123456789012345");
    let idle: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(server.ports["teltonika"]).unwrap()).collect();
    assert!(car.report(&fix_now(39.0, 121.6)));
    let began = Instant::now();
    assert_eq!(server.stop(), 0);
    assert!(began.elapsed() < PATIENCE);
    // Every connection was closed, none reset.
    for mut stream in idle {
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    }
}

#[test]
fn with_enrol_all_a_stranger_is_a_vehicle_of_its_own_and_its_recording_replays() {
    let data = folder();
    let recording = data.path().join("night.jsonl");
    let server = Server::start(
        &data.path().join("data"),
        &["h02"],
        &["--enrol-all", "--record", recording.to_str().unwrap()],
    );
    let mut events = server.events(0);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (_, mut tracker) =
        interdict_protocols::tracker::tracker("h02", &"4109179024".into()).unwrap();
    socket.send_to(&tracker.report(&sos(fix_now(38.9, 121.6))), server.ports["h02"]).unwrap();
    let live = events.next("device.alarm");
    assert_eq!(live["data"]["vehicle"]["id"], "4109179024");
    assert_eq!(server.stop(), 0);
    let output = interdict(&["replay", recording.to_str().unwrap(), "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let replayed: Value =
        serde_json::from_str(text.lines().find(|line| line.contains("device.alarm")).unwrap())
            .unwrap();
    assert_eq!(replayed["id"], live["id"]);
}
