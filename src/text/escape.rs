//! [`escape`]: text from outside on its way to a terminal or a log.

/// `text` with control characters and those that hide or reorder text written as escapes: plates,
/// ids and names come from outside. Line feeds stay.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter != '\n' && (letter.is_control() || is_hidden(letter)) {
            escaped.extend(letter.escape_unicode());
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Marks that show nothing themselves and change how their neighbours look (Unicode UAX #9).
const fn is_hidden(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(super::escape("辽B\u{1b}[2J\u{202e}x"), "辽B\\u{1b}[2J\\u{202e}x");
    }
}
