//! Brings an older data folder up to this version's format, step by step.

use sled::Batch;

use super::folder::{FORMAT, Folder};
use super::handles::Handles;
use super::{StoreError, restored};

/// What makes a folder of one format one of the next; the first is from 1 to 2. A step that was
/// broken off is carried out again: it must not mind what it has done already.
const STEPS: [Step; (FORMAT - 1) as usize] = [keep_restorations];

type Step = fn(&Handles) -> Result<(), StoreError>;

/// Brings a folder that has been opened up to date, and notes its format after each step.
pub(super) fn carry_out(folder: &Folder, handles: &Handles) -> Result<(), StoreError> {
    match folder.format() {
        None => folder.finish(FORMAT),
        Some(found) => from(found, handles, |format| folder.finish(format)),
    }
}

/// Carries out the steps from the format that was found on; `done` is told the format after each.
pub(super) fn from(
    found: u32,
    handles: &Handles,
    done: impl Fn(u32) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for (step, format) in STEPS.iter().zip(2..).filter(|(_, format)| *format > found) {
        tracing::info!(format, "the data folder is brought up to a newer format");
        step(handles)?;
        done(format)?;
    }
    Ok(())
}

/// Format 2 numbers events and records on from where a restoration says; a version that does not
/// look there would give numbers twice. Records of format 1 are read as blocks of one.
fn keep_restorations(handles: &Handles) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    restored::save(&restored::load(handles)?, &mut batch)?;
    handles.write(&handles.journal, batch)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Store;
    use super::super::restored::KEY;
    use super::super::testing::record;

    #[test]
    fn a_folder_of_format_1_is_brought_up_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let format = folder.path().join("format");
        let store = Store::open(folder.path(), "urn:test").unwrap();
        store.commit(&[record(1), record(2)], &[]).unwrap();
        assert_eq!(fs::read_to_string(&format).unwrap(), "interdict data folder, format 2\n");
        // What format 1 did not have.
        let handles = store.handles().unwrap();
        handles.journal.remove(KEY).unwrap();
        drop((handles, store));
        fs::write(&format, "interdict data folder, format 1\n").unwrap();

        // A second start finds it brought up already.
        for _ in 0..2 {
            let store = Store::open(folder.path(), "urn:test").unwrap();
            assert_eq!(fs::read_to_string(&format).unwrap(), "interdict data folder, format 2\n");
            assert!(store.handles().unwrap().journal.contains_key(KEY).unwrap());
            assert_eq!(store.load().unwrap().records.count(), 2);
        }
    }
}
