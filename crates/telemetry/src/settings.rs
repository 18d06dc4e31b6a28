//! Where traces go.

use std::collections::HashMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// A collector, and how much it is told.
#[derive(Clone, Debug)]
pub struct Export {
    pub(crate) traces: Url,
    pub(crate) headers: SecretString,
    pub(crate) ratio: f64,
}

/// What is wrong with the settings, and which one it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExport {
    #[error("use http://HOST:4318 or https://HOST:4318, the collector's port of OTLP over HTTP")]
    Endpoint,
    #[error("headers are written NAME=VALUE, with commas between them")]
    Headers,
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
        let path = format!("{}/v1/traces", traces.path().trim_end_matches('/'));
        traces.set_path(&path);
        parsed(headers).ok_or(InvalidExport::Headers)?;
        Ok(Some(Self {
            traces,
            headers: headers.clone(),
            ratio,
        }))
    }

    pub(crate) fn headers(&self) -> HashMap<String, String> {
        parsed(&self.headers).unwrap_or_default()
    }
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.traces.host_str().unwrap_or_default())
    }
}

fn parsed(headers: &SecretString) -> Option<HashMap<String, String>> {
    let text = headers.expose_secret();
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let is_name = http::HeaderName::try_from(name).is_ok();
            let is_value = http::HeaderValue::try_from(value).is_ok();
            (is_name && is_value).then(|| (name.to_owned(), value.to_owned()))
        })
        .collect()
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
        let given = export("http://c:4318", "authorization=Bearer abc=, x-scope=7", 1.0);
        let given = given.ok().flatten();
        assert!(!format!("{given:?}").contains("abc"), "{given:?}");
        let headers = given.map(|export| export.headers()).unwrap_or_default();
        assert_eq!(
            headers.get("authorization").map(String::as_str),
            Some("Bearer abc=")
        );
        assert_eq!(headers.len(), 2);
    }
}
