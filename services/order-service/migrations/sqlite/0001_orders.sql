
CREATE TABLE products (
    sku      TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    price    INTEGER NOT NULL CHECK (price > 0),
    currency TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE inventory (
    sku      TEXT PRIMARY KEY REFERENCES products (sku),
    on_hand  INTEGER NOT NULL CHECK (on_hand >= 0),
    reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved <= on_hand)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    id             TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL,
    email          TEXT,
    status         TEXT NOT NULL,
    items          TEXT NOT NULL,
    total          INTEGER NOT NULL CHECK (total > 0),
    currency       TEXT NOT NULL,
    payment_id     TEXT,
    reserved_until INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_to_confirm ON orders (id) WHERE status = 'paid';
CREATE INDEX orders_to_expire ON orders (reserved_until) WHERE status = 'reserved';

CREATE TABLE payments (
    id              TEXT PRIMARY KEY,
    order_id        TEXT NOT NULL REFERENCES orders (id),
    method          TEXT NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount > 0),
    status          TEXT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    reference       TEXT,
    last_error      TEXT,
    traceparent     TEXT,
    next_attempt_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX payments_one_live ON payments (order_id) WHERE status IN ('queued', 'processing', 'captured');
CREATE INDEX payments_due ON payments (next_attempt_at) WHERE status IN ('queued', 'processing');

CREATE TABLE idempotency (
    subject    TEXT NOT NULL,
    operation  TEXT NOT NULL,
    key        TEXT NOT NULL,
    request    BLOB NOT NULL,
    status     INTEGER NOT NULL,
    location   TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (subject, operation, key)
) STRICT;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE outbox (
    id              TEXT PRIMARY KEY,
    order_id        TEXT NOT NULL,
    payload         TEXT NOT NULL,
    traceparent     TEXT,
    attempts        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    next_attempt_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    sent_at         INTEGER,
    dead_at         INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (created_at, next_attempt_at) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_waiting_of_order ON outbox (order_id, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
