-- Questions of people in chats that were refused: they stand until a knowledge base holds an answer, and whoever asked is told
-- once. digest: of the question's words. chosen: the knowledge bases that were chosen, as JSON; empty is whatever the person
-- sees. baseline: what was known then, as JSON. due_at and lease: when somebody may look at it (again), and which look counts.
-- delivery_id: the message that tells. Topic 0 is the chat itself. What is closed keeps no text.
CREATE TABLE standing_questions (
    id          UUID NOT NULL PRIMARY KEY,
    bot_id      UUID NOT NULL REFERENCES bots (id),
    chat_id     UUID NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    topic_id    BIGINT NOT NULL,
    user_id     UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest      BYTEA NOT NULL,
    language    TEXT NOT NULL,
    question    TEXT NOT NULL,
    searched    TEXT NOT NULL,
    chosen      TEXT NOT NULL,
    reply_to    BIGINT,
    answer_id   UUID,
    baseline    TEXT NOT NULL,
    state       TEXT NOT NULL,
    delivery_id UUID,
    lease       UUID,
    due_at      TIMESTAMPTZ NOT NULL,
    attempts    BIGINT NOT NULL,
    asked_at    TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX standing_questions_asked ON standing_questions (chat_id, topic_id, user_id, digest);
CREATE UNIQUE INDEX standing_questions_delivery ON standing_questions (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX standing_questions_user ON standing_questions (user_id, asked_at) WHERE state = 'open';
CREATE INDEX standing_questions_open ON standing_questions (asked_at) WHERE state = 'open';
CREATE INDEX standing_questions_answer ON standing_questions (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX standing_questions_expires_at ON standing_questions (expires_at);

-- The knowledge bases that a standing question is for, and up to which revision of each it was looked at.
CREATE TABLE standing_question_kbs (
    question_id UUID NOT NULL REFERENCES standing_questions (id) ON DELETE CASCADE,
    kb_id       UUID NOT NULL,
    revision    BIGINT NOT NULL,
    PRIMARY KEY (question_id, kb_id)
);
CREATE INDEX standing_question_kbs_kb ON standing_question_kbs (kb_id, revision);
