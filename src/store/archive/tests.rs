//! Archives, whole and damaged.

use super::*;

fn archive(header: &Header) -> Vec<u8> {
    let mut writer = ArchiveWriter::begin(Vec::new(), header).unwrap();
    writer.entry("journal", b"r1", b"{}").unwrap();
    writer.entry("tokens", b"", &[7; 100_000]).unwrap();
    writer.finish().unwrap()
}

fn header() -> Header {
    Header::new(Time::from_seconds(1), "urn:test", 17, 3)
}

fn read(bytes: &[u8]) -> Result<Vec<Entry>, ArchiveError> {
    let mut reader = ArchiveReader::begin(bytes)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next()? {
        entries.push(entry);
    }
    Ok(entries)
}

#[test]
fn an_archive_is_read_as_it_was_written() {
    let bytes = archive(&header());
    assert_eq!(*ArchiveReader::begin(&bytes[..]).unwrap().header(), header());
    let entries = read(&bytes).unwrap();
    let [first, second] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(
        (first.tree.as_str(), &first.key[..], &first.value[..]),
        ("journal", &b"r1"[..], &b"{}"[..])
    );
    assert_eq!(
        (second.tree.as_str(), second.key.len(), second.value.len()),
        ("tokens", 0, 100_000)
    );
}

#[test]
fn whatever_is_cut_flipped_or_added_is_noticed() {
    let good = archive(&header());
    for length in 0..good.len() {
        assert!(read(&good[..length]).is_err(), "cut to {length}");
    }
    let entries = read(&good).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        // Some bits of gzip mean nothing: its time and system, those that fill a byte up.
        let harmless = |found: Vec<Entry>| found == entries;
        assert!(read(&bad).map_or(true, harmless), "flipped at {place}");
    }
    assert!(read(&[&good[..], b"x"].concat()).is_err());
    assert!(read(&[&good[..], &good].concat()).is_err());
}

#[test]
fn what_is_no_archive_or_a_newer_one_is_said() {
    let error = |bytes: &[u8]| ArchiveReader::begin(bytes).err().unwrap();
    assert!(matches!(error(b""), ArchiveError::Foreign));
    assert!(matches!(error(b"a letter, not a backup"), ArchiveError::Foreign));
    let mut other = GzEncoder::new(Vec::new(), Compression::fast());
    other.write_all(b"another file that somebody has compressed").unwrap();
    assert!(matches!(error(&other.finish().unwrap()), ArchiveError::Foreign));
    let newer = Header { format: 2, ..header() };
    assert!(matches!(error(&archive(&newer)), ArchiveError::Newer { found: 2, known: 1 }));
    let newer = Header { folder_format: 3, ..header() };
    assert!(matches!(error(&archive(&newer)), ArchiveError::Newer { found: 3, known: 2 }));
}
