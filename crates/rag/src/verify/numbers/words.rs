//! Numbers that are written in letters, in both languages, and months.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::tokens::Token;
use super::decimal::Decimal;
use super::scan::with_unit;
use super::{Number, Value};

/// Value and forms. Multiples of ten are put together with what follows: «двадцать пять».
const FORMS: &[(u64, &str)] = &[
    (0, "zero ноль нуль ноля нуля"),
    (1, "one first один одна одно одного одной одному одним одну одном"),
    (2, "two second два две двух двум двумя двое двоих"),
    (
        3,
        "three third три трех трем тремя трое троих третий третья третье третьего третьей третьему третьим третью третьи третьих",
    ),
    (4, "four fourth четыре четырех четырем четырьмя четверо"),
    (5, "five fifth пять пяти пятью"),
    (6, "six sixth шесть шести шестью"),
    (7, "seven seventh семь семи семью"),
    (8, "eight eighth восемь восьми восемью"),
    (9, "nine ninth девять девяти девятью"),
    (10, "ten tenth десять десяти десятью"),
    (11, "eleven eleventh одиннадцать одиннадцати одиннадцатью"),
    (12, "twelve twelfth двенадцать двенадцати двенадцатью"),
    (13, "thirteen thirteenth тринадцать тринадцати"),
    (14, "fourteen fourteenth четырнадцать четырнадцати"),
    (15, "fifteen fifteenth пятнадцать пятнадцати"),
    (16, "sixteen sixteenth шестнадцать шестнадцати"),
    (17, "seventeen seventeenth семнадцать семнадцати"),
    (18, "eighteen eighteenth восемнадцать восемнадцати"),
    (19, "nineteen nineteenth девятнадцать девятнадцати"),
    (20, "twenty twentieth двадцать двадцати двадцатью"),
    (30, "thirty thirtieth тридцать тридцати тридцатью"),
    (40, "forty fortieth сорок сорока"),
    (50, "fifty fiftieth пятьдесят пятидесяти"),
    (60, "sixty sixtieth шестьдесят шестидесяти"),
    (70, "seventy seventieth семьдесят семидесяти"),
    (80, "eighty eightieth восемьдесят восьмидесяти"),
    (90, "ninety ninetieth девяносто девяноста"),
    (100, "hundred сто ста"),
    (200, "двести двухсот"),
    (300, "триста трехсот"),
    (400, "четыреста четырехсот"),
    (500, "пятьсот пятисот"),
    (600, "шестьсот шестисот"),
    (700, "семьсот семисот"),
    (800, "восемьсот восьмисот"),
    (900, "девятьсот девятисот"),
    (
        1_000,
        "thousand тысяча тысячи тысяч тысячу тысячам тысячами тысячей",
    ),
    (
        1_000_000,
        "million миллион миллиона миллионов миллионам миллионами",
    ),
    (1_000_000_000, "billion миллиард миллиарда миллиардов миллиардам"),
];

/// Russian ordinals: value and stem, declined like adjectives.
const ORDINALS: &[(u64, &str)] = &[
    (1, "перв"),
    (2, "втор"),
    (4, "четверт"),
    (5, "пят"),
    (6, "шест"),
    (7, "седьм"),
    (8, "восьм"),
    (9, "девят"),
    (10, "десят"),
    (11, "одиннадцат"),
    (12, "двенадцат"),
    (13, "тринадцат"),
    (14, "четырнадцат"),
    (15, "пятнадцат"),
    (16, "шестнадцат"),
    (17, "семнадцат"),
    (18, "восемнадцат"),
    (19, "девятнадцат"),
    (20, "двадцат"),
    (30, "тридцат"),
    (40, "сороков"),
    (50, "пятидесят"),
    (60, "шестидесят"),
    (70, "семидесят"),
    (80, "восьмидесят"),
    (90, "девяност"),
];
const ENDINGS: [&str; 12] = [
    "ый", "ой", "ая", "ое", "ые", "ого", "ому", "ым", "ом", "ую", "ых", "ыми",
];

/// Months, and whether the word is a month only beside a number: `may`, `march`.
const MONTHS: [&str; 12] = [
    "january январ",
    "february феврал",
    "march март",
    "april апрел",
    "may мая мае май",
    "june июн",
    "july июл",
    "august август",
    "september сентябр",
    "october октябр",
    "november ноябр",
    "december декабр",
];
const ALSO_WORDS: [&str; 4] = ["may", "march", "august", "мае"];

static VALUES: LazyLock<HashMap<String, u64>> = LazyLock::new(|| {
    let mut values: HashMap<String, u64> = HashMap::new();
    for (value, forms) in FORMS {
        values.extend(forms.split(' ').map(|form| (form.to_owned(), *value)));
    }
    for (value, stem) in ORDINALS {
        values.extend(ENDINGS.iter().map(|ending| (format!("{stem}{ending}"), *value)));
    }
    values
});

/// The month that a word names.
fn month(word: &str) -> Option<u32> {
    let names = |form: &str| {
        let ending = word.strip_prefix(form);
        // The stems of Russian months are declined; the rest stands as it is.
        let is_stem = !form.is_ascii() && form.chars().count() > 3;
        ending.is_some_and(|ending| ending.is_empty() || is_stem && ending.chars().count() <= 2)
    };
    let found = MONTHS.iter().position(|forms| forms.split(' ').any(names))?;
    u32::try_from(found + 1).ok()
}

pub(super) fn numbers(text: &str, tokens: &[Token<'_>]) -> Vec<Number> {
    let mut numbers: Vec<Number> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let folded = token.folded();
        if let Some(month) = month(&folded).filter(|_| !is_plain_word(tokens, at, &folded)) {
            numbers.push(number(token.span.clone(), Value::Month(month), false));
            at += 1;
        } else if VALUES.contains_key(&folded) {
            let (value, end) = run(text, tokens, at);
            let last = tokens.get(end - 1).unwrap_or(token);
            let mut found = number(
                token.span.start..last.span.end,
                Value::Plain(vec![Decimal::of(value)]),
                true,
            );
            let words_end = found.span.end;
            with_unit(text, &mut found);
            found.span.end = words_end;
            numbers.push(found);
            at = end;
        } else {
            at += 1;
        }
    }
    numbers
}

fn number(span: std::ops::Range<usize>, value: Value, in_words: bool) -> Number {
    Number {
        span,
        value,
        unit: None,
        in_words,
        is_part: false,
        counted: Vec::new(),
    }
}

/// Words that are also months are months beside a day or a year, or in capitals inside of a sentence.
fn is_plain_word(tokens: &[Token<'_>], at: usize, folded: &str) -> bool {
    if !ALSO_WORDS.contains(&folded) {
        return false;
    }
    let Some(token) = tokens.get(at) else {
        return true;
    };
    let is_capital = token.raw.starts_with(char::is_uppercase);
    let neighbours = [at.checked_sub(1), Some(at + 1)];
    let beside_digits = neighbours
        .into_iter()
        .flatten()
        .filter_map(|at| tokens.get(at))
        .any(|token| token.raw.starts_with(|c: char| c.is_ascii_digit()));
    let after_in = at.checked_sub(1).and_then(|at| tokens.get(at));
    let after_in = after_in.is_some_and(|token| {
        matches!(
            token.folded().as_str(),
            "in" | "of" | "since" | "until" | "by" | "в" | "с"
        )
    });
    !(is_capital || folded == "мае") || !(beside_digits || after_in)
}

/// The value of number words that follow each other, and where they end.
fn run(text: &str, tokens: &[Token<'_>], start: usize) -> (u64, usize) {
    let (mut total, mut current) = (0_u64, 0_u64);
    let mut last = u64::MAX;
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        let is_joined = at == start
            || tokens
                .get(at - 1)
                .and_then(|before| text.get(before.span.end..token.span.start))
                .is_some_and(|between| between.chars().all(|c| matches!(c, ' ' | '-' | '\u{a0}')));
        let word = token.folded();
        let Some(value) = VALUES.get(&word).copied().filter(|_| is_joined) else {
            // `two hundred and five`
            let goes_on = word == "and"
                && is_joined
                && at > start
                && last >= 100
                && tokens
                    .get(at + 1)
                    .and_then(|next| VALUES.get(&next.folded()))
                    .is_some_and(|next| *next < 100);
            if goes_on {
                at += 1;
                continue;
            }
            break;
        };
        match value {
            1_000.. => {
                total = total.saturating_add(current.max(1).saturating_mul(value));
                current = 0;
            }
            100 if (1..100).contains(&current) => current = current.saturating_mul(100),
            // What does not get smaller is the next number.
            value if value >= last || (last < 20 && at > start) => break,
            value => current = current.saturating_add(value),
        }
        last = if value == 100 || value >= 1_000 {
            value.max(100)
        } else {
            value
        };
        at += 1;
    }
    (total.saturating_add(current), at.max(start + 1))
}

#[cfg(test)]
mod tests {
    use super::super::super::tokens::{folded, tokens};
    use super::*;

    fn read(text: &str) -> Vec<u64> {
        let tokens = tokens(text);
        let mut at = 0;
        let mut values = Vec::new();
        while at < tokens.len() {
            if VALUES.contains_key(&folded(tokens[at].raw)) {
                let (value, end) = run(text, &tokens, at);
                values.push(value);
                at = end;
            } else {
                at += 1;
            }
        }
        values
    }

    #[test]
    fn words_are_put_together() {
        assert_eq!(
            read("two hundred and five stations and thirty-one more"),
            [205, 31]
        );
        assert_eq!(read("двадцать пять тысяч триста сорок"), [25_340]);
        assert_eq!(read("three, four, five"), [3, 4, 5]);
        assert_eq!(read("сто двадцать первого"), [121]);
        assert_eq!(read("one million two hundred thousand"), [1_200_000]);
        assert_eq!(read("семья и второстепенный"), [0; 0]);
    }
}
