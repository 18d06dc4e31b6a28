//! Signs the requests of a bot: HMAC-SHA256 over method, target, time, nonce and the hash of the body, as `docs/API.md` has
//! it. The secret never travels, and each signature is good for one request.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Request;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Position;
use uuid::Uuid;

/// What a bot signs its requests with.
#[derive(Clone, Debug)]
pub struct Signing {
    secret: SecretString,
    /// Unix seconds.
    clock: fn() -> u64,
}

/// SHA-256 of a request's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyHash(String);

impl BodyHash {
    pub(crate) fn of(body: &[u8]) -> Self {
        Self::from(Sha256::new_with_prefix(body))
    }
}

impl From<Sha256> for BodyHash {
    fn from(seen: Sha256) -> Self {
        Self(hex::encode(seen.finalize()))
    }
}

impl Signing {
    /// With the secret that `POST /bots/{id}/signing-secret` gave, by this machine's clock. The server's may be 300 seconds
    /// away from it.
    pub fn new(secret: SecretString) -> Self {
        Self::by_clock(secret, unix_seconds)
    }

    /// By another clock, which tells Unix seconds.
    pub fn by_clock(secret: SecretString, clock: fn() -> u64) -> Self {
        Self { secret, clock }
    }

    /// Adds the four headers to a request that is complete but for them. Signed as late as it can be: the time counts.
    pub(crate) fn sign(&self, request: &mut Request, body: &BodyHash) {
        let timestamp = (self.clock)().to_string();
        let nonce = Uuid::new_v4().simple().to_string();
        let signature = self.signature(&message(request, &timestamp, &nonce, body));
        let headers = request.headers_mut();
        for (name, text) in [
            ("x-nexus-timestamp", timestamp),
            ("x-nexus-nonce", nonce),
            ("x-nexus-content-sha256", body.0.clone()),
            ("x-nexus-signature", signature),
        ] {
            let mut value = HeaderValue::try_from(text).expect("letters, digits and = may stand in a header");
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }

    fn signature(&self, message: &str) -> String {
        let key = self.secret.expose_secret().as_bytes();
        let keyed = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        let tag = keyed.chain_update(message).finalize().into_bytes();
        format!("v1={}", hex::encode(tag))
    }
}

/// The text that is signed. Path and query stand in it as they are sent.
fn message(request: &Request, timestamp: &str, nonce: &str, BodyHash(body): &BodyHash) -> String {
    let method = request.method();
    let target = &request.url()[Position::BeforePath..Position::AfterQuery];
    format!("nexus-request-v1\n{method}\n{target}\n{timestamp}\n{nonce}\n{body}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "clients know no domain and so none of its clocks; `Signing::by_clock` takes another one"
)]
fn unix_seconds() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // Before 1970 no signature is good, whatever it says.
    now.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use nexus_auth::signed_request::{Presented, Target, verify};
    use reqwest::Method;

    use super::*;

    const SECRET: &str = "nxs_a-secret-of-a-bot";

    fn request(url: &str, body: &'static str) -> Request {
        let mut request = Request::new(Method::POST, url.parse().unwrap());
        *request.body_mut() = Some(body.into());
        request
    }

    fn signed(url: &str, body: &'static str) -> Request {
        let mut request = request(url, body);
        let signing = Signing::by_clock(SECRET.to_owned().into(), || 1_790_000_000);
        signing.sign(&mut request, &BodyHash::of(body.as_bytes()));
        request
    }

    fn header<'a>(request: &'a Request, name: &str) -> &'a str {
        request.headers()[name].to_str().unwrap()
    }

    fn presented(request: &Request) -> Presented<'_> {
        Presented {
            timestamp: Some(header(request, "x-nexus-timestamp")),
            nonce: Some(header(request, "x-nexus-nonce")),
            content_sha256: Some(header(request, "x-nexus-content-sha256")),
            signature: Some(header(request, "x-nexus-signature")),
        }
    }

    /// Made with another program: `openssl dgst -sha256 -hmac`.
    #[test]
    fn the_signature_is_the_one_that_openssl_makes() {
        let request = request("https://nexus.example/api/v1/rag/query?x=%20a&y", "{}");
        let body = BodyHash::of(b"{}");
        let text = message(&request, "1790000000", "0123456789abcdef", &body);
        assert_eq!(
            text,
            "nexus-request-v1\nPOST\n/api/v1/rag/query?x=%20a&y\n1790000000\n0123456789abcdef\n\
             44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        let signing = Signing::new(SECRET.to_owned().into());
        assert_eq!(
            signing.signature(&text),
            "v1=48f43f45439e950c9a1c8797b2e59fe95b8a443424711cb7c3c59ef8902e17aa"
        );
    }

    #[test]
    fn what_is_signed_is_what_the_backend_accepts() {
        for (url, path) in [
            ("https://nexus.example", "/"),
            ("https://nexus.example:8443/api/v1/auth/me", "/api/v1/auth/me"),
            (
                "http://[::1]/a?name=%D0%B0+b%26&cursor=",
                "/a?name=%D0%B0+b%26&cursor=",
            ),
        ] {
            let request = signed(url, "text");
            let target = Target {
                method: "POST",
                path_and_query: path,
            };
            let secret = SECRET.to_owned().into();
            let mut accepted = verify(&target, &presented(&request), &secret, 1_790_000_000).unwrap();
            accepted.body.update(b"text");
            assert_eq!(accepted.body.finish(), Ok(()));
        }
    }

    #[test]
    fn no_two_requests_are_signed_alike_and_none_shows_the_secret() {
        let (first, second) = (signed("https://h/a", ""), signed("https://h/a", ""));
        assert_ne!(header(&first, "x-nexus-nonce"), header(&second, "x-nexus-nonce"));
        assert_ne!(
            header(&first, "x-nexus-signature"),
            header(&second, "x-nexus-signature")
        );
        let signing = Signing::new(SECRET.to_owned().into());
        for text in [format!("{signing:?}"), format!("{first:?}")] {
            assert!(!text.contains(SECRET) && !text.contains("v1="), "{text}");
        }
    }
}
