//! Other platforms over real sockets (JT/T 809): who is let in, what is heard of their vehicles, who
//! is called back.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

use interdict_protocols::Time;
use interdict_protocols::field::checksum::crc16_ccitt_false;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use support::{PATIENCE, Server, eventually, fix_ago, folder};

const CODE: u32 = 2_101_001;
const USER: u32 = 1001;
const LISTED: &str = "jt809:2101001:LB12345:2";

/// Messages by number (2011 5.1).
const LOGIN: u16 = 0x1001;
const LOGIN_ANSWER: u16 = 0x1002;
const LOGOUT: u16 = 0x1003;
const LOGOUT_ANSWER: u16 = 0x1004;
const LINK_TEST: u16 = 0x1005;
const LINK_TEST_ANSWER: u16 = 0x1006;
const VEHICLE: u16 = 0x1200;
const WARNING: u16 = 0x1400;
const SUB_LOGIN: u16 = 0x9001;
const SUB_LOGIN_ANSWER: u16 = 0x9002;
const SUB_LOGOUT: u16 = 0x9003;
const SUB_LOGOUT_ANSWER: u16 = 0x9004;
const SUB_LINK_LOST: u16 = 0x9007;
const WE_ARE_CLOSING: u16 = 0x9008;
const RECEIVED: u16 = 0x9101;

/// One end of a link, as the other platform has it.
struct Link {
    stream: TcpStream,
    serial: u32,
}

impl Link {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        Self { stream, serial: 0 }
    }

    fn open(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("connects"))
    }

    fn send(&mut self, id: u16, body: &[u8]) {
        self.serial += 1;
        let length = u32::try_from(26 + body.len()).expect("short");
        let mut content = length.to_be_bytes().to_vec();
        content.extend(self.serial.to_be_bytes());
        content.extend(id.to_be_bytes());
        content.extend(CODE.to_be_bytes());
        content.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        content.extend(body);
        content.extend(crc16_ccitt_false(&content).to_be_bytes());
        let mut frame = vec![0x5b];
        for byte in content {
            match byte {
                0x5b => frame.extend([0x5a, 1]),
                0x5a => frame.extend([0x5a, 2]),
                0x5d => frame.extend([0x5e, 1]),
                0x5e => frame.extend([0x5e, 2]),
                byte => frame.push(byte),
            }
        }
        frame.push(0x5d);
        self.stream.write_all(&frame).expect("sent");
    }

    /// The next message, its number and body; `None` where the other side has hung up.
    fn hear(&mut self) -> Option<(u16, Vec<u8>)> {
        let mut content = Vec::new();
        let mut escape = None;
        loop {
            let mut byte = [0];
            if self.stream.read(&mut byte).ok()? == 0 {
                return None;
            }
            match (escape.take(), byte[0]) {
                (_, 0x5b) => content.clear(),
                (_, 0x5d) => break,
                (None, lead @ (0x5a | 0x5e)) => escape = Some(lead),
                (None, plain) => content.push(plain),
                (Some(0x5a), 1) => content.push(0x5b),
                (Some(0x5e), 1) => content.push(0x5d),
                (Some(lead), _) => content.push(lead),
            }
        }
        let (content, crc) = content.split_last_chunk::<2>().expect("a CRC");
        assert_eq!(crc16_ccitt_false(content), u16::from_be_bytes(*crc));
        assert_eq!(content[10..14], CODE.to_be_bytes());
        Some((u16::from_be_bytes([content[8], content[9]]), content[22..].to_vec()))
    }

    /// Logs in; the result and the code for the sub link.
    fn login(&mut self, password: &[u8], sub_link: SocketAddr) -> (u8, u32) {
        let mut body = USER.to_be_bytes().to_vec();
        body.extend(padded(password, 8));
        body.extend(padded(sub_link.ip().to_string().as_bytes(), 32));
        body.extend(sub_link.port().to_be_bytes());
        self.send(LOGIN, &body);
        let (id, body) = self.hear().expect("answered");
        assert_eq!(id, LOGIN_ANSWER);
        (body[0], u32::from_be_bytes(*body[1..].first_chunk().expect("a code")))
    }

    /// Something about a vehicle.
    fn vehicle(&mut self, id: u16, plate: &str, kind: u16, data: &[u8]) {
        let mut body = padded(plate.as_bytes(), 21);
        // Yellow.
        body.push(2);
        body.extend(kind.to_be_bytes());
        body.extend(u32::try_from(data.len()).expect("short").to_be_bytes());
        body.extend(data);
        self.send(id, &body);
    }

    /// Waits until all that was sent has been taken.
    fn settle(&mut self) {
        self.send(LINK_TEST, &[]);
        assert_eq!(self.hear(), Some((LINK_TEST_ANSWER, Vec::new())));
    }
}

fn padded(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut field = bytes.to_vec();
    field.resize(length, 0);
    field
}

/// A position of 2011, of `seconds` ago.
fn position(seconds: i64, latitude: f64, longitude: f64, alarms: u32) -> Vec<u8> {
    let time = fix_ago(seconds, latitude, longitude).fix_time;
    let ((year, month, day), (hour, minute, second)) = time.to_civil(8 * 3600);
    let small = |value: i8| u8::try_from(value).expect("a date");
    let millionths = |degrees: f64| ((degrees * 1e6).round() as u32).to_be_bytes();
    let mut data = vec![0, small(day), small(month)];
    data.extend(year.to_be_bytes());
    data.extend([small(hour), small(minute), small(second)]);
    data.extend(millionths(longitude));
    data.extend(millionths(latitude));
    data.extend([0, 40, 0, 40, 0, 0, 0, 9, 0, 90, 0, 12]);
    // Ignition on, position valid.
    data.extend(3_u32.to_be_bytes());
    data.extend(alarms.to_be_bytes());
    data
}

/// A server that knows the platform, from `network`, to be called back at `sub_link`.
fn server(data: &tempfile::TempDir, network: &str, sub_link: SocketAddr) -> Server {
    let text = format!(
        "[[jt809.peers]]\nplatform_code = {CODE}\nuser_id = {USER}\npassword_file = 'secret'\n\
         networks = ['{network}']\nsub_link = '{sub_link}'\n"
    );
    support::file(data.path(), "secret", "letmein\n");
    let config: PathBuf = support::file(data.path(), "interdict.toml", &text);
    let arguments = ["--config", config.to_str().expect("text")];
    let server = Server::start(&data.path().join("data"), &["jt809", "osmand"], &arguments);
    server.enrol(LISTED, "lorry-1", "LB12345", "corporate");
    server
}

/// Where the platform can be called back.
fn callback() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// Whether nobody has knocked.
fn nobody_called(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).expect("a mode");
    listener.accept().is_err()
}

fn latitude_of(vehicle: &Value) -> f64 {
    vehicle["fix"]["latitude"].as_f64().unwrap_or_default()
}

#[test]
fn a_platform_hands_over_the_vehicles_that_are_listed() {
    let data = folder();
    let (_listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let mut link = Link::open(server.ports["jt809"]);
    assert_eq!(link.login(b"letmein", address).0, 0);
    // One that nobody has enrolled comes last, and costs the listed one nothing.
    link.vehicle(VEHICLE, "LB12345", 0x1202, &position(1, 39.01, 121.6, 0));
    link.vehicle(VEHICLE, "LB99999", 0x1202, &position(1, 39.2, 121.7, 0));
    link.settle();
    let vehicle = server.get("/v1/vehicles/lorry-1?reason=test");
    assert!((latitude_of(&vehicle) - 39.01).abs() < 1e-6, "{vehicle}");
    let refused = server.get("/v1/devices/refused").to_string();
    assert!(refused.contains("jt809:2101001:LB99999:2"), "{refused}");
    let metrics = server.get("/metrics").to_string();
    assert!(metrics.contains("logins_refused_total{protocol=\\\"jt809\\\"} 1"), "{metrics}");
    // Once it is enrolled it is heard, and a revoked one is not; the link lives on.
    server.enrol("jt809:2101001:LB99999:2", "lorry-2", "LB99999", "corporate");
    link.vehicle(VEHICLE, "LB99999", 0x1202, &position(0, 39.21, 121.7, 0));
    link.settle();
    let vehicle = server.get("/v1/vehicles/lorry-2?reason=test");
    assert!((latitude_of(&vehicle) - 39.21).abs() < 1e-6, "{vehicle}");
    let (status, _) = server.request("DELETE", "/v1/devices/jt809:2101001:LB99999:2", None);
    assert!((200..300).contains(&status));
    link.vehicle(VEHICLE, "LB99999", 0x1202, &position(0, 39.22, 121.7, 0));
    link.vehicle(VEHICLE, "LB12345", 0x1202, &position(0, 39.0101, 121.6, 0));
    link.settle();
    let vehicle = server.get("/v1/vehicles/lorry-1?reason=test");
    assert!((latitude_of(&vehicle) - 39.0101).abs() < 1e-6, "{vehicle}");
    // It takes leave.
    link.send(LOGOUT, &[&USER.to_be_bytes()[..], b"letmein\0"].concat());
    assert_eq!(link.hear(), Some((LOGOUT_ANSWER, Vec::new())));
}

#[test]
fn stored_positions_move_nothing_and_alarms_are_events() {
    let data = folder();
    let (_listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let mut events = server.events(0);
    let mut link = Link::open(server.ports["jt809"]);
    link.login(b"letmein", address);
    link.vehicle(VEHICLE, "LB12345", 0x1202, &position(1, 39.01, 121.6, 0));
    let stored = [
        vec![2],
        position(3_600, 38.5, 121.2, 0),
        // Bit 26: stolen.
        position(3_590, 38.6, 121.3, 1 << 26),
    ];
    link.vehicle(VEHICLE, "LB12345", 0x1203, &stored.concat());
    let alarm = events.next("device.alarm");
    assert_eq!(
        (&alarm["data"]["alarm"], &alarm["data"]["device"]),
        (&json!("stolen"), &json!(LISTED))
    );
    assert!(alarm["data"]["age_s"].as_f64().is_some_and(|age_s| age_s > 3_500.0), "{alarm}");
    let vehicle = server.get("/v1/vehicles/lorry-1?reason=test");
    assert!((latitude_of(&vehicle) - 39.01).abs() < 1e-6, "{vehicle}");
    // The button, told by itself: source 1, alarm 3, now, number 7, no text.
    let now = fix_ago(0, 0.0, 0.0).fix_time.seconds().to_be_bytes();
    let told = [&[1, 0, 3][..], &now, &[0, 0, 0, 7, 0, 0, 0, 0]].concat();
    link.vehicle(WARNING, "LB12345", 0x1402, &told);
    let alarm = events.next("device.alarm");
    assert_eq!(alarm["data"]["alarm"], "sos");
    assert_eq!(alarm["data"]["vehicle"]["id"], "lorry-1");
    let at = alarm["time"].as_str().and_then(Time::parse).expect("a time");
    assert!(at >= fix_ago(60, 0.0, 0.0).fix_time);
}

#[test]
fn a_wrong_password_is_refused_and_nobody_is_called_back() {
    let data = folder();
    let (listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let (elsewhere, other) = callback();
    for (password, sub_link, result) in [
        (&b"letmeout"[..], address, 4),
        (b"letmei", address, 4),
        // The right one, to be called back where nobody said that it is.
        (b"letmein", other, 1),
    ] {
        let mut link = Link::open(server.ports["jt809"]);
        // Before a login nothing is believed.
        link.vehicle(VEHICLE, "LB12345", 0x1202, &position(0, 10.0, 20.0, 1));
        assert_eq!(link.login(password, sub_link), (result, 0));
        assert_eq!(link.hear(), None, "hung up");
    }
    let metrics = server.get("/metrics").to_string();
    assert!(metrics.contains("protocol=\\\"jt809\\\",reason=\\\"denied\\\"} 3"), "{metrics}");
    assert!(metrics.contains("fixes_unheard_total{protocol=\\\"jt809\\\"} 3"), "{metrics}");
    let vehicle = server.get("/v1/vehicles/lorry-1?reason=test");
    assert!(vehicle["fix"].is_null(), "{vehicle}");
    assert!(nobody_called(&listener) && nobody_called(&elsewhere));
}

#[test]
fn a_platform_is_heard_from_its_networks_only() {
    let data = folder();
    let (listener, address) = callback();
    let server = server(&data, "10.21.0.0/16", address);
    let mut link = Link::open(server.ports["jt809"]);
    assert_eq!(link.login(b"letmein", address), (1, 0));
    assert_eq!(link.hear(), None, "hung up");
    assert!(nobody_called(&listener));
}

#[test]
fn its_vehicles_are_nobody_else_s() {
    let data = folder();
    let (_listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let mut stranger = TcpStream::connect(server.ports["osmand"]).expect("connects");
    stranger.set_read_timeout(Some(PATIENCE)).expect("a time");
    let request = format!("GET /?id={LISTED}&lat=10&lon=20&alarm=sos HTTP/1.1\r\n\r\n");
    stranger.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    // It is refused and hung up on.
    let _ = stranger.read_to_string(&mut answer);
    assert!(!answer.contains(" 200 "), "{answer}");
    eventually("it is listed as refused", || {
        server.get("/v1/devices/refused").to_string().contains("osmand")
    });
}

#[test]
fn a_platform_has_one_main_link() {
    let data = folder();
    let (_listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let mut older = Link::open(server.ports["jt809"]);
    assert_eq!(older.login(b"letmein", address).0, 0);
    let mut newer = Link::open(server.ports["jt809"]);
    // 5: busy.
    assert_eq!(newer.login(b"letmein", address), (5, 0));
    assert_eq!(newer.hear(), None, "hung up");
    older.settle();
    drop(older);
    eventually("the platform can log in again", || {
        Link::open(server.ports["jt809"]).login(b"letmein", address).0 == 0
    });
}

/// The sub link that the server has opened.
fn called_back(listener: &TcpListener, code: u32) -> Link {
    let (stream, _) = listener.accept().expect("called back");
    let mut sub = Link::new(stream);
    assert_eq!(sub.hear(), Some((SUB_LOGIN, code.to_be_bytes().to_vec())));
    sub
}

#[test]
fn a_platform_is_called_back_once_its_password_holds() {
    let data = folder();
    let (listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let mut link = Link::open(server.ports["jt809"]);
    let (result, code) = link.login(b"letmein", address);
    assert_eq!(result, 0);
    let mut sub = called_back(&listener, code);
    sub.send(SUB_LOGIN_ANSWER, &[0]);
    link.vehicle(VEHICLE, "LB12345", 0x1202, &position(2, 39.01, 121.6, 0));
    link.vehicle(VEHICLE, "LB12345", 0x1202, &position(1, 39.0101, 121.6, 0));
    link.vehicle(VEHICLE, "LB99999", 0x1202, &position(0, 39.2, 121.7, 0));
    link.settle();
    // With the main link the sub link ends, after it has said how many positions were taken.
    drop(link);
    let (id, body) = sub.hear().expect("told");
    assert_eq!((id, &body[..4]), (RECEIVED, &[0, 0, 0, 2][..]));
    assert_eq!(sub.hear(), Some((SUB_LOGOUT, code.to_be_bytes().to_vec())));
    sub.send(SUB_LOGOUT_ANSWER, &[]);
    assert_eq!(sub.hear(), None, "hung up");
    // The next one has another code.
    let mut link = Link::open(server.ports["jt809"]);
    let (result, next) = link.login(b"letmein", address);
    assert_eq!(result, 0);
    assert_ne!(next, code);
    called_back(&listener, next);
}

#[test]
fn a_lost_sub_link_is_opened_again() {
    let data = folder();
    let (listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let mut link = Link::open(server.ports["jt809"]);
    let (_, code) = link.login(b"letmein", address);
    let mut sub = called_back(&listener, code);
    sub.send(SUB_LOGIN_ANSWER, &[0]);
    drop(sub);
    // One that is refused, too: result 1, a wrong code.
    let mut sub = called_back(&listener, code);
    sub.send(SUB_LOGIN_ANSWER, &[1]);
    assert_eq!(sub.hear(), None, "hung up");
    called_back(&listener, code);
    link.settle();
}

#[test]
fn a_platform_that_cannot_be_called_back_is_told() {
    let data = folder();
    // Bound, so that nobody else gets the port, but not listened on.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = socket.local_addr().ok().and_then(|bound| bound.as_socket()).expect("bound");
    let server = server(&data, "127.0.0.0/8", address);
    let mut link = Link::open(server.ports["jt809"]);
    assert_eq!(link.login(b"letmein", address).0, 0);
    // 0: no connection to be had.
    assert_eq!(link.hear(), Some((SUB_LINK_LOST, vec![0])));
    // Its vehicles are heard all the same.
    link.vehicle(VEHICLE, "LB12345", 0x1202, &position(0, 39.01, 121.6, 0));
    link.settle();
    let vehicle = server.get("/v1/vehicles/lorry-1?reason=test");
    assert!((latitude_of(&vehicle) - 39.01).abs() < 1e-6, "{vehicle}");
}

#[test]
fn an_orderly_end_is_told_on_both_links() {
    let data = folder();
    let (listener, address) = callback();
    let server = server(&data, "127.0.0.0/8", address);
    let mut link = Link::open(server.ports["jt809"]);
    let (_, code) = link.login(b"letmein", address);
    let mut sub = called_back(&listener, code);
    sub.send(SUB_LOGIN_ANSWER, &[0]);
    server.signal("TERM");
    // 0: a restart.
    assert_eq!(link.hear(), Some((WE_ARE_CLOSING, vec![0])));
    assert_eq!(link.hear(), None, "hung up");
    assert_eq!(sub.hear(), Some((SUB_LOGOUT, code.to_be_bytes().to_vec())));
    sub.send(SUB_LOGOUT_ANSWER, &[]);
    assert_eq!(sub.hear(), None, "hung up");
}
