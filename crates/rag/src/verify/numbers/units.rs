//! Units and magnitudes, in both languages.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::decimal::Decimal;
use super::id_of;

/// What is measured, and how large one of it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    dimension: u8,
    factor: f64,
}

/// Dimension, factor, names. Units with the same dimension are converted; names of one line are equal.
const UNITS: &[(u8, f64, &str)] = &[
    (0, 0.001, "ms millisecond миллисекунда мс"),
    (0, 1.0, "sec second секунда сек"),
    (0, 60.0, "min minute минута минуту мин"),
    (0, 3_600.0, "hour часа час часов"),
    (0, 86_400.0, "day день дня дней дни дням днях сутки суток"),
    (0, 604_800.0, "week неделя недель неделю"),
    (1, 1.0, "month месяц месяцев месяца"),
    (1, 12.0, "year год года лет году годом"),
    (2, 1.0, "kb кб"),
    (2, 1_000.0, "mb мб мегабайт"),
    (2, 1_000_000.0, "gb гб гигабайт"),
    (2, 1_000_000_000.0, "tb тб"),
    (3, 0.001, "mm мм миллиметр"),
    (3, 0.01, "cm см сантиметр"),
    (3, 1.0, "metre meter метр"),
    (3, 1_000.0, "km kilometre kilometer км километр"),
    (3, 1_609.344, "mile миля"),
    (4, 0.001, "mg мг"),
    (4, 1.0, "gram грамм"),
    (4, 1_000.0, "kg kilogram кг килограмм"),
    (4, 1_000_000.0, "ton tonne тонна"),
    (5, 1.0, "volt вольт"),
    (6, 1.0, "ampere amp ампер"),
    (7, 1.0, "watt ватт вт"),
    (7, 1_000.0, "kw kilowatt квт"),
    (8, 1_000.0, "khz кгц"),
    (8, 1_000_000.0, "mhz мгц"),
    (8, 1_000_000_000.0, "ghz ггц"),
    (9, 1.0, "percent процент процента процентов процентами"),
    (10, 1.0, "century век века веке столетие"),
    (11, 1.0, "bit бит"),
    (12, 1.0, "byte байт"),
];

/// Letters that are units right behind a number and words elsewhere.
const ATTACHED: &[(&str, u8, f64)] = &[
    ("s", 0, 1.0),
    ("h", 0, 3_600.0),
    ("d", 0, 86_400.0),
    ("m", 3, 1.0),
    ("м", 3, 1.0),
    ("с", 0, 1.0),
    ("ч", 0, 3_600.0),
    ("V", 5, 1.0),
    ("В", 5, 1.0),
    ("A", 6, 1.0),
    ("А", 6, 1.0),
    ("W", 7, 1.0),
    ("Вт", 7, 1.0),
    ("g", 4, 1.0),
];

/// Of these, what is a unit behind a blank, too.
const CAPITAL: [&str; 4] = ["V", "W", "В", "Вт"];

const PERCENT: Unit = Unit {
    dimension: 9,
    factor: 1.0,
};

static BY_STEM: LazyLock<HashMap<u32, Unit>> = LazyLock::new(|| {
    let named = |(dimension, factor, names): &(u8, f64, &str)| {
        let unit = Unit {
            dimension: *dimension,
            factor: *factor,
        };
        names
            .split(' ')
            .filter_map(id_of)
            .map(|id| (id, unit))
            .collect::<Vec<_>>()
    };
    UNITS.iter().flat_map(named).collect()
});

pub(super) const fn percent() -> Unit {
    PERCENT
}

/// The unit that a word behind a number names.
pub(super) fn unit(word: &str, is_attached: bool) -> Option<Unit> {
    let letter = ATTACHED.iter().find(|(name, ..)| *name == word);
    if let Some((name, dimension, factor)) = letter
        && (is_attached || CAPITAL.contains(name))
    {
        return Some(Unit {
            dimension: *dimension,
            factor: *factor,
        });
    }
    if word.chars().count() < 2 {
        return None;
    }
    BY_STEM.get(&id_of(word)?).copied()
}

/// The power of ten that a word behind a number stands for.
pub(super) fn magnitude(word: &str, is_attached: bool) -> Option<i32> {
    if is_attached && matches!(word, "k" | "K") {
        return Some(3);
    }
    let lower = word.to_lowercase();
    let starts = |stem: &str| lower.starts_with(stem) && lower.chars().count() <= stem.chars().count() + 3;
    match lower.as_str() {
        "thousand" | "thousands" | "тыс" => Some(3),
        "million" | "millions" | "mln" | "млн" => Some(6),
        "billion" | "billions" | "bn" | "млрд" => Some(9),
        "trillion" | "trillions" | "трлн" => Some(12),
        _ if starts("тысяч") => Some(3),
        _ if starts("миллион") => Some(6),
        _ if starts("миллиард") => Some(9),
        _ if starts("триллион") => Some(12),
        _ => None,
    }
}

/// Whether two amounts in different units are one: 72 hours are three days.
pub(super) fn is_same(a: &Decimal, x: Unit, b: &Decimal, y: Unit) -> bool {
    let (a, b) = (a.approximate() * x.factor, b.approximate() * y.factor);
    x.dimension == y.dimension && (a - b).abs() <= a.abs().max(b.abs()) * 1e-9
}
