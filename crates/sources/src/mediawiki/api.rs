//! Calls of `api.php`: parameters in, JSON out, errors by their code.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::http::Request;
use crate::patient::{Answer, Patient, Terms};
use crate::retry_after::retry_after;
use crate::{Context, SourceError};

/// How often a call is repeated because the wiki's databases lag or it is asked too often.
const TRIES: u32 = 6;
/// What mediawiki.org/wiki/Manual:Maxlag_parameter recommends, for lag and for the pause.
const MAXLAG: &str = "5";
const PAUSE: Duration = Duration::from_secs(5);
/// Wikis allow 2 MiB to a page unless they are told otherwise (`$wgMaxArticleSize`); an answer's tree takes some times its bytes.
const MOST_TEXT: u64 = 16 << 20;
const MOST_COOKIES: usize = 50;

pub(super) struct Api<'a> {
    url: Url,
    patient: &'a Patient<'a>,
    context: &'a Context<'a>,
    /// The session.
    cookies: RefCell<BTreeMap<String, String>>,
    /// Whether the wiki has to answer as to an account, or not at all.
    pub(super) asserts_user: bool,
}

/// What a call gave.
pub(super) enum Called {
    Answer(Value),
    /// The answer is larger than what is read.
    TooLarge,
}

impl<'a> Api<'a> {
    pub(super) fn new(url: Url, patient: &'a Patient<'a>, context: &'a Context<'a>) -> Self {
        Self {
            url,
            patient,
            context,
            cookies: RefCell::default(),
            asserts_user: false,
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn is_stopped(&self) -> Result<(), SourceError> {
        self.patient.is_stopped()
    }

    /// `action=query`, with the parameters that an answer before said to continue with.
    pub(super) fn query(
        &self,
        parameters: &[(&str, &str)],
        continued: &[(String, String)],
    ) -> Result<Value, SourceError> {
        match self.query_bounded(parameters, continued)? {
            Called::Answer(answer) => Ok(answer),
            Called::TooLarge => Err(SourceError::refused(
                "too_large",
                format!(
                    "The wiki's answer has more than the {} bytes that are allowed",
                    self.most()
                ),
            )),
        }
    }

    pub(super) fn query_bounded(
        &self,
        parameters: &[(&str, &str)],
        continued: &[(String, String)],
    ) -> Result<Called, SourceError> {
        let mut all = vec![("action", "query"), ("maxlag", MAXLAG)];
        if self.asserts_user {
            all.push(("assert", "user"));
        }
        all.extend_from_slice(parameters);
        // What is continued replaces what was asked.
        all.retain(|(name, _)| continued.iter().all(|(continued, _)| continued != name));
        all.extend(
            continued
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        self.call(&all)
    }

    /// Any action, by POST: titles and passwords stay out of addresses and logs.
    pub(super) fn call(&self, parameters: &[(&str, &str)]) -> Result<Called, SourceError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("format", "json"), ("formatversion", "2")])
            .extend_pairs(parameters)
            .finish();
        let mut attempt = 1;
        loop {
            let answer = self.send(body.clone())?;
            if answer.has_more {
                return Ok(Called::TooLarge);
            }
            let value: Value = match serde_json::from_slice(&answer.bytes) {
                Ok(value) => value,
                Err(_) => return Err(self.no_api(&answer)),
            };
            let Some(error) = value.get("error") else {
                return Ok(Called::Answer(value));
            };
            let code = error["code"].as_str().unwrap_or("unknown").to_owned();
            let info: String = error["info"]
                .as_str()
                .unwrap_or_default()
                .chars()
                .take(300)
                .collect();
            let host = self.url.host_str().unwrap_or_default();
            let passes =
                matches!(code.as_str(), "maxlag" | "ratelimited") || code.starts_with("internal_api_error");
            if !passes {
                return Err(refused(host, &code, &info));
            }
            let asks_for = retry_after(&answer.headers);
            let pause = asks_for.unwrap_or_else(|| PAUSE.min(self.context.settings.patience));
            if attempt >= TRIES {
                return Err(SourceError::Away {
                    reason: format!("{host} is busy ({code}: {info})"),
                    retry_after: Some(pause),
                });
            }
            let what = format!("{host} asks to wait {} s ({code})", pause.as_secs());
            self.patient.wait(pause, &what)?;
            attempt += 1;
        }
    }

    fn send(&self, body: String) -> Result<Answer, SourceError> {
        let mut request = Request::get(self.url.clone());
        request.method = Method::POST;
        request.body = Some(body.into_bytes());
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, form);
        let cookies: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if let Ok(cookies) = HeaderValue::from_str(&cookies.join("; "))
            && !cookies.is_empty()
        {
            request.headers.insert(COOKIE, cookies);
        }
        let terms = Terms {
            most: self.most(),
            wants: &|_| true,
            // The body may hold a password.
            follows: &|_| false,
        };
        let answer = self
            .patient
            .ask(&request, &terms)
            .map_err(crate::patient::Failure::into_source_error)?;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            self.keep_cookie(&String::from_utf8_lossy(cookie.as_bytes()));
        }
        Ok(answer)
    }

    fn keep_cookie(&self, text: &str) {
        let pair = text.split(';').next().unwrap_or_default();
        let mut cookies = self.cookies.borrow_mut();
        if let Some((name, value)) = pair.split_once('=')
            && pair.len() <= 4_096
            && cookies.len() < MOST_COOKIES
        {
            cookies.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }

    /// Most bytes of one page's text.
    pub(super) fn most_text(&self) -> u64 {
        self.context.limits.file_bytes.min(MOST_TEXT)
    }

    /// JSON writes some characters in more bytes, and says more than the text.
    fn most(&self) -> u64 {
        self.most_text().saturating_mul(2).saturating_add(1 << 20)
    }

    /// The answer is not the API's.
    fn no_api(&self, answer: &Answer) -> SourceError {
        let url = &self.url;
        match (&answer.redirect, answer.status.as_u16()) {
            (Some(target), _) => {
                let message = format!("{url} leads to {target}: give that address");
                SourceError::refused("invalid_source", message)
            }
            (None, 401 | 403) => SourceError::refused("access_denied", format!("{url} is not shown to us")),
            (None, 404 | 410) => SourceError::refused("not_found", format!("{url} does not exist")),
            (None, status) => {
                let message = format!("{url} is not the API of a MediaWiki (it answers {status})");
                SourceError::refused("invalid_source", message)
            }
        }
    }
}

/// The pairs that continue a query; empty at its end.
pub(super) fn continued(answer: &Value) -> Vec<(String, String)> {
    let pairs = answer["continue"].as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect()
}

fn refused(host: &str, code: &str, info: &str) -> SourceError {
    let is_access = code.contains("denied")
        || code.starts_with("assert")
        || code.starts_with("mwoauth")
        || matches!(code, "badtoken" | "notoken" | "blocked" | "autoblocked");
    let message = format!("{host} refuses: {info} ({code})");
    SourceError::refused(
        if is_access {
            "access_denied"
        } else {
            "invalid_source"
        },
        message,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_says_what_to_do() {
        let code = |code: &str| match refused("x.org", code, "why") {
            SourceError::Refused { code, message } => {
                assert!(message.contains("why"), "{message}");
                code
            }
            other => panic!("{other}"),
        };
        assert_eq!(code("readapidenied"), "access_denied");
        assert_eq!(code("assertuserfailed"), "access_denied");
        assert_eq!(code("mwoauth-invalid-authorization"), "access_denied");
        assert_eq!(code("badvalue"), "invalid_source");
    }
}
