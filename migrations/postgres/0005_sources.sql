-- Sources that are fetched: where from, with what credential (sealed), when, and how far they were read.
ALTER TABLE sources ADD COLUMN remote TEXT;
ALTER TABLE sources ADD COLUMN credential TEXT;
ALTER TABLE sources ADD COLUMN webhook_secret TEXT;
ALTER TABLE sources ADD COLUMN schedule TEXT;
ALTER TABLE sources ADD COLUMN next_sync_at TIMESTAMPTZ;
ALTER TABLE sources ADD COLUMN sync_state TEXT;
ALTER TABLE sources ADD COLUMN sync_task_id UUID;
ALTER TABLE sources ADD COLUMN synced_at TIMESTAMPTZ;
ALTER TABLE sources ADD COLUMN deleted_at TIMESTAMPTZ;
CREATE UNIQUE INDEX sources_live_name ON sources (kb_id, kind, name) WHERE deleted_at IS NULL;
DROP INDEX sources_kb_kind_name;
CREATE INDEX sources_next_sync ON sources (next_sync_at) WHERE next_sync_at IS NOT NULL;

-- fingerprint: what the source calls the content; link: where people find the original.
ALTER TABLE documents ADD COLUMN fingerprint TEXT;
ALTER TABLE documents ADD COLUMN link TEXT;

-- Where a passage stands in the original: its pages, and the fragment that leads to it from the document's link.
ALTER TABLE chunks ADD COLUMN first_page BIGINT;
ALTER TABLE chunks ADD COLUMN last_page BIGINT;
ALTER TABLE chunks ADD COLUMN anchor TEXT;
