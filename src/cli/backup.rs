//! `interdict backup`.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::remote::{Reason, ServerArguments};
use crate::audit::{Act, acts};
use crate::store::{Store, check_backup};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The file to make; one that is there is never overwritten
    #[arg(value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    server: ServerArguments,
    #[command(flatten)]
    reason: Reason,
    /// Back up this data folder, of which no server runs, in place of a server's
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let out = &arguments.out;
    if out.exists() {
        bail!("{} exists already; name another file", out.display());
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Whole or not at all, and nobody else's to read: it holds what the data folder holds.
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
        .with_context(|| format!("cannot write {}", out.display()))?;
    let progress = progress();
    let checked = match &arguments.data {
        Some(data) => {
            let store = Store::open_existing(data)?;
            let by = arguments.reason.of_local_user();
            store.note(&[Act::new(super::now(), acts::STORE_BACKUP, &by)])?;
            store.backup(super::now(), progress.wrap_write(file.as_file_mut()))?;
            check_backup(File::open(file.path())?)
        }
        None => {
            let body = arguments.server.client()?.download(&arguments.reason.on("/v1/backup"))?;
            check_backup(Copied { from: progress.wrap_read(body), to: file.as_file_mut() })
        }
    };
    progress.finish_and_clear();
    let (header, entries) = checked.context("the backup did not come whole")?;
    file.as_file().sync_all()?;
    let bytes = file.as_file().metadata()?.len();
    file.persist_noclobber(out).with_context(|| format!("cannot write {}", out.display()))?;
    writeln!(
        io::stdout(),
        "{}: as of {}, {entries} entries, latest event {}, {:.1} MiB",
        out.display(),
        header.made_at,
        header.last_sequence,
        bytes as f64 / (1024.0 * 1024.0)
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Reads, and keeps what was read.
struct Copied<'a, R> {
    from: R,
    to: &'a mut File,
}

impl<R: Read> Read for Copied<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.to.write_all(bytes.get(..read).unwrap_or_default())?;
        Ok(read)
    }
}

/// How much there is of it so far; nobody knows how much it will be.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {bytes} ({bytes_per_sec})");
    ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
