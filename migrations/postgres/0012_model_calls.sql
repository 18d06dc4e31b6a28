-- Calls of chat models, one by one: who they were made for, what they took and what that cost.

-- day: of created_at in UTC, counted from 0001-01-01, which is day 1. user_id, bot_id, api_key_id: as in answers. answer_id: where
-- the answer is kept. prompt_tokens and completion_tokens: NULL where the provider did not tell. cost_micros: millionths of the
-- currency's unit; NULL where the model has no price or its tokens are not known.
CREATE TABLE model_calls (
    id                UUID    NOT NULL PRIMARY KEY,
    created_at        TIMESTAMPTZ NOT NULL,
    day               BIGINT  NOT NULL,
    purpose           TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    provider          TEXT    NOT NULL,
    user_id           UUID,
    bot_id            UUID,
    api_key_id        UUID,
    answer_id         UUID,
    prompt_tokens     BIGINT,
    completion_tokens BIGINT,
    micros            BIGINT  NOT NULL,
    outcome           TEXT    NOT NULL,
    cost_micros       BIGINT,
    currency          TEXT
);
