//! Where a wiki's API is: any page of it says so.

use reqwest::StatusCode;
use url::Url;

use super::api::Api;
use crate::http::Request;
use crate::patient::{Failure, Patient, Terms};
use crate::web::page::Page;
use crate::{Context, SourceError};

/// Where wikis usually have it.
const USUAL: [&str; 3] = ["/w/api.php", "/api.php", "/wiki/api.php"];
/// The head of a page stands in here.
const MOST_PAGE: u64 = 2 << 20;

/// The API of the wiki that `url` belongs to.
pub(super) fn api<'a>(
    url: &Url,
    patient: &'a Patient<'a>,
    context: &'a Context<'a>,
) -> Result<Api<'a>, SourceError> {
    let is_api = url.path().ends_with("/api.php");
    let mut is_closed = false;
    let found = if is_api {
        let mut api = url.clone();
        api.set_query(None);
        api.set_fragment(None);
        Some(api)
    } else {
        let (found, status) = from_page(url, patient)?;
        is_closed = status == StatusCode::UNAUTHORIZED;
        found
    };
    let found = match found {
        Some(found) => Some(found),
        None => by_trying(url, patient, context)?,
    };
    if found.is_none() && is_closed {
        let message = format!("{url} is not shown to us: it wants a user and a password, or other ones");
        return Err(SourceError::refused("access_denied", message));
    }
    let Some(found) = found else {
        let message = format!("{url} is not a page of a MediaWiki: give the address of its api.php");
        return Err(SourceError::refused("invalid_source", message));
    };
    if context.credential.is_some() && found.origin() != url.origin() {
        let message = format!("The API is at {found}: give that address, so that the credential goes there");
        return Err(SourceError::refused("invalid_source", message));
    }
    Ok(Api::new(found, patient, context))
}

/// By `<link rel="EditURI">`, which every page has, also one that says that nothing is shown; and how the page was answered.
fn from_page(url: &Url, patient: &Patient<'_>) -> Result<(Option<Url>, StatusCode), SourceError> {
    let terms = Terms {
        most: MOST_PAGE,
        wants: &|_| true,
        follows: &|_| true,
    };
    let answer = match patient.ask(&Request::get(url.clone()), &terms) {
        Ok(answer) => answer,
        Err(failure @ (Failure::Ends(_) | Failure::Unreachable { .. } | Failure::Refused(_))) => {
            return Err(failure.into_source_error());
        }
    };
    let page = Page::read(&String::from_utf8_lossy(&answer.bytes));
    let api = page.edit_uri.and_then(|text| {
        let mut api = answer.url.join(&text).ok()?;
        api.set_query(None);
        api.set_fragment(None);
        Some(api)
    });
    Ok((api, answer.status))
}

/// At the usual places: the first that answers as an API does.
fn by_trying<'a>(
    url: &Url,
    patient: &'a Patient<'a>,
    context: &'a Context<'a>,
) -> Result<Option<Url>, SourceError> {
    let beside = url.join("api.php").ok();
    let usual = USUAL.iter().filter_map(|path| url.join(path).ok());
    for candidate in usual.chain(beside) {
        let api = Api::new(candidate.clone(), patient, context);
        match api.query(&[("meta", "siteinfo")], &[]) {
            Ok(answer) if answer["query"]["general"].is_object() => return Ok(Some(candidate)),
            // A closed wiki's API says so itself.
            Err(SourceError::Refused { message, .. }) if message.contains("(readapidenied)") => {
                return Ok(Some(candidate));
            }
            Ok(_) | Err(SourceError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
