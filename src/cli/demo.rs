//! `interdict demo`.

use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: Arguments) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
