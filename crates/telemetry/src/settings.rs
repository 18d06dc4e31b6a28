//! Where traces go.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use nexus_net::is_loopback;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// A collector, and how much it is told.
#[derive(Clone)]
pub struct Export {
    pub(crate) traces: Url,
    /// All of them sensitive.
    pub(crate) headers: HeaderMap,
    pub(crate) ratio: f64,
}

/// What is wrong with the settings, and which one it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExport {
    #[error("use http://HOST:4318 or https://HOST:4318, the collector's port of OTLP over HTTP")]
    Endpoint,
    #[error(
        "leave user name and password out of the address; what the collector wants to know of us stands in headers"
    )]
    Credentials,
    #[error("headers are written NAME=VALUE, with commas between them")]
    Headers,
    #[error("headers are secrets, and the endpoint is another machine at plain http; use https")]
    PlainHttp,
    #[error("a ratio is a number from 0 to 1")]
    Ratio,
}

impl Export {
    /// `None` without an endpoint. `headers` are the ones of OTLP's own variable: `name=value,name=value`.
    pub fn new(endpoint: &str, headers: &SecretString, ratio: f64) -> Result<Option<Self>, InvalidExport> {
        if !(0.0..=1.0).contains(&ratio) {
            return Err(InvalidExport::Ratio);
        }
        if endpoint.trim().is_empty() {
            return Ok(None);
        }
        let base = Url::parse(endpoint.trim()).ok();
        let base = base.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let mut traces = base.ok_or(InvalidExport::Endpoint)?;
        if !traces.username().is_empty() || traces.password().is_some() {
            return Err(InvalidExport::Credentials);
        }
        let path = format!("{}/v1/traces", traces.path().trim_end_matches('/'));
        traces.set_path(&path);
        let headers = parsed(headers).ok_or(InvalidExport::Headers)?;
        if !headers.is_empty() && traces.scheme() == "http" && !is_loopback(&traces) {
            return Err(InvalidExport::PlainHttp);
        }
        Ok(Some(Self {
            traces,
            headers,
            ratio,
        }))
    }
}

/// The address may hold a key in its query.
impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("host", &self.traces.host_str())
            .field("ratio", &self.ratio)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.traces.host_str().unwrap_or_default())
    }
}

fn parsed(headers: &SecretString) -> Option<HeaderMap> {
    let text = headers.expose_secret();
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let name = HeaderName::try_from(name.trim()).ok()?;
            let mut value = HeaderValue::try_from(decoded(value.trim())).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        })
        .collect()
}

/// The variable's specification writes blanks and commas as `%20` and `%2C`. A sign of per cent that begins no such thing stays.
fn decoded(value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut left = value.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
        let coded = digit(0).zip(digit(1)).filter(|_| *first == b'%');
        let coded = coded.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(coded.unwrap_or(*first));
        left = match coded {
            Some(_) => rest.get(2..).unwrap_or_default(),
            None => rest,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(endpoint: &str, headers: &str, ratio: f64) -> Result<Option<Export>, InvalidExport> {
        Export::new(endpoint, &headers.into(), ratio)
    }

    #[test]
    fn nothing_is_exported_without_an_endpoint() {
        assert!(matches!(export(" ", "", 1.0), Ok(None)));
    }

    #[test]
    fn an_endpoint_is_the_base_of_what_is_sent() {
        for (endpoint, traces) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://otlp.example/otlp/",
                "https://otlp.example/otlp/v1/traces",
            ),
        ] {
            let export = export(endpoint, "", 0.5).ok().flatten();
            assert_eq!(
                export.map(|export| export.traces.to_string()).as_deref(),
                Some(traces)
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is_shown() {
        assert_eq!(
            export("collector:4317", "", 1.0).err(),
            Some(InvalidExport::Endpoint)
        );
        assert_eq!(export("", "", 1.5).err(), Some(InvalidExport::Ratio));
        assert_eq!(export("", "", f64::NAN).err(), Some(InvalidExport::Ratio));
        let error = export("http://c:4318", "my secret", 1.0).err();
        assert_eq!(error, Some(InvalidExport::Headers));
        let headers = "authorization=Bearer%20abc=, x-scope=7%";
        let given = export("https://c:4318?key=abc", headers, 1.0);
        let given = given.ok().flatten();
        assert!(!format!("{given:?}").contains("abc"), "{given:?}");
        let headers = given.map(|export| export.headers).unwrap_or_default();
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(value("authorization"), Some("Bearer abc="));
        assert_eq!(value("x-scope"), Some("7%"));
        assert!(headers.len() == 2 && headers.values().all(HeaderValue::is_sensitive));
    }

    #[test]
    fn secrets_go_encrypted_or_stay_on_this_machine() {
        for endpoint in [
            "http://c:4318",
            "http://10.0.0.1:4318",
            "http://localhost.example",
        ] {
            let error = export(endpoint, "authorization=abc", 1.0).err();
            assert_eq!(error, Some(InvalidExport::PlainHttp), "{endpoint}");
            assert!(export(endpoint, "", 1.0).is_ok(), "{endpoint}");
        }
        for endpoint in [
            "https://c:4318",
            "http://127.0.0.1:4318",
            "http://[::1]:4318",
            "http://localhost:4318",
        ] {
            assert!(export(endpoint, "authorization=abc", 1.0).is_ok(), "{endpoint}");
        }
        for endpoint in [
            "https://anna:abc@c:4318",
            "https://anna@c:4318",
            "https://:abc@c:4318",
        ] {
            let error = export(endpoint, "", 1.0).err();
            assert_eq!(error, Some(InvalidExport::Credentials), "{endpoint}");
        }
    }
}
