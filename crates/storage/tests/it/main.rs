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

mod claims;
mod connections;
mod documents;
mod embeddings;
mod idempotency;
mod knowledge_bases;
mod migrations;
mod passages;
mod problems;
mod purge;
mod schema;
mod sources;
mod support;
mod task_control;
mod tasks;
mod uploads;
mod versions;
