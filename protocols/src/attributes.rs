//! What a frame states beside position and alarms: names and values, in the order found.
//!
//! Most decoders name them at once. One whose records are mostly elements may leave that to the first
//! look at them: see [`unread`].

mod unread;

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use self::unread::Unread;

/// One attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Yes or no, such as `ignition`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A measured quantity; the unit is in the attribute's name.
    Number(f64),
    /// Text from the device, not trusted.
    Text(Cow<'static, str>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(value: Cow<'_, str>) -> Self {
        Self::Text(Cow::Owned(value.into_owned()))
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

macro_rules! from_integers {
    ($($integer:ty),+) => {
        $(impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self::Integer(i64::from(value))
            }
        })+
    };
}
from_integers!(i8, i16, i32, i64, u8, u16, u32);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

/// The name of one of several, such as `adc_1_v`: the first eight are known when the program is built,
/// and need no allocation.
macro_rules! numbered {
    ($before:literal, $number:expr, $after:literal) => {
        $crate::attributes::numbered!(@ $before, $number, $after, 1 2 3 4 5 6 7 8)
    };
    (@ $before:literal, $number:expr, $after:literal, $($known:literal)+) => {
        match $number {
            $($known => ::std::borrow::Cow::Borrowed(concat!($before, $known, $after)),)+
            number => ::std::borrow::Cow::Owned(format!(concat!($before, "{}", $after), number)),
        }
    };
}
pub(crate) use numbered;

/// More than most frames have, and as many as one quickly found piece of memory holds: the usual
/// allocators have those ready up to 1 KiB.
const FEW: usize = 1024 / size_of::<(Cow<'static, str>, Value)>();

/// Attributes by name, in the order in which the frame states them. A name set again replaces the
/// earlier value, as JSON objects have each name once.
///
/// Those of Teltonika's codecs 8, 8 Extended and 16 are named when they are first looked at: the first
/// `get`, `iter`, `is_empty`, comparison or writing costs more than the next, and gives the same.
#[derive(Clone)]
pub struct Attributes(State);

#[derive(Clone)]
enum State {
    Named(Named),
    Unread(Unread),
}

/// Names and values.
#[derive(Clone, PartialEq)]
struct Named {
    list: Vec<(Cow<'static, str>, Value)>,
    /// A bit for each name that was set, shared by some names: a frame has a dozen names or two, and
    /// hardly ever one twice, so that most are known to be new without a look at the others.
    seen: [u64; 4],
}

/// A name and which bit is its.
pub struct Name {
    text: Cow<'static, str>,
    bit: u8,
}

/// A name of a table, its bit reckoned when the program is built.
#[derive(Clone, Copy)]
pub struct Known {
    text: &'static str,
    bit: u8,
}

impl Known {
    /// Takes note of `text`.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text, bit: bit(text.as_bytes()) }
    }
}

impl From<Known> for Name {
    #[inline]
    fn from(Known { text, bit }: Known) -> Self {
        Self { text: Cow::Borrowed(text), bit }
    }
}

impl From<&'static str> for Name {
    #[inline]
    fn from(text: &'static str) -> Self {
        Known::new(text).into()
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::from(Cow::Owned(text))
    }
}

impl From<Cow<'static, str>> for Name {
    #[inline]
    fn from(text: Cow<'static, str>) -> Self {
        let bit = bit(text.as_bytes());
        Self { text, bit }
    }
}

impl Attributes {
    /// No attributes; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(State::Named(Named { list: Vec::new(), seen: [0; 4] }))
    }

    /// No attributes, with room for so many.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self(State::Named(Named { list: Vec::with_capacity(count), seen: [0; 4] }))
    }

    /// Sets `name` to `value`.
    // The conversions stand inside: a name and a value of a few words come in registers, and what is
    // made of them is written once, where it stays.
    #[inline]
    pub fn set(&mut self, name: impl Into<Name>, value: impl Into<Value>) {
        if matches!(self.0, State::Unread(_)) {
            self.read();
        }
        if let State::Named(named) = &mut self.0 {
            named.set(name.into(), value);
        }
    }

    /// Sets `name` where there is a value.
    pub fn set_some(&mut self, name: impl Into<Name>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.named().list.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named().list.is_empty()
    }

    /// Names and values in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.named().list.iter().map(|(name, value)| (name.as_ref(), value))
    }

    fn named(&self) -> &Named {
        match &self.0 {
            State::Named(named) => named,
            State::Unread(unread) => unread.named(),
        }
    }

    fn into_named(self) -> Named {
        match self.0 {
            State::Named(named) => named,
            State::Unread(unread) => unread.into_named(),
        }
    }

    /// Names what is unread, as what is set now comes behind it.
    #[cold]
    fn read(&mut self) {
        self.0 = State::Named(std::mem::take(self).into_named());
    }
}

impl Named {
    #[inline]
    fn set(&mut self, Name { text, bit }: Name, value: impl Into<Value>) {
        match text {
            Cow::Borrowed(text) => self.put(text, bit, value),
            Cow::Owned(text) => self.put(text, bit, value),
        }
    }

    // What is put is made where it stays, once there is room for it: a list that must make room for
    // what it holds already would have to be able to drop it, and the pieces would be written twice,
    // the second time from before the first has ended.
    #[inline]
    fn put<T>(&mut self, text: T, bit: u8, value: impl Into<Value>)
    where
        T: AsRef<str> + Into<Cow<'static, str>>,
    {
        if self.see(bit)
            && let Some(slot) = self.slot(text.as_ref())
        {
            *slot = value.into();
            return;
        }
        if self.list.len() == self.list.capacity() {
            self.grow();
        }
        self.list.extend(std::iter::once_with(|| (text.into(), value.into())));
    }

    /// Takes note of a name's bit; answers whether it was there.
    #[inline]
    fn see(&mut self, bit: u8) -> bool {
        let Some(word) = self.seen.get_mut(usize::from(bit >> 6)) else { return true };
        let mask = 1 << (bit & 63);
        let is_seen = *word & mask != 0;
        *word |= mask;
        is_seen
    }

    #[cold]
    fn slot(&mut self, name: &str) -> Option<&mut Value> {
        self.list.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Makes room for many at once: one allocation for most frames.
    #[cold]
    fn grow(&mut self) {
        self.list.reserve(self.list.len().max(FEW));
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.named() == other.named()
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

/// One of 256 bits for a name: of its length and three of its letters, mixed as by Fibonacci hashing.
const fn bit(name: &[u8]) -> u8 {
    let last = name.len().saturating_sub(1);
    let letters = [letter(name, 0), letter(name, last / 2), letter(name, last), low(name.len())];
    let mixed = u32::from_le_bytes(letters).wrapping_mul(0x9e37_79b9);
    let [_, _, _, bit] = mixed.to_le_bytes();
    bit
}

const fn letter(name: &[u8], place: usize) -> u8 {
    match name.split_at_checked(place) {
        Some((_, [letter, ..])) => *letter,
        _ => 0,
    }
}

/// The lowest byte of a length.
const fn low(length: usize) -> u8 {
    let [low, ..] = length.to_le_bytes();
    low
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.named().list.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_share_a_bit_are_kept_apart() {
        let names: Vec<String> = (0..200).map(|number| format!("io_{number}")).collect();
        let mut attributes = Attributes::new();
        for round in 0..2_u32 {
            for (number, name) in (0..).zip(&names) {
                attributes.set(name.clone(), round + number);
            }
        }
        assert_eq!(attributes.iter().count(), names.len());
        assert_eq!(attributes.get("io_7"), Some(&Value::Integer(8)));
    }

    #[test]
    fn setting_a_name_again_replaces_its_value_in_place() {
        let mut attributes = Attributes::new();
        attributes.set("satellites", 3_u8);
        attributes.set("ignition", true);
        attributes.set("satellites", 9_u8);
        let json = serde_json::to_string(&attributes).unwrap();
        assert_eq!(json, r#"{"satellites":9,"ignition":true}"#);
    }
}
