//! The body of a signed request, hashed as it streams by.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::digest::DIGEST_BYTES;

/// The body is not the one that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not the one that was signed")]
pub struct BodyMismatch;

/// Compares a body with the hash that was signed. Only a verified request has one.
#[derive(Clone, Debug)]
#[must_use = "the body is not proven until `finish` says so"]
pub struct BodyCheck {
    declared: [u8; DIGEST_BYTES],
    seen: Sha256,
}

impl BodyCheck {
    pub(super) fn against(declared: [u8; DIGEST_BYTES]) -> Self {
        Self {
            declared,
            seen: Sha256::new(),
        }
    }

    /// Takes the next part of the body, in whatever pieces it arrives.
    pub fn update(&mut self, chunk: &[u8]) {
        self.seen.update(chunk);
    }

    /// Whether all that was seen is what was signed. Nothing of the body may take effect before.
    pub fn finish(self) -> Result<(), BodyMismatch> {
        let seen: [u8; DIGEST_BYTES] = self.seen.finalize().into();
        if seen.ct_eq(&self.declared).into() {
            Ok(())
        } else {
            Err(BodyMismatch)
        }
    }
}
