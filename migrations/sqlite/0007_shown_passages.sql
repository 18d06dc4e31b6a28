-- Which passages a message shows something of: where their text is deleted, so is the message's.
CREATE TABLE shown_passages (
    chunk_id    BLOB NOT NULL,
    delivery_id BLOB NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    document_id BLOB NOT NULL,
    kb_id       BLOB NOT NULL,
    PRIMARY KEY (chunk_id, delivery_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX shown_passages_delivery ON shown_passages (delivery_id);
CREATE INDEX shown_passages_document ON shown_passages (document_id);
CREATE INDEX shown_passages_kb ON shown_passages (kb_id);
