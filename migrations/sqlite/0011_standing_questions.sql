-- Questions of people in chats that were refused: they stand until a knowledge base holds an answer, and whoever asked is told
-- once. digest: of the question's words. chosen: the knowledge bases that were chosen, as JSON; empty is whatever the person
-- sees. baseline: what was known then, as JSON. due_at and lease: when somebody may look at it (again), and which look counts.
-- delivery_id: the message that tells. Topic 0 is the chat itself. What is closed keeps no text.
CREATE TABLE standing_questions (
    id          BLOB NOT NULL PRIMARY KEY,
    bot_id      BLOB NOT NULL REFERENCES bots (id),
    chat_id     BLOB NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    topic_id    INTEGER NOT NULL,
    user_id     BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest      BLOB NOT NULL,
    language    TEXT NOT NULL,
    question    TEXT NOT NULL,
    searched    TEXT NOT NULL,
    chosen      TEXT NOT NULL,
    reply_to    INTEGER,
    answer_id   BLOB,
    baseline    TEXT NOT NULL,
    state       TEXT NOT NULL,
    delivery_id BLOB,
    lease       BLOB,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    asked_at    INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX standing_questions_asked ON standing_questions (chat_id, topic_id, user_id, digest);
CREATE UNIQUE INDEX standing_questions_delivery ON standing_questions (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX standing_questions_user ON standing_questions (user_id, asked_at) WHERE state = 'open';
CREATE INDEX standing_questions_open ON standing_questions (asked_at) WHERE state = 'open';
CREATE INDEX standing_questions_answer ON standing_questions (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX standing_questions_expires_at ON standing_questions (expires_at);

-- The knowledge bases that a standing question is for, and up to which revision of each it was looked at.
CREATE TABLE standing_question_kbs (
    question_id BLOB NOT NULL REFERENCES standing_questions (id) ON DELETE CASCADE,
    kb_id       BLOB NOT NULL,
    revision    INTEGER NOT NULL,
    PRIMARY KEY (question_id, kb_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX standing_question_kbs_kb ON standing_question_kbs (kb_id, revision);
