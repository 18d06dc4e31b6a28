//! Who calls, from where, and what rows say about them.

use std::net::IpAddr;
use std::sync::Arc;

use super::role::{KbRole, Role, Scopes, words};
use crate::id::{ApiKeyId, BotId, IncomingWebhookId, KbId, ServiceTokenId, SessionId, UserId};
use crate::user::TelegramId;

/// The kinds of callers, for policies that name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerKind {
    /// A bot for itself, by its service token.
    Bot,
    /// A person, by a session or named by a bot.
    Person,
    /// A program, by an API key.
    Key,
    /// Nobody in particular.
    Public,
}
words!(CallerKind, "kind of caller": Bot = "bot", Person = "person", Key = "key", Public = "public");

/// Who calls, as proven by credentials at this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Bot(BotCaller),
    Person(PersonCaller),
    ApiKey(ApiKeyId),
    Public,
}

/// A bot, and the token that proved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BotCaller {
    pub bot: BotId,
    pub token: ServiceTokenId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonCaller {
    pub user: UserId,
    pub telegram_id: TelegramId,
    pub by: PersonBy,
}

/// What vouches for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonBy {
    /// A session of their own, perhaps begun inside of a bot.
    Session { session: SessionId, bot: Option<BotId> },
    /// A bot that names them.
    Bot(BotCaller),
    /// A message that they wrote to a bot, which it has passed on.
    Message { bot: BotId },
    /// A webhook that they have made.
    Webhook(IncomingWebhookId),
}

impl Caller {
    pub const fn kind(&self) -> CallerKind {
        match self {
            Self::Bot(_) => CallerKind::Bot,
            Self::Person(_) => CallerKind::Person,
            Self::ApiKey(_) => CallerKind::Key,
            Self::Public => CallerKind::Public,
        }
    }

    /// The bot that the call comes through.
    pub const fn bot(&self) -> Option<BotId> {
        match self {
            Self::Bot(caller) => Some(caller.bot),
            Self::Person(person) => match person.by {
                PersonBy::Bot(caller) => Some(caller.bot),
                PersonBy::Message { bot } => Some(bot),
                PersonBy::Session { bot, .. } => bot,
                PersonBy::Webhook(_) => None,
            },
            Self::ApiKey(_) | Self::Public => None,
        }
    }

    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::Person(person) => Some(person.user),
            Self::Bot(_) | Self::ApiKey(_) | Self::Public => None,
        }
    }
}

/// Where a request came from, for the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub trace_id: Arc<str>,
}

/// What rows say about a caller at this request; [`Access::decide`](super::Access::decide) makes rights of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub caller: Caller,
    pub role: Role,
    /// The most that the caller may do here, whatever its own role: a bot's limit for those that it names.
    pub ceiling: Role,
    pub scopes: Scopes,
    pub reach: Reach,
}

/// Which knowledge bases rows open to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them, as far as the role goes.
    Every,
    /// All of these, as far as the role goes.
    These(Vec<KbId>),
    /// What was granted one by one; of several grants for one knowledge base the highest counts.
    Granted(Vec<(KbId, KbRole)>),
}

impl Standing {
    /// A key that is narrowed in no way.
    pub const fn of_key(id: ApiKeyId, role: Role) -> Self {
        Self {
            caller: Caller::ApiKey(id),
            role,
            ceiling: Role::Admin,
            scopes: Scopes::ALL,
            reach: Reach::Every,
        }
    }
}
