//! HTTP where others can hear it: by TLS, refused in the clear, and not too often.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use interdict::client::{Client, ClientError};
use support::{Server, TOKEN, eventually, interdict};
use tempfile::TempDir;

/// An authority, and a certificate that it made for the loopback address, in the folder's files.
/// Answers what vouches for it.
fn renew(folder: &Path) -> String {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    // The key first: until the other file is there too, the two do not go together.
    std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    authority.pem()
}

fn configuration(folder: &Path, more: &str) -> String {
    let file = folder.join("interdict.toml");
    let text = format!("{more}\n[tls]\ncertificate = 'server.pem'\nkey = 'server.key'\n");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn start(folder: &TempDir, more: &str) -> Server {
    let file = configuration(folder.path(), more);
    Server::start(&folder.path().join("data"), &["jt808"], &["--config", &file])
}

fn ask(server: &Server, authority: &str) -> Result<(), ClientError> {
    let url = format!("https://{}", server.http);
    let client = Client::trusting(&url, Some(TOKEN.to_owned()), Some(authority.as_bytes()))?;
    client.get("/v1/tokens").map(drop)
}

fn command(server: &Server, authority: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(["token", "list", "--server", &format!("https://{}", server.http)])
        .env("INTERDICT_TOKEN", TOKEN)
        .env("INTERDICT_CA", authority)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_certificate_is_shown_and_its_renewal_is_taken_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path());
    let server = start(&folder, "");
    ask(&server, &first).unwrap();
    let output = command(&server, &folder.path().join("authority.pem"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("first-admin"), "{output:?}");

    let second = renew(folder.path());
    eventually("the new certificate is shown", || ask(&server, &second).is_ok());
    assert!(matches!(ask(&server, &first), Err(ClientError::Unreachable { .. })));

    // A renewal that went wrong: the door stays open.
    std::fs::write(folder.path().join("server.pem"), "no certificate").unwrap();
    let third = renew(folder.path());
    eventually("what comes after it is shown", || ask(&server, &third).is_ok());
    assert_eq!(server.stop(), 0);
}

#[test]
fn files_that_do_not_go_together_are_told_before_anything_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    renew(folder.path());
    let kept = std::fs::read(folder.path().join("server.key")).unwrap();
    let refused = |folder: &TempDir| {
        let file = configuration(folder.path(), "");
        let data = folder.path().join("data");
        let data = data.to_str().unwrap();
        let output = interdict(&[
            "serve",
            "--config",
            &file,
            "--data",
            data,
            "--http",
            "127.0.0.1:0",
            "--port",
            "jt808=127.0.0.1:0",
        ]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    renew(folder.path());
    std::fs::write(folder.path().join("server.key"), kept).unwrap();
    let said = refused(&folder);
    assert!(said.contains("do not go together"), "{said}");
    std::fs::remove_file(folder.path().join("server.key")).unwrap();
    let said = refused(&folder);
    assert!(said.contains("server.key: there is no such file"), "{said}");
    std::fs::write(folder.path().join("server.key"), "nothing").unwrap();
    let said = refused(&folder);
    assert!(said.contains("PEM is expected"), "{said}");
}

#[test]
fn what_others_could_hear_is_refused_unless_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let base = ["serve", "--data", data];
    let refused = |more: &[&str]| {
        let output = interdict(&[&base[..], more].concat());
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&["--http", "0.0.0.0:0", "--port", "jt808=127.0.0.1:0"]);
    assert!(said.contains("--allow-plain-http"), "{said}");
    let said = refused(&["--http", "127.0.0.1:0", "--port", "jt808=[::]:0", "--enrol-all"]);
    assert!(said.contains("--allow-enrol-all") && said.contains("jt808"), "{said}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was begun");

    let more = ["--enrol-all", "--allow-enrol-all", "--port", "h02=0.0.0.0:0"];
    assert_eq!(Server::start(folder.path(), &[], &more).stop(), 0);
}

#[test]
fn who_asks_too_often_is_told_when_to_ask_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("interdict.toml");
    let limits = "[limits]\nrequests_per_minute = 20\nrefused_requests_per_minute = 5\n";
    std::fs::write(&file, limits).unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &["jt808"], &["--config", file.to_str().unwrap()]);
    let answers: Vec<_> = (0..30).map(|_| server.request("GET", "/v1/tokens", None)).collect();
    let (good, held): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 200);
    // A minute's worth at once, and one more every 3 s.
    assert!((20..=25).contains(&good.len()), "{}", good.len());
    let (status, problem) = held.last().unwrap();
    assert_eq!(
        (*status, problem["type"].as_str()),
        (429, Some("urn:interdict:problem:too-many-requests"))
    );
    assert!((1..=4).contains(&problem["retry_after_s"].as_u64().unwrap()), "{problem}");

    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let stranger = || {
        let answer =
            agent.get(server.url("/v1/tokens")).header("Authorization", "Bearer no").call();
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    let answers: Vec<_> = (0..10).map(|_| stranger()).collect();
    assert_eq!(answers[0], (401, false));
    assert_eq!(answers[9], (429, true));
    assert_eq!(server.request("GET", "/healthz", None).0, 200);
}
