-- Several dense indexes hold a version at the same time: the one that answers, and the one that is built beside it. A
-- version in a script that the model does not know is taken care of, and has no vectors.
-- document_versions.dense_generation is not read any more; a later migration drops it.
CREATE TABLE embedded_versions (
    version_id    UUID NOT NULL REFERENCES document_versions (id) ON DELETE CASCADE,
    generation_id BIGINT NOT NULL,
    has_vectors   BOOLEAN NOT NULL,
    PRIMARY KEY (version_id, generation_id)
);
INSERT INTO embedded_versions (version_id, generation_id, has_vectors)
    SELECT id, dense_generation, TRUE FROM document_versions WHERE dense_generation > 0;

CREATE INDEX document_versions_kb_state ON document_versions (kb_id, state, id);
DROP INDEX document_versions_kb;

-- The generation that is switched on as soon as it holds all that the active one holds.
ALTER TABLE generations ADD COLUMN pending BOOLEAN NOT NULL DEFAULT FALSE;
