//! Whether a webhook comes from whoever was given its secret.

use secrecy::{ExposeSecret as _, SecretString};

use crate::digest::{from_hex, hmac_matches};

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

/// Compares in constant time.
pub fn verifies(secret: &SecretString, body: &[u8], proof: WebhookProof<'_>) -> bool {
    let key = secret.expose_secret().as_bytes();
    match proof {
        WebhookProof::Signature(text) if text.len() <= MOST_BYTES => {
            let hex = text.trim();
            let hex = hex.strip_prefix("sha256=").unwrap_or(hex);
            from_hex(hex).is_some_and(|tag| hmac_matches(key, body, &tag))
        }
        WebhookProof::Token(text) if text.len() <= MOST_BYTES => {
            subtle::ConstantTimeEq::ct_eq(text.as_bytes(), key).into()
        }
        WebhookProof::Signature(_) | WebhookProof::Token(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
