//! Whether the server lives, whether it is ready, and its counters.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;

use super::ApiState;
use super::auth::Caller;
use super::problem::Problem;
use super::tokens::Action;
use crate::dispatch::webhook::{State as WebhookState, View};
use crate::shards::Condition;

/// Says that the server lives.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    security(()),
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Says whether it is ready to take positions and to tell of alerts.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    security(()),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 503)),
)]
pub(super) async fn ready(State(state): State<ApiState>) -> Result<&'static str, Problem> {
    let not = |detail: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail);
    if state.closing.is_cancelled() {
        return Err(not("the server is shutting down"));
    }
    match state.shards.condition() {
        Condition::Durable => Ok("ready\n"),
        condition => Err(not(&condition.to_string())),
    }
}

/// Tells the counters, in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::ReadMetrics)?;
    let mut text = state.metrics.render();
    let (free, reserve) = state.store.space_left();
    let (waiting, room) = state.shards.waiting();
    let figures = [
        (
            "interdict_engine_queue",
            "gauge",
            "Batches of frames and commands that wait for the engine.",
            waiting as u64,
        ),
        (
            "interdict_engine_queue_room",
            "gauge",
            "Batches that may wait; then TCP is not read and datagrams are dropped.",
            room as u64,
        ),
        (
            "interdict_events_total",
            "counter",
            "Events made durable.",
            state.store.latest_sequence(),
        ),
        (
            "interdict_audit_entries_total",
            "counter",
            "Entries of the audit log.",
            state.store.audit_frontier().size(),
        ),
        ("interdict_devices_enrolled", "gauge", "Enrolled devices.", state.registry.count() as u64),
        (
            "interdict_streams",
            "gauge",
            "Open streams of events.",
            state.followers.load(Ordering::Relaxed) as u64,
        ),
        (
            "interdict_durable",
            "gauge",
            "1 while the store can write.",
            u64::from(state.shards.is_durable()),
        ),
        (
            "interdict_store_reopened_total",
            "counter",
            "Times that the store was opened again after the disk had failed.",
            state.shards.reopened(),
        ),
        (
            "interdict_disk_free_bytes",
            "gauge",
            "Bytes free on the data folder's disk.",
            free.unwrap_or(0),
        ),
        (
            "interdict_disk_reserve_bytes",
            "gauge",
            "Bytes held for alerts when that is full.",
            reserve,
        ),
        (
            "interdict_track_fixes_left_out_total",
            "counter",
            "Positions that were to be kept and were not, for want of room on the disk.",
            state.shards.not_kept(),
        ),
    ];
    for (name, kind, help, value) in figures {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
    text.push_str(&webhooks(&state.webhooks.list().await?));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text))
}

/// How far behind each webhook is.
fn webhooks(webhooks: &[View]) -> String {
    type Get = fn(&View) -> f64;
    let families: [(&str, &str, &str, Get); 5] = [
        ("lag_events", "gauge", "Events still to be delivered.", |view| view.lag.events as f64),
        ("lag_seconds", "gauge", "Age of the oldest of them.", |view| view.lag.seconds),
        ("delivered_total", "counter", "Events delivered.", |view| view.delivered as f64),
        ("lost_total", "counter", "Events purged before they were sent.", |view| view.lost as f64),
        ("up", "gauge", "0 while the endpoint takes nothing or is held.", |view| {
            f64::from(view.down.is_none() && view.state == WebhookState::Active)
        }),
    ];
    let mut text = String::new();
    for (name, kind, help, get) in families.iter().filter(|_| !webhooks.is_empty()) {
        let name = format!("interdict_webhook_{name}");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for view in webhooks {
            let _ = writeln!(text, "{name}{{webhook=\"{}\"}} {}", view.id, get(view));
        }
    }
    text
}
