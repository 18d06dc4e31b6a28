-- The scale-out half of a pair: every table, column and index has its twin of the same name in the SQLite folder.
-- What is sorted or ranged over is COLLATE "C", so that both databases order it by its bytes.

CREATE TABLE knowledge_bases (
    id                    UUID NOT NULL PRIMARY KEY,
    name                  TEXT COLLATE "C" NOT NULL,
    description           TEXT NOT NULL,
    revision              BIGINT NOT NULL,
    lexical_average_milli BIGINT NOT NULL,
    created_at            TIMESTAMPTZ NOT NULL,
    updated_at            TIMESTAMPTZ NOT NULL,
    deleted_at            TIMESTAMPTZ
);
CREATE UNIQUE INDEX knowledge_bases_live_name ON knowledge_bases (name) WHERE deleted_at IS NULL;

CREATE TABLE sources (
    id         UUID NOT NULL PRIMARY KEY,
    kb_id      UUID NOT NULL REFERENCES knowledge_bases (id),
    kind       TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX sources_kb_kind_name ON sources (kb_id, kind, name);

CREATE TABLE uploads (
    id           UUID NOT NULL PRIMARY KEY,
    file_name    TEXT NOT NULL,
    size_bytes   BIGINT NOT NULL,
    content_hash BYTEA NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX uploads_created_at ON uploads (created_at);

-- A version may be written before its document's row exists, so nothing here refers to document_versions.
CREATE TABLE documents (
    id           UUID NOT NULL PRIMARY KEY,
    kb_id        UUID NOT NULL REFERENCES knowledge_bases (id),
    source_id    UUID NOT NULL REFERENCES sources (id),
    path         TEXT COLLATE "C" NOT NULL,
    title        TEXT NOT NULL,
    format       TEXT NOT NULL,
    size_bytes   BIGINT NOT NULL,
    content_hash BYTEA NOT NULL,
    version_id   UUID NOT NULL,
    chunk_count  BIGINT NOT NULL,
    seen_task_id UUID NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    deleted_at   TIMESTAMPTZ
);
CREATE UNIQUE INDEX documents_live_path ON documents (source_id, path) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX documents_version ON documents (version_id);
CREATE INDEX documents_kb_path ON documents (kb_id, path, id);

CREATE TABLE document_versions (
    id               UUID NOT NULL PRIMARY KEY,
    document_id      UUID NOT NULL,
    kb_id            UUID NOT NULL REFERENCES knowledge_bases (id),
    task_id          UUID NOT NULL,
    state            TEXT NOT NULL,
    dense_generation BIGINT NOT NULL DEFAULT 0,
    chunk_count      BIGINT NOT NULL,
    term_total       BIGINT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX document_versions_document ON document_versions (document_id);
CREATE INDEX document_versions_kb ON document_versions (kb_id, state, dense_generation, id);
CREATE INDEX document_versions_pending ON document_versions (task_id) WHERE state = 'pending';
CREATE INDEX document_versions_retired ON document_versions (id) WHERE state = 'retired';

-- The largest table. It knows no state and no document: whether a chunk is current is asked of documents.version_id.
CREATE TABLE chunks (
    id           UUID NOT NULL PRIMARY KEY,
    version_id   UUID NOT NULL REFERENCES document_versions (id),
    kb_id        UUID NOT NULL,
    ordinal      BIGINT NOT NULL,
    first_line   BIGINT NOT NULL,
    last_line    BIGINT NOT NULL,
    term_count   BIGINT NOT NULL,
    content_hash BYTEA NOT NULL,
    heading_path TEXT NOT NULL,
    text         TEXT NOT NULL
);
CREATE UNIQUE INDEX chunks_version_ordinal ON chunks (version_id, ordinal);
CREATE INDEX chunks_kb ON chunks (kb_id, id);
CREATE INDEX chunks_content ON chunks (content_hash);

-- A cache by content: an embedding is computed once per model, whatever documents hold the text.
CREATE TABLE embeddings (
    model        TEXT COLLATE "C" NOT NULL,
    content_hash BYTEA NOT NULL,
    vector       BYTEA NOT NULL,
    PRIMARY KEY (content_hash, model)
);

CREATE TABLE generations (
    id         BIGINT NOT NULL PRIMARY KEY,
    model      TEXT COLLATE "C" NOT NULL,
    dimension  BIGINT NOT NULL,
    active     BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX generations_model ON generations (model);
CREATE UNIQUE INDEX generations_active ON generations (active) WHERE active;

CREATE TABLE tasks (
    id              UUID NOT NULL PRIMARY KEY,
    kb_id           UUID,
    upload_id       UUID,
    kind            TEXT COLLATE "C" NOT NULL,
    payload         TEXT NOT NULL,
    priority        BIGINT NOT NULL,
    state           TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    run_at          TIMESTAMPTZ NOT NULL,
    lease_token     UUID,
    lease_until     TIMESTAMPTZ,
    requested_state TEXT,
    progress        TEXT NOT NULL,
    error           TEXT,
    trace_id        TEXT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    started_at      TIMESTAMPTZ,
    updated_at      TIMESTAMPTZ NOT NULL,
    finished_at     TIMESTAMPTZ
);
CREATE INDEX tasks_state ON tasks (state, run_at);
CREATE INDEX tasks_kb ON tasks (kb_id, kind, state);
CREATE INDEX tasks_upload ON tasks (upload_id);

CREATE TABLE task_problems (
    task_id    UUID NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    seq        BIGINT NOT NULL,
    path       TEXT COLLATE "C" NOT NULL,
    code       TEXT NOT NULL,
    message    TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (task_id, seq)
);
CREATE UNIQUE INDEX task_problems_path_code ON task_problems (task_id, path, code);

CREATE TABLE api_keys (
    id         UUID NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    key_hash   BYTEA NOT NULL,
    role       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX api_keys_key_hash ON api_keys (key_hash);

CREATE TABLE idempotency_keys (
    caller      TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    status      BIGINT,
    body        TEXT,
    created_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE TABLE settings (
    key   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
