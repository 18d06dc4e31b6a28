//! The Fluent files: every key in every language, with the same values, and none that nothing asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use nexus_api::{ErrorCode, ProblemCode};
use nexus_bot::words::{self, Language, Phrase, Value, Words};

/// The keys of one language, with the values that each one names.
fn keys_of(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("locales")
        .join(language.tag());
    let mut keys = BTreeMap::new();
    for file in folder.read_dir().expect("every language has a folder") {
        let path = file.expect("a folder can be listed").path();
        let text = std::fs::read_to_string(path).expect("it is text");
        let resource = fluent_syntax::parser::parse(text.as_str()).expect("it is Fluent");
        for entry in resource.body {
            if let Entry::Message(message) = entry {
                let mut values = BTreeSet::new();
                let value = message.value.as_ref().expect("every message says something");
                collect(value, &mut values);
                let before = keys.insert(message.id.name.to_owned(), values);
                assert!(before.is_none(), "{} stands twice", message.id.name);
            }
        }
    }
    keys
}

fn collect(pattern: &Pattern<&str>, values: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else {
            continue;
        };
        let inline = match expression {
            Expression::Inline(inline) => inline,
            Expression::Select { selector, variants } => {
                variants
                    .iter()
                    .for_each(|variant| collect(&variant.value, values));
                selector
            }
        };
        if let InlineExpression::VariableReference { id } = inline {
            values.insert(id.name.to_owned());
        }
    }
}

#[test]
fn every_key_stands_in_every_language_with_the_same_values_and_none_is_unused() {
    let named: BTreeMap<String, BTreeSet<String>> = words::keys()
        .into_iter()
        .map(|(key, values)| (key, values.iter().map(|&value| value.to_owned()).collect()))
        .collect();
    for language in Language::ALL {
        assert_eq!(keys_of(language), named, "{language:?}");
    }
}

#[test]
fn every_code_of_the_api_has_words_in_every_language() {
    let schema = serde_json::to_value(<ProblemCode as utoipa::PartialSchema>::schema()).unwrap();
    let problems: Vec<ProblemCode> = serde_json::from_value(schema["enum"].clone()).unwrap();
    assert!(problems.len() > 20);
    for language in Language::ALL {
        let words = Words::of(language);
        for code in ErrorCode::ALL {
            let text = words.error(*code);
            assert!(text.ends_with('.') || text.ends_with("/start"), "{text}");
            assert!(!text.contains('_'), "{text}");
        }
        for code in &problems {
            let name = serde_json::to_value(code).unwrap();
            let text = words.problem(*code);
            assert!(!text.starts_with("problem-"), "{text}");
            assert_eq!(words.problem_named(name.as_str().unwrap()), Some(text));
        }
        assert_eq!(words.problem_named("internal"), None);
    }
}

#[test]
fn every_phrase_can_be_said_and_shows_its_values() {
    for language in Language::ALL {
        for phrase in Phrase::ALL {
            let values: Vec<_> = phrase
                .values()
                .iter()
                .map(|&name| {
                    (
                        name,
                        if name == "count" {
                            Value::Count(5)
                        } else {
                            Value::Text("xyz")
                        },
                    )
                })
                .collect();
            let text = Words::of(language).say_with(*phrase, &values);
            assert_ne!(text, phrase.key());
            for (_, value) in values {
                let shown = if value == Value::Count(5) { "5" } else { "xyz" };
                assert!(text.contains(shown), "{text}");
            }
        }
    }
}

#[test]
fn a_language_is_chosen_by_its_tag() {
    assert_eq!(Language::for_tag("ru-RU"), Language::Ru);
    assert_eq!(Language::for_tag("be"), Language::Ru);
    assert_eq!(Language::for_tag("en_GB"), Language::En);
    assert_eq!(Language::for_tag(""), Language::En);
}

#[test]
fn russian_plurals_are_right() {
    let said =
        |count| Words::of(Language::Ru).say_with(Phrase::DocumentsIndexed, &[("count", Value::Count(count))]);
    assert_eq!(said(1), "Прочитан 1 документ");
    assert_eq!(said(3), "Прочитано 3 документа");
    assert_eq!(said(12), "Прочитано 12 документов");
    assert_eq!(said(101), "Прочитан 101 документ");
    assert_eq!(said(1_000), "Прочитано 1000 документов");
}
