-- Ids are UUIDs as text, times are Unix milliseconds. Plain SQL, so that another engine can stand behind the same queries.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE accounts (
    id            TEXT PRIMARY KEY,
    username      TEXT NOT NULL UNIQUE,
    display_name  TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL,
    -- Rows of the space's own topic are seen from here on.
    since_seq     INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
);

-- A device is a session: it is made by signing in, and its token hash goes when it signs out.
CREATE TABLE devices (
    id          TEXT PRIMARY KEY,
    account     TEXT NOT NULL REFERENCES accounts (id),
    name        TEXT NOT NULL,
    public_key  BLOB NOT NULL,
    token_hash  BLOB UNIQUE,
    cookie_hash BLOB UNIQUE,
    last_seen   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX devices_of_account ON devices (account);

CREATE TABLE invitations (
    code       TEXT PRIMARY KEY,
    inviter    TEXT NOT NULL REFERENCES accounts (id),
    uses_left  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    rooms      TEXT NOT NULL
);

CREATE TABLE rooms (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    topic      TEXT NOT NULL,
    history    TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    -- Both people of a direct room, the smaller id first: always the same room for the same two.
    direct_of  TEXT UNIQUE,
    created_at INTEGER NOT NULL
);

-- Where somebody stands in a room now.
CREATE TABLE members (
    room       TEXT NOT NULL REFERENCES rooms (id),
    account    TEXT NOT NULL REFERENCES accounts (id),
    role       TEXT NOT NULL,
    membership TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (room, account)
);
CREATE INDEX members_of_account ON members (account);

-- When they were in it, as intervals of the log: a row of the room's topic is theirs to see if from_seq <= seq < until_seq.
-- history_from is where their view of the past begins, by the room's visibility at the time they came.
CREATE TABLE stays (
    room         TEXT NOT NULL,
    account      TEXT NOT NULL,
    from_seq     INTEGER NOT NULL,
    until_seq    INTEGER,
    history_from INTEGER NOT NULL,
    PRIMARY KEY (account, room, from_seq)
);

CREATE TABLE read_markers (
    room    TEXT NOT NULL,
    account TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (room, account)
);

-- The log: one row for each event, however many read it. seq is given by the one writer, in the order of commits.
CREATE TABLE events (
    seq           INTEGER PRIMARY KEY,
    topic         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    sender        TEXT,
    device        TEXT,
    txn           TEXT,
    client_time   INTEGER,
    server_time   INTEGER NOT NULL,
    target        INTEGER,
    mentions      TEXT NOT NULL,
    expires_in_ms INTEGER,
    epoch         INTEGER NOT NULL,
    deleted       INTEGER NOT NULL DEFAULT 0,
    content       BLOB NOT NULL
);
CREATE INDEX events_of_topic ON events (topic, seq);
CREATE INDEX events_about ON events (target) WHERE target IS NOT NULL;

-- What a device asked for under a transaction id, and what it was answered.
CREATE TABLE transactions (
    device    TEXT NOT NULL,
    txn       TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    answer    TEXT NOT NULL,
    PRIMARY KEY (device, txn)
);
