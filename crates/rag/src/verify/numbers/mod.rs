//! Numbers of a statement stand in what it was made of, whatever they look like: `1,200`, `1 200` and «тысяча двести» are one
//! number, and `2025-03-31`, `31.03.2025` and «31 марта 2025 года» one date.

mod decimal;
mod roman;
mod scan;
mod units;
mod words;

use std::ops::Range;

use decimal::Decimal;
use units::Unit;

use super::Fault;
use super::reading::Reading;
use super::tokens::{Token, id_of, is_cut, tokens};

/// A number in a text.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) span: Range<usize>,
    value: Value,
    unit: Option<Unit>,
    /// Written in letters: «тридцать».
    in_words: bool,
    /// Part of an identifier (`E-1042`): may be named alone, but is no number of the statement.
    is_part: bool,
    /// Stems of the words behind it, up to the end of the clause.
    counted: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// What it may mean: `1,200` is 1200 or 1.2.
    Plain(Vec<Decimal>),
    /// 1 to 12, by name or as part of a date.
    Month(u32),
    /// `2.3.1`, `04:10`, without leading zeros.
    Chain(String),
}

/// Words behind a number that may be what it counts.
const COUNTED_WORDS: usize = 3;
/// Words of so little weight need no source: «one of them», «first of all».
const LIGHT: [&str; 2] = ["1", "2"];

/// All numbers of a text, in order for each way of writing.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let tokens = tokens(text);
    let mut numbers = scan::digits(text);
    let mut digits = numbers
        .iter()
        .map(|number| number.span.clone())
        .collect::<Vec<_>>();
    digits.sort_by_key(|span| span.start);
    // The thousand of `5 thousand` was read with its digits.
    let is_read = |span: &Range<usize>| {
        let before = digits.partition_point(|digits| digits.start < span.end);
        before
            .checked_sub(1)
            .and_then(|at| digits.get(at))
            .is_some_and(|digits| digits.end > span.start)
    };
    numbers.extend(
        words::numbers(text, &tokens)
            .into_iter()
            .filter(|number| !is_read(&number.span)),
    );
    for number in &mut numbers {
        number.counted = counted(text, &tokens, number.span.end);
    }
    numbers
}

fn counted(text: &str, tokens: &[Token<'_>], from: usize) -> Vec<u32> {
    let start = tokens.partition_point(|token| token.span.start < from);
    let mut at = from;
    let mut ids = Vec::new();
    for token in tokens.iter().skip(start).take(COUNTED_WORDS + 1) {
        let is_next = token.raw.starts_with(|c: char| c.is_ascii_digit())
            || matches!(token.raw, "and" | "or" | "и" | "или");
        if is_next || text.get(at..token.span.start).is_none_or(is_cut) {
            break;
        }
        at = token.span.end;
        if token.means() && ids.len() < COUNTED_WORDS {
            ids.push(token.id);
        }
    }
    ids
}

/// Every number of the statement against those of the sentences that it was made of.
pub(super) fn check(reading: &Reading<'_>, faults: &mut Vec<Fault>) {
    let item = item_mark(reading.text);
    let found = numbers(reading.text);
    let held: Vec<&Number> = reading
        .cited
        .iter()
        .flat_map(|evidence| &evidence.common)
        .chain(reading.near.iter().flat_map(|unit| &unit.numbers))
        .collect();
    for number in found {
        let elsewhere = number.is_part || number.span.start < item || reading.is_quoted(&number.span);
        if elsewhere || is_light(&number) || is_held(&number, &held, reading) {
            continue;
        }
        faults.push(Fault::Number(number.span));
    }
}

/// Where the text of a list item begins behind its number.
fn item_mark(text: &str) -> usize {
    let trimmed = text.trim_start();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let rest = trimmed.get(digits..).unwrap_or_default();
    let is_item = (1..=3).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") "));
    if is_item { text.len() - rest.len() + 1 } else { 0 }
}

fn is_light(number: &Number) -> bool {
    match &number.value {
        Value::Plain(values) => {
            number.in_words
                && values
                    .iter()
                    .any(|value| LIGHT.iter().any(|light| *value == Decimal::new(light, "")))
                && number.unit.is_none()
        }
        Value::Month(_) | Value::Chain(_) => false,
    }
}

fn is_held(number: &Number, held: &[&Number], reading: &Reading<'_>) -> bool {
    if number.in_words
        && reading
            .text
            .get(number.span.clone())
            .is_some_and(|words| is_literal(words, reading))
    {
        return true;
    }
    let (same, others): (Vec<&Number>, Vec<&Number>) = held.iter().partition(|held| number.equals(held));
    if same.is_empty() {
        return false;
    }
    // The passage counts these things, and says another number of them.
    let Some(counted) = number.counted.first().filter(|_| number.unit.is_none()) else {
        return true;
    };
    let counts = |held: &&&Number| held.unit.is_none() && held.counted.contains(counted);
    same.iter()
        .any(|held| held.counted.is_empty() || held.counted.contains(counted))
        || !others.iter().any(|held| counts(&held))
}

/// Whether a passage has the same words for it.
fn is_literal(words: &str, reading: &Reading<'_>) -> bool {
    let mut tokens = tokens(words).into_iter();
    tokens.all(|token| reading.near.iter().any(|unit| unit.terms.contains(&token.id)))
}

impl Number {
    /// Digits that belong to a name.
    pub(super) const fn is_identifier(&self) -> bool {
        self.is_part
    }

    fn equals(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Month(a), Value::Month(b)) => a == b,
            (Value::Chain(a), Value::Chain(b)) => a == b,
            (Value::Plain(a), Value::Plain(b)) => {
                let same = a.iter().any(|value| b.contains(value));
                match (self.unit, other.unit) {
                    (Some(x), Some(y)) if x == y => same,
                    (Some(x), Some(y)) => a.iter().any(|a| b.iter().any(|b| units::is_same(a, x, b, y))),
                    _ => same,
                }
            }
            _ => false,
        }
    }
}

/// A word right behind a place, blanks and one hyphen between them; with its end.
fn word_after(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = text.get(at..)?;
    let blanks = rest.trim_start_matches([' ', '\u{a0}', '\u{202f}', '\u{2009}']);
    let word_start = blanks
        .strip_prefix('-')
        .filter(|_| blanks.len() == rest.len())
        .unwrap_or(blanks);
    let start = at + rest.len() - word_start.len();
    let length: usize = word_start
        .chars()
        .take_while(|c| c.is_alphabetic() || *c == '²')
        .map(char::len_utf8)
        .sum();
    (length > 0).then(|| (&text[start..start + length], start + length))
}

#[cfg(test)]
mod tests {
    use super::super::Evidence;
    use super::*;

    fn wrong(statement: &str, source: &str) -> Vec<String> {
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
    fn one_number_has_many_forms() {
        for (statement, source) in [
            ("It keeps fourteen archives", "with 14 archives kept"),
            ("It costs 1 200 a year", "It costs 1,200 a year"),
            ("It costs 1200 a year", "It costs 1 200 a year"),
            ("twenty-five stations", "at most 25 stations"),
            ("300,000,000 people", "300 million people"),
            ("2.5 тысячи станций", "2500 станций"),
            ("двадцать пять тысяч станций", "25 000 станций"),
            ("15 percent of them", "15% of them"),
            ("15 процентов", "15 %"),
            ("3 дня", "72 часа"),
            ("three days", "72 hours"),
            ("0,5 метра", "0.5 m"),
            ("on 31 March 2025", "on 2025-03-31"),
            ("On March 31, 2025,", "31.03.2025"),
            ("31 марта 2025 года", "2025-03-31"),
            ("в 1990-х годах", "in the 1990s"),
            ("the 19th century", "the nineteenth century"),
            ("в девятнадцатом веке", "в XIX веке"),
            ("at 4:10", "at 04:10"),
            ("Version 2.3.1", "since v2.3.1"),
            ("6.5 sacks", "6½ sacks"),
            ("error 1042 means", "E-1042 means"),
            ("12 V", "12 volts"),
            ("1. Wait 5 minutes", "Wait five minutes"),
            ("третий шаг", "3-й шаг"),
            ("пятая часть", "5 частей"),
        ] {
            assert!(
                wrong(statement, source).is_empty(),
                "{statement}: {:?}",
                wrong(statement, source)
            );
        }
    }

    #[test]
    fn another_number_is_found() {
        for (statement, source, number) in [
            ("with 15 archives kept", "with 14 archives kept", "15"),
            ("It costs 12,000 a year", "It costs 1,200 a year", "12,000"),
            ("in 30 minutes", "in 30 seconds", "30 minutes"),
            ("thirty-one stations", "at most 30 stations", "thirty-one"),
            ("до тридцати станций", "до 40 станций", "тридцати"),
            ("on 30 March 2025", "on 2025-03-31", "30"),
            ("on 31 May 2025", "on 2025-03-31", "May"),
            ("31 мая 2025 года", "31 марта 2025 года", "мая"),
            ("Version 2.3.2", "since v2.3.1", "2.3.2"),
            ("about 3.7%", "about 3.6%", "3.7%"),
            ("7 shelves", "It has 7 drawers and 5 shelves", "7"),
            ("300 million", "300 thousand", "300 million"),
            ("in the XVIII century", "in the XIX century", "XVIII"),
        ] {
            assert_eq!(wrong(statement, source), [number], "{statement}");
        }
    }

    #[test]
    fn words_that_only_look_like_numbers_are_left_alone() {
        for statement in [
            "one of them may be wrong",
            "First of all, E-7 is a code",
            "Одна из них",
            "I may march",
            "IT is I",
        ] {
            assert!(wrong(statement, "Nothing.").is_empty(), "{statement}");
        }
    }
}
