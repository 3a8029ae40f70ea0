//! The OpenAPI document that the server answers: the committed copy of it, and that it holds together.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

mod api_support;

use std::collections::BTreeSet;
use std::path::Path;

use api_support::Server;
use serde_json::Value;

const COPY: &str = "docs/openapi.json";

fn served() -> String {
    let folder = tempfile::tempdir().unwrap();
    let (parts, text) = Server::start(folder.path()).raw("GET", "/openapi.json", &[], "");
    assert_eq!(parts.status, 200);
    assert_eq!(parts.headers["content-type"], "application/json");
    text
}

/// `UPDATE=1` writes the copy anew.
#[test]
fn the_committed_copy_is_the_server_s_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(COPY);
    let served = served();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, served).unwrap();
        return;
    }
    let copy = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = copy.lines().zip(served.lines()).position(|(copied, served)| copied != served);
    let line = differ.unwrap_or_else(|| copy.lines().count()) + 1;
    assert!(copy == served, "{COPY}:{line} is not what is served: run this test with UPDATE=1");
}

/// The names that `$ref`s in a value point to.
fn named(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|value| named(value, found)),
        Value::Object(all) => {
            let name = all.get("$ref").and_then(Value::as_str);
            let name = name.map(|name| name.replace("#/components/", ""));
            found.extend(name);
            all.values().for_each(|value| named(value, found));
        }
        _ => {}
    }
}

#[test]
fn everything_that_is_named_is_there_and_the_other_way_round() {
    let document: Value = serde_json::from_str(&served()).unwrap();
    let there =
        ["headers", "responses", "schemas"].map(|kind| (kind, &document["components"][kind]));
    let there = there.into_iter().flat_map(|(kind, all)| {
        all.as_object().unwrap().keys().map(move |name| format!("{kind}/{name}"))
    });
    let there: BTreeSet<String> = there.collect();
    let mut found = BTreeSet::new();
    named(&document, &mut found);
    let difference: Vec<_> = there.symmetric_difference(&found).collect();
    assert!(difference.is_empty(), "named or there alone: {difference:?}");
}

#[test]
fn every_operation_says_what_it_does_takes_and_answers() {
    let document: Value = serde_json::from_str(&served()).unwrap();
    let tags = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap());
    let tags: BTreeSet<&str> = tags.collect();
    let mut wrong = Vec::new();
    let (mut names, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut say = |what: &str| wrong.push(format!("{method} {path}: {what}"));
            let name = operation["operationId"].as_str().unwrap();
            if !names.insert(name) {
                say("its operationId is another's");
            }
            used.extend(
                operation["tags"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()),
            );
            if operation["summary"].as_str().is_none_or(|summary| !summary.ends_with(['.', ':'])) {
                say("no summary");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let is_told = parameter["in"] == "path" || parameter["description"].is_string();
                if !is_told || parameter["schema"].is_null() {
                    say(&format!("what is {}?", parameter["name"]));
                }
            }
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                let shared = response["$ref"].as_str().map(|name| name.trim_start_matches('#'));
                let response = shared.map_or(response, |name| document.pointer(name).unwrap());
                if response["description"].as_str().is_none_or(str::is_empty) {
                    say(&format!("what is {status}?"));
                }
                let problem = &response["content"]["application/problem+json"];
                if status.as_str() >= "400" && problem.is_null() {
                    say(&format!("{status} is no problem document"));
                }
                if response["headers"]["x-request-id"].is_null() {
                    say(&format!("{status} does not name its request"));
                }
            }
            if !responses.keys().any(|status| status.starts_with('2')) {
                say("it never goes well");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(used, tags);
}
