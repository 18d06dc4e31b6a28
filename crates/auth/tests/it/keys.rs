//! The key ring and what it gives away.

use nexus_auth::{KeyError, KeyRing};

use crate::fixtures::{OTHER_SECRET, SECRET, kid, ring_of, secret};

#[test]
fn short_secrets_are_refused_wherever_they_stand() {
    let (good, short) = (secret(SECRET), secret(&"x".repeat(31)));
    assert_eq!(KeyRing::new(&short, &[]).unwrap_err(), KeyError::TooShort);
    assert_eq!(KeyRing::new(&secret(""), &[]).unwrap_err(), KeyError::TooShort);
    assert_eq!(KeyRing::new(&good, &[short]).unwrap_err(), KeyError::TooShort);
    assert!(KeyRing::new(&secret(&"x".repeat(32)), &[]).is_ok());
    assert!(KeyRing::new(&secret(&"ж".repeat(16)), &[]).is_ok(), "32 bytes");
}

#[test]
fn one_secret_stands_once() {
    let again = KeyRing::new(&secret(SECRET), &[secret(OTHER_SECRET), secret(SECRET)]);
    assert_eq!(again.unwrap_err(), KeyError::Repeated);
}

#[test]
fn debug_shows_names_and_no_secrets() {
    let shown = format!("{:?}", ring_of(SECRET, &[OTHER_SECRET]));
    assert_eq!(shown, format!("[{:?}, {:?}]", kid(SECRET), kid(OTHER_SECRET)));
}

/// What was sealed years ago must open: neither the labels nor the derivation may ever change. Both values were
/// computed from the definitions (RFC 5869, RFC 8439, draft-irtf-cfrg-xchacha-03) by another implementation.
#[test]
fn derivation_is_pinned() {
    assert_eq!(kid(SECRET), "80a6bd1d");
    let sealed = "v1.80a6bd1d.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXZhpF_O8jdpnT8VPeWOKKLGy2PHip8g_wAZ1KhZWN7lE";
    let opened = ring_of(SECRET, &[])
        .open(sealed, "bots/7/telegram_token")
        .unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&opened), "110201543:secret");
}
