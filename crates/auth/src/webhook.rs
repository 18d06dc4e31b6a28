//! Whether a webhook comes from whoever was given its secret.

use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::digest::{DIGEST_BYTES, begun, from_hex};

/// Longest proof that is looked at, in bytes.
const MOST_BYTES: usize = 512;

/// What a webhook brings with it.
#[derive(Clone, Copy)]
pub enum WebhookProof<'a> {
    /// HMAC-SHA256 over the body, in hex, with or without `sha256=` before it (GitHub, Gitea, Forgejo, n8n).
    Signature(&'a str),
    /// The secret itself (GitLab).
    Token(&'a str),
}

// The token is a secret, and a signature is as good as one.
impl std::fmt::Debug for WebhookProof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signature(_) => "Signature",
            Self::Token(_) => "Token",
        })
    }
}

/// A proof that is compared with a body while that is read: nothing of the body is kept.
#[derive(Debug)]
pub struct WebhookCheck(Kind);

enum Kind {
    Signature {
        mac: Box<Hmac<Sha256>>,
        tag: [u8; DIGEST_BYTES],
    },
    /// The secret itself says all; whether it was the right one.
    Token(bool),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signature { .. } => "Signature",
            Self::Token(_) => "Token",
        })
    }
}

impl WebhookCheck {
    /// `None` for what cannot be a proof.
    pub fn new(secret: &SecretString, proof: WebhookProof<'_>) -> Option<Self> {
        let key = secret.expose_secret().as_bytes();
        match proof {
            WebhookProof::Signature(text) if text.len() <= MOST_BYTES => {
                let hex = text.trim();
                let hex = hex.strip_prefix("sha256=").unwrap_or(hex);
                let mac = Box::new(begun(key));
                from_hex(hex).map(|tag| Self(Kind::Signature { mac, tag }))
            }
            WebhookProof::Token(text) if text.len() <= MOST_BYTES => {
                let is_it = subtle::ConstantTimeEq::ct_eq(text.as_bytes(), key).into();
                Some(Self(Kind::Token(is_it)))
            }
            WebhookProof::Signature(_) | WebhookProof::Token(_) => None,
        }
    }

    /// Takes the next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        if let Kind::Signature { mac, .. } = &mut self.0 {
            mac.update(piece);
        }
    }

    /// Whether the proof is right, now that the body is over. Compares in constant time.
    pub fn verifies(self) -> bool {
        match self.0 {
            Kind::Signature { mac, tag } => mac.verify_slice(&tag).is_ok(),
            Kind::Token(is_it) => is_it,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In pieces, as bodies come.
    fn verifies(secret: &SecretString, body: &[u8], proof: WebhookProof<'_>) -> bool {
        WebhookCheck::new(secret, proof).is_some_and(|mut check| {
            for piece in body.chunks(5) {
                check.update(piece);
            }
            check.verifies()
        })
    }

    #[test]
    fn a_signature_of_github_is_recognised() {
        // The example of GitHub's documentation.
        let secret = SecretString::from("It's a Secret to Everybody");
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(verifies(
            &secret,
            b"Hello, World!",
            WebhookProof::Signature(signature)
        ));
        assert!(verifies(
            &secret,
            b"Hello, World!",
            WebhookProof::Signature(&signature[7..])
        ));
        assert!(!verifies(
            &secret,
            b"Hello, World?",
            WebhookProof::Signature(signature)
        ));
        assert!(!verifies(
            &secret,
            b"Hello, World!",
            WebhookProof::Signature("sha256=zz")
        ));
        assert!(!verifies(&secret, b"Hello, World!", WebhookProof::Signature("")));
    }

    #[test]
    fn a_token_of_gitlab_is_the_secret_itself() {
        let secret = SecretString::from("word");
        assert!(verifies(&secret, b"", WebhookProof::Token("word")));
        assert!(!verifies(&secret, b"", WebhookProof::Token("wor")));
        assert!(!format!("{:?}", WebhookProof::Token("word")).contains("word"));
    }
}
