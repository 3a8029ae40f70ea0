//! Who asks: every request but those for health bears a token.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use interdict_protocols::Time;

use super::ApiState;
use super::problem::Problem;
use super::tokens::{Action, Kind, Token};

/// Who asks.
#[derive(Clone)]
pub(super) struct Caller(pub(super) Arc<Token>);

impl Caller {
    /// Goes on only where the caller's role may do that.
    pub(super) fn may(&self, action: Action) -> Result<(), Problem> {
        if self.0.role.may(action) {
            return Ok(());
        }
        let detail =
            format!("the token `{}` may not do that; ask an admin for one that may", self.0.name);
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
    }

    /// The person, or the service, that asks: what counts wherever one must not be another.
    pub(super) fn person(&self) -> &str {
        &self.0.person
    }

    /// Goes on only where the caller may say of what `applicant` asked for whether it may hold:
    /// another person, and one that is known here long enough.
    pub(super) fn may_approve(
        &self,
        state: &ApiState,
        applicant: &str,
        now: Time,
    ) -> Result<(), Problem> {
        let since = state.tokens.first_made(self.person()).unwrap_or(now);
        self.may_approve_since(applicant, since.plus_seconds(state.persons.approver_age_s), now)
    }

    /// As [`Self::may_approve`], where the caller's person approves from `since` on.
    fn may_approve_since(&self, applicant: &str, since: Time, now: Time) -> Result<(), Problem> {
        let person = self.person();
        let refused = |code, detail: String| Err(Problem::new(StatusCode::FORBIDDEN, code, detail));
        if self.0.kind == Kind::Service {
            return refused("service", format!("`{person}` is a service; a person must approve"));
        }
        self.may(Action::ApproveFlags)?;
        if person == applicant {
            let detail = format!("`{person}` asked for it; somebody else must approve");
            return refused("own", detail);
        }
        if now < since {
            let detail = format!(
                "`{person}` is too new here to approve; they may from {since} on, and until then \
                 somebody else must"
            );
            return refused("too-new", detail);
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unauthorized)
    }
}

/// Lets a request through where it bears a token in force.
pub(super) async fn require(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let token = bearer(request.headers()).and_then(|secret| state.tokens.find(secret));
    request.extensions_mut().insert(Caller(token.ok_or_else(unauthorized)?));
    Ok(next.run(request).await)
}

fn unauthorized() -> Problem {
    let detail = "a token in force is needed: `Authorization: Bearer TOKEN`";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// The token that a request bears. The scheme's name is without regard to case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::super::tokens::Role;
    use super::*;

    const NOW: Time = Time::from_seconds(100_000);

    fn caller(role: Role, kind: Kind) -> Caller {
        Caller(Arc::new(Token {
            name: "desk".into(),
            person: "wang".into(),
            kind,
            role,
            unit: None,
            created_at: NOW,
            revoked_at: None,
        }))
    }

    /// The last word of the refusal's type.
    fn refusal(caller: &Caller, applicant: &str, since: Time) -> Option<&'static str> {
        caller.may_approve_since(applicant, since, NOW).err().map(|problem| problem.code())
    }

    #[test]
    fn another_person_of_long_standing_approves() {
        let dispatcher = caller(Role::Dispatcher, Kind::Person);
        assert_eq!(refusal(&dispatcher, "li", NOW), None);
        // A token is nobody.
        assert_eq!(refusal(&dispatcher, "desk", NOW), None);
        assert_eq!(refusal(&dispatcher, "wang", NOW), Some("own"));
        assert_eq!(refusal(&dispatcher, "li", NOW.plus_seconds(0.001)), Some("too-new"));
        assert_eq!(refusal(&caller(Role::Dispatcher, Kind::Service), "li", NOW), Some("service"));
        for role in [Role::Admin, Role::Operator, Role::Analyst, Role::Auditor, Role::Fleet] {
            assert_eq!(refusal(&caller(role, Kind::Person), "li", NOW), Some("forbidden"));
        }
    }

    #[test]
    fn a_token_is_read_from_one_header_only() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            headers
        };
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc "])), Some("abc"));
        for bad in [&[][..], &["abc"], &["Basic abc"], &["Bearer "], &["Bearer a", "Bearer b"]] {
            assert_eq!(bearer(&headers(bad)), None, "{bad:?}");
        }
    }
}
