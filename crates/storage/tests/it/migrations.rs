//! Migrations are tested on rows: a database of an older schema is filled, migrated, and read.

use futures::future::join_all;
use nexus_domain::{
    ApiKeyId, DocumentId, KbId, KbRole, Measure, QuotaSubject, Quotas, Role, Scopes, SourceId, VersionId,
    Visibility,
};
use nexus_storage::testing::{self, TestDb, migrate_to, postgres_empty, sqlite_empty};
use nexus_storage::{AuditFilter, CallFilter, Db, DbKind, DbOptions, StorageError, UserFilter};

use crate::people::{entry, new_key, person, stored_bot, stored_user, subscription};
use crate::support::{Shelf, at, new_kb, stored_kb};

async fn empty_databases() -> Vec<TestDb> {
    let mut databases = vec![sqlite_empty().await];
    databases.extend(postgres_empty().await);
    databases
}

/// Runs a statement behind the program's back.
pub(crate) async fn meddle(test: &TestDb, sql: &str) {
    testing::meddle(test.url(), sql).await;
}

/// A knowledge base and an API key as schema 1 had them.
async fn old_rows(test: &TestDb) -> (KbId, ApiKeyId) {
    const SQLITE: [&str; 2] = [
        "INSERT INTO knowledge_bases VALUES (X'0192a6c0000070008000000000000001', 'kb', '', 1, 0, 1, 1, NULL)",
        "INSERT INTO api_keys VALUES (X'0192a6c0000070008000000000000002', 'admin', zeroblob(32), 'admin', 1, NULL)",
    ];
    const POSTGRES: [&str; 2] = [
        "INSERT INTO knowledge_bases VALUES
            ('0192a6c0-0000-7000-8000-000000000001', 'kb', '', 1, 0, 'epoch', 'epoch', NULL)",
        "INSERT INTO api_keys VALUES
            ('0192a6c0-0000-7000-8000-000000000002', 'admin', decode(repeat('00', 32), 'hex'), 'admin', 'epoch', NULL)",
    ];
    let rows = match test.kind() {
        DbKind::Sqlite => SQLITE,
        DbKind::Postgres => POSTGRES,
    };
    for row in rows {
        meddle(test, row).await;
    }
    (KbId::from_uuid(old_id(1)), ApiKeyId::from_uuid(old_id(2)))
}

/// Ids of old rows.
fn old_id(n: u128) -> sqlx::types::Uuid {
    sqlx::types::Uuid::from_u128(0x0192_a6c0_0000_7000_8000_0000_0000_0000 + n)
}

/// A source with two documents, of which the first model has embedded the first.
async fn old_documents(test: &TestDb) {
    const ROWS: [&str; 6] = [
        "INSERT INTO sources VALUES (id(3), id(1), 'archive', 'guide.zip', at(), at())",
        "INSERT INTO documents VALUES (id(4), id(1), id(3), 'a.md', 'A', 'markdown', 4, hash(), id(6), 1, id(8), at(), at(), NULL),
            (id(5), id(1), id(3), 'b.md', 'B', 'markdown', 9, hash(), id(7), 2, id(8), at(), at(), NULL)",
        "INSERT INTO document_versions VALUES (id(6), id(4), id(1), id(8), 'current', 1, 1, 1, at()),
            (id(7), id(5), id(1), id(8), 'current', 0, 2, 2, at())",
        "INSERT INTO chunks VALUES (id(9), id(6), id(1), 0, 1, 1, 1, hash(), '[]', 'text')",
        "INSERT INTO chunks VALUES (id(a), id(7), id(1), 0, 1, 1, 1, hash(), '[]', 'more')",
        "INSERT INTO chunks VALUES (id(b), id(7), id(1), 1, 2, 2, 1, hash(), '[]', 'text')",
    ];
    for row in ROWS {
        let (open, close, at, hash) = match test.kind() {
            DbKind::Sqlite => ("X'0192a6c000007000800000000000000", "'", "1", "zeroblob(32)"),
            DbKind::Postgres => (
                "'0192a6c0-0000-7000-8000-00000000000",
                "'",
                "'epoch'",
                "decode(repeat('00', 32), 'hex')",
            ),
        };
        let mut sql = row.replace("at()", at).replace("hash()", hash);
        for n in "13456789ab".chars() {
            sql = sql.replace(&format!("id({n})"), &format!("{open}{n}{close}"));
        }
        meddle(test, &sql).await;
    }
}

/// What a program of schema 1 wrote: a document that the first model has embedded, and one that it has not.
#[tokio::test]
async fn rows_of_every_schema_are_read_by_this_one() {
    for test in empty_databases().await {
        migrate_to(&test, 1).await;
        let (kb, key) = old_rows(&test).await;
        old_documents(&test).await;
        meddle(
            &test,
            "INSERT INTO generations (id, model, dimension, active) VALUES (1, 'e5', 384, TRUE)",
        )
        .await;
        test.migrate().await.unwrap();
        test.check_schema().await.unwrap();
        let embedded = test
            .chunks()
            .of_document(DocumentId::from_uuid(old_id(4)))
            .await
            .unwrap();
        let texts: Vec<_> = embedded.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(texts, ["text"]);
        assert_eq!((embedded[0].pages, &embedded[0].anchor), (None, &None));
        let source = test
            .sources()
            .get(SourceId::from_uuid(old_id(3)))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((source.name.as_str(), source.remote), ("guide.zip", None));
        let active = test.generations().active().await.unwrap().unwrap();
        assert!(!active.pending);
        let left = test.versions().unembedded(kb, active.id, None, 9).await.unwrap();
        let left: Vec<_> = left.into_iter().map(|version| version.id).collect();
        assert_eq!(left, [VersionId::from_uuid(old_id(7))]);

        let kb = test.knowledge_bases().get(kb).await.unwrap().unwrap();
        assert_eq!(
            (kb.visibility, kb.quotas),
            (Visibility::Private, Quotas::default())
        );
        let key = test.api_keys().get(key).await.unwrap().unwrap();
        assert_eq!((key.role, key.scopes), (Role::Admin, Scopes::ALL));
        assert_eq!((key.kbs, key.addresses, key.expires_at), (None, Vec::new(), None));
    }
}

/// What was kept before sources had counts, is counted, and is read with what it was made from.
#[tokio::test]
async fn answers_that_were_kept_before_count_for_their_sources() {
    const KEPT: [&str; 3] = [
        "INSERT INTO answers (id, created_at, found, language, mode, status, retrieval_micros, generation_micros,
             context_hash, question, report)
         SELECT id, created_at, path = 'a.md', 'en', 'hybrid', 'written', 1, 1, content_hash, 'q', '{}' FROM documents",
        r#"INSERT INTO kept_passages (digest, chunk_id, lives_in, document_id, kb_id, place, text)
         SELECT content_hash, id, id, id, kb_id,
             '{"version":"00000000-0000-0000-0000-000000000000","ordinal":0,"kb":"kb","source":"s","path":"a.md","title":"",
               "format":"markdown","lines":{"first":1,"last":1},"terms":1}', 'text' FROM documents"#,
        "INSERT INTO answer_passages (answer_id, ordinal, passage_id, is_shown)
         SELECT d.id, 0, p.id, d.path <> 'c.md' FROM documents d JOIN kept_passages p ON p.document_id = d.id",
    ];
    for test in empty_databases().await {
        migrate_to(&test, 10).await;
        let shelf = Shelf::new(&test, "kb").await;
        let (hit, _) = shelf.publish("a.md", &["one"]).await;
        shelf.publish("b.md", &["two"]).await;
        shelf.publish("c.md", &["three"]).await;
        for sql in KEPT {
            meddle(&test, sql).await;
        }
        test.migrate().await.unwrap();
        let uses = test.sources().uses(&[shelf.source]).await.unwrap();
        let used = uses[&shelf.source];
        assert_eq!(
            (used.hits, used.refusals),
            (1, 1),
            "what was not shown does not count"
        );
        let id = nexus_domain::AnswerId::from_uuid(hit.id.as_uuid());
        let kept = test.answers().get(id).await;
        assert_eq!(kept.unwrap().unwrap().trace_id, None);
        let made_from = test.kept_passages().of_answer(id).await.unwrap();
        let texts = made_from
            .iter()
            .map(|kept| kept.passage.as_ref().map(|found| found.chunk.text.as_str()));
        assert_eq!(texts.collect::<Vec<_>>(), [Some("text")]);
    }
}

/// A process of the program before, which is still up on a server that others share, keeps and forgets answers as it did.
#[tokio::test]
async fn the_program_before_shared_lists_goes_on() {
    const KEEP: [&str; 3] = [
        "INSERT INTO answers (id, created_at, found, language, mode, status, retrieval_micros, generation_micros, context_hash,
             question, report, body)
         SELECT id, created_at, TRUE, 'en', 'hybrid', 'written', 1, 1, content_hash, 'q', '{}', 'said' FROM documents",
        r#"INSERT INTO kept_passages (digest, chunk_id, lives_in, document_id, kb_id, place, text)
         SELECT content_hash, id, id, id, kb_id,
             '{"version":"00000000-0000-0000-0000-000000000000","ordinal":0,"kb":"kb","source":"s","path":"a.md","title":"",
               "format":"markdown","lines":{"first":1,"last":1},"terms":1}', 'text' FROM documents"#,
        "INSERT INTO answer_passages (answer_id, ordinal, passage_id, is_shown)
         SELECT d.id, n, p.id, TRUE FROM documents d JOIN kept_passages p ON p.document_id = d.id, generate_series(0, 1) n",
    ];
    const ERASE: &str = "UPDATE answers SET body = NULL, searched = NULL
        WHERE id IN (SELECT answer_id FROM answer_passages WHERE passage_id = (SELECT MIN(id) FROM kept_passages) AND is_shown)";
    const FORGET: [&str; 2] = [
        "DELETE FROM answers",
        "DELETE FROM kept_passages p WHERE NOT EXISTS (SELECT 1 FROM answer_passages a WHERE a.passage_id = p.id)",
    ];
    let Some(test) = testing::postgres().await else {
        return;
    };
    let shelf = Shelf::new(&test, "kb").await;
    let (kept, _) = shelf.publish("a.md", &["one"]).await;
    for sql in KEEP {
        meddle(&test, sql).await;
    }
    let id = nexus_domain::AnswerId::from_uuid(kept.id.as_uuid());
    assert_eq!(test.kept_passages().of_answer(id).await.unwrap().len(), 2);
    meddle(&test, ERASE).await;
    assert_eq!(test.answers().get(id).await.unwrap().unwrap().body, None);
    for sql in FORGET {
        meddle(&test, sql).await;
    }
    assert_eq!(test.kept_passages().of_answer(id).await.unwrap(), []);
    assert_eq!(test.shown_passages().of_kb(shelf.kb, 10).await.unwrap(), []);
}

#[tokio::test]
async fn processes_that_start_together_migrate_once() {
    for test in empty_databases().await {
        let starts = (0..4).map(|_| {
            let url = test.url().to_owned();
            tokio::spawn(async move {
                let db = Db::connect(
                    &url,
                    DbOptions {
                        max_connections: 2,
                        ..DbOptions::default()
                    },
                )
                .await
                .unwrap();
                db.migrate().await.unwrap();
                db.check_schema().await.unwrap();
                db.close().await;
            })
        });
        assert!(join_all(starts).await.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn an_unmigrated_database_is_too_old() {
    for test in empty_databases().await {
        let error = test.check_schema().await.unwrap_err();
        assert!(
            matches!(error, StorageError::SchemaTooOld { found: 0, .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    const NEWER: &str =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'from the future', TRUE, '', 0)";
    for test in empty_databases().await {
        test.migrate().await.unwrap();
        meddle(&test, NEWER).await;
        for error in [
            test.check_schema().await.unwrap_err(),
            test.migrate().await.unwrap_err(),
        ] {
            assert!(
                matches!(error, StorageError::SchemaTooNew { found: 9999, known } if known < 9999),
                "{error:?}"
            );
        }
        // The refusal holds no lock: the newer program can go on.
        meddle(&test, "DELETE FROM _sqlx_migrations WHERE version = 9999").await;
        test.migrate().await.unwrap();
    }
}

#[tokio::test]
async fn a_migration_that_was_edited_is_refused() {
    for test in empty_databases().await {
        test.migrate().await.unwrap();
        meddle(
            &test,
            "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1",
        )
        .await;
        let error = test.migrate().await.unwrap_err();
        assert!(matches!(error, StorageError::Migration(_)), "{error:?}");
    }
}

#[tokio::test]
async fn values_that_this_program_does_not_know_are_corrupt_and_no_panic() {
    for test in empty_databases().await {
        test.migrate().await.unwrap();
        let shelf = Shelf::new(&test, "kb").await;
        let (document, _) = shelf.publish("a.md", &["text"]).await;
        meddle(&test, "UPDATE documents SET format = 'hologram'").await;
        let error = test.documents().get(document.id).await.unwrap_err();
        assert!(
            matches!(&error, StorageError::Corrupt { what } if what.contains("hologram")),
            "{error:?}"
        );
        meddle(&test, "UPDATE chunks SET heading_path = 'no json'").await;
        let error = test.chunks().of_document(document.id).await.unwrap_err();
        assert!(matches!(error, StorageError::Corrupt { .. }), "{error:?}");
        let mut tx = test.begin().await.unwrap();
        tx.knowledge_bases().insert(&new_kb("still works")).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// One row of each kind, and for each column of words or JSON a value that a newer program may have written there.
#[tokio::test]
async fn words_about_people_and_bots_that_this_program_does_not_know_are_corrupt() {
    for test in empty_databases().await {
        test.migrate().await.unwrap();
        let (user, bot) = (stored_user(&test, 1).await, stored_bot(&test, "docs").await);
        let kb = stored_kb(&test, "kb").await;
        let subject = QuotaSubject::Bot(bot);
        let mut tx = test.begin().await.unwrap();
        tx.members().set(kb, user, KbRole::Owner, at(1)).await.unwrap();
        tx.subscriptions().touch(&subscription(user, bot)).await.unwrap();
        tx.quotas()
            .take(subject, Measure::Tokens, 7, 1, None)
            .await
            .unwrap();
        tx.audit().insert(&entry(at(1))).await.unwrap();
        tx.api_keys().insert(&new_key("key", 1)).await.unwrap();
        tx.commit().await.unwrap();

        let is_corrupt = |error: StorageError, what: &str| {
            assert!(matches!(error, StorageError::Corrupt { .. }), "{what}: {error:?}");
        };
        for sql in [
            "UPDATE users SET role = 'emperor'",
            "UPDATE users SET role = 'reader', quotas = '{\"wishes\":3}'",
            "UPDATE users SET quotas = '{}', telegram_id = -4",
        ] {
            meddle(&test, sql).await;
            is_corrupt(test.users().get(user).await.unwrap_err(), sql);
            let all = UserFilter::default();
            is_corrupt(test.users().list(&all, None, 9).await.unwrap_err(), sql);
            is_corrupt(test.members().list(kb, None, 9).await.unwrap_err(), sql);
        }
        meddle(&test, "UPDATE users SET telegram_id = 1").await;
        let mut tx = test.begin().await.unwrap();
        assert!(
            !tx.users()
                .upsert(&person(1), user, at(2))
                .await
                .unwrap()
                .0
                .blocked
        );
        drop(tx);

        for sql in [
            "UPDATE bots SET max_role = 'emperor'",
            "UPDATE bots SET max_role = 'reader', addresses = '[\"everywhere\"]'",
            "UPDATE bots SET addresses = '[]', time_zone = 'Mars/Olympus'",
            "UPDATE bots SET time_zone = 'UTC', texts = '{\"song\":\"la\"}'",
        ] {
            meddle(&test, sql).await;
            is_corrupt(test.bots().get(bot).await.unwrap_err(), sql);
        }
        meddle(&test, "UPDATE kb_members SET role = 'emperor'").await;
        is_corrupt(
            test.rights().grants(Some(user), None).await.unwrap_err(),
            "grants",
        );
        is_corrupt(test.members().of_user(user).await.unwrap_err(), "members");
        meddle(&test, "UPDATE knowledge_bases SET visibility = 'martians'").await;
        is_corrupt(
            test.knowledge_bases().get(kb).await.unwrap_err(),
            "knowledge base",
        );
        meddle(&test, "UPDATE subscriptions SET state = '[]'").await;
        is_corrupt(
            test.subscriptions().by(user, bot).await.unwrap_err(),
            "subscription",
        );
        meddle(&test, "UPDATE quota_usage SET measure = 'wishes'").await;
        is_corrupt(test.quotas().used(subject, 7).await.unwrap_err(), "quota");
        meddle(&test, "UPDATE audit_log SET action = 'user.crown'").await;
        let all = AuditFilter::default();
        is_corrupt(test.audit().list(&all, None, 9).await.unwrap_err(), "audit");
        meddle(&test, "UPDATE api_keys SET scopes = '[\"ask\",\"fly\"]'").await;
        is_corrupt(test.api_keys().list(None, 9).await.unwrap_err(), "key");
    }
}

#[tokio::test]
async fn calls_of_models_from_before_were_one_request_each() {
    for test in empty_databases().await {
        migrate_to(&test, 13).await;
        let (id, at) = match test.kind() {
            DbKind::Sqlite => ("X'0192a6c0000070008000000000000001'", "1"),
            DbKind::Postgres => ("'0192a6c0-0000-7000-8000-000000000001'", "'epoch'"),
        };
        let row = format!(
            "INSERT INTO model_calls (id, created_at, day, purpose, model, provider, micros, outcome)
             VALUES ({id}, {at}, 719163, 'chat', 'm', 'p', 1, 'ok')"
        );
        meddle(&test, &row).await;
        test.migrate().await.unwrap();
        let calls = test.model_calls().list(&CallFilter::default(), None, 5).await;
        let calls = calls.unwrap();
        assert_eq!((calls.len(), calls[0].requests, calls[0].kb), (1, 1, None));
    }
}
