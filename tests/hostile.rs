//! Names that try to be something else, from the one fixture that the console's tests read, too: what
//! they become in a terminal, in a log and on their way through CSV.

mod support;

use serde_json::{Value, json};
use support::{Server, TOKEN, folder};

const FIXTURE: &str = include_str!("../fixtures/hostile.json");

fn fixture(part: &str) -> Vec<String> {
    let fixture: Value = serde_json::from_str(FIXTURE).expect("JSON");
    serde_json::from_value(fixture[part].clone()).expect("names")
}

/// What neither a terminal nor a reader may meet: controls, and what hides or turns others round.
fn strange(text: &str) -> Option<char> {
    let is_strange = |letter: &char| {
        (letter.is_control() && *letter != '\n')
            || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().find(is_strange)
}

fn command(server: &Server, arguments: &[&str]) -> (bool, String) {
    command_as(TOKEN, server, arguments)
}

fn command_as(token: &str, server: &Server, arguments: &[&str]) -> (bool, String) {
    let output = server.run(token, arguments);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).expect("UTF-8"))
}

#[test]
fn hostile_names_stay_names_in_csv_and_on_a_terminal() {
    let data = folder();
    let server = Server::start(data.path(), &["osmand"], &[]);
    let names = fixture("names");
    let mut csv = "device,vehicle,plate,class,unit\n".to_owned();
    for (number, name) in names.iter().enumerate() {
        let quoted = name.replace('"', "\"\"");
        csv.push_str(&format!("{number},\"v{quoted}\",\"{quoted}\",taxi,\n"));
    }
    let file = support::file(data.path(), "fleet.csv", &csv);
    let (done, said) = command(&server, &["device", "import", &file.display().to_string()]);
    assert!(done, "{said}");
    for name in &names {
        let vehicle = format!("v{}", name.trim());
        let flag = json!({
            "vehicle": vehicle, "reason": "stolen", "case": name, "authority": name,
            "instruction": name, "cautions": [name], "contact": name,
        });
        let made = server.flag(&flag);
        assert_eq!(made["matched"]["plate"], name.trim(), "the name is kept as it is");
        assert_eq!(made["case"], name.trim());
    }
    let stated = server.get("/v1/flags").to_string();
    assert!(names.iter().all(|name| stated.contains(&json!(name.trim()).to_string())));
    for arguments in [&["device", "list"][..], &["flag", "list"]] {
        let (done, said) = command(&server, arguments);
        assert!(done, "{said}");
        assert_eq!(strange(&said), None, "{arguments:?}: {}", said.escape_debug());
        assert!(said.contains("\\u{202e}B·1234"), "what is hidden is shown: {said}");
    }
    // What a spreadsheet would take for a formula is text in the file.
    let (done, csv) = command_as(server.dispatcher(), &server, &["flag", "export"]);
    assert!(done && strange(&csv).is_none_or(|letter| letter != '\u{1b}'), "{csv}");
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    for row in rows.records() {
        let row = row.expect("CSV");
        assert!(!row.iter().any(formula), "{row:?}");
    }
    // A flag that is not there, named by somebody's clipboard.
    for name in names.iter().filter(|name| !name.contains(',')) {
        let (done, said) =
            command(&server, &["vehicle", &format!("no such {name}"), "--reason", name]);
        assert!(!done && strange(&said).is_none(), "{}", said.escape_debug());
    }
}

#[test]
fn control_characters_are_refused_where_they_come_in() {
    let data = folder();
    let server = Server::start(data.path(), &["osmand"], &[]);
    server.enrol("1", "v", "P", "taxi");
    for name in fixture("control") {
        let device = json!({"device": "2", "vehicle": name, "plate": name});
        let flag = json!({"vehicle": "v", "reason": "stolen", "case": name, "authority": "a"});
        let asked = [(TOKEN, "/v1/devices", &device), (server.dispatcher(), "/v1/flags", &flag)];
        for (token, path, body) in asked {
            let (status, answer) = server.request_as(token, "POST", path, Some(body));
            // Line separators are no control characters, and are shown as what they are.
            let may_pass = !name.chars().any(char::is_control);
            assert!(status == 400 || may_pass, "{status} {path} {name:?}: {answer}");
            assert_eq!(strange(&answer["detail"].to_string()), None, "{answer}");
        }
    }
}
