-- Times are milliseconds since 1970; identifiers are UUIDs as text.
CREATE TABLE users (
    id            TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL,
    email_key     TEXT COLLATE "C"    NOT NULL, -- the address in lower case, by which it is unique
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL, -- PHC string
    is_admin      BIGINT NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
    version       BIGINT NOT NULL DEFAULT 1,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    deleted_at    BIGINT
);

-- The address of a deleted account may be registered again.
CREATE UNIQUE INDEX users_email ON users (email_key) WHERE deleted_at IS NULL;

-- One row a login; all refresh tokens that descend from it are its family.
CREATE TABLE sessions (
    id         TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    user_id    TEXT COLLATE "C"    NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
    hash       BYTEA    NOT NULL PRIMARY KEY, -- SHA-256: a stolen database holds no usable token
    session_id TEXT COLLATE "C"    NOT NULL REFERENCES sessions (id),
    issued_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE signing_keys (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    private    TEXT    NOT NULL,
    created_at BIGINT NOT NULL
);
