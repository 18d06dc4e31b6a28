//! What buttons do. Their data at Telegram is a token that names a row.

use nexus_domain::{ButtonAction, ChatId, DeliveryId, Timestamp, UserId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, from_json, to_json};

statements! {
    INSERT = "INSERT INTO buttons (token, chat_id, user_id, delivery_id, action, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    GET = "SELECT token, chat_id, user_id, delivery_id, action, expires_at FROM buttons WHERE token = $1";
    DELETE_OF = "DELETE FROM buttons WHERE delivery_id = $1";
    MOVE = "UPDATE buttons SET chat_id = $2 WHERE chat_id = $1";
    DELETE_EXPIRED = "DELETE FROM buttons WHERE expires_at <= $1";
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ButtonRow {
    pub token: String,
    pub chat_id: ChatId,
    /// The only person who may press it; anybody in the chat where absent.
    pub user_id: Option<UserId>,
    /// The message that it stands below.
    pub delivery_id: DeliveryId,
    pub action: ButtonAction,
    pub expires_at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    token: String,
    chat_id: Uuid,
    user_id: Option<Uuid>,
    delivery_id: Uuid,
    action: String,
    expires_at: At,
}

#[derive(Debug)]
pub struct Buttons<C>(pub(crate) C);

impl<C: Connect> Buttons<C> {
    pub async fn get(&mut self, token: &str) -> Result<Option<ButtonRow>, StorageError> {
        // No button has such a token, and PostgreSQL would not take the question.
        if token.contains('\0') {
            return Ok(None);
        }
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(token)
            .fetch_optional(c)
            .await?);
        row.map(|row| {
            Ok(ButtonRow {
                token: row.token,
                chat_id: ChatId::from_uuid(row.chat_id),
                user_id: row.user_id.map(UserId::from_uuid),
                delivery_id: DeliveryId::from_uuid(row.delivery_id),
                action: from_json(&row.action, "action of a button")?,
                expires_at: row.expires_at.0,
            })
        })
        .transpose()
    }
}

impl Buttons<&mut Tx> {
    pub async fn insert(&mut self, button: &ButtonRow) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(&button.token)
                .bind(button.chat_id.as_uuid())
                .bind(button.user_id.map(UserId::as_uuid));
            let insert = insert
                .bind(button.delivery_id.as_uuid())
                .bind(to_json(&button.action))
                .bind(At(button.expires_at));
            insert.execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// Those below one message.
    pub async fn delete_of(&mut self, delivery: DeliveryId) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_OF)
            .bind(delivery.as_uuid())
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Those of a chat, whose place another one has taken.
    pub async fn move_to(&mut self, from: ChatId, to: ChatId) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(MOVE)
            .bind(from.as_uuid())
            .bind(to.as_uuid())
            .execute(c)
            .await?
            .rows_affected()))
    }

    pub async fn delete_expired(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_EXPIRED)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }
}
