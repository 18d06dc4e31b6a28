//! Secrets of others that we must be able to use again (a bot's Telegram token, a provider's key), kept sealed.
//!
//! XChaCha20-Poly1305 with a random nonce of 24 bytes, which may be drawn blindly as often as we like. What is
//! sealed is bound to its place: the context (such as `bots/<uuid>/telegram_token`) is authenticated with it, so
//! that a value that somebody copied into another row does not open there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretString};

use crate::keys::{Key, KeyRing};

/// Bytes of the longest secret that is sealed: a private key in PEM fits many times over.
pub const MAX_PLAINTEXT_BYTES: usize = 64 * 1024;

/// Bytes of the longest cached value that is sealed: an answer with all passages that it was made from.
pub const MAX_CACHED_BYTES: usize = 1024 * 1024;

/// `v1.<kid>.` and base64url of nonce, ciphertext and tag.
const MAX_SEALED_BYTES: usize = 12 + (NONCE_BYTES + MAX_PLAINTEXT_BYTES + TAG_BYTES).div_ceil(3) * 4;
const VERSION: &str = "v1";
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Why something was not sealed or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("a secret of more than {MAX_PLAINTEXT_BYTES} bytes is not sealed")]
    TooLarge,
    /// It was sealed by a key that is no longer in the ring: the operator removed it too early.
    #[error("the key that sealed this is not configured")]
    UnknownKey,
    /// It is cut, altered, or stands in another place than it was sealed for.
    #[error("the sealed value is damaged")]
    Damaged,
}

impl KeyRing {
    /// Seals with the current key. The same context opens it.
    pub fn seal(&self, plaintext: &SecretString, context: &str) -> Result<String, SealError> {
        let plaintext = plaintext.expose_secret().as_bytes();
        if plaintext.len() > MAX_PLAINTEXT_BYTES {
            return Err(SealError::TooLarge);
        }
        let key = self.current();
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload {
            msg: plaintext,
            aad: context.as_bytes(),
        };
        let ciphertext = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .expect("the plaintext is far below what the cipher can take");
        let bytes = [nonce.as_slice(), &ciphertext].concat();
        Ok(format!("{VERSION}.{}.{}", key.kid, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens what any key of the ring sealed for this context.
    pub fn open(&self, sealed: &str, context: &str) -> Result<SecretString, SealError> {
        let (kid, body) = split(sealed).ok_or(SealError::Damaged)?;
        let key = self.find(kid).ok_or(SealError::UnknownKey)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| SealError::Damaged)?;
        let (nonce, ciphertext) = bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealError::Damaged)?;
        let payload = Payload {
            msg: ciphertext,
            aad: context.as_bytes(),
        };
        let plaintext = cipher(key)
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Damaged)?;
        String::from_utf8(plaintext)
            .map(SecretString::from)
            .map_err(|_| SealError::Damaged)
    }

    /// Seals what lies in a cache that others may reach, for this name and no other; under a key of its own, as bytes.
    pub fn seal_cached(&self, plaintext: &[u8], name: &str) -> Result<Vec<u8>, SealError> {
        if plaintext.len() > MAX_CACHED_BYTES {
            return Err(SealError::TooLarge);
        }
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload {
            msg: plaintext,
            aad: name.as_bytes(),
        };
        let ciphertext = XChaCha20Poly1305::new(&(*self.current().cache).into())
            .encrypt(&XNonce::from(nonce), payload)
            .expect("the plaintext is far below what the cipher can take");
        Ok([nonce.as_slice(), &ciphertext].concat())
    }

    /// Opens what the current key sealed for this name. What an earlier one sealed is made anew: it is a cache.
    pub fn open_cached(&self, sealed: &[u8], name: &str) -> Result<Vec<u8>, SealError> {
        let (nonce, ciphertext) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .filter(|(_, ciphertext)| ciphertext.len() <= MAX_CACHED_BYTES + TAG_BYTES)
            .ok_or(SealError::Damaged)?;
        let payload = Payload {
            msg: ciphertext,
            aad: name.as_bytes(),
        };
        XChaCha20Poly1305::new(&(*self.current().cache).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Damaged)
    }

    /// Whether the current key did not seal this. True for a damaged value as well: the attempt to open it says so.
    pub fn needs_resealing(&self, sealed: &str) -> bool {
        split(sealed).is_none_or(|(kid, _)| kid != self.current().kid)
    }
}

/// The name of the key, and what it sealed.
fn split(sealed: &str) -> Option<(&str, &str)> {
    if sealed.len() > MAX_SEALED_BYTES {
        return None;
    }
    let (version, rest) = sealed.split_once('.')?;
    if version != VERSION {
        return None;
    }
    rest.split_once('.')
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key.seal).into())
}
