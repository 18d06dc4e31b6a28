-- What comes from Telegram and what goes there: chats, updates (the inbox), deliveries (the outbox), and what a conversation
-- remembers. Bodies are JSON in TEXT, as the API writes them.

-- The process that serves a bot.
CREATE TABLE bot_leases (
    bot_id      BLOB    NOT NULL PRIMARY KEY REFERENCES bots (id),
    holder      BLOB    NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- due_at: when somebody should look at its waiting updates; NULL while there are none. cancelled_to: updates up to this one
-- are not wanted any more.
CREATE TABLE chats (
    id               BLOB    NOT NULL PRIMARY KEY,
    bot_id           BLOB    NOT NULL REFERENCES bots (id),
    telegram_chat_id INTEGER NOT NULL,
    kind             TEXT    NOT NULL,
    title            TEXT,
    state            TEXT    NOT NULL,
    due_at           INTEGER,
    cancelled_to     INTEGER NOT NULL,
    lease_token      BLOB,
    lease_until      INTEGER,
    created_at       INTEGER NOT NULL,
    last_message_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX chats_telegram ON chats (bot_id, telegram_chat_id);
CREATE INDEX chats_due ON chats (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE updates (
    id          BLOB    NOT NULL PRIMARY KEY,
    bot_id      BLOB    NOT NULL REFERENCES bots (id),
    update_id   INTEGER NOT NULL,
    chat_id     BLOB    NOT NULL REFERENCES chats (id),
    user_id     BLOB    REFERENCES users (id),
    topic_id    INTEGER,
    message_id  INTEGER,
    telegram_id INTEGER,
    person      TEXT,
    event       TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    trace_id    TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    handled_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX updates_of_bot ON updates (bot_id, update_id);
CREATE INDEX updates_waiting ON updates (chat_id, update_id) WHERE state = 'waiting';
CREATE INDEX updates_of_chat ON updates (chat_id, id);
CREATE INDEX updates_of_message ON updates (chat_id, message_id) WHERE message_id IS NOT NULL;

-- due_at: when it may be handed out; NULL while there is nothing to do. handed_to and lease: the process that has it, and
-- which hand-out counts. version counts contents, handed_version is the one that was handed out. look_at: when the task of a
-- card is looked at again.
CREATE TABLE deliveries (
    id             BLOB    NOT NULL PRIMARY KEY,
    bot_id         BLOB    NOT NULL REFERENCES bots (id),
    chat_id        BLOB    NOT NULL REFERENCES chats (id),
    user_id        BLOB    REFERENCES users (id),
    update_id      INTEGER,
    topic_id       INTEGER,
    reply_to       INTEGER,
    priority       INTEGER NOT NULL,
    language       TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    content        TEXT,
    kbs            TEXT    NOT NULL,
    question       TEXT,
    version        INTEGER NOT NULL,
    preview        TEXT,
    task_id        BLOB,
    file_name      TEXT,
    look_at        INTEGER,
    parts          TEXT    NOT NULL,
    handed_to      BLOB,
    lease          BLOB,
    handed_version INTEGER NOT NULL,
    due_at         INTEGER,
    attempts       INTEGER NOT NULL,
    error          TEXT,
    trace_id       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_due ON deliveries (bot_id, priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_due_in_chat ON deliveries (chat_id, id) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_of_chat ON deliveries (chat_id, id);
CREATE INDEX deliveries_of_update ON deliveries (bot_id, update_id) WHERE update_id IS NOT NULL;
CREATE INDEX deliveries_dead ON deliveries (id) WHERE state = 'dead';
CREATE INDEX deliveries_look ON deliveries (look_at) WHERE look_at IS NOT NULL;

-- What a person is in the middle of. Topic 0 is the chat itself.
CREATE TABLE dialogues (
    chat_id    BLOB    NOT NULL REFERENCES chats (id),
    topic_id   INTEGER NOT NULL,
    user_id    BLOB    NOT NULL REFERENCES users (id),
    state      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (chat_id, topic_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dialogues_expires_at ON dialogues (expires_at);

-- What the buttons below messages do. user_id: the only person who may press it.
CREATE TABLE buttons (
    token       TEXT    NOT NULL PRIMARY KEY,
    chat_id     BLOB    NOT NULL REFERENCES chats (id),
    user_id     BLOB    REFERENCES users (id),
    delivery_id BLOB    NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    action      TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX buttons_delivery ON buttons (delivery_id);
CREATE INDEX buttons_chat ON buttons (chat_id);
CREATE INDEX buttons_expires_at ON buttons (expires_at);

CREATE TABLE feedback (
    delivery_id BLOB    NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    user_id     BLOB    NOT NULL REFERENCES users (id),
    verdict     TEXT    NOT NULL,
    reason      TEXT,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, user_id)
) STRICT, WITHOUT ROWID;

-- Files of Telegram that a knowledge base has been fed with.
CREATE TABLE telegram_files (
    kb_id          BLOB    NOT NULL REFERENCES knowledge_bases (id) ON DELETE CASCADE,
    file_unique_id TEXT    NOT NULL,
    task_id        BLOB    NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (kb_id, file_unique_id)
) STRICT, WITHOUT ROWID;
