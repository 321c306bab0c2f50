-- Times are milliseconds since 1970; identifiers are UUIDs as text.
CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL, -- the address in lower case, by which it is unique
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL, -- PHC string
    is_admin      INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
    version       INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
) STRICT;

-- The address of a deleted account may be registered again.
CREATE UNIQUE INDEX users_email ON users (email_key) WHERE deleted_at IS NULL;

-- One row a login; all refresh tokens that descend from it are its family.
CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
    hash       BLOB    NOT NULL PRIMARY KEY, -- SHA-256: a stolen database holds no usable token
    session_id TEXT    NOT NULL REFERENCES sessions (id),
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE signing_keys (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    private    TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
