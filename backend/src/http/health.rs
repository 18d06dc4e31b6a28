//! `/health`: what orchestrators and operators ask, without credentials. Says nothing about content.

use axum::extract::State;
use axum::http::StatusCode;
use nexus_api::health::CollectionSize;
use nexus_api::{
    ChatModelHealth, CheckStatus, Database, DenseRetrieval, Health, Queue, Readiness, Reranking, SharedCache,
    Vectors, WrittenAnswers,
};
use nexus_domain::{Condition, TaskState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Json;
use crate::service::{DenseState, RerankerState};
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(db))
        .routes(routes!(queue))
        .routes(routes!(vectors))
}

fn reply<T>(status: CheckStatus, body: T) -> (StatusCode, Json<T>) {
    let code = match status {
        CheckStatus::Ok | CheckStatus::Degraded => StatusCode::OK,
        CheckStatus::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(body))
}

/// The process lives
#[utoipa::path(get, path = "/health", tag = "health", security(()), responses((status = 200, body = Health)))]
async fn live() -> Json<Health> {
    Json(Health {
        status: CheckStatus::Ok,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Whether requests can be served, and with what
#[utoipa::path(get, path = "/health/ready", tag = "health", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let (database, vectors, dense_retrieval) =
        tokio::join!(database_report(&app), vectors_report(&app), dense_report(&app));
    let (reranking, written_answers) = (reranking_report(&app), written_report(&app));
    let shared_cache = app.health.shared_cache().map(|condition| {
        let (status, reason) = told(condition);
        SharedCache { status, reason }
    });
    let parts = [
        database.status,
        vectors.status,
        dense_retrieval.status,
        reranking.status,
        written_answers.status,
        shared_cache
            .as_ref()
            .map_or(CheckStatus::Ok, |cache| cache.status),
    ];
    let status = if parts.contains(&CheckStatus::Failing) {
        CheckStatus::Failing
    } else if parts.contains(&CheckStatus::Degraded) {
        CheckStatus::Degraded
    } else {
        CheckStatus::Ok
    };
    reply(
        status,
        Readiness {
            status,
            database,
            vectors,
            dense_retrieval,
            reranking,
            written_answers,
            shared_cache,
        },
    )
}

/// The database
#[utoipa::path(get, path = "/health/db", tag = "health", security(()),
    responses((status = 200, body = Database), (status = 503, body = Database)))]
async fn db(State(app): State<App>) -> (StatusCode, Json<Database>) {
    let report = database_report(&app).await;
    reply(report.status, report)
}

/// The task queue
#[utoipa::path(get, path = "/health/queue", tag = "health", security(()),
    responses((status = 200, body = Queue), (status = 503, body = Queue)))]
async fn queue(State(app): State<App>) -> (StatusCode, Json<Queue>) {
    let (status, depth) = match app.health.queue().await {
        Ok(depth) => (CheckStatus::Ok, depth),
        Err(_) => (CheckStatus::Failing, Vec::new()),
    };
    let tasks = |wanted| {
        depth
            .iter()
            .filter(|(state, _)| *state == wanted)
            .map(|(_, tasks)| tasks)
            .sum()
    };
    let report = Queue {
        status,
        queued: tasks(TaskState::Queued),
        running: tasks(TaskState::Running),
        paused: tasks(TaskState::Paused),
        failed: tasks(TaskState::Failed),
    };
    reply(status, report)
}

/// The indexes
#[utoipa::path(get, path = "/health/vectors", tag = "health", security(()),
    responses((status = 200, body = Vectors), (status = 503, body = Vectors)))]
async fn vectors(State(app): State<App>) -> (StatusCode, Json<Vectors>) {
    let report = vectors_report(&app).await;
    reply(report.status, report)
}

async fn database_report(app: &App) -> Database {
    let (kind, failed) = app.health.database().await;
    let status = if failed {
        CheckStatus::Failing
    } else {
        CheckStatus::Ok
    };
    let reason = failed.then(|| "the database does not answer; the log says why".to_owned());
    Database {
        status,
        kind: kind.as_str().to_owned(),
        reason,
    }
}

async fn vectors_report(app: &App) -> Vectors {
    match app.health.vectors().await {
        Ok(store) => Vectors {
            status: CheckStatus::Ok,
            engine: store.engine,
            collections: store
                .collections
                .into_iter()
                .map(|(name, points)| CollectionSize { name, points })
                .collect(),
            reason: None,
        },
        Err(_) => Vectors {
            status: CheckStatus::Failing,
            engine: String::new(),
            collections: Vec::new(),
            reason: Some("the vector store does not answer; the log says why".to_owned()),
        },
    }
}

fn told(condition: Condition) -> (CheckStatus, Option<String>) {
    match condition {
        Condition::Fine => (CheckStatus::Ok, None),
        Condition::Fallback(reason) => (CheckStatus::Ok, Some(reason)),
        Condition::Away(reason) => (CheckStatus::Degraded, Some(reason)),
    }
}

fn reranking_report(app: &App) -> Reranking {
    let without = |status, reason: &str| Reranking {
        status,
        model: None,
        runtime: None,
        reason: Some(reason.to_owned()),
    };
    match &app.health.reranker {
        RerankerState::Loaded(reranker) => Reranking {
            status: CheckStatus::Ok,
            model: Some(reranker.info().model.clone()),
            runtime: Some(reranker.info().runtime.clone()),
            reason: None,
        },
        RerankerState::Failed => without(
            CheckStatus::Degraded,
            "the reranker cannot be loaded; the log says why",
        ),
        RerankerState::NotConfigured => without(CheckStatus::Ok, "no reranker is configured"),
    }
}

fn written_report(app: &App) -> WrittenAnswers {
    let models: Vec<ChatModelHealth> = app
        .health
        .chat()
        .into_iter()
        .map(|(model, condition)| {
            let (status, reason) = told(condition);
            ChatModelHealth {
                model,
                status,
                reason,
            }
        })
        .collect();
    let (status, reason) = if models.is_empty() {
        (
            CheckStatus::Ok,
            Some("no chat model is configured: answers are quotes"),
        )
    } else if models.iter().all(|model| model.status != CheckStatus::Ok) {
        (
            CheckStatus::Degraded,
            Some("no chat model answers: answers are quotes"),
        )
    } else {
        (CheckStatus::Ok, None)
    };
    WrittenAnswers {
        status,
        models,
        reason: reason.map(str::to_owned),
    }
}

async fn dense_report(app: &App) -> DenseRetrieval {
    match app.health.dense().await {
        DenseState::Loaded(embedder) => {
            let (status, reason) = told(embedder.condition());
            DenseRetrieval {
                status,
                model: Some(embedder.info().model.clone()),
                runtime: Some(embedder.info().runtime.clone()),
                reason,
            }
        }
        DenseState::Missing(reason) => DenseRetrieval {
            status: CheckStatus::Degraded,
            model: None,
            runtime: None,
            reason: Some(reason.to_owned()),
        },
    }
}
