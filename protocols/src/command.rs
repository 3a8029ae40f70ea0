//! [`Command`]: what a device is asked for, and [`Commands`]: how its protocol says so.
//!
//! Every field of a command that comes from outside (a device's identity, a password, a text) is
//! held to letters and digits, carried as hexadecimal or behind its length, or refused: none can end
//! a command and begin another. There is no command that stops an engine, and none that changes what
//! a device keeps after a restart.

use std::fmt;

use serde::Serialize;

use crate::{DeviceId, Time, Transport};

/// Something that a device can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Its position, now.
    Position,
    /// Its position, over and over; afterwards it reports as usual by itself.
    ReportEvery {
        /// Seconds between two reports, 1 and more.
        interval_s: u16,
        /// Seconds after which that ends.
        for_s: u32,
    },
    /// To report as usual again: ends [`Self::ReportEvery`].
    ReportAsUsual,
    /// To show a text to its driver.
    Text(String),
}

/// Kinds of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = DeviceAbility))]
#[serde(rename_all = "lowercase")]
pub enum Ability {
    /// [`Command::Position`].
    Position,
    /// [`Command::ReportEvery`] and its end.
    Interval,
    /// [`Command::Text`].
    Text,
}

impl Command {
    /// What a device must be able to do for it.
    #[must_use]
    pub const fn ability(&self) -> Ability {
        match self {
            Self::Position => Ability::Position,
            Self::ReportEvery { .. } | Self::ReportAsUsual => Ability::Interval,
            Self::Text(_) => Ability::Text,
        }
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Position => "position",
            Self::Interval => "interval",
            Self::Text => "text",
        })
    }
}

/// What the devices of a protocol can be asked for, and how.
pub struct Commands {
    /// For what, sorted.
    pub abilities: &'static [Ability],
    /// Puts a command into the bytes that a device is sent.
    pub encode: fn(&Asked<'_>, &Command) -> Result<Vec<u8>, Unsayable>,
}

/// Why a command cannot be put into bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// The protocol: it has no such command, or not over this transport or for this make.
    #[error("its protocol has no way to ask for that")]
    Unsupported,
    /// The device: its identity has what would not stay within its field.
    #[error("its identity has characters that cannot stand in a command of its protocol")]
    Identity,
    /// The installation: the password has what would not stay within its field.
    #[error("its password is to have 1 to 20 letters and digits")]
    Password,
    /// The caller: the text has what the protocol cannot carry.
    #[error("the text has {0:?}, which its protocol cannot carry")]
    Character(char),
    /// The caller: the text is empty or longer than a terminal takes.
    #[error("the text has {length} bytes in its protocol's writing, expected 1 to {most}")]
    Length {
        /// Bytes that it would take.
        length: usize,
        /// How many there may be.
        most: usize,
    },
}

/// How a device speaks, where that decides how it is spoken to: its protocol's decoder notes it and
/// its encoder understands it. Zeros until something was noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner(pub(crate) [u8; 8]);

/// Whom a command is for.
pub struct Asked<'a> {
    /// The device.
    pub device: &'a DeviceId,
    /// Its password, where the installation knows one.
    pub password: Option<&'a str>,
    /// How it spoke last.
    pub manner: Manner,
    /// How it is connected.
    pub transport: Transport,
    /// A number that is another one for each command of a connection.
    pub serial: u16,
    /// When it is said.
    pub now: Time,
}

impl Asked<'_> {
    /// The identity, which has only letters and digits, and `least` to `most` of them.
    pub(crate) fn identity(&self, least: usize, most: usize) -> Result<&str, Unsayable> {
        let id = self.device.as_str();
        let fits = (least..=most).contains(&id.len()) && is_word(id);
        if fits { Ok(id) } else { Err(Unsayable::Identity) }
    }

    /// The identity, which has only digits, and no more than `most`.
    pub(crate) fn digits(&self, most: usize) -> Result<&str, Unsayable> {
        let id = self.identity(1, most)?;
        let fits = id.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(id) } else { Err(Unsayable::Identity) }
    }

    /// The password, or what devices leave the factory with.
    pub(crate) fn password_or<'a>(&'a self, factory: &'a str) -> Result<&'a str, Unsayable> {
        let password = self.password.unwrap_or(factory);
        let fits = (1..=20).contains(&password.len()) && is_word(password);
        if fits { Ok(password) } else { Err(Unsayable::Password) }
    }
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `text`, which has nothing in it that moves a cursor or ends a line, and none of `delimiters`.
pub(crate) fn plain<'a>(text: &'a str, delimiters: &[char]) -> Result<&'a str, Unsayable> {
    match text.chars().find(|letter| letter.is_control() || delimiters.contains(letter)) {
        Some(letter) => Err(Unsayable::Character(letter)),
        None => Ok(text),
    }
}

/// `length` where a text may have it.
pub(crate) const fn within(length: usize, most: usize) -> Result<usize, Unsayable> {
    if length == 0 || length > most {
        return Err(Unsayable::Length { length, most });
    }
    Ok(length)
}
