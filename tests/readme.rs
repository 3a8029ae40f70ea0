//! README.md says what the program says.

mod support;

use std::path::Path;

const BEGIN: &str = "<!-- printed by: interdict protocols --format markdown -->\n";
const END: &str = "<!-- end -->";

/// `UPDATE=1` writes the table anew.
#[test]
fn the_table_of_protocols_is_the_program_s_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
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
