//! Sealing, and everything that must not open.

use nexus_auth::SealError;
use nexus_auth::seal::{MAX_CACHED_BYTES, MAX_PLAINTEXT_BYTES};
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
fn what_lies_in_a_cache_opens_under_its_name_and_the_current_key_only() {
    let (ring, name) = (ring(), "nexus:text:1");
    let longest = vec![7; MAX_CACHED_BYTES];
    for bytes in [&b""[..], &b"\0\xff"[..], longest.as_slice()] {
        let sealed = ring.seal_cached(bytes, name).unwrap();
        assert_eq!(ring.open_cached(&sealed, name).unwrap(), bytes);
        assert_ne!(ring.seal_cached(bytes, name).unwrap(), sealed);
        assert_eq!(ring.open_cached(&sealed, "nexus:text:2"), Err(SealError::Damaged));
        let other = ring_of(OTHER_SECRET, &[SECRET]);
        assert_eq!(other.open_cached(&sealed, name), Err(SealError::Damaged));
        for at in [0, 23, 24, sealed.len() - 1] {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(ring.open_cached(&damaged, name), Err(SealError::Damaged), "{at}");
            assert_eq!(
                ring.open_cached(&sealed[..at], name),
                Err(SealError::Damaged),
                "{at}"
            );
        }
    }
    let long = vec![0; MAX_CACHED_BYTES + 1];
    assert_eq!(ring.seal_cached(&long, name), Err(SealError::TooLarge));
    assert_eq!(
        ring.open_cached(&[0; MAX_CACHED_BYTES + 41], name),
        Err(SealError::Damaged)
    );
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
