//! Attributes of which nobody has asked yet: the bytes in which the frame states them.
//!
//! A record of identity–value elements is walked and checked by its decoder either way: bounds, counts,
//! alarms and all else that an item says. What its elements are called and in which units is wanted only
//! by who looks at the attributes, and most are never looked at. So a decoder may leave that: it keeps
//! the record's bytes and the function that names them, which the first look calls. What is left must be
//! sound; naming cannot refuse a frame any more.

use std::sync::OnceLock;

use super::{Attributes, Named, State};

/// A record's bytes, and what names them.
#[derive(Clone)]
pub(super) struct Unread {
    bytes: Box<[u8]>,
    name: fn(&[u8]) -> Attributes,
    /// What the first look has found: a look is cheap from the second on, and lends what it shows.
    named: OnceLock<Box<Named>>,
}

impl Unread {
    pub(super) fn new(bytes: &[u8], name: fn(&[u8]) -> Attributes) -> Self {
        Self { bytes: bytes.into(), name, named: OnceLock::new() }
    }

    pub(super) fn named(&self) -> &Named {
        self.named.get_or_init(|| Box::new((self.name)(&self.bytes).into_named()))
    }

    pub(super) fn into_named(mut self) -> Named {
        match self.named.take() {
            Some(named) => *named,
            None => (self.name)(&self.bytes).into_named(),
        }
    }
}

impl Attributes {
    /// Those that `name` finds in `bytes` once somebody looks.
    pub(crate) fn unread(bytes: &[u8], name: fn(&[u8]) -> Self) -> Self {
        Self(State::Unread(Unread::new(bytes, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn name(bytes: &[u8]) -> Attributes {
        let mut attributes = Attributes::new();
        for pair in bytes.chunks_exact(2) {
            attributes.set(format!("io_{}", pair[0]), pair[1]);
        }
        attributes
    }

    const fn is_shared<T: Clone + Send + Sync>(_: &T) {}

    #[test]
    fn unread_attributes_are_those_that_were_named_at_once() {
        let bytes = [1, 10, 2, 20, 1, 30];
        let unread = Attributes::unread(&bytes, name);
        is_shared(&unread);
        let copy = unread.clone();
        assert_eq!(unread.get("io_1"), Some(&Value::Integer(30)));
        assert_eq!(unread.iter().count(), 2);
        assert_eq!(unread, name(&bytes));
        // One that was looked at and one that was not.
        assert_eq!(unread, copy);
        assert_eq!(format!("{copy:?}"), format!("{:?}", name(&bytes)));
        assert_eq!(serde_json::to_string(&copy).unwrap(), r#"{"io_1":30,"io_2":20}"#);
        assert_ne!(unread, Attributes::unread(&bytes[..4], name));
        assert!(Attributes::unread(&[], name).is_empty());
    }

    #[test]
    fn a_name_set_later_replaces_what_the_bytes_say() {
        for look in [false, true] {
            let mut attributes = Attributes::unread(&[1, 10, 2, 20], name);
            if look {
                assert!(!attributes.is_empty());
            }
            attributes.set("io_1", true);
            attributes.set("motion", false);
            let json = serde_json::to_string(&attributes).unwrap();
            assert_eq!(json, r#"{"io_1":true,"io_2":20,"motion":false}"#);
        }
    }
}
