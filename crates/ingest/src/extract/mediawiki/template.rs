//! What a template leaves in the text, judged by its name and arguments alone: its page is not at hand.
//!
//! Known ones say what they say everywhere ([`super::words`]). Of the others, positional arguments stay if they hold words,
//! and named ones, where there are several at the beginning of a line, are the properties of an infobox: "key: value" finds
//! what people ask for. Every argument is used once at most, so nothing grows.

use std::fmt::Write as _;

use super::words::{self, CITED, Function, Means};
use crate::extract::wiki::OPEN;

/// From this many named arguments on, a template that stands on its own tells properties.
const PROPERTIES: usize = 3;
/// Longest text without words that an unknown template leaves within a line (numbers, signs), in characters.
const SHORT: usize = 40;

/// An argument as it stands, and where its first `=` is that stands in no other template.
#[derive(Debug, Default)]
pub(super) struct Argument {
    pub(super) text: String,
    pub(super) equals: Option<usize>,
}

#[derive(Debug, Default)]
struct Arguments {
    positional: Vec<String>,
    named: Vec<(String, String)>,
}

/// The title that the page gives itself.
pub(super) fn display_title(name: &str) -> Option<String> {
    let (function, title) = name.split_once(':')?;
    let function = function.trim().to_lowercase();
    let is_title = matches!(function.as_str(), "displaytitle" | "показать_заголовок");
    is_title.then(|| title.replace("'''", "").replace("''", "").trim().to_owned())
}

pub(super) fn text(name: &str, arguments: impl Iterator<Item = Argument>, starts_line: bool) -> String {
    if let Some((function, value)) = name.split_once(':') {
        let known = words::function(&function.trim().to_lowercase());
        match known {
            Some(Function::Nothing) => return String::new(),
            Some(Function::Value) => return value.trim().to_owned(),
            Some(Function::Branch) => {
                let mut branches = arguments.map(|branch| branch.text.trim().to_owned());
                return branches.find(|branch| !branch.is_empty()).unwrap_or_default();
            }
            None => {}
        }
    }
    let name = name.trim().replace('_', " ").to_lowercase();
    let name = ["template:", "шаблон:"]
        .into_iter()
        .find_map(|namespace| name.strip_prefix(namespace))
        .map_or(name.as_str(), str::trim_start);
    let mut arguments = Arguments::read(arguments);
    match words::meaning(name) {
        Some(Means::Nothing) => String::new(),
        Some(Means::Signs(signs)) => signs.to_owned(),
        Some(Means::Argument(number)) => arguments.take(number),
        Some(Means::Abbreviation) => arguments.abbreviation(),
        Some(Means::Words) => arguments.positional.join(" "),
        Some(Means::Quotation) => format!(
            "\n<blockquote>\n{}\n</blockquote>\n",
            arguments.into_words("\n\n")
        ),
        Some(Means::Citation) => arguments.citation(),
        Some(Means::Properties) => arguments.properties(),
        None if is_constant(name) && arguments.is_empty() => String::new(),
        None if starts_line && arguments.positional.is_empty() && arguments.named.len() >= PROPERTIES => {
            arguments.properties()
        }
        None => arguments.unknown(starts_line),
    }
}

/// `{{PAGENAME}}`, `{{CURRENTYEAR}}`: known to the wiki alone.
fn is_constant(name: &str) -> bool {
    name.ends_with("name")
        || name.starts_with("current")
        || name.starts_with("number")
        || name.starts_with("local")
}

impl Arguments {
    fn read(arguments: impl Iterator<Item = Argument>) -> Self {
        let mut read = Self::default();
        for argument in arguments {
            let split = argument.equals.and_then(|at| argument.text.split_at_checked(at));
            let Some((key, value)) = split else {
                read.positional.push(argument.text.trim().to_owned());
                continue;
            };
            let (key, value) = (
                key.trim().to_lowercase(),
                value.get(1..).unwrap_or_default().trim(),
            );
            let is_text = key.parse::<u16>().is_ok() || words::BODY.contains(&key.as_str());
            if value.is_empty() {
                continue;
            }
            if is_text {
                read.positional.push(value.to_owned());
            } else {
                read.named.push((key, value.to_owned()));
            }
        }
        read
    }

    fn is_empty(&self) -> bool {
        self.positional.is_empty() && self.named.is_empty()
    }

    /// The positional argument of this number; the first one where that is missing or empty.
    fn take(&mut self, number: usize) -> String {
        let has = |text: Option<&String>| text.is_some_and(|text| !text.is_empty());
        let number = if has(self.positional.get(number)) {
            number
        } else {
            0
        };
        self.positional
            .get_mut(number)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn abbreviation(mut self) -> String {
        let short = self.take(0);
        match self.positional.get(1).filter(|long| has_words(long)) {
            Some(long) => format!("{short} ({long})"),
            None => short,
        }
    }

    fn citation(mut self) -> String {
        let mut told: Vec<String> = self
            .positional
            .iter()
            .filter(|text| has_words(text))
            .cloned()
            .collect();
        for names in CITED {
            let found = self
                .named
                .iter_mut()
                .find(|(key, _)| names.contains(&key.as_str()));
            if let Some((_, value)) = found {
                told.push(
                    on_one_line(&std::mem::take(value))
                        .trim_end_matches('.')
                        .to_owned(),
                );
            }
        }
        told.join(". ")
    }

    /// A line per property, as items of a list.
    fn properties(self) -> String {
        let mut text = String::from("\n");
        for value in self.positional.iter().filter(|value| has_words(value)) {
            let _ = writeln!(text, "* {}", on_one_line(value));
        }
        for (key, value) in &self.named {
            if !words::is_look(key) && !is_file(value) {
                let _ = writeln!(text, "* {}: {}", key.replace('_', " "), on_one_line(value));
            }
        }
        text
    }

    fn unknown(self, starts_line: bool) -> String {
        let short: usize = self.positional.iter().map(|text| text.chars().count() + 1).sum();
        if self.positional.iter().any(|text| has_words(text)) {
            let blocks = self.positional.iter().any(|text| text.contains('\n'));
            self.into_words(if blocks { "\n\n" } else { ", " })
        } else if !starts_line && short <= SHORT {
            self.positional.join(" ")
        } else {
            String::new()
        }
    }

    fn into_words(self, between: &str) -> String {
        let words: Vec<String> = self
            .positional
            .into_iter()
            .filter(|text| has_words(text))
            .collect();
        words.join(between)
    }
}

/// Two letters in a row, in any script, or something that is text as it stands.
fn has_words(text: &str) -> bool {
    let mut before = false;
    text.chars().any(|c| {
        let letter = c.is_alphabetic();
        let pair = letter && before;
        before = letter;
        pair || c == OPEN
    })
}

fn is_file(value: &str) -> bool {
    const ENDINGS: [&str; 7] = [".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp", ".ogg"];
    let lower = value.to_lowercase();
    ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// Lines and items of a value, with commas between them.
fn on_one_line(value: &str) -> String {
    let lines = value
        .lines()
        .map(|line| line.trim().trim_start_matches(['*', '#', ':', ';']).trim())
        .filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(name: &str, arguments: &[&str], starts_line: bool) -> String {
        let arguments = arguments.iter().map(|&text| Argument {
            text: text.to_owned(),
            equals: text.find('='),
        });
        text(name, arguments, starts_line)
    }

    #[test]
    fn a_template_leaves_what_it_says() {
        for (name, arguments, expected) in [
            ("lang", &["ru", "слово"][..], "слово"),
            ("abbr", &["МЭ", "межсетевой экран", "0"], "МЭ (межсетевой экран)"),
            ("Lang-en", &["gateway"], "gateway"),
            ("convert", &["10", "km"], "10 km"),
            ("нп3", &["Шлюз", "", "en", "Gateway"], "Шлюз"),
            ("citation needed", &["date=May 2020"], ""),
            ("незнакомый", &["важные слова", "12"], "важные слова"),
            ("unknown", &["5"], "5"),
            ("#if: x", &["yes", "no"], "yes"),
            ("#invoke:Module", &["main"], ""),
            ("PAGENAME", &[], ""),
            (
                "cite web",
                &[
                    "url=https://a.example/x=1",
                    "title=Gateways.",
                    "last=Lee",
                    "access-date=1",
                ],
                "Lee. Gateways. https://a.example/x=1",
            ),
        ] {
            assert_eq!(evaluated(name, arguments, false), expected, "{name}");
        }
    }

    #[test]
    fn properties_are_lines() {
        let arguments = [
            "название = Шлюз",
            "порт = 443",
            "logo = a.png",
            "языки = \n* Rust\n* C",
            "пусто =",
        ];
        assert_eq!(
            evaluated("Карточка программы", &arguments, true),
            "\n* название: Шлюз\n* порт: 443\n* языки: Rust, C\n"
        );
        assert_eq!(evaluated("Some box", &arguments[..3], true).lines().count(), 3);
    }
}
