//! Extractors that load what a path names *and* check that the caller may do what the route does with it, so a handler
//! cannot hold a thing that its caller may not touch.

use std::collections::HashMap;
use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use nexus_domain::{Access, Document, KnowledgeBase, Role, Task};
use uuid::Uuid;

use super::auth::Authorised;
use super::error::ApiError;
use crate::app::App;
use crate::service::ServiceError;

/// The role that a route needs, as a type.
pub trait Needs: Send + Sync {
    const ROLE: Role;
}

#[derive(Debug)]
pub struct Reader;
#[derive(Debug)]
pub struct Editor;
#[derive(Debug)]
pub struct Admin;

impl Needs for Reader {
    const ROLE: Role = Role::Reader;
}
impl Needs for Editor {
    const ROLE: Role = Role::Editor;
}
impl Needs for Admin {
    const ROLE: Role = Role::Admin;
}

/// A caller that holds a role.
#[derive(Debug)]
pub struct Permit<N> {
    pub access: Access,
    role: PhantomData<N>,
}

/// A knowledge base that the caller may use in this way.
#[derive(Debug)]
pub struct KbPermit<N> {
    pub kb: KnowledgeBase,
    role: PhantomData<N>,
}

/// A document that the caller may use in this way.
#[derive(Debug)]
pub struct DocumentPermit<N> {
    pub document: Document,
    role: PhantomData<N>,
}

/// A task that the caller may use in this way.
#[derive(Debug)]
pub struct TaskPermit<N> {
    pub access: Access,
    pub task: Task,
    role: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<App> for Permit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        access.require(N::ROLE).map_err(ServiceError::Denied)?;
        Ok(Self {
            access,
            role: PhantomData,
        })
    }
}

impl<N: Needs> FromRequestParts<App> for KbPermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Permit { access, role } = Permit::<N>::from_request_parts(parts, app).await?;
        let id = path_id(parts, app, "knowledge base").await?;
        let kb = app
            .knowledge_bases
            .get(&access, nexus_domain::KbId::from_uuid(id))
            .await?;
        Ok(Self { kb, role })
    }
}

impl<N: Needs> FromRequestParts<App> for DocumentPermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Permit { access, role } = Permit::<N>::from_request_parts(parts, app).await?;
        let id = path_id(parts, app, "document").await?;
        let document = app
            .documents
            .get(&access, nexus_domain::DocumentId::from_uuid(id))
            .await?;
        Ok(Self { document, role })
    }
}

impl<N: Needs> FromRequestParts<App> for TaskPermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Permit { access, role } = Permit::<N>::from_request_parts(parts, app).await?;
        let id = path_id(parts, app, "task").await?;
        let task = app
            .tasks
            .get(&access, nexus_domain::TaskId::from_uuid(id))
            .await?;
        Ok(Self { access, task, role })
    }
}

/// The `{id}` of the route. What is no UUID names nothing.
async fn path_id(parts: &mut Parts, app: &App, what: &'static str) -> Result<Uuid, ApiError> {
    let values = Path::<HashMap<String, String>>::from_request_parts(parts, app)
        .await
        .ok();
    values
        .and_then(|Path(values)| values.get("id")?.parse().ok())
        .ok_or_else(|| ServiceError::NotFound(what).into())
}
