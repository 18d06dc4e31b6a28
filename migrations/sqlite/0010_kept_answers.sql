-- Answers as they were given: who asked what of which knowledge bases, what it was made from, and how it came about.

-- Who asked: user_id (through bot_id, where they came through a bot), else bot_id alone, else api_key_id. searched: what was
-- looked for, where that was not the question. body: text, blocks and citations, which point into the passages; NULL where
-- text that it shows was deleted on purpose. context_hash: of the passages as a model is given them. verdict, verdict_reason
-- and rated_at: what the asker thinks of it.
CREATE TABLE answers (
    id                BLOB    NOT NULL PRIMARY KEY,
    created_at        INTEGER NOT NULL,
    user_id           BLOB,
    bot_id            BLOB,
    api_key_id        BLOB,
    delivery_id       BLOB,
    found             INTEGER NOT NULL,
    language          TEXT    NOT NULL,
    mode              TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    reason            TEXT,
    model             TEXT,
    prompt_version    TEXT,
    prompt_tokens     INTEGER,
    completion_tokens INTEGER,
    retrieval_micros  INTEGER NOT NULL,
    generation_micros INTEGER NOT NULL,
    verdict           TEXT,
    verdict_reason    TEXT,
    rated_at          INTEGER,
    context_hash      BLOB    NOT NULL,
    question          TEXT    NOT NULL,
    searched          TEXT,
    report            TEXT    NOT NULL,
    body              TEXT
) STRICT;
CREATE INDEX answers_delivery ON answers (delivery_id) WHERE delivery_id IS NOT NULL;

-- The knowledge bases that were asked, and which revision each had.
CREATE TABLE answer_kbs (
    answer_id BLOB    NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
    kb_id     BLOB    NOT NULL,
    revision  INTEGER NOT NULL,
    PRIMARY KEY (answer_id, kb_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_kbs_kb ON answer_kbs (kb_id, answer_id);

-- Passages as answers were made from them: one copy for all answers, which stays when the chunk's own row goes. lives_in: the
-- chunk that has taken its place, as far as the document was edited. text: NULL once it was deleted on purpose, and place
-- empty.
CREATE TABLE kept_passages (
    id          INTEGER NOT NULL PRIMARY KEY,
    digest      BLOB    NOT NULL,
    chunk_id    BLOB    NOT NULL,
    lives_in    BLOB    NOT NULL,
    document_id BLOB    NOT NULL,
    kb_id       BLOB    NOT NULL,
    place       TEXT    NOT NULL,
    text        TEXT
) STRICT;
CREATE UNIQUE INDEX kept_passages_digest ON kept_passages (digest);
CREATE INDEX kept_passages_lives_in ON kept_passages (lives_in);
CREATE INDEX kept_passages_document ON kept_passages (document_id);
CREATE INDEX kept_passages_kb ON kept_passages (kb_id);

-- What an answer was made from, in its order. is_shown: the answer may hold something of it.
CREATE TABLE answer_passages (
    answer_id  BLOB    NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
    ordinal    INTEGER NOT NULL,
    passage_id INTEGER NOT NULL REFERENCES kept_passages (id),
    is_shown   INTEGER NOT NULL,
    PRIMARY KEY (answer_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_passages_passage ON answer_passages (passage_id);
