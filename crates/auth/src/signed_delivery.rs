//! Webhooks that Nexus sends and takes: HMAC-SHA256 over the time, the delivery's id and the body as it travels.
//!
//! What is signed is `<timestamp>.<delivery>.<body>`: neither of the first two can hold a dot, so it has one meaning. The
//! time bounds how long a delivery can be repeated by others; remembering ids is the caller's.

use secrecy::{ExposeSecret as _, SecretString};

use crate::digest::{from_hex, hmac_matches, hmac_sha256};
use crate::signed_request::{RequestError, SIGNATURE_PREFIX, TOLERANCE_SECONDS, parse_timestamp};

/// Names the webhook, and so the secret.
pub const WEBHOOK_HEADER: &str = "x-nexus-webhook";
/// 1 to 128 letters, digits, `-`, `_` and `:`; the same when a delivery is repeated.
pub const DELIVERY_HEADER: &str = "x-nexus-delivery";

const MAX_DELIVERY_CHARS: usize = 128;

/// The headers of a delivery, as far as it has them. A header that stands twice counts as missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    pub delivery: Option<&'a str>,
    pub timestamp: Option<&'a str>,
    pub signature: Option<&'a str>,
}

/// Headers that are well-formed. They prove nothing until [`Claimed::verify`] has seen the body.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    pub delivery: &'a str,
    timestamp: &'a str,
    signed_at: i64,
    tag: [u8; 32],
}

/// The signature of a delivery at `timestamp` (Unix seconds), as its header carries it.
pub fn sign(secret: &SecretString, timestamp: i64, delivery: &str, body: &[u8]) -> String {
    let message = message(&timestamp.to_string(), delivery, body);
    let tag = hmac_sha256(secret.expose_secret().as_bytes(), &message);
    format!("{SIGNATURE_PREFIX}{}", hex::encode(tag))
}

/// Reads the headers, before anything is asked of a database or a body.
pub fn read<'a>(presented: &Presented<'a>) -> Result<Claimed<'a>, RequestError> {
    let delivery = presented.delivery.ok_or(RequestError::Missing)?;
    let timestamp = presented.timestamp.ok_or(RequestError::Missing)?;
    let signature = presented.signature.ok_or(RequestError::Missing)?;
    let signed_at = parse_timestamp(timestamp).ok_or(RequestError::Malformed)?;
    let tag = signature.strip_prefix(SIGNATURE_PREFIX).and_then(from_hex);
    if !is_delivery(delivery) {
        return Err(RequestError::Malformed);
    }
    Ok(Claimed {
        delivery,
        timestamp,
        signed_at,
        tag: tag.ok_or(RequestError::Malformed)?,
    })
}

impl Claimed<'_> {
    /// Whether it is signed with this secret, and not too far from `now` (Unix seconds). Compares in constant time.
    pub fn verify(&self, secret: &SecretString, body: &[u8], now: i64) -> Result<(), RequestError> {
        let message = message(self.timestamp, self.delivery, body);
        if !hmac_matches(secret.expose_secret().as_bytes(), &message, &self.tag) {
            return Err(RequestError::Mismatch);
        }
        if now.abs_diff(self.signed_at) > TOLERANCE_SECONDS {
            return Err(RequestError::Stale);
        }
        Ok(())
    }
}

fn message(timestamp: &str, delivery: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b".", delivery.as_bytes(), b".", body].concat()
}

fn is_delivery(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte);
    (1..=MAX_DELIVERY_CHARS).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600;
    const BODY: &[u8] = br#"{"action":"resync","source":"wiki"}"#;
    /// Computed with Python's `hmac` module.
    const SIGNATURE: &str = "v1=e6443b9822c49bcd51118f33c94d6ea65f6563dafee75bc50f4ae7c4a8bb7201";

    fn secret() -> SecretString {
        SecretString::from("nxi_an-example-of-a-secret")
    }

    fn verify(presented: &Presented<'_>, body: &[u8], now: i64) -> Result<(), RequestError> {
        read(presented)?.verify(&secret(), body, now)
    }

    fn presented() -> Presented<'static> {
        Presented {
            delivery: Some("exec-42"),
            timestamp: Some("1767225600"),
            signature: Some(SIGNATURE),
        }
    }

    #[test]
    fn agrees_with_the_known_vector() {
        assert_eq!(sign(&secret(), NOW, "exec-42", BODY), SIGNATURE);
        assert_eq!(verify(&presented(), BODY, NOW), Ok(()));
        for now in [NOW - 300, NOW + 300] {
            assert_eq!(verify(&presented(), BODY, now), Ok(()));
        }
    }

    #[test]
    fn what_was_altered_or_is_old_is_refused() {
        let altered = [
            Presented {
                delivery: Some("exec-43"),
                ..presented()
            },
            Presented {
                timestamp: Some("1767225601"),
                ..presented()
            },
            Presented {
                timestamp: Some("01767225600"),
                ..presented()
            },
        ];
        for presented in &altered {
            assert_eq!(
                verify(presented, BODY, NOW),
                Err(RequestError::Mismatch),
                "{presented:?}"
            );
        }
        assert_eq!(verify(&presented(), b"{}", NOW), Err(RequestError::Mismatch));
        for now in [NOW - 301, NOW + 301] {
            assert_eq!(verify(&presented(), BODY, now), Err(RequestError::Stale));
        }
        let other = SecretString::from("nxi_another");
        let claimed = read(&presented()).unwrap();
        assert_eq!(
            claimed.verify(&other, BODY, NOW + 999),
            Err(RequestError::Mismatch)
        );
    }

    #[test]
    fn what_is_missing_or_odd_is_told_before_the_body_is_read() {
        let none = Presented::default();
        assert_eq!(read(&none).unwrap_err(), RequestError::Missing);
        let long = "x".repeat(129);
        for delivery in ["", "a.b", "a b", "é", &long] {
            let odd = Presented {
                delivery: Some(delivery),
                ..presented()
            };
            assert_eq!(read(&odd).unwrap_err(), RequestError::Malformed, "{delivery}");
        }
        for signature in ["", "v1=", &SIGNATURE[3..], "v2=00", &SIGNATURE.to_uppercase()] {
            let odd = Presented {
                signature: Some(signature),
                ..presented()
            };
            assert_eq!(read(&odd).unwrap_err(), RequestError::Malformed, "{signature}");
        }
        for timestamp in ["", "-1", "1.5", "9999999999999"] {
            let odd = Presented {
                timestamp: Some(timestamp),
                ..presented()
            };
            assert_eq!(read(&odd).unwrap_err(), RequestError::Malformed, "{timestamp}");
        }
    }
}
