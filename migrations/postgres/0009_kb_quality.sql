-- What a knowledge base was measured to be on its own text: from which score on passages are an answer, for questions that
-- words alone are asked for and for those that vectors are asked for, too. Derived: it can be measured again at any time.
CREATE TABLE kb_quality (
    kb_id         UUID NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    mode          TEXT NOT NULL,
    -- What it held then.
    revision      BIGINT NOT NULL,
    chunks        BIGINT NOT NULL,
    -- The embedding model whose vectors were asked; 0 for none.
    generation    BIGINT NOT NULL,
    questions     BIGINT NOT NULL,
    -- Target, limits and curve as JSON.
    measured      TEXT NOT NULL,
    calibrated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (kb_id, mode)
);
