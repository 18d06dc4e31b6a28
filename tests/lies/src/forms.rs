//! Other forms of the same numbers and dates.

use nexus_text::Language;
use rand::RngExt as _;
use rand::rngs::StdRng;

const ENGLISH: [&str; 21] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];
const RUSSIAN: [&str; 21] = [
    "ноль",
    "один",
    "два",
    "три",
    "четыре",
    "пять",
    "шесть",
    "семь",
    "восемь",
    "девять",
    "десять",
    "одиннадцать",
    "двенадцать",
    "тринадцать",
    "четырнадцать",
    "пятнадцать",
    "шестнадцать",
    "семнадцать",
    "восемнадцать",
    "девятнадцать",
    "двадцать",
];
const MONTHS: [(&str, &str); 12] = [
    ("January", "января"),
    ("February", "февраля"),
    ("March", "марта"),
    ("April", "апреля"),
    ("May", "мая"),
    ("June", "июня"),
    ("July", "июля"),
    ("August", "августа"),
    ("September", "сентября"),
    ("October", "октября"),
    ("November", "ноября"),
    ("December", "декабря"),
];

const TENS: [&str; 16] = [
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "тридцать",
    "сорок",
    "пятьдесят",
    "шестьдесят",
    "семьдесят",
    "восемьдесят",
    "девяносто",
    "сто",
];

const fn names(language: Language) -> &'static [&'static str; 21] {
    match language {
        Language::English => &ENGLISH,
        Language::Russian => &RUSSIAN,
    }
}

/// The same text with some of its numbers and dates written otherwise.
pub(crate) fn rewritten(text: &str, language: Language, rng: &mut StdRng) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if let Some((date, used)) = date(&words[at..], language, rng) {
            out.push(date);
            at += used;
            continue;
        }
        // `thirty seven` is one number.
        let names = names(language);
        let is_tail = at
            .checked_sub(1)
            .and_then(|before| words.get(before))
            .is_some_and(|before| TENS.contains(before) || names.contains(before));
        out.push(if is_tail {
            (*word).to_owned()
        } else {
            number(word, words.get(at + 1).copied(), language, rng)
        });
        at += 1;
    }
    out.join(" ")
}

/// A date at the beginning of these words in another form, and how many words it took.
fn date(words: &[&str], language: Language, rng: &mut StdRng) -> Option<(String, usize)> {
    let &[a, b, c, ..] = words else { return None };
    let year_sign = c.trim_start_matches(|c: char| c.is_ascii_digit());
    let year = c
        .get(..c.len() - year_sign.len())
        .filter(|year| year.len() == 4)?;
    let month_of = |name: &str| MONTHS.iter().position(|(en, ru)| *en == name || *ru == name);
    let (day, month) = match (month_of(b), month_of(a)) {
        (Some(month), _) => (a.parse::<u32>().ok()?, month),
        (None, Some(month)) => (b.trim_end_matches(',').parse::<u32>().ok()?, month),
        _ => return None,
    };
    if !rng.random_bool(0.7) {
        return None;
    }
    let form = match (language, rng.random_range(0..3)) {
        (_, 0) => format!("{year}-{:02}-{day:02}", month + 1),
        (Language::English, 1) => format!("{} {day}, {year}", MONTHS[month].0),
        (Language::English, _) => format!("{day} {} {year}", MONTHS[month].0),
        (Language::Russian, _) => format!("{day:02}.{:02}.{year}", month + 1),
    };
    let with_word = language == Language::Russian && words.get(3).is_some_and(|word| word.starts_with("год"));
    let tail = if with_word {
        words[3].trim_start_matches(char::is_alphabetic)
    } else {
        year_sign
    };
    Some((form + tail, if with_word { 4 } else { 3 }))
}

fn number(word: &str, next: Option<&str>, language: Language, rng: &mut StdRng) -> String {
    let sign = word.trim_start_matches(|c: char| !matches!(c, ',' | '.' | ';' | ':' | ')' | '%'));
    let core = &word[..word.len() - sign.len()];
    let names = names(language);
    // 1,200 and 1 200.
    let whole: String = word.chars().filter(|c| *c != ',').collect();
    let is_grouped = word.len() > 4
        && word.contains(',')
        && whole.bytes().all(|b| b.is_ascii_digit())
        && word.split(',').skip(1).all(|group| group.len() == 3);
    if is_grouped && rng.random_bool(0.6) {
        return whole;
    }
    if let Some(percent) = sign
        .strip_prefix('%')
        .filter(|_| core.bytes().all(|b| b.is_ascii_digit()) && !core.is_empty())
    {
        return match language {
            Language::English => format!("{core} percent{percent}"),
            Language::Russian => format!("{core} процентов{percent}"),
        };
    }
    let small = core
        .parse::<usize>()
        .ok()
        .filter(|value| (2..=20).contains(value) && core.len() < 3);
    let counts = next.is_some_and(|next| next.starts_with(char::is_lowercase)) && sign.is_empty();
    if let Some(name) = small
        .and_then(|value| names.get(value))
        .filter(|_| counts && rng.random_bool(0.5))
    {
        return (*name).to_owned();
    }
    if let Some(value) = names
        .iter()
        .position(|name| *name == core)
        .filter(|value| *value >= 2)
        && rng.random_bool(0.6)
    {
        return format!("{value}{sign}");
    }
    word.to_owned()
}
