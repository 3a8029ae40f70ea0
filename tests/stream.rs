//! The stream of events over a real socket.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use api_support::{ADMIN, Server, read, refusal};
use interdict_engine::{Flag, Input};
use interdict_protocols::Time;
use serde_json::json;

#[test]
fn the_stream_resumes_wherever_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let admin = server.admin();
    server.enrol("1", "v", "P");
    let ids: Vec<_> = (0..5).map(|_| server.flag("v")).collect();

    let all = read(&admin, "/v1/events?after=0", None, 5);
    assert_eq!(all.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for ((sequence, event), id) in all.iter().zip(&ids) {
        assert_eq!(
            (&event["sequence"], &event["data"]["flag"]["id"]),
            (&json!(sequence.to_string()), &json!(id))
        );
        assert_eq!(
            (&event["specversion"], &event["source"]),
            (&json!("1.0"), &json!("urn:interdict:test"))
        );
    }
    assert_eq!(read(&admin, "/v1/events?after=3", None, 2), all[3..]);
    assert_eq!(read(&admin, "/v1/events?after=0", Some(4), 1), all[4..], "the header counts first");
    assert_eq!(
        read(
            &admin,
            "/v1/events?after=0&type=interdict.flag.expired,interdict.flag.added&type=interdict.x",
            None,
            5
        ),
        all
    );

    // Without a cursor it begins now, and says where that is.
    let mut live = admin.stream("/v1/events?", None).unwrap();
    assert_eq!(live.cursor, Some(5));
    let id = server.flag("v");
    let message = live.next().unwrap().unwrap();
    assert_eq!(message.id, Some(6));
    assert!(message.data.contains(&id) && !message.data.contains('\n'));

    let cut = Time::parse(all[3].1["time"].as_str().unwrap()).unwrap();
    let gone = server.store.purge_events_before(cut).unwrap();
    assert!((1..=3).contains(&gone));
    let (status, detail, problem) =
        refusal(admin.stream("/v1/events?after=0", Some(1)).map(|_| ()));
    if gone > 1 {
        assert_eq!((status, &problem["oldest"]), (410, &json!(gone + 1)), "{detail}");
    }
    assert_eq!(read(&admin, "/v1/events?after=0", None, 1)[0].0, gone + 1);
}

#[test]
fn a_stream_is_framed_as_the_standard_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "v", "P");
    server.flag("v");
    let address = server.address();
    let request = format!(
        "GET /v1/events?after=0 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {ADMIN}\r\n\r\n"
    );
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
    let mut answer = String::new();
    let mut bytes = [0; 4_096];
    while !answer.contains("}\n\n") {
        let count = std::io::Read::read(&mut socket, &mut bytes).unwrap();
        assert!(count > 0, "{answer}");
        answer.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    let (_, event) = body.split_once("\r\n").unwrap();
    assert!(
        event.starts_with("id: 1\ndata: {\"specversion\":\"1.0\"") && event.contains("}}\n\n"),
        "{event}"
    );
}

/// Adds `count` flags with so much text that no socket holds all of their events.
fn flood(server: &Server, count: usize) {
    server.enrol("1", "v", "P");
    server.flag("v");
    let flags = server.admin().get("/v1/flags").unwrap();
    let mut flag: Flag = serde_json::from_value(flags["flags"][0].clone()).unwrap();
    flag.case = "x".repeat(10_000);
    for first in (0..count).step_by(100) {
        let flags = (first..count.min(first + 100))
            .map(|number| Input::Flag(Flag { id: number.to_string().into(), ..flag.clone() }));
        server.runtime.block_on(server.shards.tell(flags.collect())).unwrap();
    }
}

#[test]
fn one_who_does_not_read_holds_up_nobody() {
    const FLAGS: usize = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let stuck = server.admin().stream("/v1/events?after=0", None).unwrap();
    flood(&server, FLAGS);
    let seen = read(&server.admin(), "/v1/events?after=0", None, FLAGS + 1);
    assert!(seen.iter().zip(1..).all(|((sequence, _), expected)| *sequence == expected));
    let late = stuck.take(FLAGS + 1).map(|message| message.unwrap().id.unwrap());
    assert!(late.zip(1..).all(|(sequence, expected)| sequence == expected));
}

#[test]
fn one_who_does_not_read_does_not_keep_the_server_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let stuck = server.admin().stream("/v1/events?after=0", None).unwrap();
    flood(&server, 2_000);
    // Waits for the end of everything, for ever if need be.
    drop(server);
    drop(stuck);
}
