//! Telegram's `id_token`, signed by the key that RFC 7515 publishes.

use nexus_auth::telegram::id_token::{Expected, IdToken, IdTokenError, MAX_ID_TOKEN_BYTES, verify};
use nexus_auth::telegram::jwks::Jwks;

use crate::fixtures::{self, DAY, NOW, base64url};
use crate::rsa_key::{KID, N, decode, jwk, jwks, jwt};

const EXPECTED: Expected<'_> = Expected {
    client_id: "110201543",
    nonce: None,
};

fn header() -> String {
    format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{KID}"}}"#)
}

/// With the claims of Telegram's documentation, and its shapes.
fn claims() -> String {
    format!(
        r#"{{"iss":"https://oauth.telegram.org","aud":"110201543","sub":"1234123412341234123","iat":{NOW},"exp":{},"nonce":"n-1","id":42,"name":"Анна К.","preferred_username":"anna_k","picture":"https://cdn.example/a.jpg","phone_number":"971577777777"}}"#,
        NOW + 3600
    )
}

fn check(token: &str) -> Result<IdToken, IdTokenError> {
    check_expecting(token, &EXPECTED)
}

fn check_expecting(token: &str, expected: &Expected<'_>) -> Result<IdToken, IdTokenError> {
    verify(
        token,
        &Jwks::parse(jwks().as_bytes()).unwrap(),
        expected,
        NOW,
        DAY,
    )
}

fn check_claims(claims: &str) -> Result<IdToken, IdTokenError> {
    check(&jwt(&header(), claims))
}

#[test]
fn a_person_is_known_by_id_and_not_by_sub() {
    let token = check_claims(&claims()).unwrap();
    assert_eq!(
        (token.person.id, token.person.first_name.as_str()),
        (42, "Анна К.")
    );
    assert_eq!(token.person.username.as_deref(), Some("anna_k"));
    assert_eq!((token.person.last_name, token.person.language_code), (None, None));
    assert_eq!(token.subject, "1234123412341234123");
    assert_eq!((token.issued_at, token.expires_at), (NOW, NOW + 3600));
}

#[test]
fn a_forged_header_gains_nothing() {
    let alg = |alg: &str| format!(r#"{{"alg":"{alg}","kid":"{KID}"}}"#);
    let (modulus, claims) = (decode(N), claims());
    let table = [
        (
            "none",
            format!("{}.{}.", base64url(alg("none")), base64url(&claims)),
            IdTokenError::Algorithm,
        ),
        (
            "HS256 by the public key",
            fixtures::jwt(&alg("HS256"), &claims, &modulus),
            IdTokenError::Algorithm,
        ),
        (
            "HS256 by the published set",
            fixtures::jwt(&alg("HS256"), &claims, jwks().as_bytes()),
            IdTokenError::Algorithm,
        ),
        ("RS512", jwt(&alg("RS512"), &claims), IdTokenError::Algorithm),
        ("PS256", jwt(&alg("PS256"), &claims), IdTokenError::Algorithm),
        ("ES256", jwt(&alg("ES256"), &claims), IdTokenError::Algorithm),
        ("rs256", jwt(&alg("rs256"), &claims), IdTokenError::Algorithm),
        (
            "an HMAC for RS256",
            fixtures::jwt(&header(), &claims, &modulus),
            IdTokenError::Signature,
        ),
        (
            "no kid",
            jwt(r#"{"alg":"RS256"}"#, &claims),
            IdTokenError::UnknownKey,
        ),
        (
            "a new key",
            jwt(&header().replace(KID, "oidc-2"), &claims),
            IdTokenError::UnknownKey,
        ),
        (
            "critical",
            jwt(&header().replace('}', r#","crit":["b64"],"b64":false}"#), &claims),
            IdTokenError::Malformed,
        ),
    ];
    for (name, token, error) in table {
        assert_eq!(check(&token), Err(error), "{name}");
    }
}

/// A header may carry a key (`jwk`, `jku`, `x5c`). It is not looked at: keys come from the set alone.
#[test]
fn a_token_does_not_bring_its_own_key() {
    let header = format!(r#"{{"alg":"RS256","kid":"{KID}","jwk":{}}}"#, jwk(KID, N));
    let mut modulus = decode(N);
    modulus[100] ^= 1;
    let set = format!(r#"{{"keys":[{}]}}"#, jwk(KID, &base64url(modulus)));
    let jwks = Jwks::parse(set.as_bytes()).unwrap();
    let verified = verify(&jwt(&header, &claims()), &jwks, &EXPECTED, NOW, DAY);
    assert_eq!(verified, Err(IdTokenError::Signature));
}

#[test]
fn it_is_for_us_alone() {
    let aud = |aud: &str| {
        check_claims(&claims().replace(r#""aud":"110201543""#, &format!(r#""aud":{aud}"#))).map(|_| ())
    };
    assert_eq!(aud(r#"["110201543"]"#), Ok(()));
    for wrong in [
        r#""110201544""#,
        r#""""#,
        "[]",
        r#"["110201543","2"]"#,
        r#"["110201543","110201543"]"#,
    ] {
        assert_eq!(aud(wrong), Err(IdTokenError::WrongAudience), "{wrong}");
    }
    assert_eq!(aud("null"), Err(IdTokenError::Malformed));
    for issuer in [
        "http://oauth.telegram.org",
        "https://oauth.telegram.org/",
        "https://oauth.telegram.org.example",
    ] {
        let claims = claims().replace("https://oauth.telegram.org", issuer);
        assert_eq!(check_claims(&claims), Err(IdTokenError::WrongIssuer), "{issuer}");
    }
}

#[test]
fn a_nonce_that_was_sent_comes_back() {
    let token = jwt(&header(), &claims());
    let silent = jwt(&header(), &claims().replace(r#""nonce":"n-1","#, ""));
    let nonce = |nonce| Expected {
        nonce: Some(nonce),
        ..EXPECTED
    };
    assert!(check_expecting(&token, &nonce("n-1")).is_ok());
    assert_eq!(
        check_expecting(&token, &nonce("n-2")),
        Err(IdTokenError::WrongNonce)
    );
    assert_eq!(check_expecting(&token, &nonce("")), Err(IdTokenError::WrongNonce));
    assert_eq!(
        check_expecting(&silent, &nonce("n-1")),
        Err(IdTokenError::WrongNonce)
    );
    assert!(check_expecting(&silent, &EXPECTED).is_ok());
}

#[test]
fn the_time_is_bounded_both_ways() {
    let jwks = Jwks::parse(jwks().as_bytes()).unwrap();
    let token = jwt(&header(), &claims());
    let at = |now: i64, max_age: u32| verify(&token, &jwks, &EXPECTED, now, max_age).map(|_| ());
    assert_eq!(at(NOW - 60, DAY), Ok(()));
    assert_eq!(at(NOW - 61, DAY), Err(IdTokenError::NotYetValid));
    assert_eq!(at(NOW + 3599, DAY), Ok(()));
    assert_eq!(at(NOW + 3600, DAY), Err(IdTokenError::Expired));
    assert_eq!(at(NOW + 600, 600), Ok(()));
    assert_eq!(at(NOW + 601, 600), Err(IdTokenError::Expired));
    assert_eq!(at(i64::MAX, DAY), Err(IdTokenError::Expired));
    assert_eq!(at(i64::MIN, DAY), Err(IdTokenError::NotYetValid));
    let later = claims().replacen('{', &format!(r#"{{"nbf":{},"#, NOW + 61), 1);
    assert_eq!(check_claims(&later), Err(IdTokenError::NotYetValid));
}

#[test]
fn claims_that_telegram_would_not_make_are_refused() {
    let claims = claims();
    for (name, claims) in [
        (
            "no id: the scope was not asked for",
            claims.replace(r#""id":42,"#, ""),
        ),
        ("id as a text", claims.replace(r#""id":42"#, r#""id":"42""#)),
        ("id of nobody", claims.replace(r#""id":42"#, r#""id":0"#)),
        ("two ids", claims.replace(r#""id":42"#, r#""id":42,"id":43"#)),
        ("no exp", claims.replace("\"exp\"", "\"expires\"")),
        ("no iat", claims.replace("\"iat\"", "\"issued\"")),
        ("no sub", claims.replace("\"sub\"", "\"subject\"")),
        ("empty sub", claims.replace("1234123412341234123", "")),
        (
            "long sub",
            claims.replace("1234123412341234123", &"1".repeat(256)),
        ),
        ("long name", claims.replace("Анна К.", &"ж".repeat(130))),
        ("strange username", claims.replace("anna_k", "@anna k")),
        ("not JSON", "telegram".to_owned()),
    ] {
        assert_eq!(check_claims(&claims), Err(IdTokenError::Malformed), "{name}");
    }
    assert!(
        check_claims(&claims.replace("Анна К.", &"ж".repeat(129))).is_ok(),
        "two names and a blank"
    );
}

#[test]
fn what_is_not_three_parts_is_malformed() {
    let token = jwt(&header(), &claims());
    let (signed, _) = token.rsplit_once('.').unwrap();
    for (name, token, error) in [
        ("nothing", String::new(), IdTokenError::Malformed),
        ("unsigned", signed.to_owned(), IdTokenError::Malformed),
        ("empty signature", format!("{signed}."), IdTokenError::Signature),
        (
            "cut",
            token[..token.len() - 2].to_owned(),
            IdTokenError::Signature,
        ),
        ("longer", format!("{token}AAAA"), IdTokenError::Signature),
        ("a dot more", format!("{token}."), IdTokenError::Malformed),
        (
            "oversized",
            format!("{token}{}", "A".repeat(MAX_ID_TOKEN_BYTES)),
            IdTokenError::Malformed,
        ),
    ] {
        assert_eq!(check(&token), Err(error), "{name}");
    }
}
