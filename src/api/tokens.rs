//! The tokens of people and services: who may do what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::audit::{Act, By, acts};
use crate::store::{Store, StoreError, Table};

/// What a token's holder is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the installation.
    Admin,
    /// Commands: flags vehicles, reads positions.
    Dispatcher,
    /// Stands at a checkpoint.
    Operator,
    /// Looks back.
    Analyst,
    /// Looks at what others did: reads the audit log.
    Auditor,
    /// A fleet's own people: their devices, never flags.
    Fleet,
    /// A platform that posts positions: that, and nothing else.
    Source,
}

/// What a token belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TokenKind)]
pub enum Kind {
    /// Somebody.
    #[default]
    Person,
    /// A program.
    Service,
}

/// Something that a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tokens.
    ManageTokens,
    /// Posting the positions of vehicles.
    Ingest,
    /// Enrolments.
    ManageDevices,
    /// Lists of devices.
    ReadDevices,
    /// Devices that wanted to be heard and are not enrolled.
    ReadRefusedDevices,
    /// Asking devices for positions, and showing texts to drivers.
    AskDevices,
    /// Adding and withdrawing flags.
    Flag,
    /// Saying of a flag that somebody else asked for whether it may hold. For persons only.
    ApproveFlags,
    /// Checkpoints that come, move, close and go.
    ManageCheckpoints,
    /// Signing alerts off, instructing, saying how they ended.
    HandleAlerts,
    /// Flags, alerts, events, checkpoints.
    ReadAlerts,
    /// Where a vehicle is.
    ReadPosition,
    /// Other systems that events are sent to.
    ManageWebhooks,
    /// Counters.
    ReadMetrics,
    /// The audit log.
    ReadAudit,
    /// All that is held on a vehicle, and who read it.
    ReadSubject,
    /// Keeping what would be purged.
    HoldFlags,
    /// A copy of everything.
    Backup,
}

impl Role {
    /// Whether the role may do that.
    #[must_use]
    pub const fn may(self, action: Action) -> bool {
        match action {
            Action::ManageTokens
            | Action::ManageDevices
            | Action::ManageWebhooks
            | Action::Backup => {
                matches!(self, Self::Admin)
            }
            Action::ReadDevices => {
                matches!(self, Self::Admin | Self::Dispatcher | Self::Auditor | Self::Fleet)
            }
            Action::ReadRefusedDevices => {
                matches!(self, Self::Admin | Self::Dispatcher | Self::Auditor)
            }
            Action::ManageCheckpoints | Action::AskDevices => {
                matches!(self, Self::Admin | Self::Dispatcher)
            }
            Action::HandleAlerts | Action::Flag => {
                matches!(self, Self::Dispatcher | Self::Operator)
            }
            Action::ApproveFlags => matches!(self, Self::Dispatcher),
            Action::ReadPosition => {
                matches!(self, Self::Admin | Self::Dispatcher | Self::Operator | Self::Analyst)
            }
            Action::Ingest => matches!(self, Self::Source),
            Action::ReadAlerts => !matches!(self, Self::Fleet | Self::Source),
            Action::ReadMetrics | Action::ReadAudit | Action::ReadSubject | Action::HoldFlags => {
                matches!(self, Self::Admin | Self::Auditor)
            }
        }
    }
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// What it is called; unlike any other token in force.
    pub name: String,
    /// Whose it is: several tokens may be one person's. Empty only in tokens that were stored before
    /// tokens had persons: those are read as their name's.
    #[serde(default)]
    pub person: String,
    /// Whether that is a person.
    #[serde(default)]
    pub kind: Kind,
    /// What they are there for.
    pub role: Role,
    /// The unit that they belong to: they see and decide what is its and what is under it; `None`:
    /// everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked; it stays listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
}

/// Why a token was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is another's.
    #[error("there is a token `{0}` in force; revoke it first, or take another name")]
    Taken(String),
    /// There is none of that name.
    #[error("there is no token `{0}` in force")]
    Missing(String),
    /// The name is known as the other kind's.
    #[error("`{0}` is known as a {other}; a person and a service cannot share a name", other = kind_name(.1))]
    OtherKind(String, Kind),
    /// Who administers would flag or approve, or the other way round.
    #[error(
        "`{person}` has the token `{token}`; who administers neither flags nor approves, \
             so revoke that first, or make the token for somebody else"
    )]
    Apart {
        /// Whose the token would be.
        person: String,
        /// Which of theirs stands against it.
        token: String,
    },
    /// Nobody could make tokens any more.
    #[error("`{0}` is the last admin token of no unit; add another one first")]
    LastAdmin(String),
    /// It could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The SHA-256 of a secret.
pub(super) type Hash = [u8; 32];

/// All tokens, found by their SHA-256: how long that takes says nothing about the secret.
pub(crate) struct Tokens {
    store: Store,
    known: RwLock<HashMap<Hash, Arc<Token>>>,
    /// Held from looking to writing.
    changing: Mutex<()>,
    generation: watch::Sender<u64>,
}

/// A token's secret, just made: 256 random bits.
pub(crate) fn new_secret() -> Result<String, StoreError> {
    Ok(format!("idt_{}", random_hex()?))
}

/// 256 random bits in hexadecimal.
pub(super) fn random_hex() -> Result<String, StoreError> {
    let mut bits = [0_u8; 32];
    getrandom::fill(&mut bits)
        .map_err(|error| StoreError::Io(format!("no random numbers: {error}")))?;
    Ok(bits.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

/// Makes sure that somebody can log in: where no admin token is in force, `given` becomes one, or
/// a new one is made and answered, to be shown this once. Blocks on the disk.
///
/// # Errors
/// What the store says.
pub fn first_admin(
    store: &Store,
    given: Option<String>,
    now: Time,
) -> Result<Option<String>, StoreError> {
    let tokens = Tokens::load(store)?;
    if tokens.list().iter().any(|token| is_admin(token)) {
        return Ok(None);
    }
    let made = if given.is_none() { Some(new_secret()?) } else { None };
    let Some(secret) = given.as_deref().or(made.as_deref()) else { return Ok(None) };
    // An earlier one of this name may have been revoked; the name is free then.
    let name = "first-admin".to_owned();
    let token = Token {
        person: name.clone(),
        name,
        kind: Kind::Person,
        role: Role::Admin,
        unit: None,
        created_at: now,
        revoked_at: None,
    };
    let why = if made.is_none() { "INTERDICT_ADMIN_TOKEN" } else { "there was no admin token" };
    let act = noted(acts::TOKEN_ADD, now, &token, &By::server().because(why));
    store.write_noted(Table::Tokens, [(&hash(secret)[..], Some(token))], &[act])?;
    Ok(made)
}

const fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Person => "person",
        Kind::Service => "service",
    }
}

/// Whether it makes any token; an admin of a unit makes none that reaches further.
fn is_admin(token: &Token) -> bool {
    token.role == Role::Admin && token.unit.is_none() && token.revoked_at.is_none()
}

pub(super) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

impl Tokens {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let mut known = HashMap::new();
        for (key, mut token) in store.read::<Token>(Table::Tokens)? {
            if token.person.is_empty() {
                token.person.clone_from(&token.name);
            }
            let hash = Hash::try_from(key.as_slice()).map_err(StoreError::corrupt)?;
            known.insert(hash, Arc::new(token));
        }
        Ok(Self {
            store: store.clone(),
            known: RwLock::new(known),
            changing: Mutex::new(()),
            generation: watch::Sender::new(0),
        })
    }

    /// Whose secret it is, if it is in force.
    pub(crate) fn find(&self, secret: &str) -> Option<Arc<Token>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&hash(secret)).filter(|token| token.revoked_at.is_none()).cloned()
    }

    /// The token of that name that is in force.
    pub(crate) fn in_force(&self, name: &str) -> Option<Arc<Token>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut in_force = known.values().filter(|token| token.revoked_at.is_none());
        in_force.find(|token| token.name == name).cloned()
    }

    /// Whether this very token is in force still.
    pub(crate) fn holds(&self, token: &Token) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().any(|other| **other == *token)
    }

    /// Changes whenever a token is made or revoked.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// All tokens, in order of name and age.
    pub(crate) fn list(&self) -> Vec<Arc<Token>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = known.values().cloned().collect();
        all.sort_by(|one, other| (&one.name, one.created_at).cmp(&(&other.name, other.created_at)));
        all
    }

    /// When a person's, or a service's, first token was made, whatever became of it: one that is made
    /// anew makes nobody older or younger.
    pub(crate) fn first_made(&self, person: &str) -> Option<Time> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = known.values().filter(|token| token.person == person);
        theirs.map(|token| token.created_at).min()
    }

    /// Makes a token; answers its secret, which is nowhere else. Blocks on the disk.
    pub(crate) fn add(&self, token: Token, by: &By) -> Result<String, TokenError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.list().iter().any(|known| known.name == token.name && known.revoked_at.is_none()) {
            return Err(TokenError::Taken(token.name));
        }
        self.check_person(&token)?;
        let secret = new_secret()?;
        let act = noted(acts::TOKEN_ADD, token.created_at, &token, by);
        self.put(hash(&secret), token, act)?;
        Ok(secret)
    }

    /// Whether that token may be this person's beside those that they have or had.
    fn check_person(&self, token: &Token) -> Result<(), TokenError> {
        let all = self.list();
        let mut theirs = all.iter().filter(|known| known.person == token.person);
        if let Some(other) = theirs.clone().find(|known| known.kind != token.kind) {
            return Err(TokenError::OtherKind(token.person.clone(), other.kind));
        }
        let flags = |role: Role| role.may(Action::Flag) || role.may(Action::ApproveFlags);
        let stands_against = |known: &Token| match token.role {
            Role::Admin => flags(known.role),
            role => flags(role) && known.role == Role::Admin,
        };
        match theirs.find(|known| known.revoked_at.is_none() && stands_against(known)) {
            Some(known) => {
                Err(TokenError::Apart { person: token.person.clone(), token: known.name.clone() })
            }
            None => Ok(()),
        }
    }

    /// Revokes the token of that name. Blocks on the disk.
    pub(crate) fn revoke(&self, name: &str, now: Time, by: &By) -> Result<Token, TokenError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let found = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let mut in_force = known.iter().filter(|(_, token)| token.revoked_at.is_none());
            in_force
                .find(|(_, token)| token.name == name)
                .map(|(hash, token)| (*hash, Arc::clone(token)))
        };
        let Some((hash, token)) = found else { return Err(TokenError::Missing(name.to_owned())) };
        if is_admin(&token) && self.list().iter().filter(|token| is_admin(token)).count() == 1 {
            return Err(TokenError::LastAdmin(name.to_owned()));
        }
        let revoked = Token { revoked_at: Some(now), ..Token::clone(&token) };
        self.put(hash, revoked.clone(), noted(acts::TOKEN_REVOKE, now, &revoked, by))?;
        Ok(revoked)
    }

    fn put(&self, hash: Hash, token: Token, act: Act) -> Result<(), StoreError> {
        self.store.write_noted(Table::Tokens, [(&hash[..], Some(&token))], &[act])?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::new(token));
        self.generation.send_modify(|generation| *generation += 1);
        Ok(())
    }
}

/// What is noted of a token: whose it is and what it is for.
fn noted(act: &'static str, at: Time, token: &Token, by: &By) -> Act {
    Act::new(at, act, by)
        .with("token", token.name.as_str())
        .with("person", token.person.as_str())
        .with("kind", json!(token.kind))
        .with("role", json!(token.role))
        .with_some("unit", token.unit.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_000);

    fn token(name: &str, role: Role) -> Token {
        Token {
            name: name.into(),
            person: name.into(),
            kind: Kind::Person,
            role,
            unit: None,
            created_at: NOW,
            revoked_at: None,
        }
    }

    fn add(tokens: &Tokens, token: Token) -> Result<String, TokenError> {
        tokens.add(token, &By::server())
    }

    #[test]
    fn the_first_admin_s_token_is_given_or_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let made = first_admin(&store, None, NOW).unwrap().unwrap();
        assert_eq!(made.len(), 4 + 64);
        assert_eq!(first_admin(&store, None, NOW).unwrap(), None);
        assert_eq!(first_admin(&store, Some("mine".into()), NOW).unwrap(), None);
        let tokens = Tokens::load(&store).unwrap();
        assert_eq!(tokens.find(&made).unwrap().role, Role::Admin);
        assert!(tokens.find("mine").is_none(), "there was one already");

        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        assert_eq!(first_admin(&store, Some("mine".into()), NOW).unwrap(), None);
        assert_eq!(Tokens::load(&store).unwrap().find("mine").unwrap().role, Role::Admin);
    }

    #[test]
    fn a_token_is_good_until_it_is_revoked_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let tokens = Tokens::load(&store).unwrap();
        let secret = tokens.add(token("wang", Role::Operator), &By::server()).unwrap();
        assert!(matches!(
            tokens.add(token("wang", Role::Admin), &By::server()),
            Err(TokenError::Taken(_))
        ));
        assert_eq!(tokens.find(&secret).unwrap().name, "wang");
        assert!(tokens.find(&secret[1..]).is_none());
        let known = tokens.find(&secret).unwrap();
        tokens.revoke("wang", NOW, &By::server()).unwrap();
        assert!(tokens.find(&secret).is_none() && !tokens.holds(&known));
        assert!(matches!(tokens.revoke("wang", NOW, &By::server()), Err(TokenError::Missing(_))));
        let again = tokens.add(token("wang", Role::Operator), &By::server()).unwrap();
        let tokens = Tokens::load(&store).unwrap();
        assert!(tokens.find(&secret).is_none() && tokens.find(&again).is_some());
        assert_eq!(tokens.list().len(), 2);
    }

    #[test]
    fn the_last_admin_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let tokens = Tokens::load(&store).unwrap();
        tokens.add(token("one", Role::Admin), &By::server()).unwrap();
        assert!(matches!(tokens.revoke("one", NOW, &By::server()), Err(TokenError::LastAdmin(_))));
        tokens.add(token("two", Role::Admin), &By::server()).unwrap();
        assert!(tokens.revoke("one", NOW, &By::server()).is_ok());
    }

    #[test]
    fn a_person_is_as_old_as_their_first_token() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let tokens = Tokens::load(&store).unwrap();
        let at = |name: &str, seconds: i64| Token {
            person: "wang".into(),
            created_at: Time::from_seconds(seconds),
            ..token(name, Role::Dispatcher)
        };
        assert_eq!(tokens.first_made("wang"), None);
        add(&tokens, at("desk", 1_000)).unwrap();
        tokens.revoke("desk", NOW, &By::server()).unwrap();
        add(&tokens, at("desk", 5_000)).unwrap();
        add(&tokens, at("phone", 9_000)).unwrap();
        for tokens in [&tokens, &Tokens::load(&store).unwrap()] {
            assert_eq!(tokens.first_made("wang"), Some(Time::from_seconds(1_000)));
            assert_eq!(tokens.first_made("desk"), None, "a token is nobody");
        }
    }

    #[test]
    fn who_administers_neither_flags_nor_approves() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let tokens = Tokens::load(&store).unwrap();
        let of = |name: &str, role| Token { person: "wang".into(), ..token(name, role) };
        add(&tokens, token("li", Role::Admin)).unwrap();
        add(&tokens, of("root", Role::Admin)).unwrap();
        add(&tokens, of("books", Role::Auditor)).unwrap();
        for role in [Role::Dispatcher, Role::Operator] {
            assert!(matches!(add(&tokens, of("desk", role)), Err(TokenError::Apart { .. })));
        }
        tokens.revoke("root", NOW, &By::server()).unwrap();
        add(&tokens, of("desk", Role::Dispatcher)).unwrap();
        assert!(matches!(add(&tokens, of("root", Role::Admin)), Err(TokenError::Apart { .. })));
        let service = Token { kind: Kind::Service, ..of("robot", Role::Analyst) };
        assert!(matches!(add(&tokens, service), Err(TokenError::OtherKind(..))));
    }

    #[test]
    fn a_token_of_before_is_its_name_s() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let old = json!({"name": "wang", "role": "operator", "created_at": NOW});
        let act = noted(acts::TOKEN_ADD, NOW, &token("wang", Role::Operator), &By::server());
        store.write_noted(Table::Tokens, [(&hash("secret")[..], Some(&old))], &[act]).unwrap();
        let found = Tokens::load(&store).unwrap().find("secret").unwrap();
        assert_eq!((found.person.as_str(), found.kind), ("wang", Kind::Person));
    }

    #[test]
    fn the_secret_is_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let secret = Tokens::load(&store)
            .unwrap()
            .add(token("wang", Role::Operator), &By::server())
            .unwrap();
        // What lies on the disk is sealed; what that says holds no secret, either.
        let rows: Vec<(Vec<u8>, serde_json::Value)> = store.read(Table::Tokens).unwrap();
        let rows = serde_json::to_string(&rows).unwrap();
        assert!(rows.contains("wang") && !rows.contains(&secret[4..]));
        drop(store);
        let log = std::fs::read(folder.path().join("sled/db")).unwrap();
        let holds = |text: &str| log.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds("wang") && !holds(&secret[4..]));
    }
}
