-- Calls of embedding models at a provider stand among those of chat models.

-- kb_id: the knowledge base that a call was made for, where nobody asked. requests: calls that feed a knowledge base are summed up,
-- all others are one.
ALTER TABLE model_calls ADD COLUMN kb_id UUID;
ALTER TABLE model_calls ADD COLUMN requests BIGINT NOT NULL DEFAULT 1;

-- Calls are listed and added up by time. An id is made at a call's end and tells that.
CREATE INDEX model_calls_created ON model_calls (created_at, id);
