//! New secrets.

use nexus_auth::secrets::random_token;
use secrecy::ExposeSecret as _;

#[test]
fn tokens_are_long_url_safe_and_never_the_same() {
    let (one, other) = (random_token("nxs_"), random_token("nxs_"));
    let body = one.expose_secret().strip_prefix("nxs_").unwrap();
    assert_eq!(body.len(), 43);
    assert!(
        body.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    );
    assert_ne!(one.expose_secret(), other.expose_secret());
    assert!(!format!("{one:?}").contains(body));
}
