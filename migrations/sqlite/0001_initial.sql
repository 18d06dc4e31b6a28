-- The embedded half of a pair: every table, column and index has its twin of the same name in the PostgreSQL folder.
-- UUID = BLOB, TIMESTAMPTZ = INTEGER (microseconds since 1970, UTC), BIGINT = INTEGER, BOOLEAN = INTEGER.
-- Narrow tables are clustered by their key (WITHOUT ROWID); tables with long rows are not.

CREATE TABLE knowledge_bases (
    id                    BLOB    NOT NULL PRIMARY KEY,
    name                  TEXT    NOT NULL,
    description           TEXT    NOT NULL,
    revision              INTEGER NOT NULL,
    lexical_average_milli INTEGER NOT NULL,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    deleted_at            INTEGER
) STRICT;
CREATE UNIQUE INDEX knowledge_bases_live_name ON knowledge_bases (name) WHERE deleted_at IS NULL;

CREATE TABLE sources (
    id         BLOB    NOT NULL PRIMARY KEY,
    kb_id      BLOB    NOT NULL REFERENCES knowledge_bases (id),
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sources_kb_kind_name ON sources (kb_id, kind, name);

CREATE TABLE uploads (
    id           BLOB    NOT NULL PRIMARY KEY,
    file_name    TEXT    NOT NULL,
    size_bytes   INTEGER NOT NULL,
    content_hash BLOB    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_created_at ON uploads (created_at);

-- A version may be written before its document's row exists, so nothing here refers to document_versions.
CREATE TABLE documents (
    id           BLOB    NOT NULL PRIMARY KEY,
    kb_id        BLOB    NOT NULL REFERENCES knowledge_bases (id),
    source_id    BLOB    NOT NULL REFERENCES sources (id),
    path         TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    format       TEXT    NOT NULL,
    size_bytes   INTEGER NOT NULL,
    content_hash BLOB    NOT NULL,
    version_id   BLOB    NOT NULL,
    chunk_count  INTEGER NOT NULL,
    seen_task_id BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    deleted_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX documents_live_path ON documents (source_id, path) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX documents_version ON documents (version_id);
CREATE INDEX documents_kb_path ON documents (kb_id, path, id);

CREATE TABLE document_versions (
    id               BLOB    NOT NULL PRIMARY KEY,
    document_id      BLOB    NOT NULL,
    kb_id            BLOB    NOT NULL REFERENCES knowledge_bases (id),
    task_id          BLOB    NOT NULL,
    state            TEXT    NOT NULL,
    dense_generation INTEGER NOT NULL DEFAULT 0,
    chunk_count      INTEGER NOT NULL,
    term_total       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX document_versions_document ON document_versions (document_id);
CREATE INDEX document_versions_kb ON document_versions (kb_id, state, dense_generation, id);
CREATE INDEX document_versions_pending ON document_versions (task_id) WHERE state = 'pending';
CREATE INDEX document_versions_retired ON document_versions (id) WHERE state = 'retired';

-- The largest table. It knows no state and no document: whether a chunk is current is asked of documents.version_id.
CREATE TABLE chunks (
    id           BLOB    NOT NULL PRIMARY KEY,
    version_id   BLOB    NOT NULL REFERENCES document_versions (id),
    kb_id        BLOB    NOT NULL,
    ordinal      INTEGER NOT NULL,
    first_line   INTEGER NOT NULL,
    last_line    INTEGER NOT NULL,
    term_count   INTEGER NOT NULL,
    content_hash BLOB    NOT NULL,
    heading_path TEXT    NOT NULL,
    text         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunks_version_ordinal ON chunks (version_id, ordinal);
CREATE INDEX chunks_kb ON chunks (kb_id, id);
CREATE INDEX chunks_content ON chunks (content_hash);

-- A cache by content: an embedding is computed once per model, whatever documents hold the text.
CREATE TABLE embeddings (
    model        TEXT NOT NULL,
    content_hash BLOB NOT NULL,
    vector       BLOB NOT NULL,
    PRIMARY KEY (content_hash, model)
) STRICT;

CREATE TABLE generations (
    id         INTEGER NOT NULL PRIMARY KEY,
    model      TEXT    NOT NULL,
    dimension  INTEGER NOT NULL,
    active     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX generations_model ON generations (model);
CREATE UNIQUE INDEX generations_active ON generations (active) WHERE active;

CREATE TABLE tasks (
    id              BLOB    NOT NULL PRIMARY KEY,
    kb_id           BLOB,
    upload_id       BLOB,
    kind            TEXT    NOT NULL,
    payload         TEXT    NOT NULL,
    priority        INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    run_at          INTEGER NOT NULL,
    lease_token     BLOB,
    lease_until     INTEGER,
    requested_state TEXT,
    progress        TEXT    NOT NULL,
    error           TEXT,
    trace_id        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    started_at      INTEGER,
    updated_at      INTEGER NOT NULL,
    finished_at     INTEGER
) STRICT;
CREATE INDEX tasks_state ON tasks (state, run_at);
CREATE INDEX tasks_kb ON tasks (kb_id, kind, state);
CREATE INDEX tasks_upload ON tasks (upload_id);

CREATE TABLE task_problems (
    task_id    BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    path       TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (task_id, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX task_problems_path_code ON task_problems (task_id, path, code);

CREATE TABLE api_keys (
    id         BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    key_hash   BLOB    NOT NULL,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_key_hash ON api_keys (key_hash);

CREATE TABLE idempotency_keys (
    caller      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    status      INTEGER,
    body        TEXT,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
