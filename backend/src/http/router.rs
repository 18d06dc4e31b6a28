//! All routes and the layers around them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::middleware::{from_fn, from_fn_with_state};
use nexus_api::limits::MAX_JSON_BYTES;
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use super::rate_limit::{Asked, Limits};
use super::{
    ai, answers, api_keys, auth, bots, bundles, chats, common_errors, documents, envelope, gaps, generations,
    health, inbox, incoming_webhooks, ingestion, knowledge_bases, logs, members, metrics, model_calls,
    outbox, quality, rag, rate_limit, remotes, request_id, sessions, source_reports, source_webhooks,
    sources, tasks, usage, users, webhooks,
};
use crate::config::Config;
use crate::state::App;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Nexus",
        description = "Ask knowledge bases; feed them; watch what happens. All routes but health and sign-in take an API key, \
            a bot's service token or a person's session as `Authorization: Bearer …`; a bot names the person whom it calls for by \
            `X-Telegram-User-Id`. Every error is an envelope with a code, a sentence and the request's id."
    ),
    security(("api_key" = []))
)]
struct Contract;

/// How often callers may ask, by kind of route.
struct Limited {
    questions: Limits,
    uploads: Limits,
    rest: Limits,
}

impl Limited {
    fn new(config: &Config) -> Self {
        Self {
            questions: Limits::new(config, Asked::Questions),
            uploads: Limits::new(config, Asked::Uploads),
            rest: Limits::new(config, Asked::Rest),
        }
    }

    fn forget_quiet_callers(&self) {
        for limits in [&self.questions, &self.uploads, &self.rest] {
            limits.forget_quiet_callers();
        }
    }
}

/// The routes of `/api/v1` and their description.
fn api(config: &Config, limits: Limited) -> OpenApiRouter<App> {
    let timeout = Duration::from_secs(config.http.timeout_seconds);
    let limited = |seconds| TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, seconds);
    let rest = OpenApiRouter::new()
        .merge(health::routes())
        .merge(knowledge_bases::routes())
        .merge(quality::routes())
        .merge(gaps::routes())
        .merge(generations::routes())
        .merge(documents::routes())
        .merge(remotes::routes())
        .merge(sources::routes())
        .merge(source_reports::routes())
        .merge(source_webhooks::routes())
        .merge(tasks::routes())
        .merge(sessions::routes())
        .merge(users::routes())
        .merge(bots::routes())
        .merge(api_keys::routes())
        .merge(members::routes())
        .merge(logs::routes())
        .merge(answers::routes())
        .merge(usage::routes())
        .merge(model_calls::routes())
        .merge(chats::routes())
        .merge(inbox::routes())
        .merge(outbox::routes())
        .merge(webhooks::routes())
        .merge(incoming_webhooks::routes())
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .merge(inbox::batch_routes())
        .merge(source_webhooks::called_routes())
        .merge(incoming_webhooks::delivery_routes())
        .layer(limited(timeout))
        .merge(tasks::streaming_routes())
        .merge(chats::streaming_routes())
        .merge(bundles::routes())
        .merge(outbox::waiting_routes())
        .layer(from_fn_with_state(limits.rest, rate_limit::limit));
    // Of an answer that streams, only the time to its headers counts.
    let answering = rag::answering_routes()
        .merge(ai::answering_routes())
        .layer(limited(timeout + config.chat.longest_answer()));
    let questions = rag::routes()
        .layer(limited(timeout))
        .merge(answering)
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .layer(from_fn_with_state(limits.questions, rate_limit::limit));
    let most =
        usize::try_from(config.uploads.max_bytes.saturating_add(ingestion::FORM_BYTES)).unwrap_or(usize::MAX);
    let uploads = ingestion::routes()
        .merge(bundles::upload_routes())
        .merge(remotes::upload_routes())
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(most))
        .layer(from_fn_with_state(limits.uploads, rate_limit::limit));
    OpenApiRouter::new().merge(rest).merge(questions).merge(uploads)
}

fn split(config: &Config, limits: Limited) -> (Router<App>, OpenApi) {
    let contract = <Contract as utoipa::OpenApi>::openapi();
    let (router, mut openapi) = OpenApiRouter::with_openapi(contract)
        .nest("/api/v1", api(config, limits))
        .split_for_parts();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, a bot's service token, or a person's session"))
        .build();
    openapi
        .components
        .get_or_insert_default()
        .add_security_scheme("api_key", SecurityScheme::Http(key));
    common_errors::describe(&mut openapi);
    (router, openapi)
}

/// The contract, as generated from the code.
pub fn openapi(config: &Config) -> OpenApi {
    split(config, Limited::new(config)).1
}

/// What a process without the API answers: how it is.
pub fn health_router(app: App, config: &Config) -> Router {
    let timeout = Duration::from_secs(config.http.timeout_seconds);
    let (router, _) = OpenApiRouter::new()
        .nest("/api/v1", health::routes())
        .split_for_parts();
    router
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            timeout,
        ))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(
            ServiceBuilder::new()
                .layer(from_fn(request_id::trace))
                .layer(from_fn(envelope::envelope))
                .layer(CatchPanicLayer::custom(panicked)),
        )
        .with_state(app)
}

/// The whole HTTP service.
pub fn router(app: App, config: &Config) -> Router {
    let limits = Limited::new(config);
    limits.forget_quiet_callers();
    let (router, openapi) = split(config, limits);
    router
        .layer(from_fn_with_state(app.clone(), auth::admit))
        .layer(from_fn_with_state(app.metrics.clone(), metrics::measure))
        .merge(SwaggerUi::new("/docs").url("/api/v1/openapi.json", openapi))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(
            ServiceBuilder::new()
                .sensitive_request_headers(Arc::new([AUTHORIZATION, COOKIE]))
                .layer(from_fn(request_id::trace))
                .layer(from_fn(envelope::envelope))
                .layer(CatchPanicLayer::custom(panicked)),
        )
        .with_state(app)
}

/// A panic is a defect: it is logged by the hook with its place, and the caller gets an ordinary 500.
fn panicked(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    axum::response::IntoResponse::into_response(StatusCode::INTERNAL_SERVER_ERROR)
}
