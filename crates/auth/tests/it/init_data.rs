//! initData, verified both ways.

use nexus_auth::telegram::init_data::{Environment, InitData, TelegramKey, verify_ed25519, verify_hmac};
use nexus_auth::telegram::{TelegramError, TelegramPerson};

use crate::fixtures::{
    BOT_ID, BOT_TOKEN, DAY, NOW, Pairs, init_data_fields, query, secret, signed_by_bot, signed_by_telegram,
    telegram_key, with, without,
};

type Verified = Result<InitData, TelegramError>;

fn by_bot(raw: &str) -> Verified {
    verify_hmac(raw, &secret(BOT_TOKEN), NOW, DAY)
}

fn by_telegram(raw: &str) -> Verified {
    verify_ed25519(raw, BOT_ID, &telegram_key(), NOW, DAY)
}

/// Signed and verified in both ways, which must agree.
fn both(fields: Pairs<'_>) -> Verified {
    let verified = by_bot(&signed_by_bot(fields.clone()));
    assert_eq!(verified, by_telegram(&signed_by_telegram(fields)));
    verified
}

fn user(json: &str) -> Verified {
    both(with(init_data_fields(), "user", json))
}

/// The example of the Mini Apps documentation
/// (<https://docs.telegram-mini-apps.com/packages/tma-js-init-data-node/validating>).
#[test]
fn agrees_with_the_documented_example() {
    let raw = "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%22%2C%22\
        last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium\
        %22%3Atrue%7D&auth_date=1662771648&hash=c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2";
    let token = secret("5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8");
    let verified = verify_hmac(raw, &token, 1_662_771_648, DAY).unwrap();
    let person = TelegramPerson {
        id: 279_058_397,
        first_name: "Vladislav".to_owned(),
        last_name: Some("Kibenko".to_owned()),
        username: Some("vdkfrost".to_owned()),
        language_code: Some("ru".to_owned()),
    };
    assert_eq!(
        verified,
        InitData {
            person,
            auth_date: 1_662_771_648,
            start_param: None
        }
    );
}

/// What Telegram itself signed in both ways, from the tests of `@telegram-apps/init-data-node`
/// (`validation.test.ts`) and its documentation of `validate3rd`.
const SIGNED_TWICE: &str = "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C%22\
    last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3At\
    rue%2C%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%\
    2F4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg%22%7D&chat_instance=8134722200314281151&chat_type=private&auth_date=\
    1733584787&signature=zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6MLIlADQ&hash=2174d\
    f5b000556d044f3f020384e879c8efcab55ddea2ced4eb752e93e7080d6";
const SIGNED_AT: i64 = 1_733_584_787;

#[test]
fn agrees_with_what_telegram_signed_in_both_ways() {
    let token = secret("7342037359:AAFZehRPBRs8Seg40oDjTMIW8uTGPuW1zfQ");
    let production = TelegramKey::from(Environment::Production);
    let by_bot = verify_hmac(SIGNED_TWICE, &token, SIGNED_AT, DAY).unwrap();
    let by_telegram = verify_ed25519(SIGNED_TWICE, 7_342_037_359, &production, SIGNED_AT, DAY).unwrap();
    assert_eq!(by_bot, by_telegram);
    assert_eq!(
        (by_bot.person.id, by_bot.person.first_name.as_str()),
        (279_058_397, r"Vladislav + - ? /")
    );

    let test = TelegramKey::from(Environment::Test);
    let wrong_key = verify_ed25519(SIGNED_TWICE, 7_342_037_359, &test, SIGNED_AT, DAY);
    let wrong_bot = verify_ed25519(SIGNED_TWICE, 7_342_037_358, &production, SIGNED_AT, DAY);
    assert_eq!(
        (wrong_key, wrong_bot),
        (Err(TelegramError::Signature), Err(TelegramError::Signature))
    );
}

/// From the same tests (`sign`): rightly signed, `signature` among the signed fields, and the user is a bot.
#[test]
fn agrees_with_the_signed_bot() {
    let raw = "can_send_after=10000&chat=%7B%22id%22%3A1%2C%22type%22%3A%22group%22%2C%22username%22%3A%22my-chat%22%2C%22\
        title%22%3A%22chat-title%22%2C%22photo_url%22%3A%22chat-photo%22%7D&chat_instance=888&chat_type=sender&query_id=QUER\
        Y&receiver=%7B%22added_to_attachment_menu%22%3Afalse%2C%22allows_write_to_pm%22%3Atrue%2C%22first_name%22%3A%22recei\
        ver-first-name%22%2C%22id%22%3A991%2C%22is_bot%22%3Afalse%2C%22is_premium%22%3Atrue%2C%22language_code%22%3A%22ru%22\
        %2C%22last_name%22%3A%22receiver-last-name%22%2C%22photo_url%22%3A%22receiver-photo%22%2C%22username%22%3A%22receive\
        r-username%22%7D&start_param=debug&user=%7B%22added_to_attachment_menu%22%3Afalse%2C%22allows_write_to_pm%22%3Afalse\
        %2C%22first_name%22%3A%22user-first-name%22%2C%22id%22%3A222%2C%22is_bot%22%3Atrue%2C%22is_premium%22%3Afalse%2C%22l\
        anguage_code%22%3A%22en%22%2C%22last_name%22%3A%22user-last-name%22%2C%22photo_url%22%3A%22user-photo%22%2C%22userna\
        me%22%3A%22user-username%22%7D&signature=abc&auth_date=1&hash=cb81cd88e9cc232953c788ebbce5c53d4100b11672af19165a5d24\
        f45dae46be";
    let token = secret("5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8");
    assert_eq!(verify_hmac(raw, &token, 1, DAY), Err(TelegramError::Bot));
    assert_eq!(
        verify_hmac(&raw.replace("abc", "abd"), &token, 1, DAY),
        Err(TelegramError::Signature)
    );
}

#[test]
fn a_person_signs_in_with_a_start_parameter() {
    let verified = both(init_data_fields()).unwrap();
    assert_eq!(
        (verified.person.id, verified.person.first_name.as_str()),
        (42, "Анна")
    );
    assert_eq!(verified.start_param.as_deref(), Some("doc-17"));
}

#[test]
fn neither_order_nor_encoding_is_signed() {
    let raw = signed_by_bot(init_data_fields());
    let expected = by_bot(&raw).unwrap();
    let mut parts: Vec<&str> = raw.split('&').collect();
    parts.reverse();
    assert_eq!(by_bot(&parts.join("&")).unwrap(), expected);
    assert_eq!(by_bot(&raw.replace("%7B", "%7b")).unwrap(), expected);
    assert_eq!(by_bot(&raw.replace("%22", "\"")).unwrap(), expected);
}

#[test]
fn the_time_is_bounded_both_ways() {
    let at = |auth_date: i64| both(with(init_data_fields(), "auth_date", auth_date.to_string())).map(|_| ());
    assert_eq!(at(NOW + 60), Ok(()));
    assert_eq!(at(NOW + 61), Err(TelegramError::FromTheFuture));
    assert_eq!(at(NOW - i64::from(DAY)), Ok(()));
    assert_eq!(at(NOW - i64::from(DAY) - 1), Err(TelegramError::Expired));
    assert_eq!(at(0), Err(TelegramError::Expired));
    assert_eq!(at(i64::MAX), Err(TelegramError::FromTheFuture));
    for wrong in ["", "-1", "+1", "1.5", " 1", "0x10", "99999999999999999999", "١٢"] {
        let verified = both(with(init_data_fields(), "auth_date", wrong));
        assert_eq!(verified, Err(TelegramError::Malformed), "{wrong}");
    }
}

#[test]
fn altered_data_is_refused() {
    let (raw, raw_ed) = (
        signed_by_bot(init_data_fields()),
        signed_by_telegram(init_data_fields()),
    );
    let hash = raw.rsplit_once('=').unwrap().1.to_owned();
    let fewer = query(&with(
        without(init_data_fields(), "start_param"),
        "hash",
        hash.as_str(),
    ));
    assert_eq!(
        by_bot(&raw.replace("%3A42%2C", "%3A43%2C")),
        Err(TelegramError::Signature),
        "spoofed"
    );
    assert_eq!(
        by_telegram(&raw_ed.replace("%3A42%2C", "%3A43%2C")),
        Err(TelegramError::Signature),
        "spoofed"
    );
    assert_eq!(by_bot(&fewer), Err(TelegramError::Signature), "a field fewer");
    assert_eq!(
        by_bot(&format!("{raw}&extra=1")),
        Err(TelegramError::Signature),
        "a field more"
    );
    assert_eq!(
        by_telegram(&format!("{raw_ed}&extra=1")),
        Err(TelegramError::Signature),
        "a field more"
    );
    assert_eq!(by_bot(&raw_ed), Err(TelegramError::Signature), "a hash of zeros");
    let other_bot = verify_hmac(&raw, &secret("110201543:other"), NOW, DAY);
    assert_eq!(other_bot, Err(TelegramError::Signature), "another bot's token");
    let other_bot = verify_ed25519(&raw_ed, BOT_ID + 1, &telegram_key(), NOW, DAY);
    assert_eq!(other_bot, Err(TelegramError::Signature), "another bot");
}

#[test]
fn a_hash_has_one_shape() {
    let raw = signed_by_bot(init_data_fields());
    let (rest, hash) = raw.rsplit_once("hash=").unwrap();
    let table = [
        ("missing", rest.trim_end_matches('&').to_owned()),
        ("empty", format!("{rest}hash=")),
        ("upper case", format!("{rest}hash={}", hash.to_uppercase())),
        ("cut", format!("{rest}hash={}", &hash[..62])),
        ("longer", format!("{rest}hash={hash}00")),
        ("not hex", format!("{rest}hash={}", "g".repeat(64))),
    ];
    for (name, raw) in table {
        assert_eq!(by_bot(&raw), Err(TelegramError::Malformed), "{name}");
    }
    let signed = signed_by_telegram(init_data_fields());
    assert!(
        by_telegram(&signed.replace(&"0".repeat(64), "unread")).is_ok(),
        "Telegram's key does not sign it"
    );
}

#[test]
fn a_signature_has_one_shape() {
    let raw = signed_by_telegram(init_data_fields());
    let signature = raw
        .split('&')
        .find_map(|part| part.strip_prefix("signature="))
        .unwrap();
    let table = [
        (
            "missing",
            raw.replace("signature=", "other="),
            TelegramError::Malformed,
        ),
        ("empty", raw.replace(signature, ""), TelegramError::Malformed),
        (
            "cut",
            raw.replace(signature, &signature[..84]),
            TelegramError::Malformed,
        ),
        (
            "padded",
            raw.replace(signature, &format!("{signature}%3D%3D")),
            TelegramError::Malformed,
        ),
        (
            "longer",
            raw.replace(signature, &"A".repeat(4000 - raw.len())),
            TelegramError::Malformed,
        ),
        (
            "zeros",
            raw.replace(signature, &"A".repeat(86)),
            TelegramError::Signature,
        ),
    ];
    for (name, raw, error) in table {
        assert_eq!(by_telegram(&raw), Err(error), "{name}");
    }
}

#[test]
fn what_is_no_query_string_is_malformed() {
    let raw = signed_by_bot(init_data_fields());
    for (name, raw) in [
        ("nothing", String::new()),
        ("no value", "auth_date".to_owned()),
        ("no name", format!("=1&{raw}")),
        ("empty pair", format!("{raw}&")),
        ("empty pair between", raw.replacen('&', "&&", 1)),
        ("half an escape", format!("{raw}&a=%4")),
        ("escape that is no hex", format!("{raw}&a=%zz")),
        ("signed escape", format!("{raw}&a=%+1")),
        ("not UTF-8", format!("{raw}&a=%FF%FE")),
        ("overlong UTF-8", format!("{raw}&a=%C0%80")),
        ("name with an escape", format!("{raw}&a%3Db=1")),
        ("value with a line feed", format!("{raw}&a=1%0Ab%3D2")),
        ("cut", raw[..raw.len() - 1].to_owned()),
    ] {
        assert_eq!(by_bot(&raw), Err(TelegramError::Malformed), "{name}");
    }
}

/// Two fields and one field with a line feed in it have the same check string.
#[test]
fn fields_cannot_be_hidden_in_others() {
    let raw = signed_by_bot(with(with(init_data_fields(), "a", "1"), "b", "2"));
    assert!(by_bot(&raw).is_ok());
    let merged = raw.replace("&a=1", "").replace("&b=2", "&a=1%0Ab=2");
    assert_eq!(by_bot(&merged), Err(TelegramError::Malformed));
}

#[test]
fn a_field_stands_once() {
    let raw = signed_by_bot(init_data_fields());
    for name in ["hash", "user", "auth_date", "query_id"] {
        let again = raw.split('&').find(|part| part.starts_with(name)).unwrap();
        assert_eq!(
            by_bot(&format!("{raw}&{again}")),
            Err(TelegramError::Duplicate),
            "{name}"
        );
        assert_eq!(
            by_bot(&format!("{name}=x&{raw}")),
            Err(TelegramError::Duplicate),
            "{name}"
        );
    }
}

#[test]
fn too_much_is_not_looked_at() {
    let long = with(init_data_fields(), "a", "x".repeat(4096));
    assert_eq!(both(long), Err(TelegramError::TooLarge));
    let many = (0..65).map(|n| format!("f{n}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(by_bot(&many), Err(TelegramError::TooLarge));
    let names: Vec<String> = (0..60).map(|n| format!("f{n}")).collect();
    let mut fields = without(without(init_data_fields(), "start_param"), "query_id");
    fields.extend(names.iter().map(|name| (name.as_str(), "1".to_owned())));
    assert!(by_bot(&signed_by_bot(fields)).is_ok(), "63 fields");
}

#[test]
fn the_user_is_a_person_within_telegrams_limits() {
    for (name, json) in [
        ("no id", r#"{"first_name":"A"}"#.to_owned()),
        ("id of nobody", r#"{"id":0,"first_name":"A"}"#.to_owned()),
        ("negative id", r#"{"id":-5,"first_name":"A"}"#.to_owned()),
        ("id as a text", r#"{"id":"5","first_name":"A"}"#.to_owned()),
        (
            "id of 53 bits",
            format!(r#"{{"id":{},"first_name":"A"}}"#, 1_i64 << 52),
        ),
        (
            "id that overflows",
            r#"{"id":9223372036854775808,"first_name":"A"}"#.to_owned(),
        ),
        ("two ids", r#"{"id":5,"id":6,"first_name":"A"}"#.to_owned()),
        ("no name", r#"{"id":5}"#.to_owned()),
        (
            "name too long",
            format!(r#"{{"id":5,"first_name":"{}"}}"#, "ж".repeat(65)),
        ),
        (
            "last name too long",
            format!(r#"{{"id":5,"first_name":"A","last_name":"{}"}}"#, "ж".repeat(65)),
        ),
        (
            "username too long",
            format!(r#"{{"id":5,"first_name":"A","username":"{}"}}"#, "a".repeat(33)),
        ),
        (
            "username with a slash",
            r#"{"id":5,"first_name":"A","username":"a/b"}"#.to_owned(),
        ),
        (
            "language too long",
            format!(
                r#"{{"id":5,"first_name":"A","language_code":"{}"}}"#,
                "a".repeat(36)
            ),
        ),
        ("not an object", "5".to_owned()),
        ("not JSON", "{".to_owned()),
        ("nested", "[".repeat(1000)),
    ] {
        assert_eq!(user(&json), Err(TelegramError::Malformed), "{name}");
    }
    assert_eq!(
        user(r#"{"id":5,"first_name":"A","is_bot":true}"#),
        Err(TelegramError::Bot)
    );
    assert_eq!(
        both(without(init_data_fields(), "user")),
        Err(TelegramError::Malformed)
    );
}

#[test]
fn names_lose_what_cannot_be_shown() {
    let person = user(r#"{"id":5,"first_name":"A\u0000\n\u009fB","last_name":"","is_bot":false}"#)
        .unwrap()
        .person;
    assert_eq!((person.first_name.as_str(), person.last_name), ("AB", None));
    let family = format!(r#"{{"id":5,"first_name":"{}"}}"#, "ж".repeat(64));
    assert_eq!(user(&family).unwrap().person.first_name.chars().count(), 64);
}

#[test]
fn a_start_parameter_has_the_alphabet_of_links() {
    let start = |text: &str| both(with(init_data_fields(), "start_param", text)).map(|data| data.start_param);
    assert_eq!(start(&"a".repeat(512)), Ok(Some("a".repeat(512))));
    assert_eq!(start(""), Ok(None));
    for wrong in [&*"a".repeat(513), "a b", "<script>", "ж"] {
        assert_eq!(start(wrong), Err(TelegramError::Malformed), "{wrong}");
    }
}
