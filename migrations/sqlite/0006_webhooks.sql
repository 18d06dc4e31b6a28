-- Webhooks. webhooks: addresses that are told of events; webhook_deliveries: what each of them is told, or was;
-- incoming_webhooks: who may tell us of a knowledge base; incoming_deliveries: what they have told, so that a repeat does
-- nothing. Secrets are sealed; events, kbs and data are JSON in TEXT.
CREATE TABLE webhooks (
    id         BLOB    NOT NULL PRIMARY KEY,
    url        TEXT    NOT NULL,
    events     TEXT    NOT NULL,
    kbs        TEXT,
    enabled    INTEGER NOT NULL,
    secret     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- An event must be written even while its webhook is deleted, so nothing refers to webhooks here: what belongs to none is
-- swept. due_at: when the next attempt may begin, or when one that was begun counts as lost; NULL once it is settled.
-- lease: which attempt counts. data goes with the delivery.
CREATE TABLE webhook_deliveries (
    id          BLOB    NOT NULL PRIMARY KEY,
    webhook_id  BLOB    NOT NULL,
    event       TEXT    NOT NULL,
    kb_id       BLOB,
    data        TEXT,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    due_at      INTEGER,
    lease       BLOB,
    last_status INTEGER,
    last_error  TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, kb_id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_leased ON webhook_deliveries (webhook_id) WHERE lease IS NOT NULL;
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (state, updated_at);

-- It may do what its maker may: one of user_id and api_key_id is set.
CREATE TABLE incoming_webhooks (
    id         BLOB    NOT NULL PRIMARY KEY,
    kb_id      BLOB    NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    secret     TEXT    NOT NULL,
    user_id    BLOB,
    api_key_id BLOB,
    created_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX incoming_webhooks_kb ON incoming_webhooks (kb_id, id);

CREATE TABLE incoming_deliveries (
    webhook_id  BLOB    NOT NULL REFERENCES incoming_webhooks (id) ON DELETE CASCADE,
    delivery_id TEXT    NOT NULL,
    source_id   BLOB,
    task_id     BLOB,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (webhook_id, delivery_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incoming_deliveries_received ON incoming_deliveries (received_at);
