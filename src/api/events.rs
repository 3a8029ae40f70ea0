//! `/v1/events`: the stream of events (server-sent events, HTML Living Standard, 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use interdict_engine::{Engine, Setup, UnitId};
use tokio::sync::watch;

use super::ApiState;
use super::auth::Caller;
use super::extract::Pairs;
use super::problem::Problem;
use super::tokens::{Action, Token};
use crate::audit::acts;
use crate::dispatch::{Filter, Reader, Wanted};
use crate::store::StoredEvent;

/// A comment so often while nothing happens: whoever hears nothing for twice as long knows that the
/// connection is lost.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The answer's header with the cursor that the stream begins after: who loses the connection
/// before the first event resumes there.
const CURSOR: &str = "interdict-cursor";

pub(super) async fn follow(
    State(state): State<ApiState>,
    Caller(token): Caller,
    pairs: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = Caller(Arc::clone(&token));
    caller.may(Action::ReadAlerts)?;
    let pairs = pairs.only(&["after", "unit", "checkpoint", "type", "reason"])?;
    let by = caller.by(&pairs)?;
    let wanted = Wanted {
        units: pairs.all("unit"),
        checkpoints: pairs.all("checkpoint"),
        types: pairs.all("type"),
    };
    let filter = state.filter(&wanted).await?;
    let cursor = match cursor(&pairs, &headers)? {
        Some(cursor) => cursor,
        None => state.store.latest_sequence(),
    };
    let mut reader = Reader::new(state.store.clone(), filter, cursor);
    // The first page is read before the answer begins: a cursor that is not good is said by status.
    let latest = state.shards.latest();
    let page = reader.next().await?;
    let act = state.act(acts::EVENTS_FOLLOW, &by).with("after", cursor);
    let filters = ["unit", "checkpoint", "type"].map(|name| (name, pairs.all(name)));
    let filters = filters.into_iter().filter(|(_, values)| !values.is_empty());
    let act = filters.fold(act, |act, (name, values)| act.with(name, values));
    state.note(vec![act]).await?;
    let follower = Follower {
        reader,
        waiting: page.events.into(),
        complete: page.complete,
        latest,
        changes: state.tokens.changes(),
        _counted: Counted::new(&state, &token),
        token,
        state,
    };
    let events = stream::unfold(follower, Follower::next);
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(([(CURSOR, cursor.to_string())], stream).into_response())
}

impl ApiState {
    /// The filter that somebody asks for, among the checkpoints as they are now.
    pub(super) async fn filter(&self, wanted: &Wanted) -> Result<Filter, Problem> {
        let known = |engine: &Engine| engine.checkpoints().cloned().collect();
        let checkpoints = self.shards.ask_any(known).await?;
        let setup = Setup { checkpoints, ..self.setup.clone() };
        Filter::new(wanted, &setup).map_err(|unknown| Problem::bad_request(unknown.to_string()))
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
    waiting: VecDeque<Arc<StoredEvent>>,
    /// Nothing durable is left to read.
    complete: bool,
    latest: watch::Receiver<u64>,
    changes: watch::Receiver<u64>,
    token: Arc<Token>,
    state: ApiState,
    _counted: Counted,
}

impl Follower {
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
            if let Some(event) = self.waiting.pop_front() {
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
                }
            }
            self.latest.borrow_and_update();
            // Whoever fell behind what is kept, or whom the disk failed, learns why on coming back.
            let page = self.reader.next().await.ok()?;
            self.waiting = page.events.into();
            self.complete = page.complete;
        }
    }
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
