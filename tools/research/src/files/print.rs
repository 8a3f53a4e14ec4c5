//! One trade as it comes from a file, small enough to move millions of them.

/// A trade whose symbol and conditions are numbers of [`super::Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    /// UTC nanoseconds since the epoch.
    pub ts_event: i64,
    /// USD per share, 1e-9, positive.
    pub price: i64,
    /// Shares, positive.
    pub size: u32,
    /// Number of the symbol.
    pub symbol: u32,
    /// Number of the condition list.
    pub conditions: u32,
}
