//! Requests that a bot signs.

use nexus_auth::signed_request::{BodyMismatch, Presented, RequestError, Signed, Target, sign, verify};

use crate::fixtures::{NOW, hmac, secret};

const SECRET: &str = "nxs_a-secret-of-a-bot";
const NONCE: &str = "0123456789abcdef";
const TARGET: Target<'_> = Target {
    method: "POST",
    path_and_query: "/v1/answers?stream=true&q=%20",
};
const BODY: &[u8] = br#"{"question":"?"}"#;

fn signed() -> Signed {
    sign(&TARGET, BODY, NONCE, NOW, &secret(SECRET)).unwrap()
}

fn presented(signed: &Signed) -> Presented<'_> {
    Presented {
        timestamp: Some(&signed.timestamp),
        nonce: Some(&signed.nonce),
        content_sha256: Some(&signed.content_sha256),
        signature: Some(&signed.signature),
    }
}

fn check(target: &Target<'_>, presented: &Presented<'_>, now: i64) -> Result<(), RequestError> {
    verify(target, presented, &secret(SECRET), now).map(|_| ())
}

#[test]
fn a_signed_request_is_accepted_with_its_body() {
    let signed = signed();
    let mut accepted = verify(&TARGET, &presented(&signed), &secret(SECRET), NOW).unwrap();
    assert_eq!((accepted.nonce.as_str(), accepted.timestamp), (NONCE, NOW));
    for chunk in BODY.chunks(5) {
        accepted.body.update(chunk);
    }
    assert_eq!(accepted.body.finish(), Ok(()));
}

#[test]
fn another_body_is_told_at_its_end() {
    let signed = signed();
    for body in [b"".as_slice(), &BODY[1..], &[BODY, b" "].concat()] {
        let mut accepted = verify(&TARGET, &presented(&signed), &secret(SECRET), NOW).unwrap();
        accepted.body.update(body);
        assert_eq!(accepted.body.finish(), Err(BodyMismatch));
    }
}

/// The format is a contract with clients in other languages: spelled out here, not taken from the code.
#[test]
fn the_canonical_string_is_pinned() {
    let body_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let canonical = format!("nexus-request-v1\nGET\n/v1/bases?limit=1\n1790000000\n{NONCE}\n{body_hash}");
    let target = Target {
        method: "GET",
        path_and_query: "/v1/bases?limit=1",
    };
    let signed = sign(&target, b"", NONCE, 1_790_000_000, &secret(SECRET)).unwrap();
    assert_eq!(signed.content_sha256, body_hash);
    assert_eq!(
        signed.signature,
        format!(
            "v1={}",
            hex::encode(hmac(SECRET.as_bytes(), canonical.as_bytes()))
        )
    );
}

#[test]
fn what_was_signed_cannot_be_changed() {
    let signed = signed();
    let (later, other_nonce, other_hash) = ((NOW + 1).to_string(), "0123456789abcdeg", "0".repeat(64));
    let base = presented(&signed);
    for (name, target, presented) in [
        (
            "method",
            Target {
                method: "PUT",
                ..TARGET
            },
            base,
        ),
        (
            "path",
            Target {
                path_and_query: "/v1/answers",
                ..TARGET
            },
            base,
        ),
        (
            "query",
            Target {
                path_and_query: "/v1/answers?stream=true&q=+",
                ..TARGET
            },
            base,
        ),
        (
            "time",
            TARGET,
            Presented {
                timestamp: Some(&later),
                ..base
            },
        ),
        (
            "nonce",
            TARGET,
            Presented {
                nonce: Some(other_nonce),
                ..base
            },
        ),
        (
            "body",
            TARGET,
            Presented {
                content_sha256: Some(&other_hash),
                ..base
            },
        ),
    ] {
        assert_eq!(
            check(&target, &presented, NOW),
            Err(RequestError::Mismatch),
            "{name}"
        );
    }
    let stranger = verify(&TARGET, &base, &secret("another secret"), NOW).map(|_| ());
    assert_eq!(stranger, Err(RequestError::Mismatch));
}

#[test]
fn it_holds_for_five_minutes_either_way() {
    let signed = signed();
    let at = |now: i64| check(&TARGET, &presented(&signed), now);
    assert_eq!((at(NOW + 300), at(NOW - 300)), (Ok(()), Ok(())));
    for now in [NOW + 301, NOW - 301, i64::MAX, i64::MIN, 0] {
        assert_eq!(at(now), Err(RequestError::Stale), "{now}");
    }
}

#[test]
fn every_header_is_needed() {
    let signed = signed();
    let base = presented(&signed);
    for presented in [
        Presented::default(),
        Presented {
            timestamp: None,
            ..base
        },
        Presented { nonce: None, ..base },
        Presented {
            content_sha256: None,
            ..base
        },
        Presented {
            signature: None,
            ..base
        },
    ] {
        assert_eq!(
            check(&TARGET, &presented, NOW),
            Err(RequestError::Missing),
            "{presented:?}"
        );
    }
}

#[test]
fn every_header_has_one_shape() {
    let signed = signed();
    let base = presented(&signed);
    let malformed = |presented: Presented<'_>| {
        assert_eq!(
            check(&TARGET, &presented, NOW),
            Err(RequestError::Malformed),
            "{presented:?}"
        );
    };
    for text in [
        "",
        "-1",
        "+1",
        " 1790000000",
        "1790000000.0",
        "1e9",
        "9999999999999",
        &"9".repeat(100),
    ] {
        malformed(Presented {
            timestamp: Some(text),
            ..base
        });
    }
    for text in [
        "",
        "0123456789abcde",
        &"a".repeat(65),
        "0123456789abcde\n",
        "0123456789abcde/",
        "0123456789abcdeж",
    ] {
        malformed(Presented {
            nonce: Some(text),
            ..base
        });
    }
    let upper = signed.content_sha256.to_uppercase();
    for text in ["", &upper, &signed.content_sha256[1..], &"g".repeat(64)] {
        malformed(Presented {
            content_sha256: Some(text),
            ..base
        });
    }
    let bare = signed.signature.trim_start_matches("v1=");
    let upper = format!("v1={}", bare.to_uppercase());
    let two = format!("{},v1={bare}", signed.signature);
    for text in [
        "",
        "v1=",
        bare,
        &upper,
        &format!("v2={bare}"),
        &format!("v1={bare}0"),
        &two,
    ] {
        malformed(Presented {
            signature: Some(text),
            ..base
        });
    }
}

#[test]
fn a_target_is_one_line_of_ascii() {
    let signed = signed();
    let long = format!("/{}", "a".repeat(8192));
    for target in [
        Target { method: "", ..TARGET },
        Target {
            method: "post",
            ..TARGET
        },
        Target {
            method: "POST\n/",
            ..TARGET
        },
        Target {
            method: "ABCDEFGHIJKLMNOPQ",
            ..TARGET
        },
        Target {
            path_and_query: "",
            ..TARGET
        },
        Target {
            path_and_query: "v1/answers",
            ..TARGET
        },
        Target {
            path_and_query: "/v1/answers\n1",
            ..TARGET
        },
        Target {
            path_and_query: "/v1/an swers",
            ..TARGET
        },
        Target {
            path_and_query: "/v1/ответы",
            ..TARGET
        },
        Target {
            path_and_query: &long,
            ..TARGET
        },
    ] {
        assert_eq!(
            check(&target, &presented(&signed), NOW),
            Err(RequestError::Malformed),
            "{target:?}"
        );
        assert_eq!(
            sign(&target, BODY, NONCE, NOW, &secret(SECRET)),
            Err(RequestError::Malformed)
        );
    }
    assert_eq!(
        sign(&TARGET, BODY, "short", NOW, &secret(SECRET)),
        Err(RequestError::Malformed)
    );
    assert_eq!(
        sign(&TARGET, BODY, NONCE, -1, &secret(SECRET)),
        Err(RequestError::Malformed)
    );
}
