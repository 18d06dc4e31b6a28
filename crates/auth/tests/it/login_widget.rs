//! The login widget's fields, as a map and as JSON.

use std::collections::BTreeMap;

use nexus_auth::telegram::TelegramError;
use nexus_auth::telegram::login_widget::{WidgetLogin, verify, verify_json};

use crate::fixtures::{BOT_TOKEN, DAY, NOW, Pairs, secret, widget_hash, with, without};

fn fields<'a>() -> Pairs<'a> {
    vec![
        ("id", "42".to_owned()),
        ("first_name", "Анна".to_owned()),
        ("username", "anna_k".to_owned()),
        ("photo_url", "https://t.me/i/userpic/320/anna_k.jpg".to_owned()),
        ("auth_date", NOW.to_string()),
    ]
}

fn map(fields: Pairs<'_>) -> BTreeMap<String, String> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn check(fields: Pairs<'_>) -> Result<WidgetLogin, TelegramError> {
    verify(&map(fields), &secret(BOT_TOKEN), NOW, DAY)
}

fn check_signed(fields: Pairs<'_>) -> Result<WidgetLogin, TelegramError> {
    let hash = widget_hash(&fields);
    check(with(fields, "hash", hash))
}

fn check_json(json: &str) -> Result<WidgetLogin, TelegramError> {
    verify_json(json.as_bytes(), &secret(BOT_TOKEN), NOW, DAY)
}

fn json() -> String {
    let hash = widget_hash(&fields());
    format!(
        r#"{{"id":42,"first_name":"Анна","username":"anna_k","photo_url":"https://t.me/i/userpic/320/anna_k.jpg","auth_date":{NOW},"hash":"{hash}"}}"#
    )
}

/// The example in the documentation of the crate `telegram-login` (<https://docs.rs/crate/telegram-login/0.2.0>).
#[test]
fn agrees_with_the_published_example() {
    let fields = map(vec![
        ("id", "666666666".to_owned()),
        ("username", "my_username".to_owned()),
        ("first_name", "Some".to_owned()),
        ("last_name", "Guy".to_owned()),
        (
            "photo_url",
            "https://t.me/i/userpic/320/my_username.jpg".to_owned(),
        ),
        ("auth_date", "1543194375".to_owned()),
        (
            "hash",
            "a9cf12636fb07b54b4c95673d017a72364472c41a760b6850bcd5405da769f80".to_owned(),
        ),
    ]);
    let token = secret("777777777:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let login = verify(&fields, &token, 1_543_194_375, DAY).unwrap();
    assert_eq!((login.person.id, login.auth_date), (666_666_666, 1_543_194_375));
    assert_eq!(login.person.last_name.as_deref(), Some("Guy"));
}

#[test]
fn a_map_and_an_object_say_the_same() {
    let login = check_signed(fields()).unwrap();
    assert_eq!(check_json(&json()).unwrap(), login);
    assert_eq!(
        (login.person.id, login.person.username.as_deref()),
        (42, Some("anna_k"))
    );
}

#[test]
fn altered_fields_are_refused() {
    let signed = with(fields(), "hash", widget_hash(&fields()));
    for (name, fields) in [
        ("spoofed", with(signed.clone(), "id", "43")),
        ("a field fewer", without(signed.clone(), "photo_url")),
        ("a field more", with(signed.clone(), "last_name", "K.")),
        ("a new field", with(signed.clone(), "is_premium", "true")),
        ("another hash", with(signed.clone(), "hash", "0".repeat(64))),
    ] {
        assert_eq!(check(fields), Err(TelegramError::Signature), "{name}");
    }
    let other_bot = verify(&map(signed), &secret("1:other"), NOW, DAY);
    assert_eq!(other_bot, Err(TelegramError::Signature));
}

/// The secret of this one is SHA-256 of the token, that of initData is not: neither passes for the other.
#[test]
fn init_data_is_no_login() {
    let hash = {
        let secret = crate::fixtures::hmac(b"WebAppData", BOT_TOKEN.as_bytes());
        hex::encode(crate::fixtures::hmac(
            &secret,
            crate::fixtures::check_string(&fields()).as_bytes(),
        ))
    };
    assert_eq!(check(with(fields(), "hash", hash)), Err(TelegramError::Signature));
}

#[test]
fn what_telegram_does_not_send_is_refused() {
    let hash = widget_hash(&fields());
    for (name, verified, error) in [
        ("no hash", check(fields()), TelegramError::Malformed),
        (
            "upper case",
            check(with(fields(), "hash", hash.to_uppercase())),
            TelegramError::Malformed,
        ),
        (
            "cut",
            check(with(fields(), "hash", &hash[..63])),
            TelegramError::Malformed,
        ),
        ("nothing", check(Vec::new()), TelegramError::Malformed),
        (
            "no id",
            check_signed(without(fields(), "id")),
            TelegramError::Malformed,
        ),
        (
            "signed id",
            check_signed(with(fields(), "id", "+42")),
            TelegramError::Malformed,
        ),
        (
            "negative id",
            check_signed(with(fields(), "id", "-42")),
            TelegramError::Malformed,
        ),
        (
            "no name",
            check_signed(without(fields(), "first_name")),
            TelegramError::Malformed,
        ),
        (
            "line feed",
            check_signed(with(fields(), "first_name", "A\nid=1")),
            TelegramError::Malformed,
        ),
        (
            "long name",
            check_signed(with(fields(), "first_name", "A".repeat(65))),
            TelegramError::Malformed,
        ),
        (
            "no date",
            check_signed(without(fields(), "auth_date")),
            TelegramError::Malformed,
        ),
        (
            "old",
            check_signed(with(fields(), "auth_date", "1543194375")),
            TelegramError::Expired,
        ),
        (
            "future",
            check_signed(with(fields(), "auth_date", (NOW + 61).to_string())),
            TelegramError::FromTheFuture,
        ),
        (
            "oversized",
            check_signed(with(fields(), "a", "x".repeat(4096))),
            TelegramError::TooLarge,
        ),
    ] {
        assert_eq!(verified, Err(error), "{name}");
    }
    let many: BTreeMap<String, String> = (0..65).map(|n| (format!("f{n}"), String::new())).collect();
    assert_eq!(
        verify(&many, &secret(BOT_TOKEN), NOW, DAY),
        Err(TelegramError::TooLarge)
    );
}

#[test]
fn an_object_is_read_strictly() {
    let json = json();
    for (name, json, error) in [
        (
            "id twice",
            json.replacen('{', r#"{"id":42,"#, 1),
            TelegramError::Duplicate,
        ),
        (
            "hash twice",
            json.replacen('{', r#"{"hash":"","#, 1),
            TelegramError::Duplicate,
        ),
        (
            "a fraction",
            json.replace(":42,", ":42.0,"),
            TelegramError::Malformed,
        ),
        (
            "an exponent",
            json.replace(":42,", ":42e0,"),
            TelegramError::Malformed,
        ),
        (
            "null",
            json.replacen('{', r#"{"last_name":null,"#, 1),
            TelegramError::Malformed,
        ),
        (
            "an object inside",
            json.replacen('{', r#"{"a":{},"#, 1),
            TelegramError::Malformed,
        ),
        ("an array", "[]".to_owned(), TelegramError::Malformed),
        ("a rest", format!("{json}{json}"), TelegramError::Malformed),
        ("cut", json[..json.len() - 1].to_owned(), TelegramError::Malformed),
        ("nothing", String::new(), TelegramError::Malformed),
        (
            "oversized",
            format!("{json}{}", " ".repeat(4096)),
            TelegramError::TooLarge,
        ),
        ("spoofed", json.replace(":42,", ":43,"), TelegramError::Signature),
    ] {
        assert_eq!(check_json(&json), Err(error), "{name}");
    }
    assert!(verify_json(b"\xff", &secret(BOT_TOKEN), NOW, DAY).is_err());
    assert!(
        check_json(&json.replace(":42,", r#":"42","#)).is_ok(),
        "a number and its text are one value"
    );
}
