//! Russian and other text, in the encodings that people still send.

use encoding_rs::{Encoding, IBM866, ISO_8859_5, KOI8_R, WINDOWS_1251, WINDOWS_1252};
use nexus_domain::ProblemCode::{Binary, UnknownEncoding};

use crate::support::{extract, refusal};

const RUSSIAN: &str = "Установка сервера\n\nСкачайте дистрибутив и распакуйте его в каталог программы. Затем запустите \
                       установку от имени администратора и дождитесь её завершения.\n";

fn encoded(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, used, lossy) = encoding.encode(text);
    assert!(!lossy && used == encoding);
    bytes.into_owned()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        })
        .collect()
}

#[test]
fn russian_text_is_read_in_every_usual_encoding() {
    for encoding in [WINDOWS_1251, KOI8_R, IBM866, ISO_8859_5] {
        let document = extract("заметка.txt", encoded(encoding, RUSSIAN));
        assert_eq!(document.text, RUSSIAN, "{}", encoding.name());
    }
}

#[test]
fn a_short_russian_note_is_read_too() {
    let note = "Привет, мир! Это короткая заметка.";
    for encoding in [WINDOWS_1251, KOI8_R, IBM866] {
        assert_eq!(
            extract("a.txt", encoded(encoding, note)).text,
            note,
            "{}",
            encoding.name()
        );
    }
}

#[test]
fn unicode_is_read_with_and_without_its_mark() {
    for text in [RUSSIAN, "Plain English text.\nSecond line.\n"] {
        let forms = [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(text, false),
            utf16(text, true),
            [&b"\xff\xfe"[..], &utf16(text, false)].concat(),
            [&b"\xfe\xff"[..], &utf16(text, true)].concat(),
        ];
        for (form, bytes) in forms.iter().enumerate() {
            assert_eq!(extract("a.txt", bytes).text, text, "form {form}");
        }
    }
}

#[test]
fn western_text_keeps_its_accents() {
    let text = "Die Übergröße der Straßenbahn führt häufig zu Verspätungen, und das ärgert die Fahrgäste natürlich sehr.";
    assert_eq!(extract("a.txt", encoded(WINDOWS_1252, text)).text, text);
}

#[test]
fn line_ends_become_line_feeds_and_lines_keep_their_numbers() {
    assert_eq!(
        extract("a.txt", "one\r\ntwo\r\n\r\nthree").text,
        "one\ntwo\n\nthree"
    );
    assert_eq!(extract("a.txt", "one\rtwo\r").text, "one\ntwo\n");
}

#[test]
fn one_broken_sequence_does_not_change_the_encoding() {
    let mut bytes = RUSSIAN.repeat(5).into_bytes();
    bytes.truncate(bytes.len() - 2);
    bytes.push(0xD0);
    let document = extract("a.txt", &bytes);
    assert!(document.text.starts_with("Установка сервера"));
}

#[test]
fn what_is_no_text_is_refused_with_a_reason() {
    assert_eq!(
        refusal("a.txt", (0..=255).cycle().take(4_000).collect::<Vec<u8>>()),
        Binary
    );
    assert_eq!(refusal("a.md", b"\x7fELF\x02\x01\x01\0\0\0\0\0"), Binary);
    assert_eq!(refusal("a.txt", b"\xff\xfe\0\0a\0\0\0"), UnknownEncoding);
    assert_eq!(refusal("a.txt", b"\xff\xfea"), UnknownEncoding);
}

#[test]
fn terminal_colours_in_a_log_are_text() {
    let log = "\u{1b}[32mINFO\u{1b}[0m started\n".repeat(20);
    assert_eq!(extract("server.log", &log).text, log);
}
