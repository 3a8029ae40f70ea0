//! What the server says to trackers of its own accord, heard by trackers over real sockets.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use interdict::clock::Clock;
use interdict::config::{Downlink as Settings, Limits};
use interdict::devices::{Options, Registry};
use interdict::downlink::{Downlink, downlink};
use interdict::gateway::Gateway;
use interdict::metrics::Metrics;
use interdict::pursuit;
use interdict::shards::Shards;
use interdict::store::Store;
use interdict_engine::{Flag, FlagState, Input, Setup};
use interdict_protocols::{Command, DeviceId, Time, find};
use serde_json::{Value, json};
use support::{Server, Talk, fix_now, folder};
use tokio_util::sync::CancellationToken;

const FASTER: Command = Command::ReportEvery { interval_s: 5, for_s: 600 };

fn flag(server: &Server, vehicle: &str) -> String {
    let asked = json!({
        "vehicle": vehicle, "reason": "stolen", "case": "C-1", "authority": "duty officer",
        "emergency": true
    });
    server.flag(&asked)["id"].as_str().unwrap().to_owned()
}

fn withdraw(server: &Server, flag: &str) {
    let path = format!("/v1/flags/{flag}/withdraw?reason=handled");
    let (status, answer) = server.request_as(server.dispatcher(), "POST", &path, None);
    assert_eq!(status, 200, "{answer}");
}

/// The acts about devices that were noted, with who did them.
fn noted(server: &Server) -> Vec<(String, String)> {
    let page = server.get("/v1/audit?limit=1000");
    let entries = page["entries"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let acts = entries.map(|entry| (text(&entry["act"]), text(&entry["content"]["who"])));
    acts.filter(|(act, _)| act.starts_with("device.") && act != "device.enrol").collect()
}

#[test]
fn a_flag_makes_a_terminal_report_faster_until_the_last_one_ends() {
    let folder = folder();
    let server = Server::start(folder.path(), &["jt808"], &[]);
    server.enrol("013800000001", "taxi-1", "辽B·T0001", "taxi");
    let mut taxi = server.tracker("jt808", "13800000001");
    assert!(taxi.report(&fix_now(38.95, 121.6)));
    let first = flag(&server, "taxi-1");
    assert_eq!(taxi.asked(), FASTER);
    let second = flag(&server, "taxi-1");
    withdraw(&server, &first);
    // It comes back on another connection, and is asked anew: one flag still holds.
    drop(taxi);
    // While the old one is thought to be open, another is held apart.
    support::eventually("the old connection is closed", || {
        let metrics = server.get("/metrics");
        metrics.as_str().unwrap().contains("interdict_connections{protocol=\"jt808\"} 0\n")
    });
    let mut taxi = server.tracker("jt808", "13800000001");
    assert_eq!(taxi.asked(), FASTER);
    withdraw(&server, &second);
    assert_eq!(taxi.asked(), Command::ReportAsUsual);
    let by_server = |act: &str| (act.to_owned(), "server".to_owned());
    assert_eq!(noted(&server), [by_server("device.faster"), by_server("device.usual")]);
}

#[test]
fn who_comes_while_a_flag_holds_is_asked() {
    let folder = folder();
    let file = support::file(folder.path(), "second.toml", "[downlink]\ninterval_s = 1\n");
    let (data, more) = (folder.path().join("data"), ["--config", file.to_str().unwrap()]);
    let every_second = Command::ReportEvery { interval_s: 1, for_s: 600 };
    let server = Server::start(&data, &["jt808", "h02", "teltonika"], &more);
    for (device, vehicle) in
        [("13800000001", "a"), ("123456789012345", "b"), ("543210987654321", "c")]
    {
        server.enrol(device, vehicle, vehicle, "taxi");
        flag(&server, vehicle);
    }
    let mut terminal = server.tracker("jt808", "13800000001");
    assert_eq!(terminal.asked(), every_second);
    // Over TCP as over UDP it speaks first, and is known by its first report.
    let mut text = server.tracker("h02", "123456789012345");
    text.send(&fix_now(38.9, 121.6));
    assert_eq!(text.asked(), every_second);
    let mut polled = server.tracker("teltonika", "543210987654321");
    assert_eq!(polled.asked(), Command::Position);
    assert!(polled.report(&fix_now(38.9, 121.6)));
    assert_eq!(polled.asked(), Command::Position, "again, a second later");
    // After a restart, too.
    server.kill();
    let server = Server::start(&data, &["jt808"], &more);
    let mut terminal = server.tracker("jt808", "13800000001");
    assert_eq!(terminal.asked(), every_second);
}

#[test]
fn a_datagram_peer_is_asked_where_it_was_heard() {
    let folder = folder();
    let server = Server::start(folder.path(), &["h02"], &[]);
    server.enrol("123456789012345", "a", "P", "taxi");
    flag(&server, "a");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket.connect(server.address("h02")).unwrap();
    let id = DeviceId::from("123456789012345");
    let (_, mut tracker) = interdict_protocols::tracker::tracker("h02", &id).unwrap();
    socket.send(&tracker.report(&fix_now(38.9, 121.6))).unwrap();
    let mut buffer = [0; 512];
    let mut asked = Vec::new();
    while asked.is_empty() {
        let length = socket.recv(&mut buffer).unwrap();
        asked = tracker.hear(&buffer[..length]).asked;
    }
    assert_eq!(asked, [FASTER]);
}

#[test]
fn people_ask_for_a_position_and_tell_a_driver_something() {
    let folder = folder();
    let server = Server::start(folder.path(), &["jt808", "t55"], &[]);
    server.enrol("13800000001", "taxi-1", "辽B·T0001", "taxi");
    server.enrol("123456789012345", "car-2", "辽B·00002", "corporate");
    let url = server.url("");
    let run = |arguments: &[&str]| {
        let all = [&["device"], arguments, &["--server", &url]].concat();
        let program = env!("CARGO_BIN_EXE_interdict");
        let mut command = std::process::Command::new(program);
        let output = command.args(all).env("INTERDICT_TOKEN", support::TOKEN).output().unwrap();
        let told = if output.status.success() { &output.stdout } else { &output.stderr };
        (output.status.code(), String::from_utf8_lossy(told).into_owned())
    };
    let (code, told) = run(&["ask", "13800000001"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("not connected"), "{told}");

    let mut taxi = server.tracker("jt808", "13800000001");
    let (code, told) = run(&["ask", "13800000001", "--reason", "C-1"]);
    assert_eq!((code, told.as_str()), (Some(0), "asked: 13800000001 for position, in jt808\n"));
    assert_eq!(taxi.asked(), Command::Position);
    let (code, _) = run(&["text", "13800000001", "请在下一个停车场停车"]);
    assert_eq!(code, Some(0));
    assert_eq!(taxi.asked(), Command::Text("请在下一个停车场停车".to_owned()));

    let (code, told) = run(&["text", "13800000001", "a\u{1F697}b"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("1F697") || told.contains('\u{1F697}'), "{told}");
    let mut plain = server.tracker("t55", "123456789012345");
    plain.send(&fix_now(38.9, 121.6));
    support::eventually("it is known", || run(&["ask", "123456789012345"]).1.contains("no way"));
    let path = "/v1/devices/1/ask";
    assert_eq!(server.request("POST", path, None).0, 404);
    let acts: Vec<String> = noted(&server).into_iter().map(|(act, _)| act).collect();
    assert_eq!(acts[..4], ["device.ask", "device.ask", "device.text", "device.text"]);
}

#[test]
fn where_it_is_switched_off_nothing_is_said() {
    let folder = folder();
    let file = support::file(folder.path(), "off.toml", "[downlink]\nenabled = false\n");
    let data = folder.path().join("data");
    let server = Server::start(&data, &["jt808"], &["--config", file.to_str().unwrap()]);
    server.enrol("13800000001", "taxi-1", "辽B·T0001", "taxi");
    let _taxi = server.tracker("jt808", "13800000001");
    flag(&server, "taxi-1");
    let (status, problem) = server.request("POST", "/v1/devices/13800000001/ask", None);
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("downlink.enabled"), "{problem}");
    assert!(noted(&server).iter().all(|(act, _)| act == "device.ask"));
}

/// The rooms that a flag goes through on its way to a terminal, without the program around them.
struct Rooms {
    runtime: tokio::runtime::Runtime,
    shards: Shards,
    downlink: Downlink,
    gateway: Gateway,
    port: std::net::SocketAddr,
    closing: CancellationToken,
}

impl Rooms {
    fn start(folder: &std::path::Path, devices: &[(&str, &str)]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store = Store::open(folder, "urn:test").unwrap();
        let clock = Clock::new(fix_now(0.0, 0.0).fix_time, 1.0);
        let registry = Registry::load(&store, clock, Options::default()).unwrap();
        let shards = Shards::start(&store, &Setup::default(), clock, 1, 64).unwrap();
        let by = interdict::audit::By::server();
        for (device, vehicle) in devices {
            let asked = json!({"device": device, "vehicle": vehicle});
            registry.enrol(serde_json::from_value(asked).unwrap(), &by).unwrap();
        }
        let (downlink, requests) = downlink();
        let closing = CancellationToken::new();
        let entered = runtime.enter();
        let mut gateway = Gateway::new(
            shards.clone(),
            registry.clone(),
            Arc::new(Metrics::default()),
            Limits::default(),
            (Settings::default(), requests),
            None,
        )
        .unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        let port = gateway.listen(find("jt808").unwrap(), address).unwrap();
        tokio::spawn(pursuit::follow(
            store,
            registry,
            shards.clone(),
            downlink.clone(),
            closing.clone(),
        ));
        drop(entered);
        Self { runtime, shards, downlink, gateway, port, closing }
    }

    fn tracker(&self, device: &str) -> Talk {
        let mut talk = Talk::open(self.port, "jt808", device);
        talk.greet();
        talk
    }

    fn flag(&self, vehicle: &str, change: impl FnOnce(&mut Flag)) {
        let now = fix_now(0.0, 0.0).fix_time;
        let during = (Time::from_seconds(now.seconds() - 60), now.plus_seconds(3_600.0));
        let id = format!("flag of {vehicle}");
        let mut flag = Flag::new(id.as_str().into(), vehicle.into(), "stolen", during);
        change(&mut flag);
        self.runtime.block_on(self.shards.tell(vec![Input::Flag(flag)])).unwrap();
    }

    fn stop(self) {
        self.closing.cancel();
        self.runtime.block_on(self.gateway.close());
        self.shards.close();
    }
}

#[test]
fn a_covert_flag_and_one_that_waits_for_approval_say_nothing() {
    let folder = folder();
    let numbers = ["13800000001", "13800000002", "13800000003"];
    let rooms = Rooms::start(
        folder.path(),
        &[(numbers[0], "covert"), (numbers[1], "waiting"), (numbers[2], "open")],
    );
    let [mut covert, mut waiting, mut open] = numbers.map(|number| rooms.tracker(number));
    rooms.flag("covert", |flag| flag.covert = vec!["squad".into()]);
    rooms.flag("waiting", |flag| flag.state = FlagState::Applied);
    rooms.flag("open", |_| ());
    assert_eq!(open.asked(), FASTER);
    // Whoever had been asked before that would hear this second.
    for (number, talk) in numbers.iter().zip([&mut covert, &mut waiting]) {
        let asked = rooms.downlink.ask(DeviceId::from(*number), Command::Position);
        assert_eq!(rooms.runtime.block_on(asked), Ok("jt808"));
        assert_eq!(talk.asked(), Command::Position);
    }
    rooms.flag("waiting", |flag| flag.state = FlagState::Approved);
    assert_eq!(waiting.asked(), FASTER);
    rooms.stop();
}
