//! A JSON object as it stands in a frame: its text is lent, and it is read in one pass.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

/// A member's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Yes or no.
    Bool(bool),
    /// A whole number of at most 64 bits with their sign.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Nothing, a list, or another object.
    Other,
}

impl Scalar<'_> {
    /// A number.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A member's name.
struct Name<'a>(Cow<'a, str>);

/// The members of one object; what is in another object within it is passed over.
pub struct Object<'a>(SmallVec<[(Cow<'a, str>, Scalar<'a>); 24]>);

impl<'a> Object<'a> {
    /// Reads an object and nothing else; `None` where it is none.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The value of the last member of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Scalar<'a>> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

struct OfName;
struct OfScalar;
struct OfObject;

impl<'de> Visitor<'de> for OfName {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}

impl<'de> Visitor<'de> for OfScalar {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Whole))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

impl<'de> Visitor<'de> for OfObject {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = SmallVec::new();
        while let Some((Name(name), value)) = object.next_entry()? {
            members.push((name, value));
        }
        Ok(Object(members))
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OfName)
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfScalar)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_they_stand() {
        let text = br#"{"a":1,"b":-2.5,"c":"x","d":"\u00e9\"","e":[1,{"f":2}],"f":null,"g":true,
            "h":{"a":9},"i":18446744073709551615,"a":3,"k\n":"last"}"#;
        let object = Object::read(text).unwrap();
        assert_eq!(object.get("a"), Some(&Scalar::Whole(3)));
        assert_eq!(object.get("b").and_then(Scalar::number), Some(-2.5));
        assert!(matches!(object.get("c"), Some(Scalar::Text(Cow::Borrowed("x")))));
        assert_eq!(object.get("d").and_then(Scalar::text), Some("é\""));
        assert_eq!(object.get("g"), Some(&Scalar::Bool(true)));
        assert_eq!(object.get("i").and_then(Scalar::number), Some(18_446_744_073_709_551_615.0));
        assert_eq!(object.get("k\n").and_then(Scalar::text), Some("last"));
        for other in ["e", "f", "h"] {
            assert_eq!(object.get(other), Some(&Scalar::Other));
        }
        assert_eq!(object.get("z"), None);
    }

    #[test]
    fn what_is_no_object_is_none_and_depth_costs_no_stack() {
        for text in ["", "[]", "1", "{\"a\":1} x", "{\"a\":1", "{\"a\":[1}", "{a:1}"] {
            assert!(Object::read(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Object::read(b"{\"a\":\"\xff\"}").is_none());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        let object = Object::read(deep.as_bytes()).unwrap();
        assert_eq!(object.get("a"), Some(&Scalar::Other));
    }
}
