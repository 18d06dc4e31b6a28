//! Telegram's published keys.

use nexus_auth::telegram::jwks::{Jwks, JwksError, MAX_JWKS_BYTES};

use crate::fixtures::base64url;
use crate::rsa_key::{N, decode, jwk, jwks};

fn parse(text: &str) -> Result<(), JwksError> {
    Jwks::parse(text.as_bytes()).map(|_| ())
}

fn set(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

#[test]
fn keys_of_other_kinds_are_left_out() {
    let elliptic =
        r#"{"kty":"EC","crv":"P-256","kid":"es","use":"sig","alg":"ES256","x":"AA","y":"AA"}"#.to_owned();
    assert_eq!(parse(&jwks()), Ok(()));
    assert_eq!(parse(&set(&[elliptic.clone(), jwk("a", N)])), Ok(()));
    assert_eq!(parse(&set(&[elliptic])), Err(JwksError::NoUsableKey));
    assert_eq!(
        parse(&set(&[jwk("a", N).replace(r#""sig""#, r#""enc""#)])),
        Err(JwksError::NoUsableKey)
    );
    assert_eq!(
        parse(&set(&[jwk("a", N).replace("RS256", "PS256")])),
        Err(JwksError::NoUsableKey)
    );
    assert_eq!(
        parse(&set(&[jwk("a", N).replace(r#""kid":"a","#, "")])),
        Err(JwksError::NoUsableKey)
    );
}

#[test]
fn weak_and_oversized_keys_are_left_out() {
    let modulus = decode(N);
    let mut weak_by_a_bit = modulus.clone();
    weak_by_a_bit[0] &= 0x7f;
    let leading_zero = [&[0], modulus.as_slice()].concat();
    for wrong in [
        modulus[..128].to_vec(),
        weak_by_a_bit,
        leading_zero,
        vec![0xff; 1025],
        Vec::new(),
    ] {
        assert_eq!(
            parse(&set(&[jwk("a", &base64url(wrong))])),
            Err(JwksError::NoUsableKey)
        );
    }
    let exponent = jwk("a", N).replace("AQAB", "AQABAQAB");
    assert_eq!(parse(&set(&[exponent])), Err(JwksError::NoUsableKey));
}

#[test]
fn a_set_is_bounded_and_unambiguous() {
    let keys: Vec<String> = (0..33).map(|n| jwk(&n.to_string(), N)).collect();
    assert_eq!(parse(&set(&keys[..32])), Ok(()));
    assert_eq!(parse(&set(&keys)), Err(JwksError::TooLarge));
    assert_eq!(
        parse(&format!("{}{}", jwks(), " ".repeat(MAX_JWKS_BYTES))),
        Err(JwksError::TooLarge)
    );
    assert_eq!(
        parse(&set(&[jwk("a", N), jwk("a", N)])),
        Err(JwksError::Malformed)
    );
    for wrong in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        "<html>",
        &jwks()[..40],
    ] {
        assert_eq!(parse(wrong), Err(JwksError::Malformed), "{wrong}");
    }
    assert_eq!(parse(r#"{"keys":[]}"#), Err(JwksError::NoUsableKey));
}
