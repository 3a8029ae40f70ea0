//! `interdict decode`: a tracker's bytes taken apart, without a server.

mod batch;
mod stream;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use interdict_protocols::{
    ALL, Cipher, DeviceId, HmacTokens, Installation, Item, Lent, PlatformLogin, PlatformRefusal,
    Protocol, Time, find,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The protocol, as `interdict protocols` names it
    protocol: String,
    /// The bytes in hexadecimal, each argument one read of one connection; without any, the lines
    /// of standard input, where a blank line starts a new connection
    #[arg(conflicts_with = "batch")]
    hex: Vec<String>,
    /// Start with this device known
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// The device's model, where its fields depend on it
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Each read is a datagram
    #[arg(long)]
    udp: bool,
    /// Read JSON lines {"wire":"<hex>","device":…,"model":…,"transport":"tcp|udp|http"}, each the
    /// whole input of a fresh connection, and answer each with one line {"items":[…]}
    #[arg(long)]
    batch: bool,
    /// The configuration whose other platforms' messages can be decrypted (jt809)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// When the bytes were received, RFC 3339; now if not given
    #[arg(long, value_name = "TIME", value_parser = time)]
    received_at: Option<Time>,
}

/// The secret of the tokens that `decode` hands out and accepts. It guards nothing: what is decoded
/// here moves no vehicle, and a recording must always decode to the same replies.
const SECRET: &[u8] = b"interdict decode";

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Some(protocol) = find(&arguments.protocol) else {
        let asked = crate::text::escape(&arguments.protocol);
        eprintln!("interdict: there is no protocol {asked:?}; there are: {}", names());
        return Ok(ExitCode::from(2));
    };
    let received_at = arguments.received_at.unwrap_or_else(super::now);
    let platforms = match arguments.config.as_deref() {
        Some(path) => super::load(Some(path), None)?.platforms,
        None => Vec::new(),
    };
    let ciphers =
        platforms.iter().filter_map(|platform| Some((platform.access_code, platform.cipher?)));
    let task = Task { protocol, received_at, ciphers: Arc::new(ciphers.collect()) };
    let defaults = Peer {
        device: arguments.device.as_deref().map(DeviceId::from),
        model: arguments.model.as_deref().map(Arc::from),
        udp: arguments.udp,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let code = if arguments.batch {
        batch::run(&task, &defaults, io::stdin().lock(), &mut out)?
    } else if arguments.hex.is_empty() {
        stream::run_lines(&task, &defaults, io::stdin().lock(), &mut out)?
    } else {
        stream::run_arguments(&task, &defaults, &arguments.hex, &mut out)?
    };
    out.flush()?;
    Ok(code)
}

fn names() -> String {
    ALL.iter().map(|protocol| protocol.name).collect::<Vec<_>>().join(", ")
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text)
        .ok_or_else(|| "expected a time with a zone, such as 2026-06-15T02:01:15Z".to_owned())
}

/// What is the same for every connection.
struct Task {
    protocol: &'static Protocol,
    received_at: Time,
    /// By access code.
    ciphers: Arc<BTreeMap<u32, Cipher>>,
}

impl Task {
    fn lending(&self, model: Option<Arc<str>>) -> Lending {
        Lending { tokens: HmacTokens::new(SECRET), model, ciphers: Arc::clone(&self.ciphers) }
    }

    fn lent<'a>(&self, lending: &'a Lending) -> Lent<'a> {
        Lent { received_at: self.received_at, installation: lending }
    }
}

/// What is known of a connection's other end.
#[derive(Clone, Default)]
struct Peer {
    device: Option<DeviceId>,
    model: Option<Arc<str>>,
    udp: bool,
}

/// What `decode` lends the decoders.
struct Lending {
    tokens: HmacTokens,
    model: Option<Arc<str>>,
    ciphers: Arc<BTreeMap<u32, Cipher>>,
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

    /// Every platform is let in, as every token is good that was handed out here.
    fn admit(&self, _: &PlatformLogin<'_>) -> Result<u32, PlatformRefusal> {
        Ok(0)
    }

    fn cipher(&self, access_code: u32) -> Option<Cipher> {
        self.ciphers.get(&access_code).copied()
    }
}

fn print(items: &[Item], out: &mut impl Write) -> io::Result<()> {
    for item in items {
        serde_json::to_writer(&mut *out, item)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
