//! Normal form of one word: NFKC, without the marks that writers add or leave out (stress, accents, vowel points).
//! Case is kept, because identifiers are split by it; [`lower`] comes after.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

use crate::chars::{is_apostrophe, is_cyrillic, is_ignorable, is_plain_cyrillic};

/// Whether [`lower`] alone brings every character of the word into normal form.
pub(crate) fn is_plain(word: &str) -> bool {
    word.is_ascii() || word.chars().all(|c| c.is_ascii() || is_plain_cyrillic(c))
}

/// Writes the normal form of `word` to `out`. The marks on one letter are limited by the stream-safe text format
/// (UAX #15), so that hostile text costs linear time.
pub(crate) fn normalize_into(word: &str, out: &mut String) {
    let visible = word.chars().filter(|c| !is_ignorable(*c));
    for c in visible.stream_safe().nfkc() {
        if is_apostrophe(c) {
            out.push('\'');
        } else if c == '_' || c.is_alphanumeric() {
            push_folded(c, out);
        } else if is_combining_mark(c) && !is_dropped_mark(c) {
            out.push(c);
        }
    }
}

/// Drops the accents of Latin and Greek letters; Cyrillic й and ї are letters of their own and stay.
fn push_folded(c: char, out: &mut String) {
    if is_dropped_mark(c) {
        return;
    }
    match c {
        _ if is_cyrillic(c) => out.push(c),
        'ß' => out.push_str("ss"),
        '\u{00C0}'..='\u{024F}' | '\u{0370}'..='\u{03FF}' | '\u{1E00}'..='\u{1FFF}' => {
            decompose_canonical(c, |part| {
                if !is_combining_mark(part) {
                    out.push(part);
                }
            });
        }
        _ => out.push(c),
    }
}

/// Marks that say how to pronounce and not what is written: Latin, Greek and Cyrillic accents that did not compose,
/// Hebrew points, Arabic vowel signs and the Arabic elongation.
const fn is_dropped_mark(c: char) -> bool {
    matches!(
        c,
        '\u{0300}'..='\u{036F}'
            | '\u{0483}'..='\u{0489}'
            | '\u{0591}'..='\u{05BD}'
            | '\u{05BF}'..='\u{05C7}'
            | '\u{0640}'
            | '\u{064B}'..='\u{065F}'
            | '\u{0670}'
            | '\u{1AB0}'..='\u{1AFF}'
            | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}'
            | '\u{FE20}'..='\u{FE2F}'
    )
}

/// Appends the lower case of a character in normal form; ё counts as е, and so do the two letters that NFKC makes of
/// a grave stress mark (ѐ, ѝ).
pub(crate) fn push_lower(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    match c {
        'А'..='Я' => out.push(char::from_u32(u32::from(c) + 0x20).unwrap_or(c)),
        'а'..='я' => out.push(c),
        'Ё' | 'ё' | 'Ѐ' | 'ѐ' => out.push('е'),
        'Ѝ' | 'ѝ' => out.push('и'),
        _ => out.extend(c.to_lowercase().filter(|c| !is_dropped_mark(*c))),
    }
}
