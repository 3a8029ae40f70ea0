//! `interdict restore`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::remote::Reason;
use crate::store::restore;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// What `backup` made
    #[arg(value_name = "IN")]
    from: PathBuf,
    /// An empty or a new folder, for `serve --data`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    reason: Reason,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let from = arguments.from.display();
    let file = File::open(&arguments.from).with_context(|| format!("cannot read {from}"))?;
    let progress = progress(file.metadata()?.len());
    let by = arguments.reason.of_local_user();
    let restored = restore(progress.wrap_read(file), &arguments.data, super::now(), &by);
    progress.finish_and_clear();
    let restored = restored.with_context(|| format!("nothing was restored from {from}"))?;
    writeln!(
        io::stdout(),
        "{}: as of {}, latest event {}; what happened after that is lost, and events go on at {}",
        arguments.data.display(),
        restored.made_at,
        restored.last_sequence,
        restored.next_sequence
    )?;
    Ok(ExitCode::SUCCESS)
}

fn progress(bytes: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
