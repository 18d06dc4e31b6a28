//! The remote API of DokuWiki: JSON-RPC where the release has it (since 2024), XML-RPC where it does not.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

use super::fault::Fault;
use super::xmlrpc;
use crate::http::Request;
use crate::patient::{Failure, Patient, Terms};
use crate::{Context, Credential, SourceError};

/// Most bytes of the list of all pages, some hundred thousand of them, and of one page. An answer's tree takes some times its
/// bytes.
const MOST_LIST: u64 = 32 << 20;
const MOST_TEXT: u64 = 16 << 20;
/// Of an answer that says who we are.
const MOST_ANSWER: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Json,
    Xml,
}

/// A page as the wiki lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) revision: i64,
}

/// What asking for a page gave.
#[derive(Debug)]
pub(super) enum Got {
    Text(String),
    Gone,
    TooLarge,
    Denied(String),
    Failed(String),
}

pub(super) struct Api<'a> {
    /// The folder that `doku.php` lies in.
    base: Url,
    protocol: Protocol,
    patient: &'a Patient<'a>,
    context: &'a Context<'a>,
}

impl<'a> Api<'a> {
    /// Finds the API, and what it lists in a namespace and below.
    pub(super) fn find(
        url: &Url,
        namespace: &str,
        patient: &'a Patient<'a>,
        context: &'a Context<'a>,
    ) -> Result<(Self, Vec<Listed>), SourceError> {
        let mut is_switched_off = false;
        for base in bases(url) {
            for protocol in [Protocol::Json, Protocol::Xml] {
                let api = Self {
                    base: base.clone(),
                    protocol,
                    patient,
                    context,
                };
                match api.list(namespace) {
                    Ok(listed) => {
                        api.expect_signed_in(listed.is_empty())?;
                        return Ok((api, listed));
                    }
                    Err(Fault::NoApi | Fault::NoMethod | Fault::Gone) => {}
                    Err(Fault::SwitchedOff) => is_switched_off = true,
                    Err(fault) => return Err(fault.into_source_error(url)),
                }
            }
        }
        let fault = if is_switched_off {
            Fault::SwitchedOff
        } else {
            Fault::NoApi
        };
        Err(fault.into_source_error(url))
    }

    /// Fails where the wiki does not know us by the credential (any more): it then answers as to anybody, to whom it may show
    /// nothing, and an empty list would say that all pages are gone. `is_doubtful`: whether it has said so.
    pub(super) fn expect_signed_in(&self, is_doubtful: bool) -> Result<(), SourceError> {
        let Some(credential) = self.context.credential else {
            return Ok(());
        };
        let called = match (self.protocol, credential) {
            (Protocol::Json, _) => self.call("core.whoAmI", &[], MOST_ANSWER),
            // Releases before 2024 do not say who one is, but whether one may be.
            (Protocol::Xml, Credential::Basic { user, password }) => {
                let parameters = [json!(user), json!(password.expose_secret())];
                self.call("dokuwiki.login", &parameters, MOST_ANSWER)
            }
            (Protocol::Xml, Credential::Bearer(_)) => Err(Fault::NoMethod),
        };
        let is_known = match called {
            Ok(answer) => Some(is_somebody(&answer)),
            // It cannot be asked.
            Err(Fault::NoMethod) => None,
            // Where there is no account, the call itself fails ("No user available").
            Err(Fault::Denied(_) | Fault::Other(_) | Fault::NoApi | Fault::Gone) => Some(false),
            Err(fault) => return Err(fault.into_source_error(&self.base)),
        };
        if is_known.unwrap_or(!is_doubtful) {
            return Ok(());
        }
        Err(Fault::SignedOut.into_source_error(&self.base))
    }

    pub(super) fn is_stopped(&self) -> Result<(), SourceError> {
        self.patient.is_stopped()
    }

    /// Most bytes of one page's text.
    pub(super) fn most_text(&self) -> u64 {
        self.context.limits.file_bytes.min(MOST_TEXT)
    }

    /// Where people read this revision.
    pub(super) fn link(&self, page: &Listed) -> String {
        let mut url = self.base.clone();
        url.set_path(&format!("{}doku.php", self.base.path()));
        url.query_pairs_mut()
            .append_pair("id", &page.id)
            .append_pair("rev", &page.revision.to_string());
        url.into()
    }

    /// The text of a page as it stands.
    pub(super) fn page(&self, id: &str) -> Result<Got, SourceError> {
        let most = self.most_text().saturating_mul(2).saturating_add(1 << 20);
        let called = match self.protocol {
            Protocol::Json => self.call("core.getPage", &[json!(id)], most),
            Protocol::Xml => self.call("wiki.getPage", &[json!(id)], most),
        };
        Ok(match called {
            Ok(Value::String(text)) if text.is_empty() => Got::Gone,
            Ok(Value::String(text)) => Got::Text(text),
            Ok(_) => Got::Failed("The wiki answers with something that is no text".into()),
            Err(Fault::Gone) => Got::Gone,
            Err(Fault::TooLarge(_)) => Got::TooLarge,
            Err(Fault::Denied(message)) => Got::Denied(message),
            Err(Fault::Unreachable(message) | Fault::Other(message)) => Got::Failed(message),
            Err(fault) => return Err(fault.into_source_error(&self.base)),
        })
    }

    fn list(&self, namespace: &str) -> Result<Vec<Listed>, Fault> {
        let answer = match self.protocol {
            // Depth 0 is all the way down.
            Protocol::Json => self.call(
                "core.listPages",
                &[json!(namespace), json!(0), json!(false)],
                MOST_LIST,
            ),
            Protocol::Xml => self.call(
                "dokuwiki.getPagelist",
                &[json!(namespace), json!({"depth": 0})],
                MOST_LIST,
            ),
        }?;
        let pages = answer.as_array().ok_or(Fault::NoApi)?;
        let listed = |page: &Value| {
            let revision = page["revision"].as_i64().or(page["rev"].as_i64())?;
            let id = page["id"].as_str()?.to_owned();
            Some(Listed { id, revision })
        };
        Ok(pages.iter().filter_map(listed).collect())
    }

    fn call(&self, method: &str, parameters: &[Value], most: u64) -> Result<Value, Fault> {
        let (script, media, body) = match self.protocol {
            Protocol::Json => {
                let body = json!({"jsonrpc": "2.0", "id": "1", "method": method, "params": parameters});
                ("lib/exe/jsonrpc.php", "application/json", body.to_string())
            }
            Protocol::Xml => ("lib/exe/xmlrpc.php", "text/xml", xmlrpc::call(method, parameters)),
        };
        let url = self.base.join(script).map_err(|_| Fault::NoApi)?;
        let mut request = Request::get(url);
        request.method = Method::POST;
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(media));
        request.headers.insert(ACCEPT, HeaderValue::from_static(media));
        request.body = Some(body.into_bytes());
        let terms = Terms {
            most,
            wants: &|_| true,
            follows: &|_| false,
        };
        let answer = self
            .patient
            .ask(&request, &terms)
            .map_err(|failure| match failure {
                Failure::Unreachable { reason, .. } => Fault::Unreachable(reason),
                failure => Fault::Ends(failure.into_source_error()),
            })?;
        if answer.has_more {
            return Err(Fault::TooLarge(most));
        }
        let read = match self.protocol {
            Protocol::Json => read_json(&answer.bytes),
            Protocol::Xml => xmlrpc::read(&answer.bytes),
        };
        match read {
            Some(Ok(value)) => Ok(value),
            Some(Err((code, message))) => Err(Fault::of(code, &message)),
            // Releases before 2020 say it in plain words.
            None if contains(&answer.bytes, "not enabled") => Err(Fault::SwitchedOff),
            None if matches!(answer.status.as_u16(), 401 | 403) => {
                let status = answer.status.as_u16();
                Err(Fault::Denied(format!(
                    "The wiki does not let us use its API (it answers {status})"
                )))
            }
            None => Err(Fault::NoApi),
        }
    }
}

/// The folders that `doku.php` may lie in, by the address that was given.
fn bases(url: &Url) -> Vec<Url> {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().to_owned();
    let mut bases = Vec::new();
    let before = |mark: &str| {
        path.find(mark)
            .and_then(|at| path.get(..at))
            .map(|folder| format!("{folder}/"))
    };
    let known = before("/doku.php").or_else(|| before("/lib/exe/"));
    let own = match known {
        Some(folder) => vec![folder],
        None if path.ends_with('/') => vec![path],
        // The wiki's folder, or a page with a nice address.
        None => {
            let folder = path
                .rfind('/')
                .and_then(|at| path.get(..=at))
                .unwrap_or("/")
                .to_owned();
            vec![format!("{path}/"), folder]
        }
    };
    for folder in own {
        let mut base = url.clone();
        base.set_path(&folder);
        bases.push(base);
    }
    bases
}

/// `None` where it is no answer of the API; else its result, or its error.
fn read_json(bytes: &[u8]) -> Option<Result<Value, (i64, String)>> {
    let mut answer: Value = serde_json::from_slice(bytes).ok()?;
    let code = answer["error"]["code"].as_i64().unwrap_or(0);
    if code != 0 {
        let message = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        return Some(Err((code, message)));
    }
    answer.get_mut("result").map(|result| Ok(result.take()))
}

/// What `core.whoAmI` (the account, whose name is empty where there is none) or `dokuwiki.login` (whether it is one) says.
fn is_somebody(answer: &Value) -> bool {
    match answer {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_i64() == Some(1),
        answer => answer["login"].as_str().is_some_and(|login| !login.is_empty()),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    let head = bytes.get(..4_096).unwrap_or(bytes);
    String::from_utf8_lossy(head).contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wiki_is_found_by_any_address_of_it() {
        let first = |text: &str| {
            bases(&Url::parse(text).unwrap())
                .iter()
                .map(Url::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            first("https://x.org/wiki/doku.php?id=start"),
            ["https://x.org/wiki/"]
        );
        assert_eq!(first("https://x.org/doku.php/a/b"), ["https://x.org/"]);
        assert_eq!(first("https://x.org/w/lib/exe/xmlrpc.php"), ["https://x.org/w/"]);
        assert_eq!(first("https://x.org/w/"), ["https://x.org/w/"]);
        assert_eq!(
            first("https://x.org/wiki"),
            ["https://x.org/wiki/", "https://x.org/"]
        );
    }
}
