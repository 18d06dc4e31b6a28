//! The secret words. They all look alike, so that one scan finds every one, in whatever form an answer carries it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::rng::Rng;

/// What a word begins with, and the sixteen letters that go on, in both scripts. No digits: the product would read them
/// as a word of their own.
const LATIN: (&str, &str) = ("kanarek", "abcdefghijklmnop");
const CYRILLIC: (&str, &str) = ("канарек", "абвгдежзийклмноп");
const LETTERS: usize = 12;
/// Fewer letters of a cut word say nothing.
const FEWEST: usize = 4;

pub fn latin(rng: &mut Rng) -> String {
    word(LATIN, rng)
}

pub fn cyrillic(rng: &mut Rng) -> String {
    word(CYRILLIC, rng)
}

/// A word of the same script that nobody has.
pub fn like(word: &str, rng: &mut Rng) -> String {
    if word.is_ascii() {
        latin(rng)
    } else {
        cyrillic(rng)
    }
}

fn word((marker, alphabet): (&str, &str), rng: &mut Rng) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let letters = (0..LETTERS).map(|_| *rng.one(&alphabet));
    marker.chars().chain(letters).collect()
}

/// A word is cut where an answer cuts its text.
pub fn is_whole(word: &str) -> bool {
    word.chars().count() == LATIN.0.len() + LETTERS
}

/// Every word in these bytes, in lower case: as it stands, in JSON's escapes, in percent encoding, and within cursors.
pub fn found(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut words = Vec::new();
    scan(&text, &mut words);
    if text.contains("\\u") {
        for line in text.lines() {
            let line = line.strip_prefix("data: ").unwrap_or(line);
            if let Ok(value) = serde_json::from_str(line) {
                scan_value(&value, &mut words);
            }
        }
    }
    if text.contains('%') {
        for (name, value) in url::form_urlencoded::parse(bytes) {
            scan(&name, &mut words);
            scan(&value, &mut words);
        }
    }
    for piece in text.split("\"next_cursor\":\"").skip(1) {
        let cursor = piece.split('"').next().unwrap_or_default();
        let key = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
        scan(&String::from_utf8_lossy(&key), &mut words);
    }
    words.sort();
    words.dedup();
    words
}

fn scan_value(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => scan(text, words),
        Value::Array(items) => items.iter().for_each(|item| scan_value(item, words)),
        Value::Object(fields) => {
            for (name, value) in fields {
                scan(name, words);
                scan_value(value, words);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn scan(text: &str, words: &mut Vec<String>) {
    for (marker, alphabet) in [LATIN, CYRILLIC] {
        let first = marker.chars().next().expect("a marker has letters");
        // One letter at a time: the search for a single one is the fast one.
        for first in std::iter::once(first).chain(first.to_uppercase()) {
            for (at, _) in text.match_indices(first) {
                words.extend(at_start(&text[at..], marker, alphabet));
            }
        }
    }
}

fn at_start(text: &str, marker: &str, alphabet: &str) -> Option<String> {
    let mut letters = text.chars().flat_map(char::to_lowercase);
    if !marker.chars().all(|wanted| letters.next() == Some(wanted)) {
        return None;
    }
    let rest: Vec<char> = letters
        .take(LETTERS)
        .take_while(|letter| alphabet.contains(*letter))
        .collect();
    (rest.len() >= FEWEST).then(|| marker.chars().chain(rest).collect())
}

#[test]
fn a_word_is_found_in_every_dress() {
    let mut rng = Rng::new(1);
    for word in [latin(&mut rng), cyrillic(&mut rng)] {
        assert!(is_whole(&word));
        let escaped: String = word.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let percent: String = url::form_urlencoded::byte_serialize(word.as_bytes()).collect();
        let cursor = URL_SAFE_NO_PAD.encode(format!("\"{word}\""));
        for dress in [
            format!("a {word}."),
            word.to_uppercase(),
            format!("x{word}x"),
            format!(r#"data: {{"a":["{escaped}"]}}"#),
            format!("/a?b={percent}%20"),
            format!(r#"{{"next_cursor":"{cursor}"}}"#),
        ] {
            assert_eq!(found(dress.as_bytes()), std::slice::from_ref(&word), "{dress}");
        }
        let cut: String = word.chars().take(12).collect();
        assert_eq!(found(cut.as_bytes()), [cut]);
    }
    assert_eq!(found("kanarek канарек kana".as_bytes()), Vec::<String>::new());
}
