//! `/v1/events`: the stream of events (server-sent events, HTML Living Standard, 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt as _};
use interdict_engine::{Checkpoint, Cloud, Engine, Setup, Type, UnitId};
use tokio::sync::watch;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type as JsonType};
use utoipa::openapi::{Ref, RefOr, Schema};

use super::ApiState;
use super::auth::Caller;
use super::document::Why;
use super::extract::Pairs;
use super::problem::Problem;
use super::scope::Scope;
use super::sessions::Session;
use super::tokens::{Action, Token};
use crate::audit::acts;
use crate::dispatch::{Filter, Reader, Wanted};
use crate::shards::Condition;
use crate::store::{StoreError, StoredEvent};

/// A comment so often while nothing happens: whoever hears nothing for twice as long knows that the
/// connection is lost.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The answer's header with the cursor that the stream begins after: who loses the connection
/// before the first event resumes there.
const CURSOR: &str = "interdict-cursor";

/// The stream's body, for its description.
enum Stream {}

impl utoipa::PartialSchema for Stream {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(JsonType::String)
            .content_media_type("application/json")
            .content_schema(Some(Ref::from_schema_name(Cloud::name())))
            .description(Some("Of each message's `data`."))
            .into()
    }
}

impl ToSchema for Stream {}

/// Streams what happens, as server-sent events.
///
/// Each message's `id` is the cursor and its `data` an `Event` on one line. It does not end by itself; a comment
/// comes every 15 seconds while nothing happens.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    params(
        (
            "after" = Option<u64>, Query,
            description = "The cursor to go on after, 0 for the oldest; now unless said.",
        ),
        (
            "unit" = Option<String>, Query,
            description = "Only these units' and those under them, parted by commas.",
        ),
        (
            "checkpoint" = Option<String>, Query,
            description = "Only these checkpoints', parted by commas.",
        ),
        ("type" = Option<String>, Query, description = "Only these types, parted by commas."),
        (
            "linked" = Option<bool>, Query,
            description = "Only what is said for flags of scope `linked`.",
        ),
        Why,
        ("last-event-id" = Option<u64>, Header, description = "As `after`, and counts before it."),
    ),
    responses(
        (
            status = 200, body = Stream, content_type = "text/event-stream",
            headers(("interdict-cursor" = u64, description = "The cursor that the stream begins after.")),
        ),
        (
            status = 410,
            description = "What came after the cursor is purged; `oldest` is the oldest kept.",
        ),
    ),
)]
pub(super) async fn follow(
    State(state): State<ApiState>,
    Caller(token): Caller,
    session: Option<Extension<Session>>,
    pairs: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = Caller(Arc::clone(&token));
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["after", "unit", "checkpoint", "type", "linked", "reason"])?;
    let by = caller.by(&pairs)?;
    let wanted = Wanted {
        units: pairs.all("unit"),
        checkpoints: pairs.all("checkpoint"),
        types: pairs.all("type"),
        linked: pairs.flag("linked")?,
    };
    let scope = caller.scope(&state);
    let filter = state.filter(&wanted, &scope).await?;
    let cursor = match cursor(&pairs, &headers)? {
        Some(cursor) => cursor,
        None => state.store.latest_sequence(),
    };
    let reader = Reader::new(state.store.clone(), filter, cursor);
    let mut follower = Follower {
        reader,
        scope,
        waiting: VecDeque::new(),
        complete: false,
        live: false,
        latest: state.shards.latest(),
        changes: state.tokens.changes(),
        conditions: conditions(&state),
        counted: None,
        token,
        state: state.clone(),
    };
    // The first page is read before the answer begins: a cursor that is not good is said by status.
    follower.read().await?;
    let act = state.act(acts::EVENTS_FOLLOW, &by).with("after", cursor);
    let filters = ["unit", "checkpoint", "type"].map(|name| (name, pairs.all(name)));
    let filters = filters.into_iter().filter(|(_, values)| !values.is_empty());
    let act = filters.fold(act, |act, (name, values)| act.with(name, values));
    let act = act.with_some("linked", wanted.linked.then_some(true));
    state.note(vec![act]).await?;
    // Whoever was refused has not looked.
    follower.counted = Some(Counted::new(&follower.state, &follower.token));
    // A session's stream ends with it.
    let ending = state.clone();
    let ended = async move {
        match session {
            Some(Extension(session)) => ending.sessions.ended(&session).await,
            None => std::future::pending().await,
        }
    };
    let events = stream::unfold(follower, Follower::next).take_until(Box::pin(ended));
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // The stream by itself only says that it must be asked for again.
    let headers = [(CURSOR, cursor.to_string()), ("cache-control", "no-store".to_owned())];
    Ok((headers, stream).into_response())
}

impl ApiState {
    /// The filter that somebody of that scope asks for, among the checkpoints as they are now.
    pub(super) async fn filter(&self, wanted: &Wanted, scope: &Scope) -> Result<Filter, Problem> {
        let known = |engine: &Engine| engine.checkpoints().cloned().collect();
        let checkpoints = self.shards.ask_any(known).await?;
        let setup = Setup { checkpoints, ..self.setup.clone() };
        let filter = Filter::new(wanted, &setup)
            .map_err(|unknown| Problem::bad_request(unknown.to_string()))?;
        for unit in &wanted.units {
            scope.check(Some(&unit.as_str().into()))?;
        }
        let named =
            |point: &&Checkpoint| wanted.checkpoints.iter().any(|id| point.id.as_str() == id);
        for checkpoint in setup.checkpoints.iter().filter(named) {
            scope.check(Some(&checkpoint.unit))?;
        }
        Ok(filter)
    }
}

/// A browser that reconnects repeats its address, so the header counts before `after`.
fn cursor(pairs: &Pairs, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return pairs.number("after") };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let detail = || Problem::bad_request("`Last-Event-ID` is not a whole number");
    number.map(Some).ok_or_else(detail)
}

/// Somebody who follows the events: a cursor and at most a page of them.
struct Follower {
    reader: Reader,
    scope: Scope,
    waiting: VecDeque<Arc<StoredEvent>>,
    /// Nothing durable is left to read.
    complete: bool,
    /// All that had happened before the stream began has been read.
    live: bool,
    latest: watch::Receiver<u64>,
    changes: watch::Receiver<u64>,
    conditions: watch::Receiver<Condition>,
    token: Arc<Token>,
    state: ApiState,
    counted: Option<Counted>,
}

impl Follower {
    /// Reads the next page, and keeps what is theirs of it.
    async fn read(&mut self) -> Result<(), StoreError> {
        let page = self.reader.next().await?;
        let now = self.state.shards.clock().now();
        let theirs = |event: &Arc<StoredEvent>| self.scope.sees_event(event, now);
        self.waiting = page.events.into_iter().filter(theirs).collect();
        self.complete = page.complete;
        Ok(())
    }

    /// Counts how long an alert took to come here. What was read to catch up says nothing of that.
    fn measure(&self, event: &StoredEvent) {
        if self.live && matches!(event.kind, Type::Raised | Type::Escalated) {
            let shards = &self.state.shards;
            let took = match shards.read_at(&event.id) {
                Some(read_at) => read_at.elapsed(),
                // A timer raised it, or let it rise.
                None => {
                    let took_s = shards.clock().now().seconds_since(event.time);
                    Duration::from_secs_f64(took_s.max(0.0))
                }
            };
            self.state.metrics.delivered(took);
        }
    }

    /// The next event, once there is one; `None` ends the stream. Runs only when the client has
    /// room for it, so a slow one waits in its own task alone.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if self.state.closing.is_cancelled() {
                return None;
            }
            if self.changes.has_changed().unwrap_or(true) {
                self.changes.borrow_and_update();
                if !self.state.tokens.holds(&self.token) {
                    return None;
                }
            }
            if self.conditions.has_changed().unwrap_or(false) {
                let condition = self.conditions.borrow_and_update().to_string();
                return Some((Ok(Event::default().comment(condition)), self));
            }
            if let Some(event) = self.waiting.pop_front() {
                if !Caller(Arc::clone(&self.token)).reads(&self.state, &event) {
                    continue;
                }
                self.measure(&event);
                return Some((Ok(frame(&event)), self));
            }
            if self.complete {
                tokio::select! {
                    changed = self.latest.changed() => changed.ok()?,
                    () = self.state.closing.cancelled() => return None,
                    _ = self.changes.changed() => {
                        self.changes.mark_changed();
                        continue;
                    }
                    Ok(()) = self.conditions.changed() => {
                        self.conditions.mark_changed();
                        continue;
                    }
                }
            }
            self.live |= self.complete;
            self.latest.borrow_and_update();
            // Whoever fell behind what is kept, or whom the disk failed, learns why on coming back.
            self.read().await.ok()?;
        }
    }
}

/// Whoever follows is told by a comment when the store cannot be relied on, and when it can again; at
/// the beginning only where it cannot.
fn conditions(state: &ApiState) -> watch::Receiver<Condition> {
    let mut conditions = state.shards.conditions();
    if *conditions.borrow_and_update() != Condition::Durable {
        conditions.mark_changed();
    }
    conditions
}

fn frame(event: &StoredEvent) -> Event {
    Event::default().id(event.sequence.to_string()).data(&event.json)
}

/// Counts a stream as open, and its unit's people as looking, until dropped.
struct Counted {
    state: ApiState,
    unit: Option<UnitId>,
}

impl Counted {
    fn new(state: &ApiState, token: &Token) -> Self {
        state.followers.fetch_add(1, Ordering::Relaxed);
        let unit = token.unit.as_deref().map(UnitId::from);
        // Whoever only looks back does not stand ready.
        let unit = unit.filter(|_| token.role.may(Action::HandleAlerts));
        if let Some(unit) = &unit {
            state.presence.come(unit);
        }
        Self { state: state.clone(), unit }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.state.followers.fetch_sub(1, Ordering::Relaxed);
        if let Some(unit) = &self.unit {
            self.state.presence.go(unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_reconnecting_client_s_cursor_counts() {
        let pairs = |text: Option<&str>| {
            Pairs(text.map(|text| ("after".to_owned(), text.to_owned())).into_iter().collect())
        };
        let none = HeaderMap::new();
        let mut again = HeaderMap::new();
        again.insert("last-event-id", HeaderValue::from_static("17"));
        assert_eq!(cursor(&pairs(None), &none).unwrap(), None);
        assert_eq!(cursor(&pairs(Some("0")), &none).unwrap(), Some(0));
        assert_eq!(cursor(&pairs(Some("5")), &again).unwrap(), Some(17));
        assert!(cursor(&pairs(Some("x")), &none).is_err());
        again.insert("last-event-id", HeaderValue::from_static("-1"));
        assert!(cursor(&pairs(None), &again).is_err());
    }
}
