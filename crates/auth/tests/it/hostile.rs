//! What must hold for all input: no panic, and no single changed character that passes for something else.

use nexus_auth::TokenKind;
use nexus_auth::signed_request::{self, Presented, Target};
use nexus_auth::telegram::id_token::{self, Expected};
use nexus_auth::telegram::jwks::Jwks;
use nexus_auth::telegram::{init_data, login_widget};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::fixtures::{
    BOT_ID, BOT_TOKEN, DAY, NOW, init_data_fields, ring, secret, signed_by_bot, signed_by_telegram,
    telegram_key, widget_hash,
};
use crate::rsa_key;

const EXPECTED: Expected<'_> = Expected {
    client_id: "1",
    nonce: None,
};
const PLACE: &str = "bots/1/telegram_token";

/// Anything, and what looks like the formats that are read.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => "[a-z_]{1,9}=[a-zA-Z0-9%+]{0,12}&?",
        2 => "(hash|user|auth_date|signature|id)=(%7B|%22|%[0-9a-fA-F]{2}|[0-9]{1,20}){0,8}&?",
        2 => "eyJ[A-Za-z0-9_-]{0,40}\\.?",
        2 => r#"[{}\[\]":,]{1,6}|"(id|hash|keys|kty|n|e|kid)":|-?[0-9]{1,25}|null|true"#,
        1 => "v1[.=][0-9a-f]{0,64}\\.?",
        1 => "\\PC{1,8}",
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// The text with one character replaced; `None` when it would stay the same.
fn changed(text: &str, at: prop::sample::Index, to: char) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    let at = at.index(chars.len());
    if chars[at] == to {
        return None;
    }
    chars[at] = to;
    Some(chars.into_iter().collect())
}

fn characters() -> impl Strategy<Value = char> {
    prop_oneof![
        "[a-zA-Z0-9_.=&%+{}\":,-]".prop_map(|text| text.chars().next().unwrap()),
        any::<char>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_or_proves_anything(text in texts(), now in any::<i64>(), max_age in any::<u32>()) {
        let (ring, token) = (ring(), secret(BOT_TOKEN));
        prop_assert!(ring.verify(&text, now).is_err());
        prop_assert!(ring.open(&text, &text).is_err());
        prop_assert!(ring.needs_resealing(&text));
        prop_assert!(init_data::verify_hmac(&text, &token, now, max_age).is_err());
        prop_assert!(init_data::verify_ed25519(&text, now, &telegram_key(), now, max_age).is_err());
        prop_assert!(login_widget::verify_json(text.as_bytes(), &token, now, max_age).is_err());
        let jwks = Jwks::parse(rsa_key::jwks().as_bytes()).unwrap();
        prop_assert!(id_token::verify(&text, &jwks, &EXPECTED, now, max_age).is_err());
        prop_assert!(Jwks::parse(text.as_bytes()).is_err());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), now in any::<i64>()) {
        prop_assert!(Jwks::parse(&bytes).is_err());
        prop_assert!(login_widget::verify_json(&bytes, &secret(BOT_TOKEN), now, DAY).is_err());
    }

    #[test]
    fn no_map_panics(map in proptest::collection::btree_map(texts(), texts(), 0..8), now in any::<i64>()) {
        prop_assert!(login_widget::verify(&map, &secret(BOT_TOKEN), now, DAY).is_err());
    }

    #[test]
    fn no_headers_panic(
        method in texts(), path in texts(), timestamp in "[0-9]{0,14}", nonce in "[a-z]{15,17}", rest in texts(),
        now in any::<i64>(),
    ) {
        let target = Target { method: &method, path_and_query: &path };
        let presented = Presented {
            timestamp: Some(&timestamp), nonce: Some(&nonce), content_sha256: Some(&rest), signature: Some(&rest),
        };
        prop_assert!(signed_request::verify(&target, &presented, &secret("s"), now).is_err());
    }

    #[test]
    fn every_secret_comes_back(text in any::<String>(), place in any::<String>()) {
        let sealed = ring().seal(&secret(&text), &place).unwrap();
        let opened = ring().open(&sealed, &place).unwrap();
        prop_assert_eq!(opened.expose_secret(), &text);
    }

    #[test]
    fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), to in characters()) {
        let token = ring().mint(TokenKind::Session, Uuid::from_u128(7), NOW, NOW + 60);
        if let Some(token) = changed(token.expose_secret(), at, to) {
            prop_assert!(ring().verify(&token, NOW).is_err(), "{}", token);
        }
    }

    #[test]
    fn a_changed_seal_does_not_open(at in any::<prop::sample::Index>(), to in characters()) {
        let sealed = ring().seal(&secret("110201543:secret"), PLACE).unwrap();
        if let Some(sealed) = changed(&sealed, at, to) {
            prop_assert!(ring().open(&sealed, PLACE).is_err(), "{}", sealed);
        }
    }

    /// A change that is not signed (an escape in another case, `%20` for `+`) must not change who it is.
    #[test]
    fn changed_init_data_is_refused_or_the_same(at in any::<prop::sample::Index>(), to in characters()) {
        let token = secret(BOT_TOKEN);
        let by_bot = |raw: &str| init_data::verify_hmac(raw, &token, NOW, DAY);
        let by_telegram = |raw: &str| init_data::verify_ed25519(raw, BOT_ID, &telegram_key(), NOW, DAY);
        let (raw, raw_ed) = (signed_by_bot(init_data_fields()), signed_by_telegram(init_data_fields()));
        let expected = by_bot(&raw).unwrap();
        for verified in [
            changed(&raw, at, to).map(|raw| by_bot(&raw)),
            changed(&raw_ed, at, to).map(|raw| by_telegram(&raw)),
        ].into_iter().flatten().flatten() {
            prop_assert_eq!(&verified, &expected);
        }
    }

    #[test]
    fn a_changed_login_is_refused_or_the_same(at in any::<prop::sample::Index>(), to in characters()) {
        let fields = vec![("id", "42".to_owned()), ("first_name", "A".to_owned()), ("auth_date", NOW.to_string())];
        let hash = widget_hash(&fields);
        let json = format!(r#"{{"id": 42, "first_name": "A", "auth_date": {NOW}, "hash": "{hash}"}}"#);
        let check = |json: &str| login_widget::verify_json(json.as_bytes(), &secret(BOT_TOKEN), NOW, DAY);
        let expected = check(&json).unwrap();
        if let Some(Ok(verified)) = changed(&json, at, to).map(|json| check(&json)) {
            prop_assert_eq!(verified, expected);
        }
    }

    #[test]
    fn a_changed_request_is_refused(at in any::<prop::sample::Index>(), to in characters(), part in 0..6) {
        let (secret, target) = (secret("s"), Target { method: "POST", path_and_query: "/v1/answers?a=b" });
        let signed = signed_request::sign(&target, b"body", "0123456789abcdef", NOW, &secret).unwrap();
        let mut parts = [
            target.method.to_owned(), target.path_and_query.to_owned(),
            signed.timestamp, signed.nonce, signed.content_sha256, signed.signature,
        ];
        let part = &mut parts[usize::try_from(part).unwrap()];
        let Some(other) = changed(part, at, to) else { return Ok(()) };
        *part = other;
        let [method, path_and_query, timestamp, nonce, content_sha256, signature] = &parts;
        let presented = Presented {
            timestamp: Some(timestamp), nonce: Some(nonce),
            content_sha256: Some(content_sha256), signature: Some(signature),
        };
        let target = Target { method, path_and_query };
        prop_assert!(signed_request::verify(&target, &presented, &secret, NOW).is_err());
    }
}

/// Each of its characters, once: signing with RSA is too slow to do it by chance.
#[test]
fn a_changed_id_token_is_refused() {
    let claims = format!(
        r#"{{"iss":"{}","aud":"1","sub":"2","iat":{NOW},"exp":{},"id":42,"name":"A"}}"#,
        id_token::ISSUER,
        NOW + 60
    );
    let token = rsa_key::jwt(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, rsa_key::KID), &claims);
    let jwks = Jwks::parse(rsa_key::jwks().as_bytes()).unwrap();
    assert!(id_token::verify(&token, &jwks, &EXPECTED, NOW, DAY).is_ok());
    for (at, was) in token.char_indices() {
        let to = if was == 'B' { "C" } else { "B" };
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        assert!(
            id_token::verify(&changed, &jwks, &EXPECTED, NOW, DAY).is_err(),
            "{at}"
        );
    }
}
