//! `/v1/backup`: all that is durable, as one file.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::ApiState;
use super::auth::Caller;
use super::document::Why;
use super::extract::Pairs;
use super::problem::Problem;
use super::tokens::Action;
use crate::audit::acts;
use crate::store::BackupError;

/// Bytes sent at a time, and how many of these wait for a client who reads slowly.
const CHUNK: usize = 64 * 1024;
const WAITING: usize = 16;
/// A client who takes nothing for so long is gone: while a backup is made nothing is purged.
const STALLED: Duration = Duration::from_secs(30);

type Chunk = Result<Bytes, BackupError>;

/// A backup, for its description.
enum Archive {}

impl utoipa::PartialSchema for Archive {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .content_media_type("application/gzip")
            .description(Some("What `interdict restore` reads."))
            .into()
    }
}

impl ToSchema for Archive {}

/// Makes a backup of all that is durable.
#[utoipa::path(
    get,
    path = "/backup",
    tag = "backup",
    params(Why),
    responses(
        (status = 200, body = Archive, content_type = "application/gzip"),
        (status = 409),
        (status = 500),
    ),
)]
pub(super) async fn download(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Response, Problem> {
    caller.may(Action::Backup)?;
    // It holds everything.
    caller.scope(&state).check(None)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let Ok(turn) = Arc::clone(&state.backing_up).try_lock_owned() else {
        let detail = "a backup is being made; begin another when it is done";
        return Err(Problem::conflict("busy", detail));
    };
    // It holds where flagged vehicles were.
    state.note(vec![state.act(acts::STORE_BACKUP, &by)]).await?;
    let (chunks, mut made) = channel::<Chunk>(WAITING);
    let made_at = state.shards.clock().now();
    let store = state.store.clone();
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let out = Chunks { runtime, chunks };
        let written = store.backup(made_at, BufWriter::with_capacity(CHUNK, &out));
        let written = written.and_then(|mut out| Ok(out.flush()?));
        if let Err(error) = written {
            tracing::warn!(%error, "a backup was broken off");
            // Breaks the connection off, so that what was sent is not taken for whole.
            let _ = out.send(Err(error));
        }
        drop(turn);
    });
    // What fails at once is said by status.
    let first = match made.recv().await {
        Some(Ok(first)) => first,
        Some(Err(BackupError::Store(error))) => return Err(error.into()),
        Some(Err(BackupError::Archive(_))) | None => {
            let detail = "no backup could be made; the server's log says why";
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail));
        }
    };
    let chunks = stream::unfold((Some(first), made), |(first, mut made)| async move {
        let chunk = match first {
            Some(first) => Ok(first),
            None => made.recv().await?,
        };
        Some((chunk, (None, made)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/gzip"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"interdict.backup\""),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// Where a backup is written to on its way to the client.
struct Chunks {
    runtime: Handle,
    chunks: Sender<Chunk>,
}

impl Chunks {
    fn send(&self, chunk: Chunk) -> io::Result<()> {
        let sending = tokio::time::timeout(STALLED, self.chunks.send(chunk));
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for &Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(Ok(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
