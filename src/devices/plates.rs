//! Plates as they are compared: written differently and the same, or alike and not the same.

use serde::Serialize;
use utoipa::ToSchema;

/// A plate as it is compared: `辽B·8K 521` and `辽b8k521` are one.
#[must_use]
pub fn plate_key(plate: &str) -> String {
    plate
        .chars()
        .filter(|letter| {
            !letter.is_whitespace() && !matches!(letter, '·' | '.' | '•' | '・' | '-' | '\u{fe52}')
        })
        .flat_map(char::to_uppercase)
        .collect()
}

/// How two plates that are not the same are taken for each other, the likelier first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PlateAlike)]
pub enum Alike {
    /// By the letters and digits alone they are the same; the plates' colours differ.
    OtherColour,
    /// They differ in letters and digits that look alike, such as 0 and O.
    Lookalike,
    /// One letter or digit is another one, missing, or too many.
    OneOff,
}

/// How two plates, both as [`plate_key`] gives them, are taken for each other; `None` where they are
/// the same or clearly are not.
pub(super) fn alike(one: &str, other: &str) -> Option<Alike> {
    if one == other {
        return None;
    }
    if one.chars().map(drawn).eq(other.chars().map(drawn)) {
        return Some(Alike::Lookalike);
    }
    is_one_off(one, other).then_some(Alike::OneOff)
}

/// What a letter is drawn like: those that people and cameras confuse are one.
const fn drawn(letter: char) -> char {
    match letter {
        'O' | 'Q' | 'D' => '0',
        'I' | 'L' => '1',
        'Z' => '2',
        'S' => '5',
        'G' => '6',
        'B' => '8',
        other => other,
    }
}

fn is_one_off(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(&long).take_while(|(one, other)| one == other).count();
    let rest = usize::from(short.len() == long.len());
    short.iter().skip(same + rest).eq(long.iter().skip(same + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_for_each_other_is_alike() {
        for (one, other, how) in [
            ("辽B8K521", "辽B8K521", None),
            ("辽B8K521", "辽88K52I", Some(Alike::Lookalike)),
            ("辽B0D001", "辽BO0001", Some(Alike::Lookalike)),
            ("辽B8K521", "辽B8K527", Some(Alike::OneOff)),
            ("辽B8K521", "辽B8K52", Some(Alike::OneOff)),
            ("辽B8K521", "辽B8KK521", Some(Alike::OneOff)),
            ("吉B8K521", "辽B8K521", Some(Alike::OneOff)),
            ("辽B8K521", "辽B8K512", None),
            ("辽B8K521", "辽B8", None),
            ("", "辽", Some(Alike::OneOff)),
        ] {
            assert_eq!(alike(one, other), how, "{one} {other}");
            assert_eq!(alike(other, one), how, "{other} {one}");
        }
    }
}
