//! Where the backend is and how to speak to it.

use nexus_net::is_loopback;
use reqwest::Certificate;
use secrecy::SecretString;
use url::Url;

use crate::error::ClientError;
use crate::signing::Signing;

#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Scheme, host and port, such as `https://nexus.example:8443`.
    pub base: Url,
    pub api_key: SecretString,
    /// Lets plain http reach hosts other than this machine.
    pub allow_plain_http: bool,
    /// A certificate authority in PEM, trusted instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// What requests say of the trace that they belong to, as `traceparent`.
    pub traceparent: Option<fn() -> Option<String>>,
    /// Signs every request, as a bot has to of which the backend wants it.
    pub signing: Option<Signing>,
}

impl ClientConfig {
    pub fn new(base: Url, api_key: SecretString) -> Self {
        Self {
            base,
            api_key,
            allow_plain_http: false,
            ca_pem: None,
            traceparent: None,
            signing: None,
        }
    }

    /// The HTTP client, after the checks on the address.
    pub(crate) fn build(&self) -> Result<reqwest::Client, ClientError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("nexus-client/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        let builder = match (self.base.scheme(), &self.ca_pem) {
            ("https", None) => builder.https_only(true),
            ("https", Some(pem)) => {
                let authorities = Certificate::from_pem_bundle(pem).map_err(ClientError::Setup)?;
                builder.https_only(true).tls_certs_only(authorities)
            }
            ("http", _) if self.allow_plain_http || is_loopback(&self.base) => {
                // No TLS will be spoken: do not demand that this machine has certificate authorities.
                builder.tls_certs_only([]).no_proxy()
            }
            ("http", _) => {
                return Err(ClientError::PlainHttp {
                    base: self.base.to_string(),
                });
            }
            _ => {
                return Err(ClientError::Address {
                    base: self.base.to_string(),
                });
            }
        };
        builder.build().map_err(ClientError::Setup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(base: &str) -> Result<reqwest::Client, ClientError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        ClientConfig::new(base.parse().unwrap(), "key".to_owned().into()).build()
    }

    #[test]
    fn plain_http_reaches_this_machine_only() {
        assert!(build("http://127.0.0.1:8080").is_ok());
        assert!(build("http://localhost:8080").is_ok());
        assert!(build("http://[::1]:8080").is_ok());
        assert!(matches!(
            build("http://nexus.example"),
            Err(ClientError::PlainHttp { .. })
        ));
        assert!(matches!(
            build("http://localhost.example"),
            Err(ClientError::PlainHttp { .. })
        ));
        assert!(matches!(
            build("ftp://127.0.0.1"),
            Err(ClientError::Address { .. })
        ));
    }
}
