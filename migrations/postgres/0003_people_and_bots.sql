-- People, bots, their credentials, who may see which knowledge base, what may be used in a day, and who changed what.
-- JSON is TEXT. What is sealed under the operator's secret key is TEXT of the form v1.KID.DATA.

CREATE TABLE users (
    id            UUID NOT NULL PRIMARY KEY,
    telegram_id   BIGINT NOT NULL,
    username      TEXT COLLATE "C",
    first_name    TEXT NOT NULL,
    last_name     TEXT,
    language_code TEXT,
    role          TEXT COLLATE "C" NOT NULL,
    blocked       BOOLEAN NOT NULL,
    quotas        TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX users_telegram_id ON users (telegram_id);
CREATE INDEX users_role ON users (role);

CREATE TABLE bots (
    id              UUID NOT NULL PRIMARY KEY,
    code            TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    description     TEXT,
    version         TEXT NOT NULL,
    is_active       BOOLEAN NOT NULL,
    telegram_bot_id BIGINT,
    telegram_token  TEXT,
    signing_secret  TEXT,
    addresses       TEXT NOT NULL,
    max_role        TEXT NOT NULL,
    default_kbs     TEXT NOT NULL,
    texts           TEXT NOT NULL,
    settings        TEXT NOT NULL,
    quotas          TEXT NOT NULL,
    person_quotas   TEXT NOT NULL,
    time_zone       TEXT NOT NULL,
    last_error      TEXT,
    last_error_at   TIMESTAMPTZ,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    deleted_at      TIMESTAMPTZ
);
CREATE UNIQUE INDEX bots_live_code ON bots (code) WHERE deleted_at IS NULL;

CREATE TABLE service_tokens (
    id         UUID NOT NULL PRIMARY KEY,
    bot_id     UUID NOT NULL REFERENCES bots (id),
    name       TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX service_tokens_bot ON service_tokens (bot_id, id);

CREATE TABLE subscriptions (
    id                  UUID NOT NULL PRIMARY KEY,
    user_id             UUID NOT NULL REFERENCES users (id),
    bot_id              UUID NOT NULL REFERENCES bots (id),
    installed_at        TIMESTAMPTZ NOT NULL,
    settings            TEXT NOT NULL,
    settings_version    BIGINT NOT NULL,
    state               TEXT NOT NULL,
    state_version       BIGINT NOT NULL,
    last_interaction_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX subscriptions_user_bot ON subscriptions (user_id, bot_id);
CREATE INDEX subscriptions_bot ON subscriptions (bot_id, id);

CREATE TABLE sessions (
    id         UUID NOT NULL PRIMARY KEY,
    user_id    UUID NOT NULL REFERENCES users (id),
    bot_id     UUID REFERENCES bots (id),
    method     TEXT NOT NULL,
    csrf_hash  BYTEA,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Signed requests and sign-ins that were seen; each counts once while it could be sent again.
CREATE TABLE seen_proofs (
    digest     BYTEA NOT NULL PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX seen_proofs_expires_at ON seen_proofs (expires_at);

ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '["ask","read","ingest","manage","users","bots","keys","logs"]';
ALTER TABLE api_keys ADD COLUMN kbs TEXT;
ALTER TABLE api_keys ADD COLUMN addresses TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN expires_at TIMESTAMPTZ;

ALTER TABLE knowledge_bases ADD COLUMN visibility TEXT COLLATE "C" NOT NULL DEFAULT 'private';
ALTER TABLE knowledge_bases ADD COLUMN quotas TEXT NOT NULL DEFAULT '{}';
CREATE INDEX knowledge_bases_visibility ON knowledge_bases (visibility) WHERE deleted_at IS NULL;

CREATE TABLE kb_members (
    user_id    UUID NOT NULL REFERENCES users (id),
    kb_id      UUID NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    role       TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, kb_id)
);
CREATE INDEX kb_members_kb ON kb_members (kb_id, user_id);

CREATE TABLE kb_bots (
    bot_id     UUID NOT NULL REFERENCES bots (id),
    kb_id      UUID NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bot_id, kb_id)
);
CREATE INDEX kb_bots_kb ON kb_bots (kb_id, bot_id);

-- What was used on a local day (counted from 0001-01-01).
CREATE TABLE quota_usage (
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id   UUID NOT NULL,
    measure      TEXT COLLATE "C" NOT NULL,
    day          BIGINT NOT NULL,
    used         BIGINT NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, measure, day)
);
CREATE INDEX quota_usage_day ON quota_usage (day);

-- Append only. Nothing refers to the rows that it names: it outlives them.
CREATE TABLE audit_log (
    id          UUID NOT NULL PRIMARY KEY,
    at          TIMESTAMPTZ NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    UUID,
    bot_id      UUID,
    action      TEXT COLLATE "C" NOT NULL,
    target_kind TEXT COLLATE "C" NOT NULL,
    target_id   TEXT COLLATE "C" NOT NULL,
    kb_id       UUID,
    details     TEXT NOT NULL,
    address     TEXT,
    trace_id    TEXT NOT NULL
);
CREATE INDEX audit_log_actor ON audit_log (actor_id, id);
CREATE INDEX audit_log_target ON audit_log (target_id, id);
CREATE INDEX audit_log_kb ON audit_log (kb_id, id);
