//! Who calls. The layer [`admit`] asks the door once per request; the extractors here and in [`super::permit`] hand its
//! answer to handlers, so that no handler is reached without.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, Method};
use axum::middleware::Next;
use axum::response::Response;
use nexus_api::ErrorCode;
use nexus_auth::signed_request::{CONTENT_SHA256_HEADER, NONCE_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use nexus_domain::{Access, Origin, TelegramId};
use secrecy::SecretString;

use super::error::ApiError;
use super::request_id::RequestId;
use super::signed_body;
use crate::service::{Admitted, Credential, Presented, PresentedSignature, Refusal, ServiceError};
use crate::state::App;

pub const NAMED_PERSON: HeaderName = HeaderName::from_static("x-telegram-user-id");
pub const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Names of the session cookie; the first can be set over https only, by this host, for all of its paths.
pub const SECURE_COOKIE: &str = "__Host-nexus_session";
pub const PLAIN_COOKIE: &str = "nexus_session";

/// What the door said; absent where nothing was presented.
#[derive(Clone, Debug)]
struct Admission(Result<Arc<Standing>, ApiError>);

#[derive(Debug)]
struct Standing {
    access: Option<Access>,
    bot: Option<Access>,
}

/// Where the request came from.
#[derive(Clone, Debug, Default)]
pub struct From(pub Origin);

/// Asks the door about the request's credentials. It turns nobody away: that is up to what the route needs.
pub async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let origin = origin(&app, &request);
    request.extensions_mut().insert(From(origin.clone()));
    let cookie = if app.secure_cookies {
        SECURE_COOKIE
    } else {
        PLAIN_COOKIE
    };
    let admission = match presented(&request, origin, cookie) {
        Ok(None) => None,
        Ok(Some(presented)) => Some(app.door.admit(presented).await.map_err(ApiError::from)),
        Err(error) => Some(Err(error)),
    };
    if let Some(admission) = admission {
        let admission = admission.map(|admitted| {
            let Admitted { access, bot, body } = admitted;
            if let Some(check) = body {
                signed_body::check(&mut request, check);
            }
            Arc::new(Standing { access, bot })
        });
        request.extensions_mut().insert(Admission(admission));
    }
    next.run(request).await
}

fn presented(request: &Request, origin: Origin, cookie: &str) -> Result<Option<Presented>, ApiError> {
    let headers = request.headers();
    let credential = credential(headers, request.method(), cookie)?;
    if matches!(credential, Credential::None) {
        return Ok(None);
    }
    Ok(Some(Presented {
        credential,
        named: named(headers)?,
        origin,
        signature: signature(request),
    }))
}

fn credential(headers: &HeaderMap, method: &Method, cookie: &str) -> Result<Credential, ApiError> {
    if let Some(header) = only(headers, &AUTHORIZATION)? {
        let (scheme, key) = header.split_once(' ').ok_or(Refusal::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Unauthorized.into());
        }
        return Ok(Credential::Bearer(key.trim().into()));
    }
    let Some(token) = session_cookie(headers, cookie) else {
        return Ok(Credential::None);
    };
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let csrf = only(headers, &CSRF)?.unwrap_or_default();
    Ok(Credential::Cookie {
        token,
        csrf: changes.then(|| csrf.into()),
    })
}

/// A header that may stand once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let refused = || {
        ApiError::new(
            ErrorCode::InvalidRequest,
            format!("the header {name} takes one plain value"),
        )
    };
    text.map(Some).ok_or_else(refused)
}

/// The cookie of this name alone: one that another host of the site may set is not ours.
fn session_cookie(headers: &HeaderMap, name: &str) -> Option<SecretString> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(given, _)| *given == name)
        .map(|(_, token)| token.into())
}

fn named(headers: &HeaderMap) -> Result<Option<TelegramId>, ApiError> {
    let Some(text) = only(headers, &NAMED_PERSON).map_err(|_| Refusal::ConflictingIdentity)? else {
        return Ok(None);
    };
    let id = text.parse().ok().and_then(TelegramId::new);
    let refused = || {
        ApiError::new(
            ErrorCode::InvalidRequest,
            format!("the header {NAMED_PERSON} takes a person's id at Telegram"),
        )
    };
    id.map(Some).ok_or_else(refused)
}

fn signature(request: &Request) -> Option<PresentedSignature> {
    let header = |name: &str| {
        let mut values = request.headers().get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then(|| value.to_owned())
    };
    let path = request
        .extensions()
        .get::<axum::extract::OriginalUri>()
        .map_or(request.uri(), |original| &original.0);
    request
        .headers()
        .contains_key(SIGNATURE_HEADER)
        .then(|| PresentedSignature {
            method: request.method().as_str().to_owned(),
            path_and_query: path.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            timestamp: header(TIMESTAMP_HEADER),
            nonce: header(NONCE_HEADER),
            content_sha256: header(CONTENT_SHA256_HEADER),
            signature: header(SIGNATURE_HEADER),
        })
}

fn origin(app: &App, request: &Request) -> Origin {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_canonical());
    let id = request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or_default();
    Origin {
        address: peer.map(|peer| behind_proxies(peer, request.headers(), &app.trusted_proxies)),
        trace_id: id.to_string().into(),
    }
}

/// The address that the nearest proxy of ours was called from: read from the right, because callers write what stands
/// further left.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[ipnet::IpNet]) -> IpAddr {
    let is_ours = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    // Whatever else a caller wrote into the line, what our proxy added at its end is read.
    let values = headers.get_all(FORWARDED_FOR).iter();
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let forwarded: Vec<String> = values
        .flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut address = peer;
    for hop in forwarded.iter().rev() {
        match hop.trim().parse::<IpAddr>() {
            Ok(hop) if is_ours(&address) => address = hop.to_canonical(),
            _ => break,
        }
    }
    address
}

/// Who calls, where credentials have proven it. A bot that names somebody who is not known calls for itself.
pub fn access_of(extensions: &Extensions) -> Option<&Access> {
    match extensions.get::<Admission>() {
        Some(Admission(Ok(standing))) => standing.access.as_ref().or(standing.bot.as_ref()),
        Some(Admission(Err(_))) | None => None,
    }
}

/// Where the request came from, as far as it is known.
pub fn address_of(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<From>()?.0.address
}

fn admission(parts: &Parts) -> Result<&Standing, ApiError> {
    match parts.extensions.get::<Admission>() {
        None => Err(Refusal::Unauthorized.into()),
        Some(Admission(Ok(admission))) => Ok(admission),
        Some(Admission(Err(error))) => Err(error.clone()),
    }
}

/// A caller with valid credentials, and what it may see.
#[derive(Clone, Debug)]
pub struct Authorised(pub Access);

impl<S: Sync> FromRequestParts<S> for Authorised {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let access = admission(parts)?.access.clone();
        // The bot introduces people first.
        let access = access.ok_or(ServiceError::NotFound(
            "person; a bot introduces people by POST /users/from-telegram",
        ))?;
        Ok(Self(access))
    }
}

/// A bot for itself, whomever it names; or whoever else has valid credentials.
#[derive(Clone, Debug)]
pub struct Introducer(pub Access);

impl<S: Sync> FromRequestParts<S> for Introducer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let admission = admission(parts)?;
        let access = admission.bot.clone().or_else(|| admission.access.clone());
        Ok(Self(access.ok_or(Refusal::Unauthorized)?))
    }
}

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The person whom a bot names, as the header says.
pub fn named_person(headers: &HeaderMap) -> Result<Option<TelegramId>, ApiError> {
    named(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_is_believed_from_our_own_proxies_alone() {
        let trusted: Vec<ipnet::IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let of = |peer: &str, forwarded: &str| {
            let mut headers = HeaderMap::new();
            let bytes = forwarded.replace('?', "\u{ff}");
            headers.insert(FORWARDED_FOR, bytes.as_bytes().try_into().unwrap());
            behind_proxies(peer.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(of("203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(of("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(of("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(of("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(of("10.0.0.1", "?, 198.51.100.1"), "198.51.100.1");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=b; nexus_session=t.o.k; c=d".parse().unwrap());
        assert!(session_cookie(&headers, PLAIN_COOKIE).is_some());
        assert!(session_cookie(&headers, SECURE_COOKIE).is_none());
        headers.insert(COOKIE, "xnexus_session=t".parse().unwrap());
        assert!(session_cookie(&headers, PLAIN_COOKIE).is_none());
    }
}
