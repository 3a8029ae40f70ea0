//! What a browser needs of the server: sessions, names, the console's files, roads.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use api_support::{ADMIN, Server, setup};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");
const BEARER: (&str, &str) = ("authorization", "Bearer the-admin");

/// A browser's login.
struct Browser {
    cookie: String,
    csrf: String,
    view: Value,
}

fn log_in(server: &Server, token: &str) -> Browser {
    let body = json!({ "token": token }).to_string();
    let (parts, text) = server.raw("POST", "/v1/session", &[JSON], &body);
    assert_eq!(parts.status, 201, "{text}");
    let set = parts.headers["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/v1", "Max-Age=43200"] {
        assert!(set.split("; ").any(|part| part == attribute), "{set}");
    }
    assert!(!set.contains("Secure"), "plain HTTP: {set}");
    assert!(!text.contains(token) && !set.contains(token), "the token is not handed on");
    let view: Value = serde_json::from_str(&text).unwrap();
    let cookie = set.split(';').next().unwrap().to_owned();
    Browser { cookie, csrf: view["csrf"].as_str().unwrap().to_owned(), view }
}

#[test]
fn a_browser_logs_in_reads_changes_and_logs_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let browser = log_in(&server, ADMIN);
    assert_eq!(
        (&browser.view["name"], &browser.view["role"]),
        (&json!("first-admin"), &json!("admin"))
    );
    assert_eq!(browser.view["units"][1]["parent"], "city");
    let may = browser.view["may"].as_array().unwrap();
    assert!(may.contains(&json!("manage_checkpoints")) && !may.contains(&json!("flag")));
    assert_eq!(browser.view["person"], "first-admin");
    let cookie = ("cookie", browser.cookie.as_str());
    let csrf = ("interdict-csrf", browser.csrf.as_str());

    let (parts, text) = server.raw("GET", "/v1/session", &[cookie], "");
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["csrf"], browser.csrf);
    assert_eq!(server.raw("GET", "/v1/flags", &[cookie], "").0.status, 200);

    // Without the word, and with a wrong one, nothing changes.
    let token = json!({"name": "wang", "role": "operator"}).to_string();
    for headers in [&[cookie, JSON][..], &[cookie, JSON, ("interdict-csrf", "0")]] {
        let (parts, text) = server.raw("POST", "/v1/tokens", headers, &token);
        assert_eq!(parts.status, 403, "{text}");
        assert!(text.contains("urn:interdict:problem:csrf"), "{text}");
    }
    assert_eq!(server.raw("DELETE", "/v1/session", &[cookie], "").0.status, 403);
    let (parts, made) = server.raw("POST", "/v1/tokens", &[cookie, csrf, JSON], &token);
    assert_eq!(parts.status, 201, "{made}");

    // A bad token is refused even where a good cookie is shown with it.
    let wrong = ("authorization", "Bearer wrong");
    assert_eq!(server.raw("GET", "/v1/flags", &[cookie, wrong], "").0.status, 401);

    let (parts, _) = server.raw("DELETE", "/v1/session", &[cookie, csrf], "");
    assert_eq!(parts.status, 204);
    assert!(parts.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(server.raw("GET", "/v1/flags", &[cookie], "").0.status, 401);
    let log = server.admin().get("/v1/audit").unwrap().to_string();
    assert!(log.contains("session.open") && log.contains("session.close"), "{log}");
}

#[test]
fn a_revoked_token_ends_its_sessions_and_a_stranger_gets_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let made =
        server.admin().post("/v1/tokens", &json!({"name": "wang", "role": "operator"})).unwrap();
    let browser = log_in(&server, made["token"].as_str().unwrap());
    let cookie = ("cookie", browser.cookie.as_str());
    assert_eq!(server.raw("GET", "/v1/alerts", &[cookie], "").0.status, 200);
    server.admin().delete("/v1/tokens/wang").unwrap();
    assert_eq!(server.raw("GET", "/v1/alerts", &[cookie], "").0.status, 401);

    for (status, body) in [(401, r#"{"token":"wrong"}"#), (400, "{}"), (400, "")] {
        let (parts, text) = server.raw("POST", "/v1/session", &[JSON], body);
        assert_eq!(parts.status, status, "{text}");
        assert!(!parts.headers.contains_key("set-cookie"));
    }
    // A form of somebody else's page cannot say JSON.
    let form = ("content-type", "text/plain");
    assert_eq!(
        server.raw("POST", "/v1/session", &[form], &json!({"token": ADMIN}).to_string()).0.status,
        415
    );
    assert_eq!(server.raw("GET", "/v1/session", &[BEARER], "").0.status, 404);
    assert_eq!(server.raw("GET", "/v1/session", &[], "").0.status, 401);
}

#[test]
fn a_session_s_stream_needs_no_token_and_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.enrol("1", "v", "P");
    server.flag("v");
    let browser = log_in(&server, ADMIN);
    let mut socket = std::net::TcpStream::connect(server.address()).unwrap();
    let (host, cookie) = (server.address(), &browser.cookie);
    write!(socket, "GET /v1/events?after=0 HTTP/1.0\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n")
        .unwrap();
    let mut lines = BufReader::new(socket).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains(" 200 "));
    assert!(lines.any(|line| line.starts_with("data:") && line.contains("interdict.flag.added")));
    let headers = [("cookie", cookie.as_str()), ("interdict-csrf", &browser.csrf)];
    assert_eq!(server.raw("DELETE", "/v1/session", &headers, "").0.status, 204);
    // The connection ends: there is no heartbeat for which this would have to wait.
    assert_eq!(lines.filter(|line| line.starts_with("data:")).count(), 0);
}

#[test]
fn another_name_is_refused_and_no_other_page_may_ask() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for path in ["/", "/v1/flags", "/metrics", "/nowhere"] {
        let (parts, text) = server.raw("GET", path, &[BEARER, ("host", "evil.example")], "");
        assert_eq!(parts.status, 421, "{path}: {text}");
        assert!(text.contains("[web]"), "{text}");
    }
    assert_eq!(server.raw("GET", "/healthz", &[("host", "evil.example")], "").0.status, 200);
    let own = ("host", "localhost:1");
    let (parts, _) =
        server.raw("GET", "/v1/flags", &[BEARER, own, ("origin", "http://evil.example")], "");
    assert_eq!(parts.status, 200);
    let asked = [("origin", "http://evil.example"), ("access-control-request-method", "POST")];
    let (preflight, _) = server.raw("OPTIONS", "/v1/flags", &asked, "");
    assert!(!preflight.status.is_success(), "{}", preflight.status);
    for parts in [parts, preflight] {
        assert!(parts.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    }
}

#[test]
fn the_front_page_allows_no_foreign_script() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (parts, page) = server.raw("GET", "/", &[("accept-encoding", "identity")], "");
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    let policy = parts.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(parts.headers["x-content-type-options"], "nosniff");
    assert!(page.contains("Interdict"), "{page}");
    assert!(!page.contains("<script>") && !page.contains("style="), "nothing inline: {page}");
    for asset in page.split('"').filter(|text| text.starts_with("/assets/")) {
        let (parts, body) = server.raw("GET", asset, &[("accept-encoding", "identity")], "");
        assert_eq!(parts.status, 200, "{asset}");
        assert!(parts.headers["cache-control"].to_str().unwrap().contains("immutable"));
        assert!(!body.is_empty());
    }
}

#[test]
fn roads_are_geojson_of_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let roads = interdict::roads::from_bytes(include_bytes!("../fixtures/roads.geojson")).unwrap();
    let mut setup = setup();
    interdict::roads::lend(roads.graph, &mut setup, None);
    let server = Server::start_with(folder.path(), "127.0.0.1:0", setup);
    let ask = |query: &str| -> Value { server.admin().get(&format!("/v1/roads{query}")).unwrap() };
    let all = ask("");
    assert_eq!((&all["type"], &all["truncated"]), (&json!("FeatureCollection"), &json!(false)));
    let count = |answer: &Value| answer["features"].as_array().unwrap().len();
    let road = &all["features"][0];
    assert_eq!(road["geometry"]["type"], "MultiLineString");
    assert!(road["properties"]["class"].is_string() && road["properties"]["name"].is_string());
    let [lon, lat] =
        [0, 1].map(|axis| road["geometry"]["coordinates"][0][0][axis].as_f64().unwrap());
    assert!((120.0..123.0).contains(&lon) && (38.0..40.0).contains(&lat), "{lon} {lat}");
    let centre = ask("?bbox=121.6,38.9,121.65,38.93&zoom=12");
    assert!((1..count(&all)).contains(&count(&centre)));
    assert_eq!(count(&ask("?bbox=0,0,1,1&zoom=12")), 0);
    assert!(ask("?zoom=8").to_string().len() < all.to_string().len());
    // From the Xinghai bay to a post in the city, and how far one gets in a minute and in ten.
    let feature = json!({"type": "Feature", "properties": {"name": "P", "kind": "post", "unit": "station"},
        "geometry": {"type": "Point", "coordinates": [121.6335, 38.9193]}});
    server.admin().put("/v1/checkpoints/post", &feature).unwrap();
    let way: Value = server.admin().get("/v1/ways?from=38.8990,121.5858&to=post").unwrap();
    let line = way["geometry"]["coordinates"].as_array().unwrap();
    assert!(line.len() > 3 && way["properties"]["drive_s"].as_f64().unwrap() > 200.0, "{way}");
    let end = line.last().unwrap();
    assert!((end[0].as_f64().unwrap() - 121.6335).abs() < 0.001, "{way}");
    let reach = |within_s| {
        count(
            &server
                .admin()
                .get(&format!("/v1/reach?from=38.8990,121.5858&within_s={within_s}"))
                .unwrap(),
        )
    };
    assert!(0 < reach(60) && reach(60) < reach(600));
    for bad in [
        "/v1/ways?from=1,1&to=post",
        "/v1/ways?from=38.899,121.5858&to=none",
        "/v1/ways?from=x&to=post",
        "/v1/reach?from=38.899,121.5858",
        "/v1/reach?from=38.899,121.5858&within_s=-1",
    ] {
        assert!(server.admin().get(bad).is_err(), "{bad}");
    }

    let (parts, _) = server.raw("GET", "/v1/roads?bbox=1,2,3", &[BEARER], "");
    assert_eq!(parts.status, 400);

    let mut socket = std::net::TcpStream::connect(server.address()).unwrap();
    let host = server.address();
    let asked = format!(
        "GET /v1/roads HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {ADMIN}\r\n\
         Accept-Encoding: gzip\r\n\r\n"
    );
    socket.write_all(asked.as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert!(String::from_utf8_lossy(&answer[..end]).contains("content-encoding: gzip"));
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&answer[end..]).read_to_string(&mut plain).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&plain).unwrap(), all);
}
