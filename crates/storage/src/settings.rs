//! Small facts about the installation that outlive a process: the version of the text analyser, for one.

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::check_text;

statements! {
    GET = "SELECT value FROM settings WHERE key = $1";
    SET = "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
}

#[derive(Debug)]
pub struct Settings<C>(pub(crate) C);

impl<C: Connect> Settings<C> {
    pub async fn get(&mut self, key: &str) -> Result<Option<String>, StorageError> {
        Ok(on!(self.0, |c| sqlx::query_scalar(GET)
            .bind(key)
            .fetch_optional(c)
            .await?))
    }
}

impl Settings<&mut Tx> {
    pub async fn set(&mut self, key: &str, value: &str) -> Result<(), StorageError> {
        check_text(value, "the setting")?;
        on!(self.0, |c| sqlx::query(SET)
            .bind(key)
            .bind(value)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }
}
