//! Finding tracks, opening them, and telling what they are.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use interdict_protocols::DeviceId;

use super::Complaints;

/// What a track is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Nmea,
    Gpx,
    GeoJson,
    /// Of fixes as `decode` prints them, or of recorded frames.
    JsonLines,
    Empty,
    Unknown,
}

/// Folders inside folders are followed so deep.
const DEEPEST: usize = 32;

/// The files that `paths` mean: themselves, and the tracks in folders, sorted by name.
pub(super) fn expand(paths: &[PathBuf], complaints: &mut Complaints<'_>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            folder(path, 0, &mut files, complaints);
        } else {
            files.push(path.clone());
        }
    }
    files
}

fn folder(path: &Path, depth: usize, files: &mut Vec<PathBuf>, complaints: &mut Complaints<'_>) {
    let told = path.display().to_string();
    if depth > DEEPEST {
        complaints.file(&told, "lies too deep");
        return;
    }
    let entries = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            complaints.file(&told, &format!("cannot be read: {error}"));
            return;
        }
    };
    entries.sort();
    for entry in entries {
        let hidden =
            entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        // A link to a folder could lead round in a circle.
        if entry.is_dir() && !entry.is_symlink() {
            folder(&entry, depth + 1, files, complaints);
        } else if entry.is_file() && may_be_track(&entry) {
            files.push(entry);
        }
    }
}

/// Whether a file that nobody named, only its folder, is meant: notes and pictures lie there too.
fn may_be_track(path: &Path) -> bool {
    let name = inner_name(path).to_ascii_lowercase();
    let extension = Path::new(&name).extension().and_then(OsStr::to_str);
    extension.is_none_or(|extension| {
        ["csv", "geojson", "gpx", "json", "jsonl", "log", "ndjson", "nma", "nmea", "txt"]
            .contains(&extension)
    })
}

/// The file's name without its endings.
pub(super) fn stem(path: &Path) -> DeviceId {
    let name = inner_name(path);
    let stem = Path::new(&name).file_stem().and_then(OsStr::to_str).unwrap_or(&name);
    DeviceId::from(stem)
}

/// The file's name without `.gz`.
fn inner_name(path: &Path) -> String {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or("track");
    name.strip_suffix(".gz").unwrap_or(name).to_owned()
}

/// What tells a format by its content lies within so many bytes.
const HEAD: u64 = 64 * 1024;

/// Opens a track, unpacks it where it is gzip, and tells what it is.
pub(super) fn open(path: &Path) -> io::Result<(Format, Box<dyn BufRead>)> {
    let raw: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let (magic, raw) = peek(raw, 2)?;
    let plain: Box<dyn Read> = if magic == [0x1f, 0x8b] {
        Box::new(MultiGzDecoder::new(BufReader::new(raw)))
    } else {
        Box::new(raw)
    };
    let (mark, mut text) = peek(plain, 3)?;
    if mark == "\u{feff}".as_bytes() {
        io::copy(&mut (&mut text).take(3), &mut io::sink())?;
    }
    let (head, text) = peek(text, HEAD)?;
    let format = by_name(&inner_name(path), &head).unwrap_or_else(|| by_content(&head));
    Ok((format, Box::new(BufReader::with_capacity(64 * 1024, text))))
}

/// The first bytes, and all of it again. A source that ends with an error in its first bytes is
/// given up to there; the error comes again when it is read.
fn peek<R: Read>(mut source: R, length: u64) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::new();
    let error = (&mut source).take(length).read_to_end(&mut head).err();
    let rest = Failing { source, error };
    Ok((head.clone(), Cursor::new(head).chain(rest)))
}

/// A source that tells once more an error that was met too early.
struct Failing<R> {
    source: R,
    error: Option<io::Error>,
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.source.read(buffer),
        }
    }
}

fn by_name(name: &str, head: &[u8]) -> Option<Format> {
    if head.iter().all(u8::is_ascii_whitespace) {
        return Some(Format::Empty);
    }
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "csv" => Some(Format::Csv),
        "gpx" => Some(Format::Gpx),
        "nmea" | "nma" => Some(Format::Nmea),
        "geojson" => Some(Format::GeoJson),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        _ => None,
    }
}

fn by_content(head: &[u8]) -> Format {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start();
    match text.chars().next() {
        None => Format::Empty,
        Some('<') => Format::Gpx,
        Some('$' | '!') => Format::Nmea,
        Some('{') => by_json(text),
        Some(_) => {
            let first = text.lines().next().unwrap_or_default().to_ascii_lowercase();
            if first.contains("lat") && first.contains("lon") {
                Format::Csv
            } else if text.contains("$GP") || text.contains("$GN") {
                Format::Nmea
            } else {
                Format::Unknown
            }
        }
    }
}

/// JSON lines have a whole object on the first line, GeoJSON a type that says so.
fn by_json(text: &str) -> Format {
    let first = text.lines().next().unwrap_or_default();
    let is_geojson = |value: &serde_json::Value| {
        let kind = value.get("type").and_then(serde_json::Value::as_str);
        kind.is_some_and(|kind| kind.starts_with("Feature"))
    };
    match serde_json::from_str::<serde_json::Value>(first) {
        Ok(value) if is_geojson(&value) => Format::GeoJson,
        Ok(_) => Format::JsonLines,
        // A recorded read may be longer than what was looked at.
        Err(_) if first.contains("\"wire\"") => Format::JsonLines,
        Err(_) => Format::GeoJson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_told_by_its_content() {
        for (text, format) in [
            ("  \n", Format::Empty),
            ("<?xml version='1.0'?><gpx>", Format::Gpx),
            ("$GPRMC,1\n", Format::Nmea),
            ("device,time,latitude,longitude\n", Format::Csv),
            ("{\"kind\":\"fix\"}\n{}", Format::JsonLines),
            ("{\"at\":\"2026-06-15T02:01:15Z\",\"wire\":\"7e7e", Format::JsonLines),
            ("{\"type\":\"FeatureCollection\",\"features\":[]}", Format::GeoJson),
            ("{\n \"type\": \"FeatureCollection\",", Format::GeoJson),
            ("hello", Format::Unknown),
        ] {
            assert_eq!(by_content(text.as_bytes()), format, "{text}");
        }
    }

    #[test]
    fn a_stem_has_no_endings() {
        assert_eq!(stem(Path::new("a/v17.csv.gz")).as_str(), "v17");
        assert_eq!(stem(Path::new("v17")).as_str(), "v17");
    }
}
