//! Subscriptions: one row per person and bot, with the two objects that are kept for the pair.

use nexus_domain::subscription::Part;
use nexus_domain::{BotId, Subscription, SubscriptionId, UserId};
use serde_json::{Map, Value};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, from_json, to_json};

macro_rules! columns {
    () => {
        "id, user_id, bot_id, installed_at, settings, settings_version, state, state_version, last_interaction_at"
    };
}

statements! {
    GET = concat!("SELECT ", columns!(), " FROM subscriptions WHERE id = $1");
    BY = concat!("SELECT ", columns!(), " FROM subscriptions WHERE user_id = $1 AND bot_id = $2");
    OF_USER = concat!("SELECT ", columns!(), " FROM subscriptions WHERE user_id = $1 ORDER BY id");
    // Messages may be noted out of their order.
    TOUCH = concat!("INSERT INTO subscriptions (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (user_id, bot_id) DO UPDATE SET last_interaction_at =
            CASE WHEN excluded.last_interaction_at > subscriptions.last_interaction_at
                THEN excluded.last_interaction_at ELSE subscriptions.last_interaction_at END
        RETURNING ", columns!());
    SET_SETTINGS = concat!("UPDATE subscriptions SET settings = $2, settings_version = settings_version + 1
        WHERE id = $1 AND settings_version = $3 RETURNING ", columns!());
    SET_STATE = concat!("UPDATE subscriptions SET state = $2, state_version = state_version + 1
        WHERE id = $1 AND state_version = $3 RETURNING ", columns!());
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    bot_id: Uuid,
    installed_at: At,
    settings: String,
    settings_version: i64,
    state: String,
    state_version: i64,
    last_interaction_at: At,
}

impl TryFrom<Row> for Subscription {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        Ok(Self {
            id: SubscriptionId::from_uuid(row.id),
            user_id: UserId::from_uuid(row.user_id),
            bot_id: BotId::from_uuid(row.bot_id),
            installed_at: row.installed_at.0,
            settings: from_json(&row.settings, "settings of a subscription")?,
            settings_version: row.settings_version,
            state: from_json(&row.state, "state of a subscription")?,
            state_version: row.state_version,
            last_interaction_at: row.last_interaction_at.0,
        })
    }
}

#[derive(Debug)]
pub struct Subscriptions<C>(pub(crate) C);

impl<C: Connect> Subscriptions<C> {
    pub async fn get(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    pub async fn by(&mut self, user: UserId, bot: BotId) -> Result<Option<Subscription>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(BY)
            .bind(user.as_uuid())
            .bind(bot.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// All of a person, oldest first; those of deleted bots too.
    pub async fn of_user(&mut self, user: UserId) -> Result<Vec<Subscription>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(OF_USER)
            .bind(user.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Subscriptions<&mut Tx> {
    /// Notes an interaction of the candidate's person with its bot, at its `last_interaction_at`: the stored row, or
    /// the candidate, stored now (`true`). First messages that race make one row.
    pub async fn touch(&mut self, candidate: &Subscription) -> Result<(Subscription, bool), StorageError> {
        let (settings, state) = (to_json(&candidate.settings), to_json(&candidate.state));
        let row: Row = on!(self.0, |c| {
            let insert = sqlx::query_as(TOUCH)
                .bind(candidate.id.as_uuid())
                .bind(candidate.user_id.as_uuid())
                .bind(candidate.bot_id.as_uuid());
            let insert = insert
                .bind(At(candidate.installed_at))
                .bind(&settings)
                .bind(candidate.settings_version);
            let insert = insert.bind(&state).bind(candidate.state_version);
            insert
                .bind(At(candidate.last_interaction_at))
                .fetch_one(c)
                .await?
        });
        let subscription = Subscription::try_from(row)?;
        let created = subscription.id == candidate.id;
        Ok((subscription, created))
    }

    /// Replaces one of the two objects and raises its version. `None`, with nothing changed, if its version is not
    /// `expected_version` any more, or the subscription is gone.
    pub async fn set_part(
        &mut self,
        id: SubscriptionId,
        part: Part,
        object: &Map<String, Value>,
        expected_version: i64,
    ) -> Result<Option<Subscription>, StorageError> {
        let sql = match part {
            Part::Settings => SET_SETTINGS,
            Part::State => SET_STATE,
        };
        let row: Option<Row> = on!(self.0, |c| {
            let update = sqlx::query_as(sql).bind(id.as_uuid()).bind(to_json(object));
            update.bind(expected_version).fetch_optional(c).await?
        });
        row.map(TryInto::try_into).transpose()
    }
}
