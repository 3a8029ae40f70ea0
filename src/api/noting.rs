//! What is noted of requests: who asks, why, and that somebody was refused.

use axum::extract::{OriginalUri, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::ApiState;
use super::auth::Caller;
use super::extract::{Pairs, text};
use super::problem::Problem;
use crate::audit::{Act, By, acts};
use crate::config::Reasons;

/// The longest path that is noted, characters.
const LONGEST_PATH: usize = 256;

impl Caller {
    fn named(&self) -> By {
        By { token: Some(self.0.name.clone()), ..By::named(self.person()) }
    }

    /// Who asks, and the reason that `?reason=` states.
    pub(super) fn by(&self, pairs: &Pairs) -> Result<By, Problem> {
        let why = pairs.get("reason").map(|reason| text("reason", reason)).transpose()?;
        Ok(By { why, ..self.named() })
    }

    /// As [`Self::by`], to read where vehicles are: for a reason, unless the configuration does not
    /// ask for one.
    pub(super) fn by_reason(&self, state: &ApiState, pairs: &Pairs) -> Result<By, Problem> {
        let by = self.by(pairs)?;
        if by.why.is_none() && state.reasons == Reasons::Required {
            let detail = "where a vehicle is may be read for a reason only: `?reason=TEXT`";
            return Err(Problem::bad_request(detail));
        }
        Ok(by)
    }
}

impl ApiState {
    /// An act of `by`, now.
    pub(super) fn act(&self, act: &'static str, by: &By) -> Act {
        Act::new(self.shards.clock().now(), act, by)
    }

    /// Notes what is about to be answered. Where it cannot be noted there is no answer.
    pub(super) async fn note(&self, acts: Vec<Act>) -> Result<(), Problem> {
        Ok(self.shards.tell_noted(Vec::new(), acts).await?)
    }
}

/// Notes that a token was used for what it may not do.
pub(super) async fn note_refusals(
    State(state): State<ApiState>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().to_string();
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN {
        let by = caller.named();
        let path: String = uri.path().chars().take(LONGEST_PATH).collect();
        let act = state.act(acts::ACCESS_DENIED, &by).with("method", method).with("path", path);
        if state.note(vec![act]).await.is_err() {
            tracing::error!(who = by.who, "a refusal could not be noted in the audit log");
        }
    }
    response
}
