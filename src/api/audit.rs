//! `/v1/audit`: the audit log, to read and to hold to its heads.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use interdict_engine::UnitId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::Caller;
use super::document::Why;
use super::extract::{Pairs, Segment};
use super::page::{Limit, Page};
use super::problem::Problem;
use super::scope::Scope;
use super::tokens::{Action, Token};
use super::{ApiState, blocking};
use crate::audit::{Entry, Proof, acts};

/// Some entries.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    /// Where to go on; `null` at the end.
    next: Option<u64>,
    /// The unit whose entries alone these are; missing where they are everybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<UnitId>,
}

/// Lists the audit log's entries, the oldest first.
#[utoipa::path(
    get,
    path = "/audit",
    tag = "audit",
    params(
        ("after" = Option<u64>, Query, description = "The entry after which the page begins."),
        Limit,
        Why,
    ),
    responses((status = 200, body = Entries)),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<Json<Entries>, Problem> {
    caller.may(Action::ReadAudit)?;
    let pairs = pairs.only(&["after", "limit", "reason"])?;
    let by = caller.by(&pairs)?;
    let after = pairs.number("after")?.unwrap_or(0);
    let limit = Page::asked(&pairs)?.limit();
    let size = state.store.audit_frontier().size();
    let store = state.store.clone();
    let mut entries = blocking(move || store.audit_entries(after, size, limit)).await?;
    let last = entries.last().map(|entry| entry.number);
    let act = state.act(acts::AUDIT_READ, &by).with("after", after).with_some("through", last);
    state.note(vec![act]).await?;
    let scope = caller.scope(&state);
    let unit = scope.unit().filter(|_| !scope.is_whole()).cloned();
    let theirs = Theirs::new(&state, scope);
    entries.retain(|entry| theirs.has(entry));
    Ok(Json(Entries { entries, next: last.filter(|last| *last < size), unit }))
}

/// Proves that an entry is in the log.
#[utoipa::path(
    get,
    path = "/audit/proof/{entry}",
    tag = "audit",
    params(("entry" = u64, Path), Why),
    responses((status = 200, body = Proof), (status = 404)),
)]
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
    if !Theirs::new(&state, caller.scope(&state)).has(&proof.entry) {
        let detail = format!("entry {number} is of another unit than yours");
        return Err(Problem::new(StatusCode::FORBIDDEN, "other-unit", detail));
    }
    state.note(vec![state.act(acts::AUDIT_READ, &by).with("entry", number)]).await?;
    Ok(Json(proof))
}

/// Tells the log's head as it is now, a signed note.
///
/// It tells nothing of what is in the log, so that to read it is not noted: a witness may ask every minute.
#[utoipa::path(
    get,
    path = "/audit/head",
    tag = "audit",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(super) async fn head(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ReadAudit)?;
    let frontier = state.store.audit_frontier();
    Ok(plain(state.signer.sign(frontier.size(), frontier.root()).to_string()))
}

/// Tells the public key that heads are signed with.
#[utoipa::path(
    get,
    path = "/audit/key",
    tag = "audit",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(super) async fn key(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ReadAudit)?;
    Ok(plain(format!("{}\n", state.signer.public())))
}

/// The entries of a unit: those about it, and those about what its people did.
struct Theirs {
    scope: Scope,
    people: BTreeSet<String>,
}

impl Theirs {
    fn new(state: &ApiState, scope: Scope) -> Self {
        let tokens = state.tokens.list().into_iter();
        let unit = |token: &Token| token.unit.as_deref().map(UnitId::from);
        let theirs = tokens.filter(|token| scope.covers(unit(token).as_ref()));
        let people = theirs.map(|token| token.person.clone()).collect();
        Self { scope, people }
    }

    fn has(&self, entry: &Entry) -> bool {
        let Some(content) = entry.read_content() else { return self.scope.holds(None) };
        let about = content.what.get("unit").and_then(Value::as_str).map(UnitId::from);
        let told = content.what.get("told").and_then(Value::as_array).into_iter().flatten();
        let mut told = told.filter_map(Value::as_str).map(UnitId::from);
        self.scope.holds(about.as_ref())
            || told.any(|unit| self.scope.holds(Some(&unit)))
            || self.people.contains(&content.who)
    }
}

fn plain(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text)
}
