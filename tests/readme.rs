//! README.md and docs/protocols.md say what the program says.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use interdict_protocols::ALL;

const BEGIN: &str = "<!-- printed by: interdict protocols --format markdown -->\n";
const END: &str = "<!-- end -->";

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a page")
}

/// `UPDATE=1` writes the table anew.
#[test]
fn the_table_of_protocols_is_the_program_s_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocols.md");
    let text = read("docs/protocols.md");
    let output = support::interdict(&["protocols", "--format", "markdown"]);
    let table = String::from_utf8(output.stdout).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning is marked");
    let (written, after) = rest.split_once(END).expect("the table's end is marked");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(written, table, "run this test with UPDATE=1");
    }
}

#[test]
fn the_readme_names_every_protocol_and_no_other() {
    let text = read("README.md");
    let (_, section) = text.split_once("\n## Protocols\n").expect("a section of that name");
    let section = section.split("\n## ").next().unwrap_or_default();
    let named: BTreeSet<&str> = section.split('`').skip(1).step_by(2).collect();
    let known: BTreeSet<&str> = ALL.iter().map(|protocol| protocol.name).collect();
    assert_eq!(named, known);
}
