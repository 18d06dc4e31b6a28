//! Ids that stand in the path of a route. What is no UUID names nothing.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use nexus_domain::{BotId, IncomingWebhookId, ProcessId, ServiceTokenId, UserId};
use uuid::Uuid;

use super::error::ApiError;
use crate::service::ServiceError;
use crate::state::App;

/// The `{id}` of the route.
pub(super) async fn path_id(parts: &mut Parts, app: &App, what: &'static str) -> Result<Uuid, ApiError> {
    path_value(parts, app, "id", what).await
}

/// The parameter of this name, which names a `what`.
pub(super) async fn path_value(
    parts: &mut Parts,
    app: &App,
    name: &str,
    what: &'static str,
) -> Result<Uuid, ApiError> {
    let values = Path::<HashMap<String, String>>::from_request_parts(parts, app)
        .await
        .ok();
    values
        .and_then(|Path(values)| values.get(name)?.parse().ok())
        .ok_or_else(|| ServiceError::NotFound(what).into())
}

/// An id that stands second in paths, always under the same name.
pub trait SecondId: Sized {
    const PARAMETER: &'static str;

    fn of(id: Uuid) -> Self;
}

macro_rules! second_ids {
    ($($id:ident = $parameter:literal;)+) => {$(
        impl SecondId for $id {
            const PARAMETER: &'static str = $parameter;

            fn of(id: Uuid) -> Self {
                Self::from_uuid(id)
            }
        }
    )+};
}

second_ids! {
    UserId = "user_id";
    BotId = "bot_id";
    ServiceTokenId = "token_id";
    ProcessId = "holder";
    IncomingWebhookId = "webhook_id";
}

/// The second id of a route, such as `{user_id}` in `/knowledge-bases/{id}/members/{user_id}`: its type tells which it is.
#[derive(Debug)]
pub struct Second<I>(pub I);

impl<I: SecondId> FromRequestParts<App> for Second<I> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let id = path_value(parts, app, I::PARAMETER, "thing of this id").await?;
        Ok(Self(I::of(id)))
    }
}
