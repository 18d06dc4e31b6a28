//! How a text is written.

use nexus_domain::Script;

use crate::chars::{is_cyrillic, is_latin};

/// The languages that the product speaks to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Russian,
    English,
}

/// The script of most letters. Of equally many, Cyrillic before Latin before others: names in a Russian sentence are
/// often Latin, the reverse is rare.
pub fn script_of(text: &str) -> Script {
    let (mut latin, mut cyrillic, mut other) = (0_usize, 0_usize, 0_usize);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        if is_latin(c) {
            latin += 1;
        } else if is_cyrillic(c) {
            cyrillic += 1;
        } else {
            other += 1;
        }
    }
    match latin.max(cyrillic).max(other) {
        0 => Script::None,
        most if most == cyrillic => Script::Cyrillic,
        most if most == latin => Script::Latin,
        _ => Script::Other,
    }
}

/// The language in which to answer the person who wrote this: Russian if it holds a Cyrillic word, even where most of
/// its letters are those of identifiers («Как работает std::vector::push_back?»), else English.
pub fn language_of(text: &str) -> Language {
    let mut run = 0;
    for c in text.chars() {
        run = if is_cyrillic(c) { run + 1 } else { 0 };
        if run == 2 {
            return Language::Russian;
        }
    }
    Language::English
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_that_of_most_letters() {
        assert_eq!(script_of("Как настроить nginx?"), Script::Cyrillic);
        assert_eq!(script_of("How to set up «Яндекс»?"), Script::Latin);
        assert_eq!(script_of("設定を変更"), Script::Other);
        assert_eq!(script_of("404 — 1.2.3 🙂"), Script::None);
        assert_eq!(script_of(""), Script::None);
    }

    #[test]
    fn a_russian_question_about_an_identifier_is_russian() {
        assert_eq!(
            language_of("Как работает std::vector::push_back?"),
            Language::Russian
        );
        assert_eq!(language_of("How does it work? (п. 5)"), Language::English);
        assert_eq!(language_of("E-1042"), Language::English);
    }
}
