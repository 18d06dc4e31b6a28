-- Answers that were made from the same passages share one list of them: an answer out of the cache writes none.

-- id: that of the answer which it was written for first. It stays for as long as an answer refers to it.
CREATE TABLE answer_contexts (
    id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- In their order. is_shown: the answers may hold something of it.
CREATE TABLE context_passages (
    context_id BLOB    NOT NULL REFERENCES answer_contexts (id) ON DELETE CASCADE,
    ordinal    INTEGER NOT NULL,
    passage_id INTEGER NOT NULL REFERENCES kept_passages (id),
    is_shown   INTEGER NOT NULL,
    PRIMARY KEY (context_id, ordinal)
) STRICT, WITHOUT ROWID;

INSERT INTO answer_contexts (id) SELECT DISTINCT answer_id FROM answer_passages;
INSERT INTO context_passages (context_id, ordinal, passage_id, is_shown)
    SELECT answer_id, ordinal, passage_id, is_shown FROM answer_passages;
CREATE INDEX context_passages_passage ON context_passages (passage_id);

-- NULL: it was made from no passages.
ALTER TABLE answers ADD COLUMN context_id BLOB REFERENCES answer_contexts (id);
UPDATE answers SET context_id = id WHERE id IN (SELECT id FROM answer_contexts);
CREATE INDEX answers_context ON answers (context_id) WHERE context_id IS NOT NULL;

DROP TABLE answer_passages;
