//! The contract of every repository, held by both databases, and what holds between the two.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

/// Makes a test of each async function, on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let db = nexus_storage::testing::sqlite().await;
                super::$name(&db).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(db) = nexus_storage::testing::postgres().await {
                    super::$name(&db).await;
                }
            })+
        }
    };
}

/// Runs one writer's call in a transaction of its own, and commits it.
macro_rules! in_tx {
    ($db:expr, |$tx:ident| $call:expr) => {{
        let mut $tx = $db.begin().await.unwrap();
        let result = $call.await.unwrap();
        $tx.commit().await.unwrap();
        result
    }};
}

mod answers;
mod api_keys;
mod audit;
mod bots;
mod cached;
mod chats;
mod claims;
mod connections;
mod conversations;
mod credentials;
mod deliveries;
mod documents;
mod embeddings;
mod idempotency;
mod knowledge_bases;
mod members;
mod migrations;
mod model_calls;
mod passages;
mod people;
mod problems;
mod purge;
mod quality;
mod quotas;
mod rights;
mod schema;
mod source_reports;
mod sources;
mod standing_questions;
mod subscriptions;
mod support;
mod task_control;
mod tasks;
mod uploads;
mod users;
mod versions;
mod webhooks;
