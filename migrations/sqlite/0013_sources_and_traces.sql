-- What became of sources, and which trace an answer belongs to.

-- Answers that cite a source (found), or were refusals that showed something of it as nearest. A row of its own for each, and
-- no count: answers are written side by side, and what is forgotten with its answer is never counted again.
CREATE TABLE answer_sources (
    source_id  BLOB    NOT NULL,
    answer_id  BLOB    NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
    found      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (source_id, found, answer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_sources_answer ON answer_sources (answer_id);

-- Of answers from before, it is known what they may show, which is the same for those that quote.
INSERT INTO answer_sources (source_id, answer_id, found, created_at)
    SELECT DISTINCT d.source_id, a.id, a.found, a.created_at FROM answers a
    JOIN answer_passages u ON u.answer_id = a.id AND u.is_shown
    JOIN kept_passages p ON p.id = u.passage_id
    JOIN documents d ON d.id = p.document_id;

-- Documents and passages of a source are counted without reading the documents; SQLite looks at deleted_at all the same.
CREATE INDEX documents_live_source ON documents (source_id, chunk_count, deleted_at) WHERE deleted_at IS NULL;

-- Of the request or message that asked; NULL for answers from before.
ALTER TABLE answers ADD COLUMN trace_id TEXT;
