//! `interdict audit verify`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::source::{Log, Source};
use crate::audit::{Entry, Finding, PublicKey, Report, Verification, read_heads};
use crate::cli::terminal::escape;
use crate::store::{NotedEvent, Store};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    log: Source,
    /// Heads that left the log, in the order in which they came
    #[arg(long, value_name = "FILE")]
    heads: PathBuf,
    /// The log's public key, as you kept it, or a file that holds it; without it the log's own word is
    /// taken
    #[arg(long, value_name = "KEY", value_parser = super::public_key)]
    key: Option<PublicKey>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let heads = match std::fs::read_to_string(&arguments.heads) {
        Ok(heads) => heads,
        Err(error) => return Ok(super::unreadable(&arguments.heads, &error)),
    };
    let log = arguments.log.open()?;
    let key = match &arguments.key {
        Some(key) => key.clone(),
        None => {
            let key = log
                .key()?
                .context("the log does not say its key: give the one that you kept, with --key")?;
            eprintln!(
                "the log's own word is taken for its key, {}; hold it to one that you kept with --key",
                escape(&key.to_string())
            );
            key
        }
    };
    let mut verification = Verification::new(key, read_heads(&heads));
    let (end, _) = log.read(&mut |entry| {
        match entry {
            Ok(entry) => {
                verification.take(&entry);
                if let Log::Folder { store, .. } = &log
                    && let Some(finding) = compare_event(store, &entry)?
                {
                    verification.find(finding);
                }
            }
            Err((line, error)) => verification.find(Finding::NoEntry { line, error }),
        }
        Ok(())
    })?;
    if matches!(log, Log::Export(_)) && end.head.is_none() {
        verification.find(Finding::NoEnd);
    }
    let report = verification.finish(&end);
    tell(&report)?;
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Holds the event that an entry notes to what the folder has of it.
fn compare_event(store: &Store, entry: &Entry) -> anyhow::Result<Option<Finding>> {
    let finding = |sequence, there| Finding::Event { entry: entry.number, sequence, there };
    Ok(match store.noted_event(entry)? {
        NotedEvent::None | NotedEvent::Same | NotedEvent::Purged => None,
        NotedEvent::Other(sequence) => Some(finding(sequence, true)),
        NotedEvent::Gone(sequence) => Some(finding(sequence, false)),
    })
}

fn tell(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for finding in &report.findings {
        writeln!(out, "{}", escape(&finding.to_string()))?;
    }
    if report.later > 0 {
        let later = report.later;
        eprintln!(
            "heads that left after this export was made, to which it cannot be held: {later}"
        );
    }
    if report.more > 0 {
        writeln!(out, "and {} more", report.more)?;
    }
    writeln!(
        out,
        "entries: {}, purged contents: {}, heads: {}, held by a head up to entry {}: {}",
        report.entries,
        report.purged,
        report.heads,
        report.covered,
        match report.findings.len() + report.more {
            0 => "nothing is wrong".to_owned(),
            1 => "1 thing is wrong".to_owned(),
            count => format!("{count} things are wrong"),
        }
    )?;
    out.flush()
}
