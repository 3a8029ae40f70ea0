//! Flags from CSV and as CSV: all of a file or nothing.

use std::collections::{HashMap, HashSet};
use std::pin::pin;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use futures_util::stream::{self, StreamExt as _};
use interdict_engine::{Flag, Input};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::ApiState;
use super::super::auth::Caller;
use super::super::document::Why;
use super::super::extract::{Pairs, Text};
use super::super::problem::Problem;
use super::super::tokens::Action;
use super::{made, noted, seen};
use crate::audit::acts;
use crate::config::{BadLine, read_flags, write_flags};

/// Bad lines named one by one; the rest are counted.
const NAMED: usize = 1_000;

/// Lines whose vehicle is looked up at the same time: the engine answers by its clock, so that one after
/// another would take twenty milliseconds each.
const AT_ONCE: usize = 256;

/// What an import came to.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = FlagsImport)]
pub(in super::super) struct Report {
    /// Whether anything was carried out: nothing is where a line is bad.
    done: bool,
    added: usize,
    /// Lines whose vehicle is flagged for that case and reason already.
    unchanged: usize,
    /// The flags that were added, in the order of their lines.
    flags: Vec<String>,
    /// Of these, those whose vehicle has no tracker.
    without_tracker: usize,
    bad: usize,
    bad_lines: Vec<BadLine>,
}

/// What is one flag and not two, or the same one again.
type Key = (String, String, String);

fn key(flag: &Flag) -> Key {
    (flag.vehicle.to_string(), flag.reason.clone(), flag.case.clone())
}

/// Flags the vehicles of a CSV: all of them, or none where a line is bad.
#[utoipa::path(
    post,
    path = "/flags/import",
    tag = "flags",
    params(Why),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Report), (status = 422)),
)]
pub(in super::super) async fn import(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
    Text(text): Text,
) -> Result<Json<Report>, Problem> {
    caller.may(Action::Flag)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let now = state.shards.clock().now();
    let (lines, bad) = read_flags(&text);
    let mut report = Report { bad: bad.len(), bad_lines: bad, ..Report::default() };
    let held = seen(&state, &caller).await?;
    let held: HashSet<Key> = held.iter().map(|report| key(&report.flag)).collect();
    let mut told: HashMap<Key, u64> = HashMap::new();
    let (mut inputs, mut acts) = (Vec::new(), Vec::new());
    let (state, caller) = (&state, &caller);
    let made = stream::iter(lines)
        .map(|(line, asked)| async move { (line, made(state, caller, &asked, now).await) })
        .buffered(AT_ONCE);
    let mut made = pin!(made);
    while let Some((line, made)) = made.next().await {
        let (flag, found) = match made {
            Ok(made) => made,
            Err(problem) => {
                report.bad += 1;
                let reason = problem.detail().to_owned();
                report.bad_lines.push(BadLine { line, reason });
                continue;
            }
        };
        if let Some(earlier) = told.insert(key(&flag), line) {
            report.bad += 1;
            let reason = format!("is the same flag as line {earlier}");
            report.bad_lines.push(BadLine { line, reason });
            continue;
        }
        if held.contains(&key(&flag)) {
            report.unchanged += 1;
            continue;
        }
        report.added += 1;
        report.without_tracker += usize::from(found.tracker == super::Tracker::None);
        report.flags.push(flag.id.to_string());
        acts.push(noted(state, acts::FLAG_ADD, &flag, &by));
        inputs.extend([Input::Vehicle(found.vehicle), Input::Flag(flag)]);
    }
    report.bad_lines.sort_by_key(|bad| bad.line);
    report.bad_lines.truncate(NAMED);
    if report.bad > 0 {
        let count = report.bad;
        let report = Report { added: 0, unchanged: 0, flags: Vec::new(), ..report };
        let lines = if count == 1 { "line is" } else { "lines are" };
        let detail =
            format!("{count} {lines} bad, so nothing was flagged; mend them and try again");
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-lines", detail);
        return Err(problem.with("report", json!(report)));
    }
    if !inputs.is_empty() {
        state.shards.tell_noted(inputs, acts).await?;
    }
    report.done = true;
    Ok(Json(report))
}

/// Writes the flags that the caller may know of as CSV.
#[utoipa::path(
    get,
    path = "/flags/export",
    tag = "flags",
    params(Why),
    responses((status = 200, body = String, content_type = "text/csv")),
)]
pub(in super::super) async fn export(
    State(state): State<ApiState>,
    caller: Caller,
    pairs: Pairs,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ReadAlerts)?;
    let by = caller.by(&pairs.only(&["reason"])?)?;
    let flags = seen(&state, &caller).await?;
    let ids = flags.iter().map(|report| report.flag.id.as_str());
    state.note(state.act(acts::FLAG_EXPORT, &by).naming("flags", ids)).await?;
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((kind, write_flags(&flags)))
}
