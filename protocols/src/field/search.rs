//! Short words in bytes.

use memchr::memchr;

/// Where `word` begins first. Without the tables that `memchr::memmem` makes for each search, which
/// cost more than a frame's bytes: a word here has a few.
#[must_use]
pub fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let Some((first, others)) = word.split_first() else { return Some(0) };
    let mut from = 0_usize;
    loop {
        let rest = bytes.get(from..)?;
        let at = memchr(*first, rest)?;
        from = from.saturating_add(at).saturating_add(1);
        // Byte by byte: a call that compares costs more than the few.
        let rest = bytes.get(from..)?;
        if rest.len() >= others.len() && rest.iter().zip(others).all(|(byte, other)| byte == other)
        {
            return from.checked_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_where_it_begins_first() {
        assert_eq!(find(b"a\r\r\n\r\n", b"\r\n"), Some(2));
        assert_eq!(find(b"abc", b"c"), Some(2));
        assert_eq!(find(b"abc", b"cd"), None);
        assert_eq!(find(b"abc", b""), Some(0));
        assert_eq!(find(b"", b"a"), None);
        assert_eq!(find(b"aaab", b"aab"), Some(1));
    }
}
