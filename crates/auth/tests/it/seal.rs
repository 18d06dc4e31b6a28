//! Sealing, and everything that must not open.

use nexus_auth::SealError;
use nexus_auth::seal::MAX_PLAINTEXT_BYTES;
use secrecy::ExposeSecret as _;

use crate::fixtures::{OTHER_SECRET, SECRET, base64url, kid, ring, ring_of, secret};

const PLACE: &str = "bots/0190/telegram_token";

#[test]
fn what_was_sealed_opens_in_its_place_only() {
    let ring = ring();
    for text in [
        "",
        "110201543:secret",
        "с кириллицей и 🔑",
        &"x".repeat(MAX_PLAINTEXT_BYTES),
    ] {
        let sealed = ring.seal(&secret(text), PLACE).unwrap();
        assert!(sealed.starts_with(&format!("v1.{}.", kid(SECRET))));
        assert_eq!(ring.open(&sealed, PLACE).unwrap().expose_secret(), text);
        for elsewhere in ["", "bots/0191/telegram_token", "bots/0190/telegram_token "] {
            assert_eq!(ring.open(&sealed, elsewhere).unwrap_err(), SealError::Damaged);
        }
    }
}

#[test]
fn sealing_twice_gives_two_texts() {
    let ring = ring();
    assert_ne!(
        ring.seal(&secret("a"), PLACE).unwrap(),
        ring.seal(&secret("a"), PLACE).unwrap()
    );
}

#[test]
fn too_much_is_not_sealed() {
    let long = secret(&"x".repeat(MAX_PLAINTEXT_BYTES + 1));
    assert_eq!(ring().seal(&long, PLACE).unwrap_err(), SealError::TooLarge);
}

#[test]
fn a_replaced_key_opens_until_it_is_removed() {
    let sealed = ring_of(OTHER_SECRET, &[]).seal(&secret("a"), PLACE).unwrap();
    let rotated = ring_of(SECRET, &[OTHER_SECRET]);
    assert_eq!(rotated.open(&sealed, PLACE).unwrap().expose_secret(), "a");
    assert!(rotated.needs_resealing(&sealed));
    assert!(!rotated.needs_resealing(&rotated.seal(&secret("a"), PLACE).unwrap()));
    assert_eq!(ring().open(&sealed, PLACE).unwrap_err(), SealError::UnknownKey);
}

#[test]
fn what_is_damaged_does_not_open() {
    let ring = ring();
    let sealed = ring.seal(&secret("a secret"), PLACE).unwrap();
    let kid = kid(SECRET);
    let body = sealed.rsplit_once('.').unwrap().1;
    let table = [
        ("nothing", String::new()),
        ("cut", sealed[..sealed.len() - 4].to_owned()),
        ("longer", format!("{sealed}AAAA")),
        ("another version", sealed.replacen("v1", "v2", 1)),
        ("no version", format!("{kid}.{body}")),
        ("a part more", format!("{sealed}.")),
        ("padded", format!("{sealed}=")),
        ("only a nonce", format!("v1.{kid}.{}", base64url([0; 24]))),
        ("less than a nonce", format!("v1.{kid}.{}", base64url([0; 23]))),
        ("no body", format!("v1.{kid}.")),
        ("oversized", format!("v1.{kid}.{}", "A".repeat(200_000))),
    ];
    for (name, text) in table {
        assert_eq!(ring.open(&text, PLACE).unwrap_err(), SealError::Damaged, "{name}");
    }
    let upper = format!("v1.{}.{body}", kid.to_uppercase());
    for stranger in [format!("v1..{body}"), format!("v1.00000000.{body}"), upper] {
        assert_eq!(
            ring.open(&stranger, PLACE).unwrap_err(),
            SealError::UnknownKey,
            "{stranger}"
        );
    }
    assert!(ring.needs_resealing("not sealed at all"));
}
