//! Names and identifiers of a statement stand in a cited passage.
//!
//! Names are words with a capital inside of a sentence, words of another script than the sentence, and whatever is written like an
//! identifier. Declension, derived adjectives («Россия», «российский»), acronyms of words that stand there, and transliteration
//! are no difference.

use super::Fault;
use super::kin::{is_alike, is_kin, skeleton};
use super::numbers::numbers;
use super::reading::Reading;
use super::tokens::{Token, folded};

/// Behind a word that begins a sentence: then it is the subject, and without an article a name.
const FINITE: [&str; 22] = [
    "is", "was", "has", "had", "does", "did", "can", "could", "will", "would", "became", "won", "wrote",
    "made", "led", "began", "held", "took", "said", "stated", "left", "said",
];

/// Digits behind small letters and a hyphen that make a key of them.
const MIN_KEY_DIGITS: usize = 3;

pub(super) fn check(reading: &Reading<'_>, faults: &mut Vec<Fault>) {
    let same_language = reading.is_of_one_language();
    let counted: Vec<_> = numbers(reading.text)
        .into_iter()
        .map(|number| number.span)
        .collect();
    for (at, token) in reading.tokens.iter().enumerate() {
        let is_number = counted
            .iter()
            .any(|span| span.start <= token.span.start && token.span.end <= span.end);
        if reading.is_quoted(&token.span) {
            continue;
        }
        let is_held = match kind(reading, at, token) {
            Some(Kind::Identifier) => is_identifier_held(reading, token),
            Some(Kind::Foreign) if !is_number => is_name_held(reading, token),
            // A translated passage writes names in its own way.
            Some(Kind::Name) if !is_number && same_language => is_name_held(reading, token),
            _ => true,
        };
        if !is_held {
            faults.push(Fault::Name(token.span.clone()));
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Identifier,
    /// Latin letters in a Russian sentence.
    Foreign,
    Name,
}

fn kind(reading: &Reading<'_>, at: usize, token: &Token<'_>) -> Option<Kind> {
    let raw = token.raw;
    let mut letters = raw.chars().filter(|c| c.is_alphabetic());
    let first = letters.next()?;
    let has_digit = raw.chars().any(|c| c.is_ascii_digit());
    let inner_capital = letters.clone().any(char::is_uppercase) && raw.chars().count() > 1;
    let is_numeral = is_ordinal(raw)
        || matches!(raw.as_bytes(), [b'v' | b'V', rest @ ..] if rest.iter().all(u8::is_ascii_digit));
    if is_hyphenated(reading, token) && (first.is_uppercase() || is_strange_key(reading, token)) {
        return Some(Kind::Identifier);
    }
    if (has_digit && !is_numeral && !is_amount(raw)) || raw.contains('_') || inner_capital {
        return Some(Kind::Identifier);
    }
    if has_digit {
        return None;
    }
    if reading.is_russian && first.is_ascii_alphabetic() && raw.chars().count() > 1 {
        return Some(Kind::Foreign);
    }
    if !first.is_uppercase() || raw.chars().count() < 2 || !token.means() {
        return None;
    }
    if !begins_sentence(reading, at) {
        return Some(Kind::Name);
    }
    // The first word has its capital anyway: a name if a name goes on behind it, or if it is a subject without an article.
    let next = reading.tokens.get(at + 1)?;
    let gap = reading.text.get(token.span.end..next.span.start)?;
    let names_on =
        gap == " " && next.raw.starts_with(char::is_uppercase) && next.raw.chars().any(char::is_lowercase);
    let is_subject = gap == " "
        && FINITE.contains(&next.raw)
        && !raw.ends_with('s')
        && !raw.ends_with("ing")
        && !raw.ends_with("ly");
    // Where the passage has a name, there is another word.
    let replaces = gap == " "
        && next.means()
        && reading
            .cited
            .iter()
            .any(|evidence| evidence.after_names.contains(&next.id));
    (names_on || is_subject || replaces || gap.starts_with("'s") || next.raw == "s").then_some(Kind::Name)
}

/// `31st`, `1990s`.
fn is_ordinal(raw: &str) -> bool {
    let digits = raw.trim_end_matches(|c: char| c.is_alphabetic());
    let ending = raw.get(digits.len()..).unwrap_or_default();
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && matches!(ending, "st" | "nd" | "rd" | "th" | "s")
}

/// `10ms`: a number with a unit.
fn is_amount(raw: &str) -> bool {
    let rest = raw.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < raw.len()
        && rest.chars().all(char::is_alphabetic)
        && numbers(raw).iter().all(|number| !number.is_identifier())
}

fn begins_sentence(reading: &Reading<'_>, at: usize) -> bool {
    let Some(token) = reading.tokens.get(at) else {
        return true;
    };
    let before = reading.text.get(..token.span.start).unwrap_or_default();
    let signs = before.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, '*' | '_' | '"' | '«' | '“' | '„' | '(' | '[' | '`')
    });
    let is_item = signs
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches(['.', ')', '-', '+', '•', '|', '#', '>']);
    is_item.trim().is_empty() || signs.ends_with(['.', '!', '?', ':', ';', '|', '—', '…'])
}

fn is_identifier_held(reading: &Reading<'_>, token: &Token<'_>) -> bool {
    if reading.holds_word(token.raw) && !is_hyphenated(reading, token) {
        return true;
    }
    let whole = compound(reading.text, token);
    if reading.holds_terms(whole) {
        return true;
    }
    // Plurals and acronyms: `APIs`, `NTP` for Network Time Protocol.
    let singular = token.raw.trim_end_matches('s');
    let lower = folded(token.raw);
    let is_acronym = token.raw.chars().all(char::is_uppercase) && lower.chars().count() >= 2;
    singular.len() < token.raw.len() && reading.holds_word(singular)
        || is_acronym
            && reading
                .cited
                .iter()
                .any(|evidence| evidence.initials.contains(&lower))
        || is_acronym && is_name_held(reading, token)
}

fn is_hyphenated(reading: &Reading<'_>, token: &Token<'_>) -> bool {
    let digit_behind = reading.text.get(token.span.end..).is_some_and(|rest| {
        let mut rest = rest.chars();
        rest.next() == Some('-') && rest.next().is_some_and(|c| c.is_ascii_digit())
    });
    digit_behind && compound(reading.text, token).len() > token.raw.len()
}

/// `sk-12345`, of whose digits no cited passage knows anything. What was `post-1945` may be told as `after 1945`, and `top-10` as
/// ten.
fn is_strange_key(reading: &Reading<'_>, token: &Token<'_>) -> bool {
    let behind = reading.text.get(token.span.end..).unwrap_or_default();
    let digits = behind.trim_start_matches('-');
    let digits = &digits[..digits.bytes().take_while(u8::is_ascii_digit).count()];
    digits.len() >= MIN_KEY_DIGITS
        && !reading
            .cited
            .iter()
            .any(|evidence| evidence.lower.contains(digits))
}

/// The identifier that a word is a part of: `E-1042`, `a/b`, without the sign of a sentence behind it.
fn compound<'t>(text: &'t str, token: &Token<'t>) -> &'t str {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '\\');
    let start = text[..token.span.start]
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_part(*c))
        .last();
    let start = start.map_or(token.span.start, |(at, _)| at);
    let behind: usize = text[token.span.end..]
        .chars()
        .take_while(|c| is_part(*c))
        .map(char::len_utf8)
        .sum();
    text[start..token.span.end + behind].trim_matches(['-', '.', ':', '/', '\\'])
}

fn is_name_held(reading: &Reading<'_>, token: &Token<'_>) -> bool {
    if reading.holds(token.id) {
        return true;
    }
    let name = folded(token.raw);
    let base = name.strip_suffix("'s").unwrap_or(&name);
    if reading.holds_word(base) {
        return true;
    }
    let sound = skeleton(base);
    let words = reading.cited.iter().flat_map(|evidence| &evidence.words);
    words.into_iter().any(|word| {
        is_kin(base, word)
            || word.is_ascii() != base.is_ascii()
                && sound.chars().count() >= 3
                && is_alike(&sound, &skeleton(word))
            || base.contains('-') && base.split('-').all(|part| part == word)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Evidence;
    use super::*;

    fn strange(statement: &str, source: &str) -> Vec<String> {
        let evidence = Evidence::new(source, "");
        let cited = [&evidence];
        let reading = Reading::new(statement, &[], &cited);
        let mut faults = Vec::new();
        check(&reading, &mut faults);
        faults
            .iter()
            .map(|fault| statement[fault.span().clone()].to_owned())
            .collect()
    }

    #[test]
    fn names_of_the_passage_are_known_in_every_form() {
        for (statement, source) in [
            (
                "There Peyton Manning played for Denver.",
                "Peyton Manning became the first quarterback of Denver.",
            ),
            ("Игрока зовут Люком Кикли, он из Пэнтерс.", "Люк Кикли и Пэнтерс."),
            ("Это российская компания из Германии.", "Россия и Германия."),
            ("It is a Russian one.", "Russia has one."),
            ("It is set by NTP.", "It is set by the Network Time Protocol."),
            ("Это придумал Tesla.", "Никола Тесла придумал это."),
            ("Код E-1042 значит, что часов нет.", "E-1042: нет часов."),
            ("Set `max_size_mb` of the GW-7.", "`max_size_mb` of GW-7"),
            ("Use both APIs.", "An API is there."),
            ("The delay is 10ms on the 31st.", "10 ms on 31"),
            (
                "It is of post-1945 design, one of the top-10.",
                "It was made after 1945, and is among the ten best.",
            ),
            ("The key is sk-12345.", "Its key: SK-12345"),
            ("**Note:** Gateways are here. They work.", "gateways"),
        ] {
            assert!(
                strange(statement, source).is_empty(),
                "{statement}: {:?}",
                strange(statement, source)
            );
        }
    }

    #[test]
    fn names_that_the_passage_does_not_hold_are_found() {
        for (statement, source, name) in [
            ("In 1999 Edison built it.", "Tesla built it in 1999.", "Edison"),
            ("Grafana dashboards do.", "Only Harbor dashboards do.", "Grafana"),
            ("Edison was born there.", "Tesla was born there.", "Edison"),
            ("Thomas Edison built it.", "Nikola Tesla built it.", "Thomas"),
            ("Его построил Эдисон.", "Его построил Тесла.", "Эдисон"),
            ("Ошибка E-1043 значит это.", "Ошибка E-1042 значит это.", "E"),
            ("The key is sk-12345.", "Hold the button.", "sk"),
            ("Ключ — sk-12345.", "Удерживайте кнопку sk-1234.", "sk"),
            ("It is in Australia.", "It is in Austria.", "Australia"),
            ("Set `max_size_kb`.", "Set `max_size_mb`.", "max_size_kb"),
            ("Служба beacond запущена.", "Служба postgres запущена.", "beacond"),
            ("Call the GRPC interface.", "Call the REST interface.", "GRPC"),
        ] {
            assert_eq!(
                strange(statement, source).first().map(String::as_str),
                Some(name),
                "{statement}"
            );
        }
    }
}
