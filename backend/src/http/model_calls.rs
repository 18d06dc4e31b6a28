//! `/usage/model-calls`: calls of models at their providers one by one and added up, for those who read the logs.

use axum::extract::State;
use chrono::{DateTime, Utc};
use nexus_api::{ErrorEnvelope, ModelCall, ModelCallGroup, ModelCallPurpose, ModelCallTotalsList, Page};
use nexus_domain::{BotId, ModelCallId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::logs::instant;
use super::pages::{PageQuery, page};
use super::permit::{Permit, ReadLogs};
use super::wire::model_calls as wire;
use crate::service::{CallFilter, MAX_GROUPS};
use crate::state::App;

/// Longest name of a model that can be asked for, in characters.
const MAX_MODEL_CHARS: usize = 200;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(totals))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Id of the person whom it was made for.
    user_id: Option<Uuid>,
    /// Id of the bot that the question came through.
    bot_id: Option<Uuid>,
    /// Name of the model.
    model: Option<String>,
    /// What the model was asked for.
    #[param(inline)]
    purpose: Option<ModelCallPurpose>,
    /// From this instant on.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    until: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GroupQuery {
    /// What calls are added up by; all together where it is absent.
    #[param(inline)]
    group_by: Option<ModelCallGroup>,
}

impl Filter {
    fn checked(self) -> Result<CallFilter, ApiError> {
        let names_none = |model: &String| model.contains('\0') || model.chars().count() > MAX_MODEL_CHARS;
        if self.model.as_ref().is_some_and(names_none) {
            return Err(ApiError::invalid("model", "this is no name of a model"));
        }
        Ok(CallFilter {
            user: self.user_id.map(UserId::from_uuid),
            bot: self.bot_id.map(BotId::from_uuid),
            model: self.model,
            purpose: self.purpose.map(wire::purpose_from),
            from: instant("from", self.from)?,
            until: instant("until", self.until)?,
        })
    }
}

/// Calls of models, newest first
///
/// Every attempt is a call, also one that failed before another model answered. Vectors of a knowledge base are summed up by the
/// minute. Models of this machine are not among them.
#[utoipa::path(get, path = "/usage/model-calls", tag = "logs", params(Filter, PageQuery),
    responses((status = 200, body = Page<ModelCall>), (status = 422, body = ErrorEnvelope)))]
async fn list(
    State(app): State<App>,
    permit: Permit<ReadLogs>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ModelCall>>, ApiError> {
    let limit = query.limit()?;
    let filter = filter.checked()?;
    let before: Option<ModelCallId> = query.after()?;
    let found = app
        .model_calls
        .list(&permit.access, &filter, before, limit + 1)
        .await?;
    Ok(Json(page(found, limit, |call| call.id, wire::model_call)))
}

/// Calls of models, added up
///
/// By day (of UTC), model, bot, person or purpose, and by currency where that was changed. What has no price stands in a
/// row of its own.
#[utoipa::path(get, path = "/usage/model-calls/totals", tag = "logs", params(Filter, GroupQuery),
    responses((status = 200, body = ModelCallTotalsList), (status = 422, body = ErrorEnvelope)))]
async fn totals(
    State(app): State<App>,
    permit: Permit<ReadLogs>,
    Query(filter): Query<Filter>,
    Query(query): Query<GroupQuery>,
) -> Result<Json<ModelCallTotalsList>, ApiError> {
    let (filter, by) = (filter.checked()?, query.group_by.map(wire::group_from));
    let found = app.model_calls.totals(&permit.access, &filter, by).await?;
    Ok(Json(ModelCallTotalsList {
        truncated: found.len() >= MAX_GROUPS,
        items: found.into_iter().map(wire::totals).collect(),
    }))
}
