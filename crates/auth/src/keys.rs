//! The operator's secret, and the keys that are derived from it.
//!
//! One secret is configured; what needs a key gets its own, derived by purpose (HKDF-SHA256, RFC 5869), so that a
//! key that leaks in one place is of no use in another. Secrets that were replaced stay in the ring for reading,
//! until what they made has expired or was made anew.

use std::fmt;

use hkdf::Hkdf;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::digest::hmac_sha256;

/// Bytes of the shortest secret that is accepted: as many as the keys that are derived from it.
pub const MIN_SECRET_BYTES: usize = 32;

/// Why the configured secrets are no key ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a secret key is shorter than {MIN_SECRET_BYTES} bytes")]
    TooShort,
    /// The same secret twice. Two secrets that by chance share a name (one in 2^32) are told the same.
    #[error("a secret key is given twice")]
    Repeated,
}

/// The keys of this installation. The current one makes, all of them read.
#[derive(Clone)]
pub struct KeyRing {
    /// Never empty; the first is current.
    keys: Vec<Key>,
}

/// What is derived from one secret.
#[derive(Clone)]
pub(crate) struct Key {
    /// Names the key in what it made. Derived by a label of its own, so it says nothing about the others.
    pub(crate) kid: String,
    pub(crate) tokens: Zeroizing<[u8; 32]>,
    pub(crate) seal: Zeroizing<[u8; 32]>,
    pub(crate) cache: Zeroizing<[u8; 32]>,
    fingerprints: Zeroizing<[u8; 32]>,
}

impl KeyRing {
    /// `current` makes tokens and seals from now on; what one of `previous` made is still read.
    pub fn new(current: &SecretString, previous: &[SecretString]) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::with_capacity(1 + previous.len());
        for secret in std::iter::once(current).chain(previous) {
            let key = Key::derive(secret)?;
            if keys.iter().any(|known| known.kid == key.kid) {
                return Err(KeyError::Repeated);
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// Tells whether two secrets are the same one without keeping either: HMAC-SHA256 under the current key, so that
    /// nobody else can try guesses. The same secret has another fingerprint for another purpose, and under another key.
    pub fn fingerprint(&self, purpose: &str, secret: &[u8]) -> [u8; 32] {
        let of_purpose = hmac_sha256(self.current().fingerprints.as_slice(), purpose.as_bytes());
        hmac_sha256(&of_purpose, secret)
    }

    pub(crate) fn current(&self) -> &Key {
        self.keys.first().expect("a key ring has its current key")
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }
}

impl Key {
    fn derive(secret: &SecretString) -> Result<Self, KeyError> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::TooShort);
        }
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        Ok(Self {
            kid: hex::encode(&expand(&hkdf, "nexus/v1/kid")[..4]),
            tokens: expand(&hkdf, "nexus/v1/tokens"),
            seal: expand(&hkdf, "nexus/v1/seal"),
            cache: expand(&hkdf, "nexus/v1/cache"),
            fingerprints: expand(&hkdf, "nexus/v1/fingerprints"),
        })
    }
}

/// Prints the names of the keys, which stand in every token anyway.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|key| &key.kid))
            .finish()
    }
}

fn expand(hkdf: &Hkdf<Sha256>, label: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf.expand(label.as_bytes(), key.as_mut_slice())
        .expect("32 bytes are fewer than HKDF-SHA256 can give");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_one_secret_one_purpose_and_one_key() {
        let ring = |secret: &str| KeyRing::new(&secret.repeat(32).into(), &[]).unwrap();
        let print = ring("a").fingerprint("this", b"word");
        assert_eq!(print, ring("a").fingerprint("this", b"word"));
        for other in [
            ring("a").fingerprint("that", b"word"),
            ring("a").fingerprint("this", b"words"),
            ring("b").fingerprint("this", b"word"),
        ] {
            assert_ne!(print, other);
        }
    }
}
