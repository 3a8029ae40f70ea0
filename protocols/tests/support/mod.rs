//! Reads and replays the fixtures: `protocols/fixtures/<protocol>/<case>.case`.
//!
//! A case holds input and expectation in one text file. Tests, benches and generators share this
//! module (`#[path = "…/protocols/tests/support/mod.rs"] mod support;`).
//!
//! ```text
//! # device: any GT06 terminal       header: `key: value`; device, source and note are required
//! # source: synthetic
//! # note: a login
//! # options: udp device=123 model=X once-only=why it may not be cut differently
//! > 7878…0d0a                       the bytes of one read (one datagram): hex, or "text\r\n"
//! = {"kind":"login","device":"…"}   every item of the connection, in order
//!                                   an empty line: what follows is another connection
//! ```

#![allow(dead_code, unreachable_pub, reason = "each test takes the part that it needs")]

pub mod positions;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use interdict_protocols::{
    Cipher, Connection, DeviceId, HmacTokens, Installation, Item, Lent, PlatformLogin,
    PlatformRefusal, Protocol, Time, Transport, find,
};

/// The header keys that every case has.
const REQUIRED_KEYS: [&str; 3] = ["device", "source", "note"];

/// 2026-06-15T02:00:00Z: when every case is received.
pub const RECEIVED_AT: Time = Time::from_seconds(1_781_488_800);

/// The platform that fixtures know: its access code, user, password, and where it is called back.
const PLATFORM: (u32, u32, &[u8]) = (2_101_001, 1001, b"letmein");
const PLATFORM_SUB_LINK: (&str, u16) = ("10.21.0.5", 9809);

/// What fixtures and recorded frames are decoded with: tokens under a fixed secret, one model, one
/// platform.
pub struct Lending {
    tokens: HmacTokens,
    model: Option<Arc<str>>,
}

impl Lending {
    /// Lends tokens, and `model` for every device.
    pub fn new(model: Option<&str>) -> Self {
        Self { tokens: HmacTokens::new(*b"fixture"), model: model.map(Arc::from) }
    }
}

impl Installation for Lending {
    fn issue_token(&self, device: &DeviceId) -> String {
        self.tokens.issue_token(device)
    }

    fn accepts_token(&self, device: &DeviceId, token: &[u8]) -> bool {
        self.tokens.accepts_token(device, token)
    }

    fn model(&self, _: &DeviceId) -> Option<Arc<str>> {
        self.model.clone()
    }

    fn admit(&self, login: &PlatformLogin<'_>) -> Result<u32, PlatformRefusal> {
        let (access_code, user_id, password) = PLATFORM;
        if login.access_code != access_code {
            return Err(PlatformRefusal::AccessCode);
        }
        if login.user_id != user_id {
            return Err(PlatformRefusal::User);
        }
        if login.password != password {
            return Err(PlatformRefusal::Password);
        }
        if (login.sub_link_host, login.sub_link_port) != PLATFORM_SUB_LINK {
            return Err(PlatformRefusal::Address);
        }
        // Two bytes of it are escaped.
        Ok(0x5b5d_0102)
    }

    fn cipher(&self, access_code: u32) -> Option<Cipher> {
        let cipher = Cipher { m1: 10_000_000, ia1: 20_000_000, ic1: 30_000_000 };
        (access_code == PLATFORM.0).then_some(cipher)
    }
}

/// One connection of a case.
#[derive(Default)]
pub struct Script {
    /// The bytes of each read, or of each datagram.
    pub reads: Vec<Vec<u8>>,
    /// The items expected, as JSON lines.
    pub expected: Vec<String>,
    /// The line of the last read, counted from 0: the expectation stands below it.
    last_read: usize,
}

/// One `.case` file.
pub struct Case {
    /// Where it stands.
    pub path: PathBuf,
    /// The protocol, named by the folder.
    pub protocol: &'static Protocol,
    /// Whether every read is a datagram.
    pub udp: bool,
    /// The device that is known from before.
    pub device: Option<String>,
    /// The model that the installation knows of it.
    pub model: Option<String>,
    /// Why it is not replayed in other segments.
    pub once_only: Option<String>,
    /// Its connections, in order.
    pub scripts: Vec<Script>,
    text: String,
}

/// How the bytes of a stream are cut into reads.
#[derive(Clone, Copy, Debug)]
pub enum Segments {
    /// As the case has them.
    AsRecorded,
    /// One byte a read.
    ByteByByte,
    /// All in one read.
    Glued,
}

impl Case {
    /// Reads one file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let protocol = folder
            .and_then(find)
            .ok_or_else(|| format!("{}: its folder names no protocol", path.display()))?;
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut case = Self {
            path: path.to_owned(),
            protocol,
            udp: false,
            device: None,
            model: None,
            once_only: None,
            scripts: Vec::new(),
            text,
        };
        case.parse().map_err(|(line, what)| {
            format!("{}:{}: {what}", path.display(), line.saturating_add(1))
        })?;
        Ok(case)
    }

    fn parse(&mut self) -> Result<(), (usize, String)> {
        let mut missing = REQUIRED_KEYS.to_vec();
        let mut script: Option<Script> = None;
        for (number, line) in self.text.clone().lines().enumerate() {
            let fail = |what: String| (number, what);
            if line.trim().is_empty() {
                self.scripts.extend(script.take());
            } else if let Some(comment) = line.strip_prefix('#') {
                let Some((key, value)) = comment.split_once(':') else { continue };
                let (key, value) = (key.trim(), value.trim());
                missing.retain(|required| *required != key || value.is_empty());
                if key == "options" {
                    self.options(value).map_err(fail)?;
                }
            } else if let Some(input) = line.strip_prefix('>') {
                let script = script.get_or_insert_default();
                script.reads.push(bytes_of(input.trim()).map_err(fail)?);
                script.last_read = number;
            } else if let Some(item) = line.strip_prefix('=') {
                let Some(script) = script.as_mut() else {
                    return Err(fail("an expectation without an input above it".into()));
                };
                script.expected.push(item.trim().to_owned());
            } else {
                return Err(fail("begins with none of '#', '>' and '='".into()));
            }
        }
        self.scripts.extend(script);
        match missing.first() {
            Some(key) => Err((0, format!("lacks the header line `# {key}: …`"))),
            None if self.scripts.is_empty() => Err((0, "has no input".into())),
            None => Ok(()),
        }
    }

    fn options(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(reason) = rest.strip_prefix("once-only=") {
                self.once_only = Some(reason.to_owned());
                break;
            }
            let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = tail.trim_start();
            match word.split_once('=') {
                None if word == "udp" => self.udp = true,
                Some(("device", value)) => self.device = Some(value.to_owned()),
                Some(("model", value)) => self.model = Some(value.to_owned()),
                _ => return Err(format!("there is no option {word:?}")),
            }
        }
        Ok(())
    }

    /// How it may be cut: a datagram only as it is, a stream in any way.
    pub fn segmentations(&self) -> &'static [Segments] {
        if self.udp || self.once_only.is_some() {
            &[Segments::AsRecorded]
        } else {
            &[Segments::AsRecorded, Segments::ByteByByte, Segments::Glued]
        }
    }

    /// What one of its connections gives, up to its close.
    pub fn replay(&self, script: &Script, segments: Segments) -> Vec<Item> {
        match segments {
            Segments::AsRecorded => self.decode(script.reads.iter().map(Vec::as_slice)),
            Segments::ByteByByte => self.decode(script.reads.concat().chunks(1)),
            Segments::Glued => self.decode([script.reads.concat().as_slice()]),
        }
    }

    /// What a fresh connection with this case's options gives for `reads`, up to its close.
    pub fn decode<'a>(&self, reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Item> {
        self.decode_watched(reads, |_| ())
    }

    /// As `decode`, with a look at the connection after each read.
    pub fn decode_watched<'a>(
        &self,
        reads: impl IntoIterator<Item = &'a [u8]>,
        mut watch: impl FnMut(&Connection),
    ) -> Vec<Item> {
        let lending = Lending::new(self.model.as_deref());
        let lent = Lent { received_at: RECEIVED_AT, installation: &lending };
        let transport = if self.udp { Transport::Udp } else { Transport::Tcp };
        let device = self.device.as_deref().map(DeviceId::from);
        let mut connection = Connection::new(self.protocol, transport, device);
        let mut items = Vec::new();
        for read in reads {
            if self.udp {
                connection.datagram(read, &lent, &mut items);
            } else {
                connection.receive(read, &lent, &mut items);
            }
            watch(&connection);
        }
        if !self.udp {
            connection.close(&lent, &mut items);
        }
        items
    }

    /// The file with `results`, one list for each connection, in place of its expectations.
    pub fn rewritten(&self, results: &[Vec<String>]) -> String {
        let mut text = String::new();
        for (number, line) in self.text.lines().enumerate() {
            if line.starts_with('=') {
                continue;
            }
            text.push_str(line);
            text.push('\n');
            for (script, items) in self.scripts.iter().zip(results) {
                if script.last_read == number {
                    for item in items {
                        let _ = writeln!(text, "= {item}");
                    }
                }
            }
        }
        text
    }
}

/// Items as `decode` prints them.
pub fn lines(items: &[Item]) -> Vec<String> {
    items
        .iter()
        .map(|item| serde_json::to_string(item).unwrap_or_else(|error| format!("{error}")))
        .collect()
}

/// `protocols/fixtures`.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The entries of a folder, sorted by name; none where there is no such folder.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = listing.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Every case of the protocols that there are, sorted by path, or what is wrong with it.
pub fn cases() -> Vec<Result<Case, String>> {
    entries(&fixtures())
        .iter()
        .flat_map(|folder| entries(folder))
        .filter(|path| path.extension().is_some_and(|extension| extension == "case"))
        .map(|path| Case::read(&path))
        .collect()
}

/// The bytes of hexadecimal digits (white space between them is passed over), or of text in
/// quotes with the escapes `\r \n \t \\ \" \xNN`.
pub fn bytes_of(input: &str) -> Result<Vec<u8>, String> {
    let Some(quoted) = input.strip_prefix('"') else { return hex(input) };
    let text = quoted.strip_suffix('"').ok_or("the text lacks its closing quote")?;
    let mut bytes = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            bytes.extend(character.to_string().bytes());
            continue;
        }
        match characters.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some(same @ ('\\' | '"')) => bytes.extend(same.to_string().bytes()),
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                bytes.extend(hex(&digits)?);
            }
            other => return Err(format!("there is no escape {other:?}")),
        }
    }
    Ok(bytes)
}

/// The bytes of hexadecimal digits.
pub fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .ok_or("a character is no hexadecimal digit")?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err("an odd number of hexadecimal digits".into());
    }
    Ok(pairs.map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit)).collect())
}
