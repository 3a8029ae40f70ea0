//! SHA-256 of the files of a configuration, as `sha256sum` prints it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

pub(super) fn of_text(text: &str) -> String {
    hex(&Sha256::digest(text).into())
}

pub(super) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            return Ok(hex(&hasher.finalize().into()));
        }
        hasher.update(chunk.get(..length).unwrap_or_default());
    }
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
