//! People: introduced by bots, found, changed, blocked. And their use of bots.

use std::sync::Arc;

use nexus_domain::subscription::{Part, merged};
use nexus_domain::{
    Access, Action, Bot, BotCaller, BotId, Caller, Clock, Person, Quotas, Reach, Role, Scope, Scopes,
    ServiceTokenId, Standing, Subscription, SubscriptionId, TargetKind, Timestamp, User, UserId, style,
};
use nexus_storage::{Db, Tx, UserChange, UserFilter};
use serde_json::{Map, Value};

use super::audit::Change;
use super::{ServiceError, api_keys, checks};

#[derive(Clone, Debug)]
pub struct People {
    db: Db,
    clock: Arc<dyn Clock>,
}

/// A person and their use of the bot that they came with.
#[derive(Clone, Debug)]
pub struct Introduced {
    pub user: User,
    pub subscription: Subscription,
    pub user_created: bool,
    pub subscription_created: bool,
}

impl People {
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Makes or refreshes the person and their subscription to the bot with this code, in one transaction.
    pub async fn introduce(
        &self,
        access: &Access,
        code: &str,
        person: Person,
    ) -> Result<Introduced, ServiceError> {
        let person = person
            .checked()
            .map_err(|error| ServiceError::invalid(error.field, error))?;
        let bot = self.db.bots().by_code(code).await?;
        let bot = bot
            .filter(|bot| introduces(access, bot.id))
            .ok_or(ServiceError::NotFound("bot"))?;
        if !bot.is_active {
            return Err(super::Refusal::BotDisabled.into());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let introduced = introduce(&mut tx, access, &person, bot.id, now).await?;
        tx.commit().await?;
        Ok(introduced)
    }

    /// The person, if the caller may know of them: themselves, people of the calling bot, everybody for admins.
    pub async fn get(&self, access: &Access, id: UserId) -> Result<User, ServiceError> {
        let user = self.db.users().get(id).await?;
        let visible = match (&user, access.caller()) {
            (None, _) => false,
            (Some(_), _) if access.role() == Role::Admin => access.require(Role::Admin, Scope::Users).is_ok(),
            (Some(user), Caller::Person(caller)) => caller.user == user.id,
            (Some(user), Caller::Bot(caller)) => {
                self.db.subscriptions().by(user.id, caller.bot).await?.is_some()
            }
            _ => false,
        };
        user.filter(|_| visible).ok_or(ServiceError::NotFound("user"))
    }

    /// The person who calls, if it is a person.
    pub async fn calling(&self, access: &Access) -> Result<Option<User>, ServiceError> {
        match access.caller().user() {
            Some(user) => Ok(self.db.users().get(user).await?),
            None => Ok(None),
        }
    }

    /// Newest first, older than `before`.
    pub async fn list(
        &self,
        filter: &UserFilter,
        before: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, ServiceError> {
        Ok(self.db.users().list(filter, before, limit).await?)
    }

    pub async fn update(
        &self,
        access: &Access,
        id: UserId,
        change: UserChange,
    ) -> Result<User, ServiceError> {
        // Whoever does not see the person hears that there is none; whoever sees but may not change is told so.
        self.get(access, id).await?;
        access.require(Role::Admin, Scope::Users)?;
        if change.role == Some(Role::Admin) {
            api_keys::holds_everything(access)?;
        }
        change
            .quotas
            .map(|quotas| checks::quotas("quotas", quotas))
            .transpose()?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let admins = tx.users().lock_admins().await?;
        let loses = change.role.is_some_and(|role| role != Role::Admin) || change.blocked == Some(true);
        if loses && admins == [id] {
            return Err(ServiceError::LastAdmin);
        }
        let changed = tx.users().update(id, &change, now).await?;
        let user = changed.ok_or(ServiceError::NotFound("user"))?;
        if change.blocked == Some(true) {
            tx.sessions().revoke_of_user(id, now).await?;
        }
        Change::new(Action::UserUpdate, TargetKind::User, id)
            .with_some("role", change.role.map(Role::as_str))
            .with_some("blocked", change.blocked)
            .with_some("quotas", change.quotas.map(quotas_json))
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(user)
    }

    /// The bots that a person uses, as far as the caller may know: a bot sees itself only.
    pub async fn bots(&self, access: &Access, user: &User) -> Result<Vec<(Bot, Subscription)>, ServiceError> {
        let mut found = Vec::new();
        for subscription in self.db.subscriptions().of_user(user.id).await? {
            if sees_subscription(access, &subscription)
                && let Some(bot) = self.db.bots().get(subscription.bot_id).await?
            {
                found.push((bot, subscription));
            }
        }
        Ok(found)
    }

    pub async fn subscription(
        &self,
        access: &Access,
        id: SubscriptionId,
    ) -> Result<Subscription, ServiceError> {
        let found = self.db.subscriptions().get(id).await?;
        found
            .filter(|subscription| sees_subscription(access, subscription))
            .ok_or(ServiceError::NotFound("subscription"))
    }

    /// Merges a patch into one part of a subscription that is still at `version`.
    pub async fn patch(
        &self,
        access: &Access,
        subscription: &Subscription,
        part: Part,
        patch: &Value,
        version: i64,
    ) -> Result<Subscription, ServiceError> {
        let (field, object, is) = match part {
            Part::Settings => ("settings", &subscription.settings, subscription.settings_version),
            Part::State => ("state", &subscription.state, subscription.state_version),
        };
        if is != version {
            return Err(ServiceError::PreconditionFailed);
        }
        let merged = merged(object, patch).map_err(|error| ServiceError::invalid(field, error))?;
        if part == Part::Settings {
            // What was kept before there were checks may stay: it blocks nothing else.
            let named = merged.iter().filter(|(name, _)| patch.get(*name).is_some());
            let named: Map<_, _> = named.map(|(name, value)| (name.clone(), value.clone())).collect();
            style::check(&named).map_err(|error| ServiceError::invalid(error.field(), error))?;
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let changed = tx
            .subscriptions()
            .set_part(subscription.id, part, &merged, version)
            .await?;
        let changed = changed.ok_or(ServiceError::PreconditionFailed)?;
        Change::new(
            Action::SubscriptionUpdate,
            TargetKind::Subscription,
            subscription.id,
        )
        .with("part", field)
        .with("fields", names(patch))
        .record(&mut tx, access, now)
        .await?;
        tx.commit().await?;
        Ok(changed)
    }
}

/// Makes or refreshes a person and their subscription.
pub(super) async fn introduce(
    tx: &mut Tx,
    access: &Access,
    person: &Person,
    bot: BotId,
    now: Timestamp,
) -> Result<Introduced, ServiceError> {
    let (user, user_created) = tx.users().upsert(person, UserId::new(now), now).await?;
    if user.blocked {
        return Err(super::Refusal::UserBlocked.into());
    }
    let candidate = Subscription {
        id: SubscriptionId::new(now),
        user_id: user.id,
        bot_id: bot,
        installed_at: now,
        settings: Map::new(),
        settings_version: 1,
        state: Map::new(),
        state_version: 1,
        last_interaction_at: now,
    };
    let (subscription, subscription_created) = tx.subscriptions().touch(&candidate).await?;
    if user_created {
        Change::new(Action::UserCreate, TargetKind::User, user.id)
            .with("bot", bot.to_string())
            .record(tx, access, now)
            .await?;
    }
    if subscription_created {
        Change::new(
            Action::SubscriptionCreate,
            TargetKind::Subscription,
            subscription.id,
        )
        .with("user", user.id.to_string())
        .with("bot", bot.to_string())
        .record(tx, access, now)
        .await?;
    }
    Ok(Introduced {
        user,
        subscription,
        user_created,
        subscription_created,
    })
}

/// A bot that has passed a message on: it introduces who wrote it. Its token was checked when the message came.
pub(super) fn of_bot(bot: BotId) -> Access {
    let token = ServiceTokenId::from_uuid(uuid::Uuid::nil());
    Access::decide(Standing {
        caller: Caller::Bot(BotCaller { bot, token }),
        role: Role::Reader,
        ceiling: Role::Reader,
        scopes: Scopes::NONE,
        reach: Reach::Granted(Vec::new()),
    })
}

/// A bot introduces people to itself; whoever manages people introduces them to any.
fn introduces(access: &Access, bot: BotId) -> bool {
    match access.caller() {
        Caller::Bot(caller) => caller.bot == bot,
        _ => access.require(Role::Admin, Scope::Users).is_ok(),
    }
}

fn sees_subscription(access: &Access, subscription: &Subscription) -> bool {
    match access.caller() {
        Caller::Bot(caller) => caller.bot == subscription.bot_id,
        _ if access.require(Role::Admin, Scope::Users).is_ok() => true,
        // Through a bot, a person sees their use of that bot alone.
        Caller::Person(person) => {
            person.user == subscription.user_id
                && access.caller().bot().is_none_or(|bot| bot == subscription.bot_id)
        }
        Caller::ApiKey(_) | Caller::Public => false,
    }
}

pub(super) fn quotas_json(quotas: Quotas) -> Value {
    serde_json::to_value(quotas).unwrap_or_default()
}

fn names(patch: &Value) -> Value {
    let names = patch
        .as_object()
        .map(|patch| patch.keys().take(20).cloned().collect::<Vec<_>>());
    names.unwrap_or_default().into()
}
