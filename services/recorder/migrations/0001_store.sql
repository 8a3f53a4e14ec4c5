-- The store of one suite. Times are UTC nanoseconds, money is in 1e-9 dollars, days are New York dates (YYYY-MM-DD).
-- The recorder is the only writer. Every change of a row takes the next `store_seq`; readers follow that number.

-- One row: how far the store has come.
CREATE TABLE store (
    id           BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    store_seq    BIGINT NOT NULL,
    committed_at BIGINT NOT NULL
);
INSERT INTO store (id, store_seq, committed_at) VALUES (1, 0, 0);

-- Every event but the trade batches: as it was on the bus (`payload`, and `type` in full), readable (`body`, `null` when
-- it could not be decoded) and in one sentence (`summary`).
-- `story` names what it is folded into: `plan/<id>`, `round/<id>`, `day/<date>`, `error/<id>`, `trading-state`.
CREATE TABLE events (
    id        TEXT   NOT NULL PRIMARY KEY,
    stream    TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    type      TEXT   NOT NULL,
    story     TEXT,
    day       TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    source    TEXT   NOT NULL,
    ts_init   BIGINT NOT NULL,
    payload   BLOB   NOT NULL,
    body      TEXT   NOT NULL,
    summary   TEXT   NOT NULL,
    headers   TEXT   NOT NULL,
    store_seq BIGINT NOT NULL
);
CREATE INDEX events_by_story ON events (story, stream, seq);
CREATE INDEX events_by_day ON events (day, type);

-- How far each stream is in the store; written with what was read, so a restart goes on exactly there.
CREATE TABLE progress (
    stream TEXT   NOT NULL PRIMARY KEY,
    seq    BIGINT NOT NULL
);

-- Of a partition's trade batches only this is kept: the last one folded into the bars, and its watermark.
CREATE TABLE watermarks (
    source       TEXT   NOT NULL,
    partition_no BIGINT NOT NULL,
    epoch        BIGINT NOT NULL,
    batch_no     BIGINT NOT NULL,
    watermark    BIGINT NOT NULL,
    ts_recv      BIGINT NOT NULL,
    PRIMARY KEY (source, partition_no)
);

-- Minute bars; `open_at` and `close_at` are the prints that set the outer prices.
CREATE TABLE bars (
    symbol    TEXT   NOT NULL,
    start     BIGINT NOT NULL,
    day       TEXT   NOT NULL,
    open      BIGINT NOT NULL,
    high      BIGINT NOT NULL,
    low       BIGINT NOT NULL,
    close     BIGINT NOT NULL,
    volume    BIGINT NOT NULL,
    open_at   BIGINT NOT NULL,
    close_at  BIGINT NOT NULL,
    store_seq BIGINT NOT NULL,
    PRIMARY KEY (symbol, start)
);
CREATE INDEX bars_by_store_seq ON bars (store_seq);

-- Equity at the end of each minute.
CREATE TABLE account_curve (
    account TEXT   NOT NULL,
    minute  BIGINT NOT NULL,
    day     TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    equity  BIGINT NOT NULL,
    PRIMARY KEY (account, minute)
);
CREATE INDEX account_curve_by_day ON account_curve (day, minute);

-- The views. `doc` is the JSON object that the API serves; the columns beside it are what it is found by.

-- One symbol held against the criteria of one round.
CREATE TABLE candidates (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX candidates_by_day ON candidates (day, at, id);
CREATE INDEX candidates_by_store_seq ON candidates (store_seq);

-- One candidate that passed.
CREATE TABLE signals (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX signals_by_day ON signals (day, at, id);
CREATE INDEX signals_by_store_seq ON signals (store_seq);

-- One partition-spanning scan with its ranking.
CREATE TABLE rounds (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX rounds_by_day ON rounds (day, at, id);
CREATE INDEX rounds_by_store_seq ON rounds (store_seq);

-- One plan and where its life stands.
CREATE TABLE plans (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX plans_by_day ON plans (day, at, id);
CREATE INDEX plans_by_store_seq ON plans (store_seq);

-- The risk engine's word on one plan.
CREATE TABLE decisions (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX decisions_by_day ON decisions (day, at, id);
CREATE INDEX decisions_by_store_seq ON decisions (store_seq);

-- One order with the broker's last word on it.
CREATE TABLE orders (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX orders_by_day ON orders (day, at, id);
CREATE INDEX orders_by_store_seq ON orders (store_seq);

-- Shares that changed hands.
CREATE TABLE fills (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX fills_by_day ON fills (day, at, id);
CREATE INDEX fills_by_store_seq ON fills (store_seq);

-- What one plan holds; `live` while it holds anything.
CREATE TABLE positions (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX positions_by_day ON positions (day, at, id);
CREATE INDEX positions_by_store_seq ON positions (store_seq);

-- One account on one day.
CREATE TABLE account (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX account_by_day ON account (day, at, id);
CREATE INDEX account_by_store_seq ON account (store_seq);

-- One headline about one symbol.
CREATE TABLE news (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX news_by_day ON news (day, at, id);
CREATE INDEX news_by_store_seq ON news (store_seq);

-- One symbol's history as known before one session.
CREATE TABLE reference (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX reference_by_day ON reference (day, at, id);
CREATE INDEX reference_by_store_seq ON reference (store_seq);

-- Market data that nobody will get any more.
CREATE TABLE feed_gaps (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX feed_gaps_by_day ON feed_gaps (day, at, id);
CREATE INDEX feed_gaps_by_store_seq ON feed_gaps (store_seq);

-- One fault, its repetitions counted.
CREATE TABLE errors (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX errors_by_day ON errors (day, at, id);
CREATE INDEX errors_by_store_seq ON errors (store_seq);

-- The last word of one service instance on itself.
CREATE TABLE readiness (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX readiness_by_day ON readiness (day, at, id);
CREATE INDEX readiness_by_store_seq ON readiness (store_seq);

-- What may be traded; a single row.
CREATE TABLE trading_state (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX trading_state_by_day ON trading_state (day, at, id);
CREATE INDEX trading_state_by_store_seq ON trading_state (store_seq);

-- What a person asked for.
CREATE TABLE audit (
    id        TEXT    NOT NULL PRIMARY KEY,
    day       TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    symbol    TEXT,
    plan_id   TEXT,
    live      BOOLEAN NOT NULL,
    doc       TEXT    NOT NULL,
    store_seq BIGINT  NOT NULL
);
CREATE INDEX audit_by_day ON audit (day, at, id);
CREATE INDEX audit_by_store_seq ON audit (store_seq);
