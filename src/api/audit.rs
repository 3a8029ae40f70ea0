//! `/v1/audit`: the audit log, to read and to hold to its heads.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use serde::Serialize;

use super::auth::Caller;
use super::extract::{Pairs, Segment};
use super::problem::Problem;
use super::tokens::Action;
use super::{ApiState, blocking};
use crate::audit::{Entry, Proof, acts};

/// Entries on one page, unless fewer or more are asked for.
const PAGE: usize = 1_000;
const LARGEST_PAGE: usize = 10_000;

/// Some entries.
#[derive(Serialize)]
pub(super) struct Page {
    entries: Vec<Entry>,
    /// Where to go on; `null` at the end.
    next: Option<u64>,
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Page>, Problem> {
    caller.may(Action::ReadAudit)?;
    let pairs = pairs.only(&["after", "limit", "reason"])?;
    let by = caller.by(&pairs)?;
    let after = pairs.number("after")?.unwrap_or(0);
    let limit = pairs.number("limit")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let size = state.store.audit_frontier().size();
    let store = state.store.clone();
    let entries = blocking(move || store.audit_entries(after, size, limit)).await?;
    let last = entries.last().map(|entry| entry.number);
    let act = state.act(acts::AUDIT_READ, &by).with("after", after).with_some("through", last);
    state.note(vec![act]).await?;
    Ok(Json(Page { entries, next: last.filter(|last| *last < size) }))
}

/// An entry, and the proof that it is in the log.
pub(super) async fn prove(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(entry): Segment,
    pairs: Pairs,
) -> Result<Json<Proof>, Problem> {
    caller.may(Action::ReadAudit)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let number: u64 = entry
        .parse()
        .map_err(|_| Problem::bad_request(format!("`{entry}` is not an entry's number")))?;
    let (store, signer) = (state.store.clone(), state.signer.clone());
    let proof = blocking(move || store.audit_proof(number, &signer)).await?;
    let proof = proof.ok_or_else(|| Problem::not_found(format!("there is no entry {number}")))?;
    state.note(vec![state.act(acts::AUDIT_READ, &by).with("entry", number)]).await?;
    Ok(Json(proof))
}

/// The log's head as it is now, a signed note. It tells nothing of what is in the log, so that to read
/// it is not noted: a witness may ask every minute.
pub(super) async fn head(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ReadAudit)?;
    let frontier = state.store.audit_frontier();
    Ok(plain(state.signer.sign(frontier.size(), frontier.root()).to_string()))
}

/// The public key that heads are signed with.
pub(super) async fn key(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ReadAudit)?;
    Ok(plain(format!("{}\n", state.signer.public())))
}

fn plain(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text)
}
