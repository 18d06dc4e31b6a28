//! The text that is signed, and the shapes that let it have only one meaning.
//!
//! Lines are joined by line feeds, so no part may hold one.

use super::Target;

const MAX_METHOD_BYTES: usize = 16;
const MAX_TARGET_BYTES: usize = 8192;
/// Enough until the year 33658, and nowhere near the end of an `i64`.
const MAX_TIMESTAMP_DIGITS: usize = 12;

pub(super) fn canonical(target: &Target<'_>, timestamp: &str, nonce: &str, content_sha256: &str) -> String {
    let Target {
        method,
        path_and_query,
    } = target;
    format!("nexus-request-v1\n{method}\n{path_and_query}\n{timestamp}\n{nonce}\n{content_sha256}")
}

/// A method in upper case, and a path of printable ASCII: what HTTP sends for a path (RFC 3986).
pub(super) fn is_target(target: &Target<'_>) -> bool {
    let Target {
        method,
        path_and_query,
    } = target;
    (1..=MAX_METHOD_BYTES).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && path_and_query.len() <= MAX_TARGET_BYTES
        && path_and_query.starts_with('/')
        && path_and_query.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) fn is_nonce(nonce: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (16..=64).contains(&nonce.len()) && nonce.bytes().all(plain)
}

pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let digits = text.len() <= MAX_TIMESTAMP_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}
