-- Links by which people without an account come into a call. A link that is over is kept for a while, so that whoever opens it is told so.
CREATE TABLE guest_links (
    id         TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    call       TEXT NOT NULL,
    room       TEXT NOT NULL REFERENCES rooms (id),
    account    TEXT NOT NULL REFERENCES accounts (id),
    admission  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- When it was revoked, or its call was over.
    ended_at   INTEGER
);
CREATE INDEX guest_links_of_call ON guest_links (call);

-- Those who knocked. A row goes when they are refused or removed, or the call is over; then their session is nothing any more.
CREATE TABLE guests (
    device       TEXT PRIMARY KEY,
    user         TEXT NOT NULL,
    link         TEXT NOT NULL REFERENCES guest_links (id) ON DELETE CASCADE,
    call         TEXT NOT NULL,
    room         TEXT NOT NULL,
    admission    TEXT NOT NULL,
    name         TEXT NOT NULL,
    public_key   BLOB NOT NULL,
    session_hash BLOB NOT NULL UNIQUE,
    admitted     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
);
CREATE INDEX guests_of_call ON guests (call);
CREATE INDEX guests_of_link ON guests (link);
