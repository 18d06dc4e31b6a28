//! Our own tokens, and every way in which one is not ours.

use nexus_auth::TokenKind::{Service, Session};
use nexus_auth::token::MAX_TOKEN_BYTES;
use nexus_auth::{TokenError, Verified};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::fixtures::{NOW, OTHER_SECRET, SECRET, base64url, derived, jwt, kid, ring, ring_of};
use crate::rsa_key;

const JTI: Uuid = Uuid::from_u128(7);

fn key() -> [u8; 32] {
    derived(SECRET, "nexus/v1/tokens")
}

fn header() -> String {
    format!(r#"{{"alg":"HS256","kid":"{}"}}"#, kid(SECRET))
}

fn claims() -> String {
    format!(
        r#"{{"iss":"nexus","aud":"nexus/service","jti":"{JTI}","iat":{NOW},"exp":{}}}"#,
        NOW + 3600
    )
}

#[test]
fn a_token_says_what_it_was_minted_for() {
    for kind in [Service, Session] {
        let token = ring().mint(kind, JTI, NOW, NOW + 3600);
        let verified = ring().verify(token.expose_secret(), NOW).unwrap();
        assert_eq!(
            verified,
            Verified {
                kind,
                jti: JTI,
                expires_at: NOW + 3600
            }
        );
        assert!(token.expose_secret().len() < 400);
    }
}

#[test]
fn a_token_holds_from_its_start_until_before_its_end() {
    let token = ring().mint(Session, JTI, NOW, NOW + 3600);
    let at = |now: i64| ring().verify(token.expose_secret(), now).map(|_| ());
    assert_eq!(at(NOW - 61), Err(TokenError::NotYetValid));
    assert_eq!(at(NOW - 60), Ok(()));
    assert_eq!(at(NOW + 3599), Ok(()));
    assert_eq!(at(NOW + 3600), Err(TokenError::Expired));
    assert_eq!(at(i64::MAX), Err(TokenError::Expired));
    assert_eq!(at(i64::MIN), Err(TokenError::NotYetValid));
}

#[test]
fn a_replaced_key_is_good_until_it_is_removed() {
    let token = ring_of(OTHER_SECRET, &[]).mint(Service, JTI, NOW, NOW + 3600);
    assert!(
        ring_of(SECRET, &[OTHER_SECRET])
            .verify(token.expose_secret(), NOW)
            .is_ok()
    );
    assert_eq!(
        ring().verify(token.expose_secret(), NOW),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn a_forged_header_gains_nothing() {
    let alg = |alg: &str| format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, kid(SECRET));
    let unsigned = format!("{}.{}.", base64url(alg("none")), base64url(claims()));
    let no_kid = r#"{"alg":"HS256"}"#;
    let stranger = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, kid(OTHER_SECRET));
    let critical = format!(r#"{{"alg":"HS256","kid":"{}","crit":["exp"]}}"#, kid(SECRET));
    let two_algs = format!(r#"{{"alg":"none","alg":"HS256","kid":"{}"}}"#, kid(SECRET));
    let table = [
        ("alg none, unsigned", unsigned, TokenError::Algorithm),
        (
            "alg none, signed",
            jwt(&alg("none"), &claims(), &key()),
            TokenError::Algorithm,
        ),
        (
            "alg None",
            jwt(&alg("None"), &claims(), &key()),
            TokenError::Algorithm,
        ),
        (
            "alg hs256",
            jwt(&alg("hs256"), &claims(), &key()),
            TokenError::Algorithm,
        ),
        (
            "HS512",
            jwt(&alg("HS512"), &claims(), &key()),
            TokenError::Algorithm,
        ),
        (
            "RS256 over an HMAC",
            jwt(&alg("RS256"), &claims(), &key()),
            TokenError::Algorithm,
        ),
        (
            "RS256 by a foreign key",
            rsa_key::jwt(&alg("RS256"), &claims()),
            TokenError::Algorithm,
        ),
        (
            "HS256 over an RSA signature",
            rsa_key::jwt(&header(), &claims()),
            TokenError::Signature,
        ),
        ("no kid", jwt(no_kid, &claims(), &key()), TokenError::UnknownKey),
        (
            "a kid of nobody",
            jwt(&stranger, &claims(), &key()),
            TokenError::UnknownKey,
        ),
        (
            "another key",
            jwt(&header(), &claims(), &derived(OTHER_SECRET, "nexus/v1/tokens")),
            TokenError::Signature,
        ),
        (
            "the key for seals",
            jwt(&header(), &claims(), &derived(SECRET, "nexus/v1/seal")),
            TokenError::Signature,
        ),
        (
            "the bare secret",
            jwt(&header(), &claims(), SECRET.as_bytes()),
            TokenError::Signature,
        ),
        (
            "an empty key",
            jwt(&header(), &claims(), b""),
            TokenError::Signature,
        ),
        (
            "critical extension",
            jwt(&critical, &claims(), &key()),
            TokenError::Malformed,
        ),
        (
            "alg twice",
            jwt(&two_algs, &claims(), &key()),
            TokenError::Malformed,
        ),
        ("no alg", jwt("{}", &claims(), &key()), TokenError::Malformed),
        ("no header", jwt("", &claims(), &key()), TokenError::Malformed),
    ];
    for (name, token, error) in table {
        assert_eq!(ring().verify(&token, NOW), Err(error), "{name}");
    }
    assert!(
        ring().verify(&jwt(&header(), &claims(), &key()), NOW).is_ok(),
        "the forger has the right key"
    );
}

#[test]
fn claims_that_we_never_wrote_are_refused() {
    let exp = format!(r#""exp":{}"#, NOW + 3600);
    let table = [
        (
            "another issuer",
            claims().replace(r#""nexus""#, r#""other""#),
            TokenError::WrongIssuer,
        ),
        (
            "another audience",
            claims().replace("nexus/service", "nexus/admin"),
            TokenError::WrongAudience,
        ),
        (
            "audience in another case",
            claims().replace("nexus/service", "Nexus/Service"),
            TokenError::WrongAudience,
        ),
        (
            "audiences",
            claims().replace(r#""nexus/service""#, r#"["nexus/service"]"#),
            TokenError::Malformed,
        ),
        (
            "exp twice",
            claims().replace(&exp, &format!("{exp},{exp}")),
            TokenError::Malformed,
        ),
        (
            "no exp",
            claims().replace(&format!(",{exp}"), ""),
            TokenError::Malformed,
        ),
        (
            "exp is a text",
            claims().replace(&exp, r#""exp":"9999999999""#),
            TokenError::Malformed,
        ),
        (
            "exp is a fraction",
            claims().replace(&exp, r#""exp":9999999999.5"#),
            TokenError::Malformed,
        ),
        (
            "exp is huge",
            claims().replace(&exp, r#""exp":1e300"#),
            TokenError::Malformed,
        ),
        (
            "exp was",
            claims().replace(&exp, r#""exp":-1"#),
            TokenError::Expired,
        ),
        (
            "a right",
            claims().replace(&exp, &format!(r#"{exp},"admin":true"#)),
            TokenError::Malformed,
        ),
        (
            "jti is no uuid",
            claims().replace(&JTI.to_string(), "7"),
            TokenError::Malformed,
        ),
        ("not an object", "[]".to_owned(), TokenError::Malformed),
        ("not JSON", "nexus".to_owned(), TokenError::Malformed),
        ("nested", "[".repeat(1000), TokenError::Malformed),
    ];
    for (name, claims, error) in table {
        let token = jwt(&header(), &claims, &key());
        assert_eq!(ring().verify(&token, NOW), Err(error), "{name}");
    }
}

#[test]
fn what_is_not_three_parts_is_malformed() {
    let token = ring().mint(Service, JTI, NOW, NOW + 3600);
    let token = token.expose_secret();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let oversized = format!("{token}{}", "A".repeat(MAX_TOKEN_BYTES));
    let table = [
        ("nothing", String::new(), TokenError::Malformed),
        ("dots", "..".to_owned(), TokenError::Malformed),
        ("unsigned", signed.to_owned(), TokenError::Malformed),
        ("signature missing", format!("{signed}."), TokenError::Signature),
        (
            "signature cut",
            token[..token.len() - 2].to_owned(),
            TokenError::Malformed,
        ),
        (
            "signature of half the length",
            format!("{signed}.{}", &signature[..20]),
            TokenError::Signature,
        ),
        ("a dot after", format!("{token}."), TokenError::Malformed),
        ("a dot before", format!(".{token}"), TokenError::Malformed),
        (
            "two dots between",
            token.replacen('.', "..", 1),
            TokenError::Malformed,
        ),
        ("a blank after", format!("{token} "), TokenError::Malformed),
        ("a line feed after", format!("{token}\n"), TokenError::Malformed),
        ("padded", format!("{token}="), TokenError::Malformed),
        ("oversized", oversized, TokenError::Malformed),
    ];
    for (name, token, error) in table {
        assert_eq!(ring().verify(&token, NOW), Err(error), "{name}");
    }
}

#[test]
fn errors_do_not_repeat_the_token() {
    let error = ring().verify("secret.secret.secret", NOW).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}
