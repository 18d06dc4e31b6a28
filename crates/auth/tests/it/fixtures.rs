//! The other side: what signs, as Telegram, a bot's client or a forger would.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use nexus_auth::KeyRing;
use nexus_auth::telegram::init_data::TelegramKey;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

pub const NOW: i64 = 1_790_000_000;
pub const DAY: u32 = 86_400;
pub const BOT_TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
pub const BOT_ID: i64 = 110_201_543;

pub const SECRET: &str = "the first secret of this installation";
pub const OTHER_SECRET: &str = "the second secret of this installation";

pub fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

pub fn ring() -> KeyRing {
    KeyRing::new(&secret(SECRET), &[]).unwrap()
}

pub fn ring_of(current: &str, previous: &[&str]) -> KeyRing {
    let previous: Vec<SecretString> = previous.iter().map(|text| secret(text)).collect();
    KeyRing::new(&secret(current), &previous).unwrap()
}

/// Derives as the key ring does, so that a forger in a test can have the right key.
pub fn derived(secret: &str, label: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, secret.as_bytes())
        .expand(label.as_bytes(), &mut key)
        .unwrap();
    key
}

pub fn kid(secret: &str) -> String {
    hex::encode(&derived(secret, "nexus/v1/kid")[..4])
}

pub fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let keyed = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message);
    keyed.finalize().into_bytes().to_vec()
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A JWT signed with HS256, whatever its header says.
pub fn jwt(header: &str, payload: &str, key: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(payload));
    format!("{signed}.{}", base64url(hmac(key, signed.as_bytes())))
}

pub type Pairs<'a> = Vec<(&'a str, String)>;

/// The fields of initData, before anything was signed.
pub fn init_data_fields<'a>() -> Pairs<'a> {
    let user = r#"{"id":42,"first_name":"Анна","last_name":"K.","username":"anna_k","language_code":"ru"}"#;
    vec![
        ("query_id", "AAHdF6IQAAAAAN0XohDhrOrc".to_owned()),
        ("user", user.to_owned()),
        ("auth_date", NOW.to_string()),
        ("start_param", "doc-17".to_owned()),
    ]
}

pub fn with<'a>(mut fields: Pairs<'a>, name: &'a str, value: impl Into<String>) -> Pairs<'a> {
    fields.retain(|(known, _)| *known != name);
    fields.push((name, value.into()));
    fields
}

pub fn without<'a>(mut fields: Pairs<'a>, name: &str) -> Pairs<'a> {
    fields.retain(|(known, _)| *known != name);
    fields
}

pub fn check_string(fields: &Pairs<'_>) -> String {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort();
    fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Signs with a bot's token; the last field is `hash`.
pub fn signed_by_bot(fields: Pairs<'_>) -> String {
    let secret = hmac(b"WebAppData", BOT_TOKEN.as_bytes());
    let hash = hex::encode(hmac(&secret, check_string(&fields).as_bytes()));
    query(&with(fields, "hash", hash))
}

/// The key pair of a Telegram that exists only here.
pub fn telegram() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn telegram_key() -> TelegramKey {
    TelegramKey::from_bytes(telegram().verifying_key().as_bytes()).unwrap()
}

/// Signs with Telegram's key; the last fields are `signature` and `hash`.
pub fn signed_by_telegram(fields: Pairs<'_>) -> String {
    let message = format!("{BOT_ID}:WebAppData\n{}", check_string(&fields));
    let signature = base64url(telegram().sign(message.as_bytes()).to_bytes());
    query(&with(
        with(fields, "signature", signature),
        "hash",
        "0".repeat(64),
    ))
}

pub fn query(fields: &Pairs<'_>) -> String {
    fields
        .iter()
        .map(|(name, value)| format!("{name}={}", percent_encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn percent_encode(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// The hash of a login widget's fields.
pub fn widget_hash(fields: &Pairs<'_>) -> String {
    hex::encode(hmac(
        &Sha256::digest(BOT_TOKEN.as_bytes()),
        check_string(fields).as_bytes(),
    ))
}
