//! What truly differs between the two databases, each as a named pair. Keep it to a handful.

use crate::answers::gone_passages;
use crate::bots::bot_columns;
use crate::chats::chat_columns;
use crate::db::DbKind;
use crate::sql::ids_in;
use crate::standing_questions::standing_columns;
use crate::tasks::task_columns;
use crate::webhooks::{due_webhook_delivery, webhook_delivery_columns};

/// One statement in two dialects, with the same parameters and columns.
pub(crate) struct Pair {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Pair {
    pub(crate) const fn on(&self, kind: DbKind) -> &'static str {
        match kind {
            DbKind::Sqlite => self.sqlite,
            DbKind::Postgres => self.postgres,
        }
    }
}

/// Lets one claim at a time look at the running tasks, until its transaction ends. In SQLite the transaction itself
/// is alone; in PostgreSQL two claims could otherwise each take one of two tasks that must not run together. The key
/// is the ASCII text "nexclaim".
pub(crate) const CLAIM_LOCK: Pair = Pair {
    sqlite: "SELECT 1",
    postgres: "SELECT 1 FROM pg_advisory_xact_lock(7954896685235267949)",
};

/// One process at a time, per schema, until the connection ends. The first key is the ASCII text "nexs".
pub(crate) const TURN_LOCK: Pair = Pair {
    sqlite: "SELECT 1",
    postgres: "SELECT 1 FROM pg_advisory_lock(1852143731, hashtext(current_schema()))",
};

/// A machine that loses its power does not close its connections: the server looks after half a minute, not after hours.
pub(crate) const TURN_KEEPALIVE: Pair = Pair {
    sqlite: "SELECT 1",
    postgres: "SELECT 1 FROM set_config('tcp_keepalives_idle', '10', FALSE) AS idle,
        set_config('tcp_keepalives_interval', '5', FALSE) AS pause, set_config('tcp_keepalives_count', '3', FALSE) AS tries",
};

/// The best task that may run: one that waits, or one whose worker has let its lease end. Skipped is a task whose
/// knowledge base runs another of its kind, or of a kind that writes the same points (both an ingestion and a rebuild
/// weigh by the average length of the moment), the embedding of a knowledge base that takes something in (an ingestion
/// embeds at its end what is missing; the other way round it waits there, see [`Tasks::embeds_beside`](crate::Tasks::embeds_beside)),
/// and an ingestion or removal that an older one waits before: what was sent last is done last. What was sent does not wait
/// for a sync that runs, which may take hours and reads another source; a sync waits for what was sent. First come high
/// priority, then the knowledge base that runs the least.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE tasks SET state = 'running', attempts = attempts + 1, lease_token = $2, lease_until = $3,
                    started_at = COALESCE(started_at, $1), updated_at = $1
             WHERE id = (
                 SELECT t.id FROM tasks t
                 WHERE t.state IN ('queued', 'running')
                   AND (t.state = 'queued' AND t.run_at <= $1 OR t.state = 'running' AND t.lease_until <= $1)
                   AND ($4 = 1 OR t.kind <> 'sync_source')
                   AND NOT EXISTS (
                       SELECT 1 FROM tasks other
                       WHERE other.state = 'running' AND other.id <> t.id
                         AND other.kb_id IS NOT DISTINCT FROM t.kb_id
                         AND (other.kind = t.kind
                              OR other.kind IN ('ingest_upload', 'remove_document', 'sync_source', 'import_kb', 'rebuild_lexical')
                                 AND t.kind IN ('ingest_upload', 'remove_document', 'sync_source', 'import_kb', 'rebuild_lexical')
                                 AND NOT (other.kind = 'sync_source' AND t.kind IN ('ingest_upload', 'remove_document'))
                              OR other.kind IN ('ingest_upload', 'sync_source', 'import_kb') AND t.kind = 'embed_kb'))
                   AND NOT EXISTS (
                       SELECT 1 FROM tasks older
                       WHERE older.state = 'queued' AND older.kind IN ('ingest_upload', 'remove_document')
                         AND t.kind IN ('ingest_upload', 'remove_document')
                         AND older.kb_id = t.kb_id AND older.id < t.id)
                 ORDER BY t.priority DESC,
                          (SELECT COUNT(*) FROM tasks busy WHERE busy.state = 'running' AND busy.kb_id = t.kb_id),
                          t.run_at, t.id
                 LIMIT 1",
            $lock,
            ") RETURNING ",
            task_columns!()
        )
    };
}

/// `$1` now, `$2` token, `$3` end of the lease, `$4` whether a remote source may be fetched (0 or 1).
pub(crate) const CLAIM: Pair = Pair {
    sqlite: claim!(""),
    postgres: claim!(" FOR UPDATE OF t SKIP LOCKED"),
};

macro_rules! claim_chat {
    ($lock:literal) => {
        concat!(
            "UPDATE chats SET lease_token = $2, lease_until = $3 WHERE id = (
                 SELECT id FROM chats WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
                 ORDER BY due_at LIMIT 1",
            $lock,
            ") RETURNING ",
            chat_columns!()
        )
    };
}

/// The chat that has waited longest and that nobody works on. `$1` now, `$2` token, `$3` end of the lease.
pub(crate) const CLAIM_CHAT: Pair = Pair {
    sqlite: claim_chat!(""),
    postgres: claim_chat!(" FOR UPDATE SKIP LOCKED"),
};

/// Those of `$1` to `$64` that are current, and stay so until the transaction ends. In SQLite the transaction itself
/// keeps others from writing.
pub(crate) const LOCK_CURRENT: Pair = Pair {
    sqlite: ids_in!(
        "SELECT id FROM document_versions WHERE state = 'current' AND id IN ",
        ""
    ),
    postgres: ids_in!(
        "SELECT id FROM document_versions WHERE state = 'current' AND id IN ",
        " ORDER BY id FOR SHARE"
    ),
};

macro_rules! lock_contexts {
    ($lock:literal) => {
        concat!(
            "SELECT id FROM answer_contexts
             WHERE id IN (SELECT context_id FROM context_passages WHERE passage_id = $1) ORDER BY id",
            $lock
        )
    };
}

/// The lists that hold the copy `$1`: who is about to refer to one has done so, or waits until the transaction ends.
pub(crate) const LOCK_CONTEXTS: Pair = Pair {
    sqlite: lock_contexts!(""),
    postgres: lock_contexts!(" FOR UPDATE"),
};

macro_rules! kbs_like {
    () => {
        "INSERT INTO answer_kbs (answer_id, kb_id, revision)
         SELECT $1, kb_id, revision FROM answer_kbs WHERE answer_id = $2"
    };
}

macro_rules! sources_like {
    () => {
        "INSERT INTO answer_sources (source_id, answer_id, found, created_at)
         SELECT s.source_id, a.id, a.found, a.created_at FROM answers a JOIN answer_sources s ON s.answer_id = $2
         WHERE a.id = $1"
    };
}

/// The answer `$1` has asked the knowledge bases of `$2`, and cites its sources: how many knowledge bases that were, and how many
/// passages of their list `$3` are gone. On the way to every answer that is given again, so it is asked at once.
pub(crate) const KEEP_LIKE: Pair = Pair {
    sqlite: concat!(
        kbs_like!(),
        "; ",
        sources_like!(),
        "; SELECT (SELECT COUNT(*) FROM answer_kbs WHERE answer_id = $1), (SELECT COUNT(*) ",
        gone_passages!("$3"),
        ")"
    ),
    postgres: concat!(
        "WITH kbs AS (",
        kbs_like!(),
        " RETURNING 1), sources AS (",
        sources_like!(),
        " RETURNING 1)
         SELECT (SELECT COUNT(*) FROM kbs), (SELECT COUNT(*) ",
        gone_passages!("$3"),
        ")"
    ),
};

macro_rules! lock_admins {
    ($lock:literal) => {
        concat!(
            "SELECT id FROM users WHERE role = 'admin' AND NOT blocked ORDER BY id",
            $lock
        )
    };
}

/// The admins who are not blocked; they stay so until the transaction ends. In PostgreSQL the weaker of the two
/// locks for writers, here and below: rows that refer to these may still be written.
pub(crate) const LOCK_ADMINS: Pair = Pair {
    sqlite: lock_admins!(""),
    postgres: lock_admins!(" FOR NO KEY UPDATE"),
};

macro_rules! lock_bot {
    ($lock:literal) => {
        concat!(
            "SELECT ",
            bot_columns!(),
            " FROM bots WHERE id = $1 AND deleted_at IS NULL",
            $lock
        )
    };
}

/// The bot `$1`, which others do not change until the transaction ends.
pub(crate) const LOCK_BOT: Pair = Pair {
    sqlite: lock_bot!(""),
    postgres: lock_bot!(" FOR NO KEY UPDATE"),
};

macro_rules! lock_sealed {
    ($lock:literal) => {
        concat!(
            "SELECT id, telegram_token, signing_secret FROM bots
            WHERE telegram_token IS NOT NULL OR signing_secret IS NOT NULL ORDER BY id",
            $lock
        )
    };
}

/// All secrets of bots, which others do not change until the transaction ends.
pub(crate) const LOCK_SEALED: Pair = Pair {
    sqlite: lock_sealed!(""),
    postgres: lock_sealed!(" FOR NO KEY UPDATE"),
};

macro_rules! lock_sealed_sources {
    ($lock:literal) => {
        concat!(
            "SELECT id, credential, webhook_secret FROM sources
            WHERE credential IS NOT NULL OR webhook_secret IS NOT NULL ORDER BY id",
            $lock
        )
    };
}

/// All secrets of sources, which others do not change until the transaction ends.
pub(crate) const LOCK_SEALED_SOURCES: Pair = Pair {
    sqlite: lock_sealed_sources!(""),
    postgres: lock_sealed_sources!(" FOR NO KEY UPDATE"),
};

macro_rules! lock_sealed_webhooks {
    ($table:literal, $lock:literal) => {
        concat!("SELECT id, secret FROM ", $table, " ORDER BY id", $lock)
    };
}

/// All secrets of webhooks, which others do not change until the transaction ends.
pub(crate) const LOCK_SEALED_WEBHOOKS: Pair = Pair {
    sqlite: lock_sealed_webhooks!("webhooks", ""),
    postgres: lock_sealed_webhooks!("webhooks", " FOR NO KEY UPDATE"),
};

/// The same of incoming ones.
pub(crate) const LOCK_SEALED_INCOMING_WEBHOOKS: Pair = Pair {
    sqlite: lock_sealed_webhooks!("incoming_webhooks", ""),
    postgres: lock_sealed_webhooks!("incoming_webhooks", " FOR NO KEY UPDATE"),
};

macro_rules! claim_webhook_delivery {
    ($lock:literal) => {
        concat!(
            "UPDATE webhook_deliveries SET lease = $2, due_at = $3, attempts = attempts + 1, updated_at = $1 WHERE id = (
                 SELECT d.id ",
            due_webhook_delivery!(),
            " ORDER BY d.due_at, d.id LIMIT 1",
            $lock,
            ") RETURNING ",
            webhook_delivery_columns!()
        )
    };
}

/// The delivery that is due longest, of a webhook that nothing is told at the moment. `$1` now, `$2` token, `$3` end of the
/// lease.
pub(crate) const CLAIM_WEBHOOK_DELIVERY: Pair = Pair {
    sqlite: claim_webhook_delivery!(""),
    postgres: claim_webhook_delivery!(" FOR UPDATE OF d SKIP LOCKED"),
};

/// What is done to many deliveries to webhooks at once leaves out those that another transaction holds: whoever tells of changes
/// of several knowledge bases holds deliveries in the order of these and waits for the next one, and must not be waited for by
/// somebody who holds that one.
macro_rules! of_free_webhook_deliveries {
    ($done:literal, $which:literal, $lock:literal) => {
        concat!(
            $done,
            " WHERE id IN (SELECT d.id FROM webhook_deliveries d ",
            $which,
            $lock,
            ")"
        )
    };
    ($done:literal, $which:literal) => {
        Pair {
            sqlite: of_free_webhook_deliveries!($done, $which, ""),
            postgres: of_free_webhook_deliveries!($done, $which, " FOR UPDATE OF d SKIP LOCKED"),
        }
    };
}

/// All of webhook `$1`.
pub(crate) const DELETE_WEBHOOK_DELIVERIES: Pair =
    of_free_webhook_deliveries!("DELETE FROM webhook_deliveries", "WHERE d.webhook_id = $1");

/// Those of webhooks that are no more.
pub(crate) const DELETE_ORPHANED_WEBHOOK_DELIVERIES: Pair = of_free_webhook_deliveries!(
    "DELETE FROM webhook_deliveries",
    "WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = d.webhook_id)"
);

/// At most `$3` in the state `$1` that nothing has happened to since `$2`.
pub(crate) const DELETE_SETTLED_WEBHOOK_DELIVERIES: Pair = of_free_webhook_deliveries!(
    "DELETE FROM webhook_deliveries",
    "WHERE d.state = $1 AND d.updated_at < $2 ORDER BY d.updated_at LIMIT $3"
);

/// At most `$4` that wait for a webhook that is turned off are given up with the reason `$2` at `$3`, if nothing has happened to
/// them or to it since `$1`.
pub(crate) const GIVE_UP_WEBHOOK_DELIVERIES: Pair = of_free_webhook_deliveries!(
    "UPDATE webhook_deliveries SET state = 'dead', due_at = NULL, lease = NULL, last_error = $2, updated_at = $3",
    "JOIN webhooks w ON w.id = d.webhook_id AND NOT w.enabled AND w.updated_at < $1
     WHERE d.due_at IS NOT NULL AND d.updated_at < $1 LIMIT $4"
);

macro_rules! claim_standing_question {
    ($lock:literal) => {
        concat!(
            "UPDATE standing_questions SET lease = $3, due_at = $4 WHERE id = (
                 SELECT q.id FROM standing_question_kbs s
                 JOIN knowledge_bases k ON k.id = s.kb_id AND k.deleted_at IS NULL AND k.revision > s.revision
                 JOIN standing_questions q ON q.id = s.question_id AND q.state = 'open' AND q.due_at <= $2
                 WHERE s.kb_id = $1 ORDER BY q.due_at, q.id LIMIT 1",
            $lock,
            ") RETURNING ",
            standing_columns!()
        )
    };
}

/// The open question that is due longest of those that were looked at before knowledge base `$1` changed. `$2` now, `$3` token,
/// `$4` end of the lease.
pub(crate) const CLAIM_STANDING_QUESTION: Pair = Pair {
    sqlite: claim_standing_question!(""),
    postgres: claim_standing_question!(" FOR UPDATE OF q SKIP LOCKED"),
};

/// The newest migration that was applied, 0 for none; no row where the table of migrations does not exist.
pub(crate) const MIGRATIONS_TABLE: Pair = Pair {
    sqlite: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
    postgres: "SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL",
};

#[cfg(feature = "testing")]
pub(crate) const PAIRS: &[&Pair] = &[
    &CLAIM_LOCK,
    &TURN_LOCK,
    &TURN_KEEPALIVE,
    &CLAIM,
    &CLAIM_CHAT,
    &LOCK_CURRENT,
    &LOCK_CONTEXTS,
    &KEEP_LIKE,
    &LOCK_ADMINS,
    &LOCK_BOT,
    &LOCK_SEALED,
    &LOCK_SEALED_SOURCES,
    &LOCK_SEALED_WEBHOOKS,
    &LOCK_SEALED_INCOMING_WEBHOOKS,
    &CLAIM_WEBHOOK_DELIVERY,
    &DELETE_WEBHOOK_DELIVERIES,
    &DELETE_ORPHANED_WEBHOOK_DELIVERIES,
    &DELETE_SETTLED_WEBHOOK_DELIVERIES,
    &GIVE_UP_WEBHOOK_DELIVERIES,
    &CLAIM_STANDING_QUESTION,
    &MIGRATIONS_TABLE,
];
