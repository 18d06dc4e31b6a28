//! Extractors that load what a path names *and* check that the caller may do what the route does with it, so a handler
//! cannot hold a thing that its caller may not touch. What a caller may not see is "not found"; what it may see but not
//! change is "forbidden".

use std::collections::HashMap;
use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use nexus_domain::{
    Access, AnswerId, Bot, BotId, Chat, ChatId, Delivery, DeliveryId, Document, KbRole, KnowledgeBase, Role,
    Scope, Source, SourceId, Subscription, SubscriptionId, Task, User, UserId,
};

use super::auth::Authorised;
use super::error::ApiError;
use super::path_ids::{path_id, path_value};
use crate::service::{Replay, ServiceError};
use crate::state::App;

/// What a route needs, as a type: a role in general, a role in the knowledge base that it names, and a scope of keys.
pub trait Needs: Send + Sync {
    const ROLE: Role;
    const KB_ROLE: KbRole;
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident: $role:ident, $kb_role:ident, $scope:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Needs for $name {
            const ROLE: Role = Role::$role;
            const KB_ROLE: KbRole = KbRole::$kb_role;
            const SCOPE: Scope = Scope::$scope;
        }
    )+};
}

needs! {
    /// Questions.
    Ask: Reader, Reader, Ask;
    /// Reading knowledge bases, documents and tasks.
    Read: Reader, Reader, Read;
    /// Feeding a knowledge base.
    Ingest: Reader, Editor, Ingest;
    /// Sending an upload, before it is known into which knowledge base.
    Upload: Reader, Editor, Ingest;
    /// Creating knowledge bases.
    Create: Editor, Owner, Manage;
    /// Changing and sharing a knowledge base.
    Own: Reader, Owner, Manage;
    /// The installation itself.
    Operate: Admin, Owner, Manage;
    ManageUsers: Admin, Owner, Users;
    /// Reading one bot: whoever manages bots, and the bot itself.
    ReadBot: Reader, Reader, Bots;
    ManageBots: Admin, Owner, Bots;
    ManageKeys: Admin, Owner, Keys;
    ReadLogs: Admin, Owner, Logs;
}

/// A caller that holds a role.
#[derive(Debug)]
pub struct Permit<N> {
    pub access: Access,
    needs: PhantomData<N>,
}

/// A knowledge base that the caller may use in this way.
#[derive(Debug)]
pub struct KbPermit<N> {
    pub access: Access,
    pub kb: KnowledgeBase,
    needs: PhantomData<N>,
}

/// A document that the caller may use in this way.
#[derive(Debug)]
pub struct DocumentPermit<N> {
    pub access: Access,
    pub document: Document,
    needs: PhantomData<N>,
}

/// A source that the caller may use in this way.
#[derive(Debug)]
pub struct SourcePermit<N> {
    pub access: Access,
    pub source: Source,
    needs: PhantomData<N>,
}

/// A task that the caller may use in this way.
#[derive(Debug)]
pub struct TaskPermit<N> {
    pub access: Access,
    pub task: Task,
    needs: PhantomData<N>,
}

/// A person whom the caller may know of.
#[derive(Debug)]
pub struct UserPermit {
    pub access: Access,
    pub user: User,
}

/// A bot that the caller may manage, or is.
#[derive(Debug)]
pub struct BotPermit<N> {
    pub access: Access,
    pub bot: Bot,
    needs: PhantomData<N>,
}

/// A subscription that the caller may read and write.
#[derive(Debug)]
pub struct SubscriptionPermit {
    pub access: Access,
    pub subscription: Subscription,
}

/// A bot, called by itself alone. Its path names it by its code.
#[derive(Debug)]
pub struct OwnBot {
    pub access: Access,
    pub bot: Bot,
}

/// A delivery, told of by its own bot alone.
#[derive(Debug)]
pub struct DeliveryPermit {
    pub delivery: Delivery,
}

/// A delivery that the caller may send again.
#[derive(Debug)]
pub struct LetterPermit {
    pub access: Access,
    pub delivery: Delivery,
}

/// A chat, for those who manage people.
#[derive(Debug)]
pub struct ChatPermit {
    pub access: Access,
    pub chat: Chat,
}

/// A message that the caller may read.
#[derive(Debug)]
pub struct MessagePermit {
    pub access: Access,
    pub delivery: Delivery,
}

/// An answer that the caller may ask for again.
#[derive(Debug)]
pub struct AnswerPermit {
    pub access: Access,
    pub replay: Replay,
}

impl<N: Needs> FromRequestParts<App> for Permit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        access.require(N::ROLE, N::SCOPE).map_err(ServiceError::Denied)?;
        Ok(Self {
            access,
            needs: PhantomData,
        })
    }
}

impl<N: Needs> FromRequestParts<App> for KbPermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = nexus_domain::KbId::from_uuid(path_id(parts, app, "knowledge base").await?);
        let kb = app.knowledge_bases.get(&access, id).await?;
        access
            .require_in(kb.id, N::KB_ROLE, N::SCOPE)
            .map_err(ServiceError::Denied)?;
        Ok(Self {
            access,
            kb,
            needs: PhantomData,
        })
    }
}

impl<N: Needs> FromRequestParts<App> for DocumentPermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = nexus_domain::DocumentId::from_uuid(path_id(parts, app, "document").await?);
        let document = app.documents.get(&access, id).await?;
        access
            .require_in(document.kb_id, N::KB_ROLE, N::SCOPE)
            .map_err(ServiceError::Denied)?;
        Ok(Self {
            access,
            document,
            needs: PhantomData,
        })
    }
}

impl<N: Needs> FromRequestParts<App> for SourcePermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let KbPermit { access, kb, .. } = KbPermit::<N>::from_request_parts(parts, app).await?;
        let id = SourceId::from_uuid(path_value(parts, app, "source_id", "source").await?);
        let source = app.sources.get(&kb, id).await?;
        Ok(Self {
            access,
            source,
            needs: PhantomData,
        })
    }
}

impl<N: Needs> FromRequestParts<App> for TaskPermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = nexus_domain::TaskId::from_uuid(path_id(parts, app, "task").await?);
        let task = app.tasks.get(&access, id).await?;
        match task.kb_id {
            Some(kb) => access.require_in(kb, N::KB_ROLE, N::SCOPE),
            // Housekeeping: whoever sees it reads it, admins control it.
            None => access.require(
                if N::KB_ROLE == KbRole::Reader {
                    Role::Reader
                } else {
                    Role::Admin
                },
                N::SCOPE,
            ),
        }
        .map_err(ServiceError::Denied)?;
        Ok(Self {
            access,
            task,
            needs: PhantomData,
        })
    }
}

impl FromRequestParts<App> for UserPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = UserId::from_uuid(path_id(parts, app, "user").await?);
        let user = app.people.get(&access, id).await?;
        Ok(Self { access, user })
    }
}

impl<N: Needs> FromRequestParts<App> for BotPermit<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = BotId::from_uuid(path_id(parts, app, "bot").await?);
        let bot = app.bots.get(&access, id).await?;
        access.require(N::ROLE, N::SCOPE).map_err(ServiceError::Denied)?;
        Ok(Self {
            access,
            bot,
            needs: PhantomData,
        })
    }
}

impl FromRequestParts<App> for SubscriptionPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = SubscriptionId::from_uuid(path_id(parts, app, "subscription").await?);
        let subscription = app.people.subscription(&access, id).await?;
        Ok(Self { access, subscription })
    }
}

impl FromRequestParts<App> for OwnBot {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let values = Path::<HashMap<String, String>>::from_request_parts(parts, app)
            .await
            .ok();
        let code = values.and_then(|Path(mut values)| values.remove("code"));
        let bot = app.inbox.bot(&access, &code.unwrap_or_default()).await?;
        Ok(Self { access, bot })
    }
}

impl FromRequestParts<App> for DeliveryPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let LetterPermit { access, delivery } = LetterPermit::from_request_parts(parts, app).await?;
        access
            .require_bot(delivery.bot_id)
            .map_err(ServiceError::Denied)?;
        Ok(Self { delivery })
    }
}

impl FromRequestParts<App> for LetterPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = DeliveryId::from_uuid(path_id(parts, app, "delivery").await?);
        let delivery = app.outbox.get(&access, id).await?;
        Ok(Self { access, delivery })
    }
}

impl FromRequestParts<App> for ChatPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = ChatId::from_uuid(path_id(parts, app, "chat").await?);
        let chat = app.chats.get(&access, id).await?;
        Ok(Self { access, chat })
    }
}

impl FromRequestParts<App> for MessagePermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = DeliveryId::from_uuid(path_id(parts, app, "message").await?);
        let delivery = app.chats.delivery(&access, id).await?;
        Ok(Self { access, delivery })
    }
}

impl FromRequestParts<App> for AnswerPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authorised(access) = Authorised::from_request_parts(parts, app).await?;
        let id = AnswerId::from_uuid(path_id(parts, app, "answer").await?);
        let replay = app.answers.get(&access, id).await?;
        Ok(Self { access, replay })
    }
}
