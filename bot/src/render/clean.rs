//! What Telegram does to the characters of a message before it counts them, done beforehand, so that what is counted
//! and cut here is what arrives. Source: `clean_input_string` and `strip_empty_characters` of TDLib
//! (<https://github.com/tdlib/td/blob/master/td/telegram/misc.cpp>), which the Bot API server is made of.

/// A tab in code, where columns matter. Telegram would make one space of it.
const TAB: &str = "    ";

/// What becomes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cleaned {
    /// It is not shown, or Telegram refuses it.
    Dropped,
    Kept(char),
    /// A tab.
    Spaces(&'static str),
}

/// `previous` is the character before it in the input.
pub(super) fn clean(c: char, previous: Option<char>, in_code: bool) -> Cleaned {
    match c {
        '\n' if previous == Some('\r') => Cleaned::Dropped,
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Cleaned::Kept('\n'),
        '\t' => Cleaned::Spaces(if in_code { TAB } else { " " }),
        // Embeddings and overrides of direction, and three combining lines: Telegram takes them out.
        '\u{202a}'..='\u{202e}' | '\u{333}' | '\u{33f}' | '\u{30a}' => Cleaned::Dropped,
        // Of several marks of direction in a row Telegram keeps the last one.
        '\u{200e}' | '\u{200f}' if matches!(previous, Some('\u{200e}' | '\u{200f}')) => Cleaned::Dropped,
        c if c.is_control() => Cleaned::Dropped,
        c => Cleaned::Kept(c),
    }
}

/// Whether a character shows nothing by itself. A message of nothing else is empty to Telegram.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2060}'
                | '\u{2800}'
                | '\u{fffc}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_one_and_controls_go() {
        assert_eq!(clean('\r', None, false), Cleaned::Kept('\n'));
        assert_eq!(clean('\n', Some('\r'), false), Cleaned::Dropped);
        assert_eq!(clean('\0', None, false), Cleaned::Dropped);
        assert_eq!(clean('\u{9f}', None, false), Cleaned::Dropped);
        assert_eq!(clean('\u{202e}', None, false), Cleaned::Dropped);
        assert_eq!(clean('\t', None, true), Cleaned::Spaces("    "));
    }
}
