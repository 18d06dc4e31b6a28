//! Names of entries as bytes. Zip says cp437 where its UTF-8 flag is not set, Windows writes the machine's OEM or ANSI page
//! instead, and tar says nothing; so what is valid UTF-8 is that, and the rest is told by which reading looks like words.

use encoding_rs::{Encoding, IBM866, WINDOWS_1251};

/// Letters by how often Russian uses them; enough to tell cp866 from windows-1251.
const COMMON: &str = "оеаинтсрвлкмдпуяОЕАИНТСРВЛКМДПУЯ";

/// The name as text, or `None` where no reading makes sense. `cp437` is the archive's own reading, if it has one.
pub(super) fn decode(raw: &[u8], cp437: Option<&str>) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(raw) {
        return Some(text.to_owned());
    }
    if has_accented_words(raw)
        && let Some(text) = cp437
    {
        return Some(text.to_owned());
    }
    [IBM866, WINDOWS_1251]
        .into_iter()
        .filter_map(|encoding| cyrillic(raw, encoding))
        .max_by_key(|(score, _)| *score)
        .map(|(_, text)| text)
        .or_else(|| cp437.map(str::to_owned))
}

/// A single foreign byte next to an ASCII letter: `Müller`, `café`. Russian words come in runs of foreign bytes.
fn has_accented_words(raw: &[u8]) -> bool {
    raw.iter().enumerate().any(|(at, byte)| {
        let before = at.checked_sub(1).map(|at| raw[at]);
        let after = raw.get(at + 1).copied();
        let foreign = |byte: Option<u8>| byte.is_some_and(|byte| byte >= 0x80);
        let letter = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphabetic());
        *byte >= 0x80 && !foreign(before) && !foreign(after) && (letter(before) || letter(after))
    })
}

/// The reading and how Russian it looks, where all foreign bytes become Cyrillic letters or usual signs.
fn cyrillic(raw: &[u8], encoding: &'static Encoding) -> Option<(usize, String)> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(raw)?;
    let plausible = text
        .chars()
        .filter(|c| !c.is_ascii())
        .all(|c| matches!(c, 'А'..='я' | 'ё' | 'Ё' | '№' | '«' | '»' | '–' | '—' | '…'));
    let common = text.chars().filter(|c| COMMON.contains(*c)).count();
    plausible.then(|| (common, text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_names_from_windows_are_read() {
        let (ansi, ..) = WINDOWS_1251.encode("Договор №1 — настройка.txt");
        assert_eq!(decode(&ansi, Some("?")).unwrap(), "Договор №1 — настройка.txt");
        let (oem, ..) = IBM866.encode("Отчёт за год.txt");
        assert_eq!(decode(&oem, Some("?")).unwrap(), "Отчёт за год.txt");
    }

    #[test]
    fn western_names_keep_the_reading_of_zip() {
        assert_eq!(decode(b"M\x81ller.md", Some("Müller.md")).unwrap(), "Müller.md");
        assert_eq!(decode("Müller.md".as_bytes(), Some("?")).unwrap(), "Müller.md");
    }

    #[test]
    fn nonsense_without_another_reading_is_none() {
        assert_eq!(decode(b"\xb0\xb1\xb2.md", None), None);
    }
}
