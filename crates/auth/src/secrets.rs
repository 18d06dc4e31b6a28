//! New secrets: what we hand out once and can afterwards only recognise.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// 256 random bits as base64url (43 characters), after `prefix` as it is given. A prefix (`nxs_`) tells people, and
/// the scanners that look for leaked secrets, what the thing is.
pub fn random_token(prefix: &str) -> SecretString {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
    let mut token = String::with_capacity(prefix.len() + 43);
    token.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut token);
    SecretString::from(token)
}
