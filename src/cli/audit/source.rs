//! Where a log is read from: a data folder, an export, or a running server.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::audit::{
    Act, By, End, Entry, Frontier, Leaves, Proof, PublicKey, SignedHead, Signer, acts,
    inclusion_path,
};
use crate::cli::remote::Reason;
use crate::client::Client;
use crate::store::{Store, StoreError};

/// Entries asked of a server at a time: some megabytes.
const PAGE: usize = 5_000;
/// Entries read from a folder at a time.
const CHUNK: usize = 10_000;

/// A log that lies here or that a server has.
#[derive(clap::Args)]
pub(super) struct Here {
    /// The data folder of a server that does not run
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
    /// The server to talk to; the token is taken from INTERDICT_TOKEN
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    #[command(flatten)]
    reason: Reason,
}

/// The same, or an export.
#[derive(clap::Args)]
pub(super) struct Source {
    #[command(flatten)]
    here: Here,
    /// What `audit export` wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "server"])]
    export: Option<PathBuf>,
}

/// An entry; or the line of an export that is none, and why.
pub(super) type Line = Result<Entry, (usize, String)>;

/// What stands at the end of a log, and the key that it says is its own.
pub(super) type Ending = (End, Option<PublicKey>);

/// What is told each entry in turn.
type Taker<'a> = &'a mut dyn FnMut(Line) -> anyhow::Result<()>;

/// A log, opened.
pub(super) enum Log {
    Folder { store: Store, signer: Option<Box<Signer>>, by: By },
    Export(PathBuf),
    Server { client: Client, reason: Reason },
}

impl Here {
    pub(super) fn open(&self) -> anyhow::Result<Log> {
        let Some(folder) = &self.data else {
            let client = Client::new(&self.server, std::env::var("INTERDICT_TOKEN").ok())?;
            let reason = Reason { reason: self.reason.reason.clone() };
            return Ok(Log::Server { client, reason });
        };
        let store = Store::open_existing(folder).map_err(|error| match error {
            StoreError::Locked { .. } => {
                anyhow::anyhow!("{error}, or ask the server that uses it: --server URL")
            }
            error => error.into(),
        })?;
        let signer = store.read_audit_key()?.map(Box::new);
        Ok(Log::Folder { store, signer, by: self.reason.of_local_user() })
    }
}

impl Source {
    pub(super) fn open(&self) -> anyhow::Result<Log> {
        match &self.export {
            Some(file) => Ok(Log::Export(file.clone())),
            None => self.here.open(),
        }
    }
}

impl Log {
    /// Tells every entry in turn; answers what stands at the end.
    pub(super) fn read(&self, take: Taker<'_>) -> anyhow::Result<Ending> {
        match self {
            Self::Folder { store, signer, .. } => read_folder(store, signer.as_deref(), take),
            Self::Export(file) => read_export(file, take),
            Self::Server { client, reason } => read_server(client, reason, take),
        }
    }

    /// The public key that the log says is its own.
    pub(super) fn key(&self) -> anyhow::Result<Option<PublicKey>> {
        match self {
            Self::Folder { signer, .. } => {
                Ok(signer.as_ref().map(|signer| signer.public().clone()))
            }
            Self::Export(file) => {
                let mut noted = None;
                let (_, key) = read_export(file, &mut |entry| {
                    if noted.is_none() {
                        noted = entry.ok().and_then(|entry| noted_key(&entry));
                    }
                    Ok(())
                })?;
                Ok(key.or(noted))
            }
            Self::Server { client, .. } => Ok(Some(server_key(client)?)),
        }
    }

    /// The proof that an entry is in the log.
    pub(super) fn prove(&self, entry: u64) -> anyhow::Result<Proof> {
        let proof = match self {
            Self::Folder { store, signer, by } => {
                let signer = signer.as_ref().context("the folder has no audit.key to sign with")?;
                let act = Act::new(super::super::now(), acts::AUDIT_READ, by).with("entry", entry);
                store.note(&[act])?;
                store.audit_proof(entry, signer)?
            }
            Self::Export(file) => prove_from_export(file, entry)?,
            Self::Server { client, reason } => {
                let text = client.get_text(&reason.on(&format!("/v1/audit/proof/{entry}")))?;
                Some(serde_json::from_str(&text).context("the server's proof cannot be read")?)
            }
        };
        proof.with_context(|| format!("there is no entry {entry}"))
    }

    /// Notes that the whole log is about to be read; a server does so itself.
    pub(super) fn note_export(&self) -> anyhow::Result<()> {
        if let Self::Folder { store, by, .. } = self {
            let size = store.audit_frontier().size();
            let act = Act::new(super::super::now(), acts::AUDIT_READ, by);
            store.note(&[act.with("after", 0).with("through", size + 1)])?;
        }
        Ok(())
    }
}

/// The key that an entry notes: where the end of an export is missing, the log says it at its
/// beginning too.
fn noted_key(entry: &Entry) -> Option<PublicKey> {
    let content = (entry.act == acts::AUDIT_KEY).then(|| entry.read_content())??;
    content.what.get("key")?.as_str()?.parse().ok()
}

fn read_folder(store: &Store, signer: Option<&Signer>, take: Taker<'_>) -> anyhow::Result<Ending> {
    let frontier = store.audit_frontier();
    let (mut after, size) = (0, frontier.size());
    loop {
        let entries = store.audit_entries(after, size, CHUNK)?;
        let Some(last) = entries.last() else { break };
        after = last.number;
        for entry in entries {
            take(Ok(entry))?;
        }
    }
    let end = End {
        head: signer.map(|signer| signer.sign(size, frontier.root())),
        is_earlier: false,
        latest_event: Some(store.latest_sequence()),
    };
    Ok((end, signer.map(|signer| signer.public().clone())))
}

/// The last line of an export.
#[derive(Deserialize)]
struct LastLine {
    head: String,
    key: Option<String>,
}

fn read_export(path: &Path, take: Taker<'_>) -> anyhow::Result<Ending> {
    let called = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {called}"))?;
    let (mut end, mut key) = (End { is_earlier: true, ..End::default() }, None);
    for (number, line) in (1..).zip(BufReader::new(file).split(b'\n')) {
        let line = line.with_context(|| format!("cannot read {called}"))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<LastLine>(&line) {
            Ok(last) => match SignedHead::parse(&last.head) {
                Ok(head) => {
                    end.head = Some(head);
                    key = last.key.and_then(|key| key.parse().ok());
                }
                Err(error) => take(Err((number, error.to_string())))?,
            },
            Err(_) => {
                take(serde_json::from_slice(&line).map_err(|error| (number, error.to_string())))?;
            }
        }
    }
    Ok((end, key))
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<Entry>,
    next: Option<u64>,
    unit: Option<String>,
}

fn read_server(client: &Client, reason: &Reason, take: Taker<'_>) -> anyhow::Result<Ending> {
    let key = server_key(client)?;
    let head = client.get_text("/v1/audit/head")?;
    let head = SignedHead::parse(&head).context("the server's head cannot be read")?;
    let mut after = 0;
    // Reading makes entries: it ends where the log ended when it began.
    while after < head.head.size {
        let left = usize::try_from(head.head.size - after).unwrap_or(PAGE).min(PAGE);
        let path = reason.on(&format!("/v1/audit?after={after}&limit={left}"));
        let text = client.get_text(&path)?;
        let page: Page = serde_json::from_str(&text).context("a page cannot be read")?;
        if let Some(unit) = page.unit {
            bail!(
                "this token reads the entries of {unit} alone; to read the whole log, use one of no unit"
            );
        }
        for entry in page.entries {
            after = after.max(entry.number);
            take(Ok(entry))?;
        }
        if page.next.is_none() {
            break;
        }
    }
    Ok((End { head: Some(head), ..End::default() }, Some(key)))
}

fn server_key(client: &Client) -> anyhow::Result<PublicKey> {
    let text = client.get_text("/v1/audit/key")?;
    text.parse().context("the server's key cannot be read")
}

fn prove_from_export(path: &Path, wanted: u64) -> anyhow::Result<Option<Proof>> {
    let (mut leaves, mut found) = (Vec::new(), None);
    let (end, _) = read_export(path, &mut |entry| {
        let entry = entry.map_err(|(line, why)| anyhow::anyhow!("line {line}: {why}"))?;
        if entry.number != leaves.len() as u64 + 1 {
            bail!(
                "entry {} stands where {} was due: verify it first",
                entry.number,
                leaves.len() + 1
            );
        }
        leaves.push(entry.leaf);
        if entry.number == wanted {
            found = Some(entry);
        }
        Ok(())
    })?;
    let head = end.head.context("the export does not end with a head: it is not whole")?;
    let (leaves, size) = (Leaves(leaves), head.head.size);
    let root = Frontier::load(size, &leaves).map(|frontier| frontier.root());
    if root != Ok(head.head.root) {
        bail!("the export is not the log that its head was signed over: verify it first");
    }
    let path = wanted.checked_sub(1).and_then(|index| inclusion_path(index, size, &leaves).ok()?);
    let proof = found.zip(path);
    Ok(proof.map(|(entry, path)| Proof { entry, path, head: head.to_string() }))
}
