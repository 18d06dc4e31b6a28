//! What must hold between the two schemas, and between the schemas and the statements.

use std::collections::BTreeMap;

use nexus_storage::DbKind;
use nexus_storage::testing::{postgres, sqlite, statements};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection, SqliteConnection};

async fn open_sqlite(url: &str) -> SqliteConnection {
    let path = url.strip_prefix("sqlite:").unwrap();
    sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap()
}

#[tokio::test]
async fn sqlite_prepares_every_statement() {
    let test = sqlite().await;
    let mut conn = open_sqlite(test.url()).await;
    for sql in statements(DbKind::Sqlite) {
        if let Err(error) = (&mut conn).prepare(sqlx::SqlSafeStr::into_sql_str(sql)).await {
            panic!("{error}\n{sql}");
        }
    }
}

/// What is asked at every request finds its rows by an index, whatever there is.
#[tokio::test]
async fn rights_are_looked_up_and_not_searched_for() {
    let asked = |sql: &&str| {
        [
            "UNION ALL",
            "AS bot_is_active",
            "AS token_id, service_tokens.bot_id",
        ]
        .iter()
        .any(|mark| sql.contains(mark))
    };
    let test = sqlite().await;
    let mut conn = open_sqlite(test.url()).await;
    let mut plans = 0;
    for sql in statements(DbKind::Sqlite).into_iter().filter(asked) {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut conn).await.unwrap();
        assert!(
            steps.iter().all(|step| !step.3.starts_with("SCAN")),
            "{steps:?}\n{sql}"
        );
        plans += 1;
    }
    assert!(plans >= 3);
    let Some(test) = postgres().await else { return };
    let mut conn = PgConnection::connect(test.url()).await.unwrap();
    // Tables without rows are read as a whole, unless that is forbidden.
    (&mut conn).execute("SET enable_seqscan = off").await.unwrap();
    (&mut conn)
        .execute("SET plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    for (n, sql) in statements(DbKind::Postgres).into_iter().filter(asked).enumerate() {
        let parameters = if sql.contains("$2") { "NULL, NULL" } else { "NULL" };
        let prepare = sqlx::AssertSqlSafe(format!("PREPARE asked_{n} AS {sql}"));
        sqlx::raw_sql(prepare).execute(&mut conn).await.unwrap();
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN EXECUTE asked_{n} ({parameters})"));
        let steps: Vec<(String,)> = sqlx::query_as(explain).fetch_all(&mut conn).await.unwrap();
        assert!(
            steps.iter().all(|step| !step.0.contains("Seq Scan")),
            "{steps:?}\n{sql}"
        );
    }
}

/// Calls of models are many: those of a time are found by an index, and the newest of them without sorting the others.
#[tokio::test]
async fn model_calls_of_a_time_are_looked_up_and_not_searched_for() {
    let asked = |sql: &&str| sql.contains("FROM model_calls WHERE") && sql.contains("created_at >= $5");
    let is_list = |sql: &str| sql.contains("ORDER BY created_at DESC");
    let test = sqlite().await;
    let mut conn = open_sqlite(test.url()).await;
    let mut lists = Vec::new();
    for sql in statements(DbKind::Sqlite).into_iter().filter(asked) {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut conn).await.unwrap();
        let looks_up = "SEARCH model_calls USING INDEX model_calls_created (created_at>? AND created_at<?)";
        assert!(
            steps.iter().any(|step| step.3.starts_with(looks_up))
                && !steps.iter().any(|step| step.3.starts_with("SCAN")),
            "{steps:?}\n{sql}"
        );
        if is_list(sql) {
            assert_eq!(steps.len(), 1, "it is in order already: {steps:?}");
        }
        lists.push(is_list(sql));
    }
    lists.sort_unstable();
    assert_eq!(lists, [false, true], "one adds up, one lists");
    let Some(test) = postgres().await else { return };
    let mut conn = PgConnection::connect(test.url()).await.unwrap();
    for setting in [
        "SET enable_seqscan = off",
        "SET enable_bitmapscan = off",
        "SET plan_cache_mode = force_generic_plan",
    ] {
        (&mut conn).execute(setting).await.unwrap();
    }
    for (n, sql) in statements(DbKind::Postgres).into_iter().filter(asked).enumerate() {
        let parameters = (1..).take_while(|at| sql.contains(&format!("${at}"))).count();
        let nulls = vec!["NULL"; parameters].join(", ");
        let prepare = sqlx::AssertSqlSafe(format!("PREPARE looked_up_{n} AS {sql}"));
        sqlx::raw_sql(prepare).execute(&mut conn).await.unwrap();
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN EXECUTE looked_up_{n} ({nulls})"));
        let steps: Vec<(String,)> = sqlx::query_as(explain).fetch_all(&mut conn).await.unwrap();
        let uses = |words: &str| steps.iter().any(|step| step.0.contains(words));
        assert!(
            uses("using model_calls_created") && !uses("Seq Scan"),
            "{steps:?}\n{sql}"
        );
    }
}

#[tokio::test]
async fn postgres_prepares_every_statement() {
    let Some(test) = postgres().await else { return };
    let mut conn = PgConnection::connect(test.url()).await.unwrap();
    for sql in statements(DbKind::Postgres) {
        if let Err(error) = (&mut conn).prepare(sqlx::SqlSafeStr::into_sql_str(sql)).await {
            panic!("{error}\n{sql}");
        }
    }
}

/// Table and column -> type of the map, whether it may be null, its place in the primary key (0: none).
type Columns = BTreeMap<(String, String), (&'static str, bool, i64)>;
/// Index -> table, whether it is unique, its columns, its condition.
type Indexes = BTreeMap<String, (String, bool, String, String)>;
/// Table, column and the table it refers to.
type References = Vec<(String, String, String)>;

#[tokio::test]
async fn both_schemas_are_the_same() {
    let Some(server) = postgres().await else { return };
    let embedded = sqlite().await;
    let (lite, pg) = (
        sqlite_schema(embedded.url()).await,
        postgres_schema(server.url()).await,
    );
    let read = (lite.0.len(), lite.1.len(), lite.2.len());
    assert!(
        read.0 > 80 && read.1 > 10 && read.2 >= 6,
        "the catalogues were read: {read:?}"
    );
    assert_eq!(lite.0, pg.0);
    assert_eq!(lite.1, pg.1);
    assert_eq!(lite.2, pg.2);
}

async fn sqlite_schema(url: &str) -> (Columns, Indexes, References) {
    let mut conn = open_sqlite(url).await;
    let loose: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE '%sql%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(loose, [""; 0], "tables of SQLite are STRICT");
    let columns: Vec<(String, String, String, bool, i64)> = sqlx::query_as(
        "SELECT m.name, c.name, c.type, c.\"notnull\" = 0, c.pk FROM sqlite_master m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '%sql%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let columns = columns.into_iter().map(|(table, column, ty, null, key)| {
        let ty = match ty.as_str() {
            "BLOB" => "BLOB",
            "INTEGER" => "INTEGER",
            "TEXT" => "TEXT",
            other => panic!("{table}.{column} is {other}"),
        };
        ((table, column), (ty, null, key))
    });
    let indexes: Vec<(String, String, bool, String, Option<String>)> = sqlx::query_as(
        "SELECT l.name, m.name, l.\"unique\",
                (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno)),
                (SELECT sql FROM sqlite_master i WHERE i.name = l.name)
         FROM sqlite_master m, pragma_index_list(m.name) l
         WHERE m.type = 'table' AND m.name NOT LIKE '%sql%' AND l.origin = 'c'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let indexes = indexes.into_iter().map(|(name, table, unique, columns, sql)| {
        let condition = sql
            .as_deref()
            .and_then(|sql| sql.split_once(" WHERE "))
            .map_or("", |(_, rest)| rest);
        (name, (table, unique, columns, condition.to_lowercase()))
    });
    let references: References = sqlx::query_as(
        "SELECT m.name, f.\"from\", f.\"table\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f
         WHERE m.type = 'table' ORDER BY 1, 2",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    (columns.collect(), indexes.collect(), references)
}

async fn postgres_schema(url: &str) -> (Columns, Indexes, References) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let columns: Vec<(String, String, String, bool, i64)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL), NOT a.attnotnull,
                COALESCE(array_position(p.conkey, a.attnum), 0)::bigint
         FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
         WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE '%sql%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let columns = columns.into_iter().map(|(table, column, ty, null, key)| {
        let ty = match ty.as_str() {
            "uuid" | "bytea" => "BLOB",
            "bigint" | "boolean" | "timestamp with time zone" => "INTEGER",
            "text" => "TEXT",
            other => panic!("{table}.{column} is {other}"),
        };
        ((table, column), (ty, null, key))
    });
    let indexes: Vec<(String, String, bool, String, Option<String>)> = sqlx::query_as(
        "SELECT i.relname::text, c.relname::text, x.indisunique,
                (SELECT string_agg(a.attname::text, ',' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY AS k(attnum, n)
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum),
                pg_get_expr(x.indpred, c.oid)
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
         WHERE NOT x.indisprimary AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE '%sql%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let indexes = indexes
        .into_iter()
        .map(|(name, table, unique, columns, condition)| {
            let condition = condition.unwrap_or_default().replace("::text", "");
            let condition = condition
                .trim_start_matches('(')
                .trim_end_matches(')')
                .to_lowercase();
            (name, (table, unique, columns, condition))
        });
    let references: References = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text, r.relname::text FROM pg_constraint f
         JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
         WHERE f.contype = 'f' AND c.relnamespace = current_schema()::regnamespace
         ORDER BY c.relname::text COLLATE \"C\", a.attname::text COLLATE \"C\"",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    (columns.collect(), indexes.collect(), references)
}

#[test]
fn migrations_come_in_pairs() {
    let names = |folder: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../migrations")
            .join(folder);
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn no_statement_asks_the_database_for_the_time_or_for_its_own_dialect() {
    for kind in [DbKind::Sqlite, DbKind::Postgres] {
        for sql in statements(kind) {
            let lower = sql.to_lowercase();
            for word in [
                "now()",
                "current_timestamp",
                "datetime(",
                "ilike",
                "->>",
                "array[",
                "any(",
            ] {
                assert!(!lower.contains(word), "{word} in {sql}");
            }
        }
    }
}
