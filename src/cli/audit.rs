//! `interdict audit`.

mod source;
mod verify;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::terminal::escape;
use crate::audit::{Proof, PublicKey};
use source::{Here, Source};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write the whole log to a file: a JSON line an entry, and the signed head at the end
    Export {
        #[command(flatten)]
        log: Here,
        /// The file, which must not be there yet; `-` is standard output
        out: PathBuf,
    },
    /// Hold a log to heads that left it: 0 all is well, 1 something is wrong, and it says what and
    /// where
    Verify(verify::Arguments),
    /// Print the proof that an entry is in the log
    Prove {
        #[command(flatten)]
        log: Source,
        /// The entry's number
        entry: u64,
    },
    /// Check a proof with nothing but the log's public key
    CheckProof {
        /// The file with the proof; `-` is standard input
        proof: PathBuf,
        /// The log's public key, as `audit key` prints it, or a file that holds it
        #[arg(long, value_name = "KEY", value_parser = public_key)]
        key: PublicKey,
    },
    /// Print the log's public key: keep it where nobody changes it
    Key {
        #[command(flatten)]
        log: Here,
    },
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Export { log, out } => export(&log, &out)?,
        Command::Verify(arguments) => return verify::run(&arguments),
        Command::Prove { log, entry } => {
            let proof = log.open()?.prove(entry)?;
            writeln!(io::stdout(), "{}", serde_json::to_string(&proof)?)?;
        }
        Command::CheckProof { proof, key } => return check_proof(&proof, &key),
        Command::Key { log } => {
            let key = log.open()?.key()?.context("the folder has no audit.key")?;
            writeln!(io::stdout(), "{key}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A key, or the first line of the file that is named.
fn public_key(text: &str) -> Result<PublicKey, String> {
    text.parse().or_else(|error| match std::fs::read_to_string(text) {
        Ok(file) => file.parse().map_err(|error| format!("{text}: {error}")),
        Err(_) => Err(format!("{error}, and there is no file of that name to read")),
    })
}

fn export(log: &Here, path: &Path) -> anyhow::Result<()> {
    let log = log.open()?;
    log.note_export()?;
    let mut out = create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut entries = 0_u64;
    let (end, key) = log.read(&mut |entry| {
        entries += 1;
        serde_json::to_writer(
            &mut out,
            &entry.map_err(|(line, why)| anyhow::anyhow!("line {line}: {why}"))?,
        )?;
        Ok(writeln!(out)?)
    })?;
    let head = end.head.context("the folder has no audit.key to sign the export's end with")?;
    let key = key.map(|key| key.to_string());
    writeln!(out, "{}", json!({ "head": head.to_string(), "key": key }))?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    eprintln!("{entries} entries");
    Ok(())
}

/// Where an export goes.
enum Out {
    File(File),
    Standard(io::Stdout),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Standard(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Standard(out) => out.flush(),
        }
    }
}

impl Out {
    fn finish(mut self) -> io::Result<()> {
        match &mut self {
            Self::File(file) => file.sync_all(),
            Self::Standard(out) => out.flush(),
        }
    }
}

/// A new file that only its owner reads: it says who looked for whom.
fn create(path: &Path) -> io::Result<BufWriter<Out>> {
    if path == Path::new("-") {
        return Ok(BufWriter::new(Out::Standard(io::stdout())));
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(BufWriter::new(Out::File(options.open(path)?)))
}

/// Wrong use: what is to be looked at is not there.
fn unreadable(path: &Path, error: &io::Error) -> ExitCode {
    eprintln!("interdict: cannot read {}: {error}", escape(&path.display().to_string()));
    ExitCode::from(2)
}

fn check_proof(path: &Path, key: &PublicKey) -> anyhow::Result<ExitCode> {
    let read = if path == Path::new("-") {
        io::read_to_string(io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = match read {
        Ok(text) => text,
        Err(error) => return Ok(unreadable(path, &error)),
    };
    let proof: Proof = serde_json::from_str(&text)
        .with_context(|| format!("{} holds no proof", path.display()))?;
    let head = match proof.check(key) {
        Ok(head) => head,
        Err(error) => {
            eprintln!("interdict: the proof does not hold: {}", escape(&error.to_string()));
            return Ok(ExitCode::FAILURE);
        }
    };
    let entry = &proof.entry;
    let content = match entry.read_content() {
        Some(content) => {
            let what = Value::Object(content.what).to_string();
            let why = content.why.map(|why| format!(", because: {why}")).unwrap_or_default();
            let token = content.token.filter(|token| *token != content.who);
            let token = token.map(|token| format!(" with the token {token}")).unwrap_or_default();
            format!("by {}{token}, {what}{why}", content.who)
        }
        None => "its content is not here".to_owned(),
    };
    let (origin, size) = (&head.head.origin, head.head.size);
    let said = format!(
        "proven: entry {} of {size} in the log of {origin}: {} at {}, {content}",
        entry.number, entry.act, entry.time
    );
    writeln!(io::stdout(), "{}", escape(&said.replace('\n', " ")))?;
    Ok(ExitCode::SUCCESS)
}
