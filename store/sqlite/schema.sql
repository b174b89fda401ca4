-- Schema 3. Ids are UUID text, *_ms are milliseconds since 1970, a `row` is the JSON of a struct in store/rows.py.
-- Run as a whole, under the write lock, so that two processes may open a new file at the same moment.
BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS turns (
    turn_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    row BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS open_turns ON turns (user_id, conversation_id) WHERE NOT ended;

CREATE TABLE IF NOT EXISTS checkpoints (
    turn_id TEXT NOT NULL PRIMARY KEY,
    attempt INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    row BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS checkpoints_by_expiry ON checkpoints (expires_at_ms);

CREATE TABLE IF NOT EXISTS heartbeats (
    worker_id TEXT NOT NULL PRIMARY KEY,
    counter INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS messages (
    user_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    row BLOB NOT NULL,
    PRIMARY KEY (user_id, conversation_id, message_id)
);

-- A deleted conversation's row stays, emptied: it is what keeps the conversation from coming back.
CREATE TABLE IF NOT EXISTS conversations (
    user_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    title TEXT,
    updated_at_ms INTEGER NOT NULL,
    leaf TEXT,
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, conversation_id)
);
CREATE INDEX IF NOT EXISTS conversations_by_time
    ON conversations (user_id, updated_at_ms, conversation_id) WHERE NOT deleted;

CREATE TABLE IF NOT EXISTS journal (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    turn_id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    headers BLOB NOT NULL
);

-- Signing in. Hashes only: secrets are nowhere. `name` is NULL for users whom somebody else vouches for.
CREATE TABLE IF NOT EXISTS users (
    user_id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    password_hash TEXT,
    role TEXT NOT NULL DEFAULT 'user',
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at_ms INTEGER NOT NULL DEFAULT 0,
    generation TEXT NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS sign_ins (
    sign_in_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    generation TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    refresh_hash TEXT,
    ended INTEGER NOT NULL,
    rotated_at_ms INTEGER
);
CREATE INDEX IF NOT EXISTS sign_ins_by_expiry ON sign_ins (expires_at_ms);

CREATE TABLE IF NOT EXISTS used_tickets (
    ticket_id TEXT NOT NULL PRIMARY KEY,
    expires_at_ms INTEGER NOT NULL,
    nonce TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS used_tickets_by_expiry ON used_tickets (expires_at_ms);

CREATE TABLE IF NOT EXISTS api_keys (
    user_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    last_four TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    used_at_ms INTEGER,
    PRIMARY KEY (user_id, key_id)
);

PRAGMA user_version = 3;
COMMIT;
