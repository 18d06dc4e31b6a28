//! Numbers that are written in Roman numerals.

use super::decimal::Decimal;
use super::scan::with_unit;
use super::{Number, Value};

/// Roman numerals of two letters and more, in capitals: centuries, kings, Super Bowls.
pub(super) fn roman(text: &str, numbers: &mut Vec<Number>) {
    let mut at = 0;
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
        let start = at + text[at..].find(word).unwrap_or(0);
        at = start + word.len();
        let Some(value) = roman_value(word).filter(|_| word.len() >= 2) else {
            continue;
        };
        let mut number = Number {
            span: start..at,
            value: Value::Plain(vec![Decimal::of(value)]),
            unit: None,
            in_words: false,
            is_part: false,
            counted: Vec::new(),
        };
        with_unit(text, &mut number);
        number.span.end = at;
        numbers.push(number);
    }
}

/// The value of a numeral that is written by the rules.
fn roman_value(word: &str) -> Option<u64> {
    const SIGNS: [(&str, u64); 13] = [
        ("M", 1_000),
        ("CM", 900),
        ("D", 500),
        ("CD", 400),
        ("C", 100),
        ("XC", 90),
        ("L", 50),
        ("XL", 40),
        ("X", 10),
        ("IX", 9),
        ("V", 5),
        ("IV", 4),
        ("I", 1),
    ];
    let (mut rest, mut value) = (word, 0);
    for (sign, worth) in SIGNS {
        let most = if sign.len() == 1 && !matches!(sign, "D" | "L" | "V") {
            3
        } else {
            1
        };
        for _ in 0..most {
            if let Some(after) = rest.strip_prefix(sign) {
                (rest, value) = (after, value + worth);
            }
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}
