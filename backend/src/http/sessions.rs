//! `/auth`: sign-in with what Telegram has signed, sign-out, and who the caller is.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use nexus_api::{ErrorEnvelope, Me, SessionKind, SignIn, SignedIn};
use nexus_domain::{Access, Caller, Reach, Role, Scopes, Standing};
use secrecy::{ExposeSecret as _, SecretString};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Authorised, From as Origin, PLAIN_COOKIE, SECURE_COOKIE};
use super::error::ApiError;
use super::extract::Json;
use super::wire::access as wire;
use crate::service::Bots;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(me))
}

/// Sign a person in
///
/// With what Telegram has signed: a Mini App's initData (by the bot's token, or by Telegram's public key), the login
/// widget's fields, or an OpenID Connect id_token. `session` says whether the token comes back as text or as a cookie.
/// The person can do at most what the bot's `max_role` allows.
#[utoipa::path(post, path = "/auth/telegram", tag = "auth", request_body = SignIn, security(()),
    responses((status = 200, body = SignedIn), (status = 401, body = ErrorEnvelope), (status = 403, body = ErrorEnvelope),
        (status = 404, body = ErrorEnvelope)))]
async fn sign_in(
    State(app): State<App>,
    Origin(origin): Origin,
    Json(body): Json<SignIn>,
) -> Result<Response, ApiError> {
    let nobody = Access::decide(Standing {
        caller: Caller::Public,
        role: Role::Reader,
        ceiling: Role::Reader,
        scopes: Scopes::NONE,
        reach: Reach::Granted(Vec::new()),
    });
    let in_cookie = body.session == SessionKind::Cookie;
    let begun = app
        .sign_ins
        .sign_in(
            &nobody.from_origin(origin),
            &body.bot,
            wire::proof(body.proof),
            in_cookie,
        )
        .await?;
    let cookie = in_cookie.then(|| cookie(&app, &begun.token, app.sign_ins.session_life.as_secs()));
    let shown = (!in_cookie).then(|| begun.token.expose_secret().to_owned());
    let csrf = begun.csrf.as_ref().map(|csrf| csrf.expose_secret().to_owned());
    let mut response = Json(wire::signed_in(begun, shown, csrf)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie.flatten() {
        headers.insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A cookie that scripts cannot read and other sites' requests do not carry.
fn cookie(app: &App, token: &SecretString, seconds: u64) -> Option<HeaderValue> {
    let (name, secure) = if app.secure_cookies {
        (SECURE_COOKIE, "; Secure")
    } else {
        (PLAIN_COOKIE, "")
    };
    let token = token.expose_secret();
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Sign out
///
/// Ends the session that the request carries.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", responses((status = 204), (status = 422, body = ErrorEnvelope)))]
async fn sign_out(State(app): State<App>, Authorised(access): Authorised) -> Result<Response, ApiError> {
    app.sign_ins.sign_out(&access).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = cookie(&app, &SecretString::from(""), 0) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who the caller is, and what it may do
#[utoipa::path(get, path = "/auth/me", tag = "auth", responses((status = 200, body = Me)))]
async fn me(State(app): State<App>, Authorised(access): Authorised) -> Result<Json<Me>, ApiError> {
    let user = app.people.calling(&access).await?;
    let api_key = match access.caller() {
        Caller::ApiKey(id) => Some(app.api_keys.get(*id).await?),
        _ => None,
    };
    let bot = app.bots.calling(&access).await?;
    Ok(Json(Me {
        kind: wire::caller_kind(access.caller().kind()),
        role: wire::role(access.role()),
        scopes: access.scopes().iter().map(wire::scope).collect(),
        user: user.map(wire::user),
        bot: bot.filter(|_| Bots::are_shown_to(&access)).map(wire::bot),
        api_key: api_key.map(wire::api_key),
    }))
}
