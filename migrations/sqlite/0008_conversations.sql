-- What a person has asked of late in a chat: the questions that the next one may lean on, as JSON in TEXT. Topic 0 is the
-- chat itself.
CREATE TABLE conversations (
    chat_id    BLOB    NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    topic_id   INTEGER NOT NULL,
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    questions  TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (chat_id, topic_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_user ON conversations (user_id);
CREATE INDEX conversations_updated_at ON conversations (updated_at);
