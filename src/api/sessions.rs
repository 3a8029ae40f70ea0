//! [`Sessions`]: browsers' logins. A browser shows a cookie in place of a token, so that no script
//! can read it and no address bears it. They are in memory alone: whoever restarts the server logs
//! everybody out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::tokens::{Hash, Token, hash, random_hex};
use crate::store::StoreError;

/// A long shift.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 3_600);
/// Browsers of one person: a desk, a phone and forgotten ones. The oldest ends for a further one.
const MOST_OF_ONE: usize = 32;
/// Of all; more tokens than a city has desks.
const MOST: usize = 10_000;
/// The cookie's name.
const COOKIE: &str = "interdict_session";
/// The header in which a request that changes something repeats the session's word: other pages can
/// make a browser send its cookie, but cannot read this word.
const CSRF: &str = "interdict-csrf";

/// Somebody's login.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) token: Arc<Token>,
    /// The word that its requests repeat.
    pub(super) csrf: String,
    pub(super) ends_at: Instant,
    /// Cancelled when it is closed.
    pub(super) closed: CancellationToken,
}

/// All sessions, found by the SHA-256 of their cookie: how long that takes says nothing about it.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Hash, Session>>);

impl Sessions {
    /// Opens a session; answers its cookie's value, which is nowhere else.
    pub(super) fn open(&self, token: Arc<Token>) -> Result<(String, Session), StoreError> {
        let (id, csrf, now) = (random_hex()?, random_hex()?, Instant::now());
        let closed = CancellationToken::new();
        let session = Session { token, csrf, ends_at: now + LASTS, closed };
        let mut open = self.lock();
        open.retain(|_, session| session.ends_at > now);
        let mut own: Vec<_> = open
            .iter()
            .filter(|(_, other)| *other.token == *session.token)
            .map(|(hash, other)| (other.ends_at, *hash))
            .collect();
        own.sort_unstable();
        let surplus = (own.len() + 1).saturating_sub(MOST_OF_ONE);
        for (_, hash) in own.drain(..surplus) {
            close(&mut open, &hash);
        }
        if open.len() >= MOST {
            let first = open.iter().min_by_key(|(_, other)| other.ends_at).map(|(hash, _)| *hash);
            first.into_iter().for_each(|hash| close(&mut open, &hash));
        }
        open.insert(hash(&id), session.clone());
        Ok((id, session))
    }

    /// The session whose cookie a request shows, if it lasts still.
    pub(super) fn find(&self, headers: &HeaderMap) -> Option<Session> {
        let id = cookie(headers)?;
        let session = self.lock().get(&hash(id)).cloned()?;
        (session.ends_at > Instant::now()).then_some(session)
    }

    /// Ends the session whose cookie a request shows.
    pub(super) fn close(&self, headers: &HeaderMap) {
        if let Some(id) = cookie(headers) {
            close(&mut self.lock(), &hash(id));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn close(open: &mut HashMap<Hash, Session>, hash: &Hash) {
    if let Some(session) = open.remove(hash) {
        session.closed.cancel();
    }
}

impl Session {
    /// Whether a request repeats the session's word.
    pub(super) fn is_meant(&self, headers: &HeaderMap) -> bool {
        let said = headers.get(CSRF).and_then(|value| value.to_str().ok());
        said.is_some_and(|said| hash(said) == hash(&self.csrf))
    }

    /// Done when it ends, by itself or because somebody closes it.
    pub(super) async fn ended(&self) {
        tokio::select! {
            () = self.closed.cancelled() => {}
            () = tokio::time::sleep_until(self.ends_at) => {}
        }
    }
}

/// The cookie of a session, or with no id one that takes it away. `Secure` where the request came by
/// HTTPS, as far as can be told: browsers keep no such cookie of plain HTTP.
pub(super) fn set_cookie(id: Option<&str>, secure: bool) -> Option<HeaderValue> {
    let (id, lasts_s) = id.map_or(("", 0), |id| (id, LASTS.as_secs()));
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={id}; Path=/v1; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).ok()
}

/// The session's cookie of a request (RFC 6265, 4.2.1); none where several are shown.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut ids = pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, id)| id);
    let (Some(id), None) = (ids.next(), ids.next()) else { return None };
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use interdict_protocols::Time;

    use super::*;
    use crate::api::Role;

    fn token(name: &str) -> Arc<Token> {
        let created_at = Time::from_seconds(1_000);
        let name = name.to_owned();
        Arc::new(Token { name, role: Role::Operator, unit: None, created_at, revoked_at: None })
    }

    fn shows(id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let pairs = format!("theme=dark; {COOKIE}={id}");
        headers.insert(header::COOKIE, HeaderValue::try_from(pairs).unwrap());
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_a_shift_or_until_it_is_closed() {
        let sessions = Sessions::default();
        let (id, session) = sessions.open(token("wang")).unwrap();
        let (other, _) = sessions.open(token("li")).unwrap();
        assert_eq!(sessions.find(&shows(&id)).unwrap().token.name, "wang");
        assert!(sessions.find(&shows(&id[1..])).is_none());
        assert!(sessions.find(&HeaderMap::new()).is_none());
        sessions.close(&shows(&id));
        session.ended().await;
        assert!(sessions.find(&shows(&id)).is_none() && sessions.find(&shows(&other)).is_some());
        tokio::time::advance(LASTS).await;
        assert!(sessions.find(&shows(&other)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_s_browsers_take_nobody_else_s_place() {
        let sessions = Sessions::default();
        let (li, _) = sessions.open(token("li")).unwrap();
        let mut ids = Vec::new();
        for _ in 0..=MOST_OF_ONE {
            tokio::time::advance(Duration::from_secs(1)).await;
            ids.push(sessions.open(token("wang")).unwrap().0);
        }
        assert!(sessions.find(&shows(&ids[0])).is_none());
        assert!(ids[1..].iter().all(|id| sessions.find(&shows(id)).is_some()));
        assert!(sessions.find(&shows(&li)).is_some());
    }

    #[test]
    fn a_cookie_is_shown_once() {
        let twice = format!("{COOKIE}=a; {COOKIE}=b");
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::try_from(twice).unwrap());
        assert_eq!(cookie(&headers), None);
        assert_eq!(cookie(&shows("a")), Some("a"));
        assert_eq!(cookie(&shows("")), None);
    }
}
