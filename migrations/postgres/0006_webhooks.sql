-- Webhooks. webhooks: addresses that are told of events; webhook_deliveries: what each of them is told, or was;
-- incoming_webhooks: who may tell us of a knowledge base; incoming_deliveries: what they have told, so that a repeat does
-- nothing. Secrets are sealed; events, kbs and data are JSON in TEXT.
CREATE TABLE webhooks (
    id         UUID        NOT NULL PRIMARY KEY,
    url        TEXT        NOT NULL,
    events     TEXT        NOT NULL,
    kbs        TEXT,
    enabled    BOOLEAN     NOT NULL,
    secret     TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- An event must be written even while its webhook is deleted, so nothing refers to webhooks here: what belongs to none is
-- swept. due_at: when the next attempt may begin, or when one that was begun counts as lost; NULL once it is settled.
-- lease: which attempt counts. data goes with the delivery.
CREATE TABLE webhook_deliveries (
    id          UUID        NOT NULL PRIMARY KEY,
    webhook_id  UUID        NOT NULL,
    event       TEXT        NOT NULL,
    kb_id       UUID,
    data        TEXT,
    state       TEXT        NOT NULL,
    attempts    BIGINT      NOT NULL,
    due_at      TIMESTAMPTZ,
    lease       UUID,
    last_status BIGINT,
    last_error  TEXT,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, kb_id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_leased ON webhook_deliveries (webhook_id) WHERE lease IS NOT NULL;
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (state, updated_at);

-- It may do what its maker may: one of user_id and api_key_id is set.
CREATE TABLE incoming_webhooks (
    id         UUID        NOT NULL PRIMARY KEY,
    kb_id      UUID        NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    name       TEXT        NOT NULL,
    secret     TEXT        NOT NULL,
    user_id    UUID,
    api_key_id UUID,
    created_at TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);
CREATE INDEX incoming_webhooks_kb ON incoming_webhooks (kb_id, id);

CREATE TABLE incoming_deliveries (
    webhook_id  UUID        NOT NULL REFERENCES incoming_webhooks (id) ON DELETE CASCADE,
    delivery_id TEXT COLLATE "C" NOT NULL,
    source_id   UUID,
    task_id     UUID,
    received_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (webhook_id, delivery_id)
);
CREATE INDEX incoming_deliveries_received ON incoming_deliveries (received_at);
