-- People, bots, their credentials, who may see which knowledge base, what may be used in a day, and who changed what.
-- JSON is TEXT. What is sealed under the operator's secret key is TEXT of the form v1.KID.DATA.

CREATE TABLE users (
    id            BLOB    NOT NULL PRIMARY KEY,
    telegram_id   INTEGER NOT NULL,
    username      TEXT,
    first_name    TEXT    NOT NULL,
    last_name     TEXT,
    language_code TEXT,
    role          TEXT    NOT NULL,
    blocked       INTEGER NOT NULL,
    quotas        TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_telegram_id ON users (telegram_id);
CREATE INDEX users_role ON users (role);

CREATE TABLE bots (
    id              BLOB    NOT NULL PRIMARY KEY,
    code            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    description     TEXT,
    version         TEXT    NOT NULL,
    is_active       INTEGER NOT NULL,
    telegram_bot_id INTEGER,
    telegram_token  TEXT,
    signing_secret  TEXT,
    addresses       TEXT    NOT NULL,
    max_role        TEXT    NOT NULL,
    default_kbs     TEXT    NOT NULL,
    texts           TEXT    NOT NULL,
    settings        TEXT    NOT NULL,
    quotas          TEXT    NOT NULL,
    person_quotas   TEXT    NOT NULL,
    time_zone       TEXT    NOT NULL,
    last_error      TEXT,
    last_error_at   INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX bots_live_code ON bots (code) WHERE deleted_at IS NULL;

CREATE TABLE service_tokens (
    id         BLOB    NOT NULL PRIMARY KEY,
    bot_id     BLOB    NOT NULL REFERENCES bots (id),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX service_tokens_bot ON service_tokens (bot_id, id);

CREATE TABLE subscriptions (
    id                  BLOB    NOT NULL PRIMARY KEY,
    user_id             BLOB    NOT NULL REFERENCES users (id),
    bot_id              BLOB    NOT NULL REFERENCES bots (id),
    installed_at        INTEGER NOT NULL,
    settings            TEXT    NOT NULL,
    settings_version    INTEGER NOT NULL,
    state               TEXT    NOT NULL,
    state_version       INTEGER NOT NULL,
    last_interaction_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX subscriptions_user_bot ON subscriptions (user_id, bot_id);
CREATE INDEX subscriptions_bot ON subscriptions (bot_id, id);

CREATE TABLE sessions (
    id         BLOB    NOT NULL PRIMARY KEY,
    user_id    BLOB    NOT NULL REFERENCES users (id),
    bot_id     BLOB    REFERENCES bots (id),
    method     TEXT    NOT NULL,
    csrf_hash  BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Signed requests and sign-ins that were seen; each counts once while it could be sent again.
CREATE TABLE seen_proofs (
    digest     BLOB    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_proofs_expires_at ON seen_proofs (expires_at);

ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '["ask","read","ingest","manage","users","bots","keys","logs"]';
ALTER TABLE api_keys ADD COLUMN kbs TEXT;
ALTER TABLE api_keys ADD COLUMN addresses TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;

ALTER TABLE knowledge_bases ADD COLUMN visibility TEXT NOT NULL DEFAULT 'private';
ALTER TABLE knowledge_bases ADD COLUMN quotas TEXT NOT NULL DEFAULT '{}';
CREATE INDEX knowledge_bases_visibility ON knowledge_bases (visibility) WHERE deleted_at IS NULL;

CREATE TABLE kb_members (
    user_id    BLOB    NOT NULL REFERENCES users (id),
    kb_id      BLOB    NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, kb_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX kb_members_kb ON kb_members (kb_id, user_id);

CREATE TABLE kb_bots (
    bot_id     BLOB    NOT NULL REFERENCES bots (id),
    kb_id      BLOB    NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (bot_id, kb_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX kb_bots_kb ON kb_bots (kb_id, bot_id);

-- What was used on a local day (counted from 0001-01-01).
CREATE TABLE quota_usage (
    subject_kind TEXT    NOT NULL,
    subject_id   BLOB    NOT NULL,
    measure      TEXT    NOT NULL,
    day          INTEGER NOT NULL,
    used         INTEGER NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, measure, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_usage_day ON quota_usage (day);

-- Append only. Nothing refers to the rows that it names: it outlives them.
CREATE TABLE audit_log (
    id          BLOB    NOT NULL PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor_kind  TEXT    NOT NULL,
    actor_id    BLOB,
    bot_id      BLOB,
    action      TEXT    NOT NULL,
    target_kind TEXT    NOT NULL,
    target_id   TEXT    NOT NULL,
    kb_id       BLOB,
    details     TEXT    NOT NULL,
    address     TEXT,
    trace_id    TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_log_actor ON audit_log (actor_id, id);
CREATE INDEX audit_log_target ON audit_log (target_id, id);
CREATE INDEX audit_log_kb ON audit_log (kb_id, id);
