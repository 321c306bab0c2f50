
CREATE TABLE notifications (
    id              TEXT PRIMARY KEY,
    caller          TEXT NOT NULL,
    key             TEXT,
    request         BLOB NOT NULL,
    channel         TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    template        TEXT NOT NULL,
    subject         TEXT NOT NULL,
    body            TEXT NOT NULL,
    order_id        TEXT,
    user_id         TEXT,
    status          TEXT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    traceparent     TEXT,
    next_attempt_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    delivered_at    INTEGER
) STRICT;
-- Repeats of a caller's request; requests without a key are never repeats of each other.
CREATE UNIQUE INDEX notifications_inbox ON notifications (caller, key) WHERE key IS NOT NULL;
CREATE INDEX notifications_waiting ON notifications (next_attempt_at, created_at) WHERE status = 'accepted';
CREATE INDEX notifications_of_order ON notifications (order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX notifications_of_user ON notifications (user_id, id) WHERE user_id IS NOT NULL;

CREATE TABLE preferences (
    user_id    TEXT PRIMARY KEY,
    email      INTEGER NOT NULL,
    sms        INTEGER NOT NULL,
    push       INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
