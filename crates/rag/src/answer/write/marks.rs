//! The grammar of citation marks as models write them: `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `[source 2]`, `【1】`,
//! `【1†manual】`.

/// Longest mark, in bytes: what is longer is text.
const MAX_BYTES: usize = 48;
/// Most numbers that a range `[1-9]` stands for; beyond that only its ends are looked at.
const MAX_RANGE: u32 = 32;
/// Words that may stand before or between the numbers.
const WORDS: [&str; 16] = [
    "and",
    "cite",
    "citation",
    "doc",
    "document",
    "ref",
    "source",
    "sources",
    "src",
    "док",
    "документ",
    "и",
    "ист",
    "источник",
    "источника",
    "источники",
];

/// Whether a mark may begin with this sign.
pub(super) fn opens(c: char) -> bool {
    matches!(c, '[' | '【')
}

/// Whether `c` ends a mark that begins with `opening`.
pub(super) fn closes(opening: char, c: char) -> bool {
    c == if opening == '【' { '】' } else { ']' }
}

/// Whether `text`, opened and not closed, can become a mark.
pub(super) fn may_become_mark(text: &str) -> bool {
    let mut chars = text.chars();
    let opening = chars.next();
    if text.len() > MAX_BYTES {
        return false;
    }
    let content = chars.as_str();
    let numbers = match content.split_once('†') {
        Some((numbers, after)) => {
            return opening == Some('【') && !after.contains('\n') && numbers_of(numbers).is_some();
        }
        None => content,
    };
    let last = numbers.len()
        - numbers
            .chars()
            .rev()
            .take_while(|c| c.is_alphabetic())
            .map(char::len_utf8)
            .sum::<usize>();
    let (settled, open_word) = numbers.split_at(last);
    let open_word = open_word.to_lowercase();
    is_made_of_known_parts(settled) && WORDS.iter().any(|word| word.starts_with(&open_word))
}

/// The numbers of a complete mark, brackets included; `None` if it is none. A number may be one that no source has.
pub(super) fn parse(mark: &str) -> Option<Vec<u32>> {
    let mut chars = mark.chars();
    chars.next().filter(|c| opens(*c))?;
    chars.next_back()?;
    let content = chars.as_str();
    if mark.len() > MAX_BYTES + ']'.len_utf8().max('】'.len_utf8()) {
        return None;
    }
    let numbers = content.split_once('†').map_or(content, |(numbers, _)| numbers);
    is_made_of_known_parts(numbers).then(|| numbers_of(numbers))?
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\u{a0}' | ',' | ';' | ':' | '.' | '&' | '#' | '№' | '^' | '-' | '–' | '—'
    )
}

fn is_made_of_known_parts(content: &str) -> bool {
    content
        .split(|c: char| is_separator(c) || c.is_ascii_digit())
        .filter(|word| !word.is_empty())
        .all(|word| WORDS.contains(&word.to_lowercase().as_str()))
}

/// All numbers, ranges written out; `None` if there is not one.
fn numbers_of(content: &str) -> Option<Vec<u32>> {
    let mut numbers: Vec<u32> = Vec::new();
    let mut from = None;
    let mut rest = content;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest[start..].split_at(digits);
        // Too long for a number: no source has it.
        let number = number.parse().unwrap_or(u32::MAX);
        match from.take() {
            Some(from) if (from..=number).contains(&number) && number - from <= MAX_RANGE => {
                numbers.extend(from + 1..=number);
            }
            _ => numbers.push(number),
        }
        from = after.trim_start().starts_with(['-', '–', '—']).then_some(number);
        rest = after;
    }
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_models_write_is_read() {
        for (mark, numbers) in [
            ("[1]", vec![1]),
            ("[ 12 ]", vec![12]),
            ("[1, 2;3]", vec![1, 2, 3]),
            ("[2-4]", vec![2, 3, 4]),
            ("[2 – 4, 7]", vec![2, 3, 4, 7]),
            ("[^1]", vec![1]),
            ("[#3]", vec![3]),
            ("[Source 2]", vec![2]),
            ("[sources: 2 and 3]", vec![2, 3]),
            ("[Источник 2]", vec![2]),
            ("[1 и 2]", vec![1, 2]),
            ("【1】", vec![1]),
            ("【4†manual, p. 3】", vec![4]),
            ("[9-2]", vec![9, 2]),
            ("[1-4000000]", vec![1, 4_000_000]),
            ("[99999999999999999999]", vec![u32::MAX]),
        ] {
            assert_eq!(parse(mark), Some(numbers), "{mark}");
            let mut open = mark.to_owned();
            while open.pop().is_some() && !open.is_empty() {
                assert!(may_become_mark(&open), "{open} of {mark}");
            }
        }
    }

    #[test]
    fn other_brackets_are_text() {
        for text in [
            "[]",
            "[ ]",
            "[x]",
            "[text]",
            "[sourcery 1]",
            "[1a]",
            "[a1]",
            "[Table 1]",
            "[и]",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(!may_become_mark("[te"));
        assert!(!may_become_mark("[1\n"));
        assert!(!may_become_mark(&format!("[{}", "1".repeat(60))));
    }
}
