CREATE TABLE products (
    sku      TEXT COLLATE "C" PRIMARY KEY,
    name     TEXT NOT NULL,
    price    BIGINT NOT NULL CHECK (price > 0),
    currency TEXT NOT NULL
);

CREATE TABLE inventory (
    sku      TEXT COLLATE "C" PRIMARY KEY REFERENCES products (sku),
    on_hand  BIGINT NOT NULL CHECK (on_hand >= 0),
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved <= on_hand)
);

CREATE TABLE orders (
    id             TEXT COLLATE "C" PRIMARY KEY,
    user_id        TEXT COLLATE "C" NOT NULL,
    email          TEXT,
    status         TEXT NOT NULL,
    items          TEXT NOT NULL,
    total          BIGINT NOT NULL CHECK (total > 0),
    currency       TEXT NOT NULL,
    payment_id     TEXT COLLATE "C",
    reserved_until BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_to_confirm ON orders (id) WHERE status = 'paid';
CREATE INDEX orders_to_expire ON orders (reserved_until) WHERE status = 'reserved';

CREATE TABLE payments (
    id              TEXT COLLATE "C" PRIMARY KEY,
    order_id        TEXT COLLATE "C" NOT NULL REFERENCES orders (id),
    method          TEXT NOT NULL,
    amount          BIGINT NOT NULL CHECK (amount > 0),
    status          TEXT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    reference       TEXT,
    last_error      TEXT,
    traceparent     TEXT,
    next_attempt_at BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX payments_one_live ON payments (order_id) WHERE status IN ('queued', 'processing', 'captured');
CREATE INDEX payments_due ON payments (next_attempt_at) WHERE status IN ('queued', 'processing');

CREATE TABLE idempotency (
    subject    TEXT COLLATE "C" NOT NULL,
    operation  TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    request    BYTEA NOT NULL,
    status     BIGINT NOT NULL,
    location   TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (subject, operation, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE outbox (
    id              TEXT COLLATE "C" PRIMARY KEY,
    order_id        TEXT COLLATE "C" NOT NULL,
    payload         TEXT NOT NULL,
    traceparent     TEXT,
    attempts        BIGINT NOT NULL DEFAULT 0,
    last_error      TEXT,
    next_attempt_at BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    sent_at         BIGINT,
    dead_at         BIGINT
);
CREATE INDEX outbox_waiting ON outbox (created_at, next_attempt_at) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_waiting_of_order ON outbox (order_id, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
