CREATE TABLE notifications (
    id              TEXT COLLATE "C" PRIMARY KEY,
    caller          TEXT COLLATE "C" NOT NULL,
    key             TEXT COLLATE "C",
    request         BYTEA NOT NULL,
    channel         TEXT NOT NULL,
    recipient       TEXT NOT NULL,
    template        TEXT NOT NULL,
    subject         TEXT COLLATE "C" NOT NULL,
    body            TEXT NOT NULL,
    order_id        TEXT COLLATE "C",
    user_id         TEXT COLLATE "C",
    status          TEXT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    last_error      TEXT,
    traceparent     TEXT,
    next_attempt_at BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    delivered_at    BIGINT
);
-- Repeats of a caller's request; requests without a key are never repeats of each other.
CREATE UNIQUE INDEX notifications_inbox ON notifications (caller, key) WHERE key IS NOT NULL;
CREATE INDEX notifications_waiting ON notifications (next_attempt_at, created_at) WHERE status = 'accepted';
CREATE INDEX notifications_of_order ON notifications (order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX notifications_of_user ON notifications (user_id, id) WHERE user_id IS NOT NULL;

CREATE TABLE preferences (
    user_id    TEXT COLLATE "C" PRIMARY KEY,
    email      BIGINT NOT NULL,
    sms        BIGINT NOT NULL,
    push       BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
