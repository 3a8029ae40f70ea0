//! How often one caller may ask: a script that has lost its way must not keep others from being
//! answered.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::ApiState;
use super::auth::Caller;
use super::problem::Problem;
use super::tokens::Action;
use crate::config::Limits;

/// Callers remembered before those are forgotten who have not asked for a while.
const REMEMBERED: usize = 10_000;

pub(super) struct Rates {
    /// Requests with a token, by its name.
    asked: DefaultKeyedRateLimiter<String>,
    /// The same of platforms that post positions.
    posted: DefaultKeyedRateLimiter<String>,
    /// Requests without one in force, by address.
    strange: DefaultKeyedRateLimiter<IpAddr>,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let quota =
            |a_minute: u32| Quota::per_minute(NonZeroU32::new(a_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            asked: RateLimiter::keyed(quota(limits.requests_per_minute)),
            posted: RateLimiter::keyed(quota(limits.posts_per_minute)),
            strange: RateLimiter::keyed(quota(limits.refused_requests_per_minute)),
        }
    }
}

/// Lets a request through that bears a token, as often as its holder may ask. Comes after
/// [`super::auth::require`].
pub(super) async fn of_token(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let is_source = caller.0.role.may(Action::Ingest);
    let rate = if is_source { &state.rates.posted } else { &state.rates.asked };
    match within(rate, &caller.0.name) {
        Ok(()) => next.run(request).await,
        Err(wait_s) => too_many(&format!("the token `{}`", caller.0.name), wait_s).into_response(),
    }
}

/// Once too many of an address's requests bore no token in force, it is told so in place of what was
/// wrong with the next ones.
pub(super) async fn of_strangers(
    State(state): State<ApiState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    let address = peer.ip().to_canonical();
    match within(&state.rates.strange, &address) {
        Ok(()) => response,
        Err(wait_s) => too_many(&address.to_string(), wait_s).into_response(),
    }
}

/// Counts one more request; where it is one too many, after how many seconds there is room again.
fn within<K: Clone + Eq + std::hash::Hash>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), u64> {
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|not_until| {
        not_until.wait_time_from(DefaultClock::default().now()).as_secs().saturating_add(1)
    })
}

fn too_many(who: &str, wait_s: u64) -> Problem {
    let detail = format!("{who} asks too often; ask again in {wait_s} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
        .with("retry_after_s", wait_s)
}
