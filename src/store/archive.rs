//! The archive that a backup is: one gzip stream that says itself what it is.
//!
//! | bytes | what |
//! |---|---|
//! | 1 line | `interdict backup` |
//! | 1 line | [`Header`], JSON |
//! | for each entry: 1, n, 4, n, 4, n | length and name of its tree, length and bytes of its key, length and bytes of its value; lengths big-endian |
//! | 1 | 0: there are no more entries |
//! | 8 | how many there were, big-endian |
//! | 32 | SHA-256 of all before it |

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The form of archives that this version writes and reads.
const FORMAT: u32 = 1;
const MAGIC: &str = "interdict backup\n";

/// A header is far shorter.
const LONGEST_HEADER: u64 = 64 * 1024;
/// The longest value, bytes: a record or an event is a few thousand. A longer one is damage, and must
/// not be made room for.
const LONGEST_VALUE: usize = 64 * 1024 * 1024;

/// What an archive is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the archive.
    pub format: u32,
    /// The format of the data folder.
    pub folder_format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// When it was made.
    pub made_at: Time,
    /// The installation's name.
    pub source: String,
    /// The latest event in it; 0 where there is none.
    pub last_sequence: u64,
    /// The latest record in it, or of which its snapshots are; 0 where there is none.
    pub last_record: u64,
}

impl Header {
    pub(super) fn new(made_at: Time, source: &str, last_sequence: u64, last_record: u64) -> Self {
        Self {
            format: FORMAT,
            folder_format: super::folder::FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            source: source.to_owned(),
            last_sequence,
            last_record,
        }
    }
}

/// Why an archive was not written or read, by who can help.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The operator: the file is no backup.
    #[error("this is no backup of Interdict")]
    Foreign,
    /// The operator: a later version made it.
    #[error(
        "the backup is of format {found}, and this version reads up to {known}: use the version \
         that made it, or a later one"
    )]
    Newer {
        /// Its format, or that of the data folder in it.
        found: u32,
        /// The newest that is understood.
        known: u32,
    },
    /// The disk, or whatever carried it: it is not what was written.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// The disk, or the connection.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One entry of one tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tree: String,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// Passes bytes on and hashes them.
struct Hashed<T> {
    inner: T,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.hash.update(bytes.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Writes an archive.
pub(super) struct ArchiveWriter<W: Write> {
    out: Hashed<GzEncoder<W>>,
    entries: u64,
}

impl<W: Write> ArchiveWriter<W> {
    pub(super) fn begin(out: W, header: &Header) -> io::Result<Self> {
        // Whoever waits for a backup waits for the disk; the least compression halves it already.
        let inner = GzEncoder::new(out, Compression::fast());
        let mut out = Hashed { inner, hash: Sha256::new() };
        out.write_all(MAGIC.as_bytes())?;
        serde_json::to_writer(&mut out, header)?;
        out.write_all(b"\n")?;
        Ok(Self { out, entries: 0 })
    }

    pub(super) fn entry(&mut self, tree: &str, key: &[u8], value: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::other("an entry is too long for a backup");
        self.out.write_all(&[u8::try_from(tree.len()).map_err(too_long)?])?;
        self.out.write_all(tree.as_bytes())?;
        for bytes in [key, value] {
            self.out.write_all(&u32::try_from(bytes.len()).map_err(too_long)?.to_be_bytes())?;
            self.out.write_all(bytes)?;
        }
        self.entries += 1;
        Ok(())
    }

    /// Without it the archive counts as damaged.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0])?;
        self.out.write_all(&self.entries.to_be_bytes())?;
        let Hashed { mut inner, hash } = self.out;
        inner.write_all(&hash.finalize())?;
        inner.finish()
    }
}

/// Reads an archive.
pub(super) struct ArchiveReader<R: Read> {
    bytes: Hashed<GzDecoder<BufReader<R>>>,
    header: Header,
    entries: u64,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads the header. It is to be believed once [`Self::next`] has come to the end.
    pub(super) fn begin(archive: R) -> Result<Self, ArchiveError> {
        let inner = GzDecoder::new(BufReader::new(archive));
        let mut bytes = Hashed { inner, hash: Sha256::new() };
        let mut magic = [0; MAGIC.len()];
        match bytes.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC.as_bytes() => {}
            Ok(()) => return Err(ArchiveError::Foreign),
            Err(error) if is_damage(&error) => return Err(ArchiveError::Foreign),
            Err(error) => return Err(error.into()),
        }
        let mut line = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" {
            exactly(&mut bytes, &mut byte)?;
            line.push(byte[0]);
            if line.len() as u64 > LONGEST_HEADER {
                return Err(ArchiveError::Damaged("its header does not end"));
            }
        }
        // Its form first: the header of a later one may say other things.
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let unreadable = |_| ArchiveError::Damaged("its header cannot be read");
        let Form { format } = serde_json::from_slice(&line).map_err(unreadable)?;
        if format > FORMAT {
            return Err(ArchiveError::Newer { found: format, known: FORMAT });
        }
        let header: Header = serde_json::from_slice(&line).map_err(unreadable)?;
        let known = super::folder::FORMAT;
        if header.folder_format > known {
            return Err(ArchiveError::Newer { found: header.folder_format, known });
        }
        Ok(Self { bytes, header, entries: 0 })
    }

    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    /// The next entry; `None` at the end, once the checksum has been found to hold.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, ArchiveError> {
        let length = usize::from(self.array::<1>()?[0]);
        if length == 0 {
            self.check_end()?;
            return Ok(None);
        }
        let tree = String::from_utf8(self.take(length)?);
        let tree = tree.map_err(|_| ArchiveError::Damaged("a tree has no name"))?;
        let mut parts = [Vec::new(), Vec::new()];
        for part in &mut parts {
            let length = u32::from_be_bytes(self.array()?);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > LONGEST_VALUE {
                return Err(ArchiveError::Damaged("an entry is too long"));
            }
            *part = self.take(length)?;
        }
        let [key, value] = parts;
        self.entries += 1;
        Ok(Some(Entry { tree, key, value }))
    }

    fn check_end(&mut self) -> Result<(), ArchiveError> {
        let entries = u64::from_be_bytes(self.array()?);
        let reckoned: [u8; 32] = self.bytes.hash.clone().finalize().into();
        let stated: [u8; 32] = self.array()?;
        if reckoned != stated {
            return Err(ArchiveError::Damaged("its checksum does not hold"));
        }
        if entries != self.entries {
            return Err(ArchiveError::Damaged("entries are missing"));
        }
        // Also makes the decoder look at its own checksum.
        let decoder = &mut self.bytes.inner;
        let rest = decoder.read(&mut [0]).map_err(damaged)?;
        if rest > 0 || !decoder.get_mut().fill_buf()?.is_empty() {
            return Err(ArchiveError::Damaged("there is something behind its end"));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ArchiveError> {
        let mut bytes = [0; N];
        exactly(&mut self.bytes, &mut bytes)?;
        Ok(bytes)
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = vec![0; length];
        exactly(&mut self.bytes, &mut bytes)?;
        Ok(bytes)
    }
}

fn exactly(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), ArchiveError> {
    from.read_exact(bytes).map_err(damaged)
}

fn damaged(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Damaged("it ends too early"),
        _ if is_damage(&error) => ArchiveError::Damaged("it is no whole gzip stream"),
        _ => error.into(),
    }
}

/// What the decoder says of bytes that are no gzip stream.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

#[cfg(test)]
mod tests;
