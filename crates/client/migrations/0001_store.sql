-- What one device of one account keeps. Ids are UUIDs as text, times are Unix milliseconds, enumerations are the words of the wire.

CREATE TABLE account (
    -- There is one at most.
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    account      TEXT NOT NULL,
    device       TEXT NOT NULL,
    username     TEXT NOT NULL,
    display_name TEXT NOT NULL,
    role         TEXT NOT NULL,
    space_name   TEXT NOT NULL,
    -- JSON list of host:port, best first.
    addresses    TEXT NOT NULL,
    -- The one that was reached last.
    address      TEXT NOT NULL,
    pin          BLOB,
    -- Where token and key are: 'system' or 'file'.
    secrets      TEXT NOT NULL,
    hosted_here  INTEGER NOT NULL,
    -- Place in the event stream: advances in the transaction that stores what came before it.
    cursor       TEXT NOT NULL,
    -- Whether people and rooms were fetched whole since signing in or since the last gap.
    synced       INTEGER NOT NULL
);

CREATE TABLE people (
    id           TEXT PRIMARY KEY,
    username     TEXT NOT NULL,
    display_name TEXT NOT NULL,
    role         TEXT NOT NULL
);

CREATE TABLE rooms (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    topic      TEXT NOT NULL,
    history    TEXT NOT NULL,
    -- The reader's own place and role.
    membership TEXT NOT NULL,
    role       TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    read_up_to INTEGER NOT NULL,
    -- How much of read_up_to the server knows.
    read_told  INTEGER NOT NULL
);

CREATE TABLE members (
    room       TEXT NOT NULL,
    person     TEXT NOT NULL,
    role       TEXT NOT NULL,
    membership TEXT NOT NULL,
    PRIMARY KEY (room, person)
) WITHOUT ROWID;

-- The log as far as it is known here, unknown kinds included.
CREATE TABLE events (
    seq           INTEGER PRIMARY KEY,
    topic         TEXT NOT NULL,
    -- The room of the topic, if it is one's.
    room          TEXT,
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
    content       BLOB NOT NULL,
    -- The call that a call.* event is about, taken out of its content.
    call          TEXT
);
CREATE INDEX events_of_room ON events (room, seq) WHERE room IS NOT NULL;
CREATE INDEX messages_of_room ON events (room, seq) WHERE kind = 'message';
CREATE INDEX events_about ON events (target) WHERE target IS NOT NULL;
CREATE INDEX events_of_call ON events (call) WHERE call IS NOT NULL;

-- From where to where a room's log is known without holes. The one whose high is absent follows the event stream.
-- A low of 0 means that there is nothing before.
CREATE TABLE stretches (
    room TEXT NOT NULL,
    low  INTEGER NOT NULL,
    high INTEGER,
    PRIMARY KEY (room, low)
) WITHOUT ROWID;

-- What is to be sent, which is also its local echo: one row is both, so that neither can be without the other.
CREATE TABLE outbox (
    place      INTEGER PRIMARY KEY AUTOINCREMENT,
    txn        TEXT NOT NULL UNIQUE,
    room       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    -- JSON of the request's body.
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- The code with which the server refused it.
    failed     TEXT
);
CREATE INDEX outbox_of_room ON outbox (room, place);

-- Calls that this device was in: what rang for them was not missed.
CREATE TABLE calls_joined (
    call TEXT PRIMARY KEY
) WITHOUT ROWID;

-- The first Ed25519 public key that each device was met with.
CREATE TABLE device_keys (
    device TEXT PRIMARY KEY,
    key    BLOB NOT NULL
) WITHOUT ROWID;

-- The user's choices for this computer; they outlive signing out.
CREATE TABLE preferences (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
