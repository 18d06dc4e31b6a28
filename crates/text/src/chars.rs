//! Character classes that the scanner, the token counter and the script detector share.

use unicode_normalization::char::is_combining_mark;

/// What a character means to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A letter or digit of a script that separates words.
    Word,
    /// A character of a script that does not separate words (Han, Kana, Hangul, Thai, …): indexed as pairs.
    Unspaced,
    /// Belongs to a word without changing it: combining marks, soft hyphen, zero-width characters.
    Attached,
    /// `_`: inside an identifier.
    Underscore,
    /// Everything else ends a word.
    Break,
}

pub(crate) fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Word,
            '_' => Class::Underscore,
            _ => Class::Break,
        };
    }
    if is_plain_cyrillic(c) {
        Class::Word
    } else if is_ignorable(c) || is_combining_mark(c) {
        Class::Attached
    } else if is_unspaced(c) {
        Class::Unspaced
    } else if c.is_alphanumeric() {
        Class::Word
    } else {
        Class::Break
    }
}

/// The letters of Russian (and Ѐ–Џ, ѐ–џ), which need no normalisation beyond lower case.
pub(crate) const fn is_plain_cyrillic(c: char) -> bool {
    matches!(c, '\u{0400}'..='\u{045F}')
}

/// Invisible characters that may stand anywhere in a word: soft hyphen, zero-width and joining characters,
/// direction marks, the byte order mark, variation selectors.
pub(crate) const fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{061C}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Scripts written without blanks between words, and Hangul, whose words carry their particles with them.
pub(crate) const fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        '\u{0E01}'..='\u{0EFF}'
            | '\u{1000}'..='\u{109F}'
            | '\u{1100}'..='\u{11FF}'
            | '\u{1780}'..='\u{17FF}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3041}'..='\u{3096}'
            | '\u{309D}'..='\u{30FA}'
            | '\u{30FC}'..='\u{318F}'
            | '\u{31F0}'..='\u{31FF}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{9FFF}'
            | '\u{AC00}'..='\u{D7A3}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FF66}'..='\u{FF9F}'
            | '\u{20000}'..='\u{3FFFD}'
    )
}

pub(crate) const fn is_cyrillic(c: char) -> bool {
    matches!(
        c,
        '\u{0400}'..='\u{0481}'
            | '\u{048A}'..='\u{052F}'
            | '\u{1C80}'..='\u{1C8A}'
            | '\u{A640}'..='\u{A66E}'
            | '\u{A680}'..='\u{A69D}'
    )
}

pub(crate) fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || (matches!(
            c,
            '\u{00AA}'
                | '\u{00BA}'
                | '\u{00C0}'..='\u{024F}'
                | '\u{1E00}'..='\u{1EFF}'
                | '\u{2C60}'..='\u{2C7F}'
                | '\u{A722}'..='\u{A7FF}'
                | '\u{FB00}'..='\u{FB06}'
                | '\u{FF21}'..='\u{FF3A}'
                | '\u{FF41}'..='\u{FF5A}'
        ) && c.is_alphabetic())
}

/// `'` and the marks that are typed for it.
pub(crate) const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{02BC}' | '\u{FF07}')
}

/// Hyphens that NFKC makes equal, and the ASCII one.
pub(crate) const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{2011}')
}
