//! Numbers that are written in digits.

use super::decimal::Decimal;
use super::{Number, Value, roman, units, word_after};

/// Thousands are set apart by these.
const BLANKS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];
/// Longest number, in groups of digits; more is data.
const MAX_GROUPS: usize = 8;

/// Digits with what is written between them.
struct Chain<'t> {
    groups: Vec<&'t str>,
    signs: Vec<char>,
    end: usize,
}

pub(super) fn digits(text: &str) -> Vec<Number> {
    let mut numbers = Vec::new();
    let mut at = 0;
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| rest.find(|c: char| c.is_ascii_digit()))
    {
        let start = at + found;
        let chain = chain(text, start);
        at = chain.end;
        read(text, start, &chain, &mut numbers);
    }
    roman::roman(text, &mut numbers);
    numbers
}

fn run(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    &rest[..length]
}

fn chain(text: &str, start: usize) -> Chain<'_> {
    let first = run(text, start);
    let mut chain = Chain {
        groups: vec![first],
        signs: Vec::new(),
        end: start + first.len(),
    };
    while chain.groups.len() < MAX_GROUPS {
        let Some(sign) = text[chain.end..].chars().next() else {
            break;
        };
        let next = run(text, chain.end + sign.len_utf8());
        if next.is_empty() || !chain.goes_on(sign, next) {
            break;
        }
        chain.end += sign.len_utf8() + next.len();
        chain.groups.push(next);
        chain.signs.push(sign);
    }
    // A year and a month are no date: `1914-18` is a range.
    if chain.signs == ['-'] {
        chain = Chain {
            groups: vec![first],
            signs: Vec::new(),
            end: start + first.len(),
        };
    }
    chain
}

impl Chain<'_> {
    fn goes_on(&self, sign: char, next: &str) -> bool {
        let first = self.groups.first().map_or(0, |group| group.len());
        let all = |wanted: char| self.signs.iter().all(|sign| *sign == wanted);
        let thousands = first <= 3 && self.groups.iter().skip(1).all(|group| group.len() == 3);
        match sign {
            sign if BLANKS.contains(&sign) || sign == '\'' => {
                next.len() == 3
                    && thousands
                    && self
                        .signs
                        .iter()
                        .all(|sign| BLANKS.contains(sign) || *sign == '\'')
            }
            ',' => {
                self.signs.is_empty()
                    || all(',') && next.len() == 3 && thousands
                    || thousands && !self.signs.contains(&',')
            }
            '.' => self.signs.is_empty() || all('.') || thousands && !self.signs.contains(&'.'),
            ':' => self.signs.is_empty() && next.len() == 2 || all(':') && next.len() == 2,
            '-' => match self.signs.as_slice() {
                [] => first == 4 && next.len() == 2,
                ['-'] => next.len() == 2,
                _ => false,
            },
            _ => false,
        }
    }

    fn is_all(&self, wanted: char) -> bool {
        !self.signs.is_empty() && self.signs.iter().all(|sign| *sign == wanted)
    }

    /// Year, month and day.
    fn date(&self) -> Option<(&str, u32, &str)> {
        let &[a, b, c] = self.groups.as_slice() else {
            return None;
        };
        let (year, month, day) = if self.is_all('-') {
            (a, b, c)
        } else if self.is_all('.') && a.len() <= 2 && b.len() <= 2 && c.len() == 4 {
            (c, b, a)
        } else {
            return None;
        };
        let month = month.parse().ok().filter(|month| (1..=12).contains(month))?;
        Some((year, month, day))
    }

    fn value(&self) -> Value {
        let whole = self.groups.concat();
        let last = self.groups.last().copied().unwrap_or_default();
        let grouped = self.groups.iter().skip(1).all(|group| group.len() == 3);
        let with_part = || {
            let whole = self.groups[..self.groups.len() - 1].concat();
            Decimal::new(&whole, last)
        };
        match self.signs.as_slice() {
            [] => Value::Plain(vec![Decimal::new(&whole, "")]),
            [':', ..] => Value::Chain(self.joined(":")),
            [',' | '.']
                if grouped
                    && self
                        .groups
                        .first()
                        .is_some_and(|first| first.len() <= 3 && *first != "0") =>
            {
                Value::Plain(vec![Decimal::new(&whole, ""), with_part()])
            }
            [',' | '.'] => Value::Plain(vec![with_part()]),
            ['.', ..] if self.is_all('.') && !grouped => Value::Chain(self.joined(".")),
            [.., last] if self.signs.first() != Some(last) => Value::Plain(vec![with_part()]),
            _ => Value::Plain(vec![Decimal::new(&whole, "")]),
        }
    }

    fn joined(&self, sign: &str) -> String {
        let groups = self.groups.iter().map(|group| {
            let short = group.trim_start_matches('0');
            if short.is_empty() { "0" } else { short }
        });
        groups.collect::<Vec<_>>().join(sign)
    }
}

fn read(text: &str, start: usize, chain: &Chain<'_>, numbers: &mut Vec<Number>) {
    let number = |value, end| Number {
        span: start..end,
        value,
        unit: None,
        in_words: false,
        is_part: false,
        counted: Vec::new(),
    };
    let is_part = is_part(text, start);
    if let Some((year, month, day)) = chain.date().filter(|_| !is_part) {
        numbers.push(number(Value::Plain(vec![Decimal::new(year, "")]), chain.end));
        numbers.push(number(Value::Month(month), chain.end));
        numbers.push(number(Value::Plain(vec![Decimal::new(day, "")]), chain.end));
        return;
    }
    let mut found = number(chain.value(), chain.end);
    found.is_part = is_part;
    behind(text, &mut found);
    if chain.signs.len() > 1 || found.is_part {
        // Its groups may be named alone.
        for group in &chain.groups {
            let mut part = number(Value::Plain(vec![Decimal::new(group, "")]), chain.end);
            part.is_part = true;
            numbers.push(part);
        }
    }
    numbers.push(found);
}

/// Whether digits at `start` belong to an identifier: `E-1042`, `utf8`, `x_2`. A version's `v` does not count.
fn is_part(text: &str, start: usize) -> bool {
    let mut before = text[..start].chars().rev();
    match (before.next(), before.next()) {
        (Some('v' | 'V'), other) => other.is_some_and(|c| c.is_alphanumeric() || c == '_'),
        (Some('-'), Some(other)) => other.is_alphabetic() && !text[..start].ends_with("--"),
        (Some('_'), _) => true,
        (Some(c), _) => c.is_alphanumeric(),
        (None, _) => false,
    }
}

/// Takes in what stands behind the digits: fractions, endings, magnitudes, units.
fn behind(text: &str, number: &mut Number) {
    let mut end = number.span.end;
    let fraction = text[end..].chars().next().and_then(|c| match c {
        '½' => Some("5"),
        '¼' => Some("25"),
        '¾' => Some("75"),
        _ => None,
    });
    if let (Some(part), Some(whole)) = (fraction, text.get(number.span.clone())) {
        number.value = Value::Plain(vec![Decimal::new(whole, part)]);
        end += '½'.len_utf8();
    }
    number.span.end = end;
    if let Some(sign) = text[end..].trim_start_matches(BLANKS).strip_prefix('%') {
        number.unit = Some(units::percent());
        number.span.end = text.len() - sign.len();
        return;
    }
    let Some((word, word_end)) = word_after(text, end) else {
        return;
    };
    let is_attached = word_end - word.len() == end;
    let is_hyphenated = text[end..].starts_with('-');
    let is_cyrillic = word.chars().all(|c| !c.is_ascii());
    if is_attached && matches!(word, "st" | "nd" | "rd" | "th" | "s")
        || is_hyphenated && is_cyrillic && word.chars().count() <= 3 && units::unit(word, false).is_none()
    {
        number.span.end = word_end;
        with_unit(text, number);
    } else if let Some(power) = units::magnitude(word, is_attached) {
        if let Value::Plain(values) = &mut number.value {
            *values = values.drain(..).map(|value| value.shifted(power)).collect();
        }
        number.span.end = word_end;
        with_unit(text, number);
    } else if let Some(unit) = units::unit(word, is_attached) {
        number.unit = Some(unit);
        number.span.end = word_end;
    } else if is_attached {
        number.is_part = true;
    }
}

pub(super) fn with_unit(text: &str, number: &mut Number) {
    if let Some((word, end)) = word_after(text, number.span.end)
        && let Some(unit) = units::unit(word, false)
    {
        number.unit = Some(unit);
        number.span.end = end;
    }
}
