//! HMAC-SHA256 and the hex of digests, in the one spelling that this crate accepts.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Bytes of a SHA-256 digest.
pub(crate) const DIGEST_BYTES: usize = 32;

pub(crate) fn sha256(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::digest(bytes).into()
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; DIGEST_BYTES] {
    keyed(key, message).finalize().into_bytes().into()
}

/// Compares in constant time; a tag of another length is a wrong tag.
pub(crate) fn hmac_matches(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    keyed(key, message).verify_slice(tag).is_ok()
}

/// Reads 64 digits of lower-case hex. Upper case would be the same digest spelled a second way, which would slip
/// through where a caller remembers a digest to refuse its replay.
pub(crate) fn from_hex(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut digest = [0; DIGEST_BYTES];
    hex::decode_to_slice(text, &mut digest).ok()?;
    Some(digest)
}

fn keyed(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    begun(key).chain_update(message)
}

/// For a message that comes in pieces.
pub(crate) fn begun(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::{from_hex, hmac_matches, hmac_sha256};

    /// RFC 4231, section 4.3 (test case 2).
    #[test]
    fn agrees_with_the_published_vector() {
        let tag = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(tag),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(hmac_matches(b"Jefe", b"what do ya want for nothing?", &tag));
        assert!(!hmac_matches(
            b"Jefe",
            b"what do ya want for nothing?",
            &tag[..16]
        ));
    }

    #[test]
    fn hex_has_one_spelling() {
        assert_eq!(from_hex(&"ab".repeat(32)), Some([0xab; 32]));
        for wrong in [
            "AB".repeat(32),
            "ab".repeat(31),
            "ab".repeat(33),
            "zz".repeat(32),
            String::new(),
        ] {
            assert_eq!(from_hex(&wrong), None, "{wrong}");
        }
    }
}
