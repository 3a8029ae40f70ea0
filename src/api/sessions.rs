//! [`Sessions`]: browsers' logins. A browser shows a cookie in place of a token, so that no script
//! can read it and no address bears it. They outlive a restart: nobody logs in anew at night because
//! a server was restarted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::tokens::{Hash, Token, hash, random_hex};
use crate::audit::{Act, By, acts};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Table};

/// A long shift, by the wall's clock.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 3_600);
/// Browsers of one person: a desk, a phone and forgotten ones. The oldest ends for a further one.
const MOST_OF_ONE: usize = 32;
/// Of all; more tokens than a city has desks.
const MOST: usize = 10_000;
/// The cookie's name.
pub(super) const COOKIE: &str = "interdict_session";
/// The header in which a request that changes something repeats the session's word: other pages can
/// make a browser send its cookie, but cannot read this word.
pub(super) const CSRF: &str = "interdict-csrf";

/// Somebody's login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) token: Arc<Token>,
    /// The word that its requests repeat.
    pub(super) csrf: String,
    pub(super) ends_at: Time,
    /// Cancelled when it is closed.
    #[serde(skip)]
    closed: CancellationToken,
}

/// All sessions, found by the SHA-256 of their cookie: how long that takes says nothing about it, and
/// who reads the disk can log in as nobody.
pub(super) struct Sessions {
    store: Store,
    clock: Clock,
    open: Mutex<HashMap<Hash, Session>>,
}

impl Sessions {
    /// Those that were open before. Blocks on the disk.
    pub(super) fn load(store: &Store, clock: Clock) -> Result<Self, StoreError> {
        let mut open = HashMap::new();
        for (key, session) in store.read::<Session>(Table::Sessions)? {
            open.insert(Hash::try_from(key.as_slice()).map_err(StoreError::corrupt)?, session);
        }
        Ok(Self { store: store.clone(), clock, open: Mutex::new(open) })
    }

    /// Opens a session in place of the one whose cookie the request shows; answers its cookie's
    /// value, which is nowhere else. Blocks on the disk.
    pub(super) fn open(
        &self,
        token: Arc<Token>,
        headers: &HeaderMap,
    ) -> Result<(String, Session), StoreError> {
        let (id, csrf, now) = (random_hex()?, random_hex()?, self.clock.now());
        let act = noted(acts::SESSION_OPEN, now, &token);
        let closed = CancellationToken::new();
        let ends_at = now.plus_seconds(LASTS.as_secs_f64() * self.clock.speed());
        let session = Session { token, csrf, ends_at, closed };
        let mut open = self.lock();
        let over = |other: &Session| other.ends_at <= now;
        let mut gone: Vec<Hash> =
            open.iter().filter(|(_, other)| over(other)).map(|(hash, _)| *hash).collect();
        gone.extend(cookie(headers).map(hash));
        let left = |of_one: bool| {
            let own = |other: &Session| !of_one || *other.token == *session.token;
            let counts = open.iter().filter(|(hash, other)| !gone.contains(hash) && own(other));
            let mut left: Vec<_> = counts.map(|(hash, other)| (other.ends_at, *hash)).collect();
            left.sort_unstable();
            left
        };
        let surplus = |left: Vec<(Time, Hash)>, most: usize| {
            let count = (left.len() + 1).saturating_sub(most);
            left.into_iter().take(count).map(|(_, hash)| hash).collect::<Vec<_>>()
        };
        let (own, all) = (surplus(left(true), MOST_OF_ONE), surplus(left(false), MOST));
        gone.extend(own.into_iter().chain(all));
        let changes = gone.iter().map(|gone| (&gone[..], None));
        let key = hash(&id);
        let changes = changes.chain([(&key[..], Some(&session))]);
        self.store.write_noted(Table::Sessions, changes, &[act])?;
        for gone in &gone {
            forget(&mut open, gone);
        }
        open.insert(key, session.clone());
        Ok((id, session))
    }

    /// The session whose cookie a request shows, if it lasts still.
    pub(super) fn find(&self, headers: &HeaderMap) -> Option<Session> {
        let session = self.lock().get(&hash(cookie(headers)?)).cloned()?;
        (session.ends_at > self.clock.now()).then_some(session)
    }

    /// Ends the session whose cookie a request shows. Blocks on the disk.
    pub(super) fn close(&self, headers: &HeaderMap) -> Result<(), StoreError> {
        let Some(key) = cookie(headers).map(hash) else { return Ok(()) };
        let mut open = self.lock();
        let Some(session) = open.get(&key) else { return Ok(()) };
        let act = noted(acts::SESSION_CLOSE, self.clock.now(), &session.token);
        self.store.write_noted(Table::Sessions, [(&key[..], None::<Session>)], &[act])?;
        forget(&mut open, &key);
        Ok(())
    }

    /// Seconds of the wall's clock until a session ends by itself.
    pub(super) fn left_s(&self, session: &Session) -> f64 {
        session.ends_at.seconds_since(self.clock.now()).max(0.0) / self.clock.speed()
    }

    /// Done when a session ends, by itself or because somebody closes it.
    pub(super) async fn ended(&self, session: &Session) {
        tokio::select! {
            () = session.closed.cancelled() => {}
            () = tokio::time::sleep_until(Instant::from_std(self.clock.instant(session.ends_at))) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(open: &mut HashMap<Hash, Session>, hash: &Hash) {
    if let Some(session) = open.remove(hash) {
        session.closed.cancel();
    }
}

fn noted(act: &'static str, at: Time, token: &Token) -> Act {
    let by = By { token: Some(token.name.clone()), ..By::named(token.person.as_str()) };
    Act::new(at, act, &by)
}

impl Session {
    /// Whether a request repeats the session's word.
    pub(super) fn is_meant(&self, headers: &HeaderMap) -> bool {
        let said = headers.get(CSRF).and_then(|value| value.to_str().ok());
        said.is_some_and(|said| hash(said) == hash(&self.csrf))
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
    use super::*;
    use crate::api::{Kind, Role};

    const NOW: Time = Time::from_seconds(1_000);

    fn token(name: &str) -> Arc<Token> {
        let name = name.to_owned();
        Arc::new(Token {
            person: name.clone(),
            name,
            kind: Kind::Person,
            role: Role::Operator,
            unit: None,
            created_at: NOW,
            revoked_at: None,
        })
    }

    fn shows(id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let pairs = format!("theme=dark; {COOKIE}={id}");
        headers.insert(header::COOKIE, HeaderValue::try_from(pairs).unwrap());
        headers
    }

    fn sessions(store: &Store, now: Time) -> Sessions {
        Sessions::load(store, Clock::new(now, 1.0)).unwrap()
    }

    #[tokio::test]
    async fn a_session_outlives_a_restart_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let first = sessions(&store, NOW);
        let (id, _) = first.open(token("wang"), &HeaderMap::new()).unwrap();
        let (other, _) = first.open(token("li"), &HeaderMap::new()).unwrap();
        assert!(first.find(&shows(&id[1..])).is_none() && first.find(&HeaderMap::new()).is_none());

        let again = sessions(&store, NOW.plus_seconds(60.0));
        let session = again.find(&shows(&id)).unwrap();
        assert_eq!(session.token.name, "wang");
        let mut headers = shows(&id);
        assert!(!session.is_meant(&headers));
        headers.insert(CSRF, HeaderValue::try_from(session.csrf.as_str()).unwrap());
        assert!(session.is_meant(&headers));
        again.close(&shows(&id)).unwrap();
        again.ended(&session).await;
        assert!(again.find(&shows(&id)).is_none() && again.find(&shows(&other)).is_some());
        assert!(sessions(&store, NOW).find(&shows(&id)).is_none());
    }

    #[test]
    fn a_session_lasts_a_shift_and_a_new_login_ends_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        // Twice as fast a clock, twice as long by it.
        let (id, session) = {
            let fast = Sessions::load(&store, Clock::new(NOW, 2.0)).unwrap();
            fast.open(token("wang"), &HeaderMap::new()).unwrap()
        };
        assert!(session.ends_at.seconds_since(NOW) >= 86_400.0);
        let at = |ends_s: f64| sessions(&store, session.ends_at.plus_seconds(ends_s));
        assert!(at(-60.0).find(&shows(&id)).is_some() && at(1.0).find(&shows(&id)).is_none());
        let before = at(-60.0);
        let (next, _) = before.open(token("wang"), &shows(&id)).unwrap();
        assert!(before.find(&shows(&id)).is_none() && before.find(&shows(&next)).is_some());
        // What is over is not kept.
        let late = at(200_000.0);
        late.open(token("li"), &HeaderMap::new()).unwrap();
        assert_eq!(store.read::<Session>(Table::Sessions).unwrap().len(), 1);
    }

    #[test]
    fn one_person_s_browsers_take_nobody_else_s_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let at = |seconds: u32| sessions(&store, NOW.plus_seconds(f64::from(seconds)));
        let (li, _) = at(0).open(token("li"), &HeaderMap::new()).unwrap();
        let most = u32::try_from(MOST_OF_ONE).unwrap();
        let open = |second| at(second).open(token("wang"), &HeaderMap::new()).unwrap().0;
        let ids: Vec<String> = (1..=most + 1).map(open).collect();
        let now = at(most + 2);
        assert!(now.find(&shows(&ids[0])).is_none());
        assert!(ids[1..].iter().all(|id| now.find(&shows(id)).is_some()));
        assert!(now.find(&shows(&li)).is_some());
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
