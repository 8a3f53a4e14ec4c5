//! The tables, as `services/recorder/migrations` makes them; a test there holds the two together.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Text,
    Int,
    Bool,
    Bytes,
}

/// One table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in their order.
    pub columns: &'static [(&'static str, Kind)],
    /// How many of them, from the first, identify a row.
    pub key: usize,
}

impl Table {
    /// The place of the column of this name.
    pub fn place_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(column, _)| *column == name)
    }

    /// The columns' names with commas between them.
    pub fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The names of the columns that identify a row.
    pub fn key_names(&self) -> String {
        self.columns[..self.key].iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Columns of a table whose rows are served as documents.
const DOCUMENTS: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("day", Kind::Text),
    ("at", Kind::Int),
    ("symbol", Kind::Text),
    ("plan_id", Kind::Text),
    ("live", Kind::Bool),
    ("doc", Kind::Text),
    ("store_seq", Kind::Int),
];

const fn documents(name: &'static str) -> Table {
    Table { name, columns: DOCUMENTS, key: 1 }
}

/// Every event as it was on the bus.
pub const EVENTS: Table = Table {
    name: "events",
    columns: &[
        ("id", Kind::Text),
        ("stream", Kind::Text),
        ("seq", Kind::Int),
        ("type", Kind::Text),
        ("story", Kind::Text),
        ("day", Kind::Text),
        ("at", Kind::Int),
        ("source", Kind::Text),
        ("ts_init", Kind::Int),
        ("payload", Kind::Bytes),
        ("body", Kind::Text),
        ("summary", Kind::Text),
        ("headers", Kind::Text),
        ("store_seq", Kind::Int),
    ],
    key: 1,
};

/// Minute bars.
pub const BARS: Table = Table {
    name: "bars",
    columns: &[
        ("symbol", Kind::Text),
        ("start", Kind::Int),
        ("day", Kind::Text),
        ("open", Kind::Int),
        ("high", Kind::Int),
        ("low", Kind::Int),
        ("close", Kind::Int),
        ("volume", Kind::Int),
        ("open_at", Kind::Int),
        ("close_at", Kind::Int),
        ("store_seq", Kind::Int),
    ],
    key: 2,
};

/// Equity at the end of each minute.
pub const ACCOUNT_CURVE: Table = Table {
    name: "account_curve",
    columns: &[
        ("account", Kind::Text),
        ("minute", Kind::Int),
        ("day", Kind::Text),
        ("at", Kind::Int),
        ("equity", Kind::Int),
    ],
    key: 2,
};

/// The last trade batch of each partition.
pub const WATERMARKS: Table = Table {
    name: "watermarks",
    columns: &[
        ("source", Kind::Text),
        ("partition_no", Kind::Int),
        ("epoch", Kind::Int),
        ("batch_no", Kind::Int),
        ("watermark", Kind::Int),
        ("ts_recv", Kind::Int),
    ],
    key: 2,
};

/// How far each stream is in the store.
pub const PROGRESS: Table = Table { name: "progress", columns: &[("stream", Kind::Text), ("seq", Kind::Int)], key: 1 };

/// How far the store has come; a single row.
pub const STORE: Table = Table {
    name: "store",
    columns: &[("id", Kind::Int), ("store_seq", Kind::Int), ("committed_at", Kind::Int)],
    key: 1,
};

/// Every table. What says how far the rest has come stands last, so that a copy which is not whole never claims to be.
pub const TABLES: [Table; 22] = [
    EVENTS,
    BARS,
    ACCOUNT_CURVE,
    documents("candidates"),
    documents("signals"),
    documents("rounds"),
    documents("plans"),
    documents("decisions"),
    documents("orders"),
    documents("fills"),
    documents("positions"),
    documents("account"),
    documents("news"),
    documents("reference"),
    documents("feed_gaps"),
    documents("errors"),
    documents("readiness"),
    documents("trading_state"),
    documents("audit"),
    WATERMARKS,
    PROGRESS,
    STORE,
];

/// The table of this name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}
