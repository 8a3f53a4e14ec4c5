//! The fills of one order, by our records and by the broker.

use crate::execution::{BrokerFill, FillRecorded};

/// The fills of one order. Each covers the shares from `cumulative - quantity` to `cumulative`; shares are filled once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fills {
    recorded: Vec<FillRecorded>,
    seen: Vec<BrokerFill>,
}

impl Fills {
    pub(super) fn see(&mut self, fill: &BrokerFill) {
        let span = span(fill.quantity, fill.cumulative_qty);
        if fill.quantity > 0 && !self.covers(span) && !self.seen.iter().any(|f| overlap(span_of(f), span)) {
            self.seen.push(fill.clone());
            self.seen.sort_by_key(|f| f.cumulative_qty);
        }
    }

    pub(super) fn record(&mut self, fill: &FillRecorded) {
        let span = span(fill.quantity, fill.cumulative_qty);
        self.seen.retain(|f| !overlap(span_of(f), span));
        if !self.covers(span) {
            self.recorded.push(fill.clone());
        }
    }

    fn covers(&self, span: (u64, u64)) -> bool {
        self.recorded.iter().any(|f| overlap(self::span(f.quantity, f.cumulative_qty), span))
    }

    /// Those on ORDER.
    pub(super) fn recorded(&self) -> &[FillRecorded] {
        &self.recorded
    }

    /// Those that only the broker has shown.
    pub(super) fn unrecorded(&self) -> impl Iterator<Item = &BrokerFill> {
        self.seen.iter()
    }
}

/// The price that trades print at, when `exact` misses it by no more than the broker's rounding of the average can
/// explain: less than 1e-9 USD for each share of the order, spread over the shares in question.
///
/// `shares_per_share` is the order's filled quantity per share in question, rounded up.
pub(super) fn undo_rounding(exact: i64, shares_per_share: u64) -> i64 {
    const FINEST_PRINT: i64 = 100_000;
    let nearest = (exact + FINEST_PRINT / 2) / FINEST_PRINT * FINEST_PRINT;
    let explained = i64::try_from(shares_per_share).unwrap_or(i64::MAX).saturating_add(1);
    if (exact - nearest).abs() <= explained { nearest } else { exact }
}

const fn span_of(fill: &BrokerFill) -> (u64, u64) {
    span(fill.quantity, fill.cumulative_qty)
}

const fn span(quantity: u64, cumulative: u64) -> (u64, u64) {
    (cumulative.saturating_sub(quantity), cumulative)
}

const fn overlap(a: (u64, u64), b: (u64, u64)) -> bool {
    a.0 < b.1 && b.0 < a.1
}

#[cfg(test)]
mod tests {
    use super::undo_rounding;

    #[test]
    fn a_derived_price_is_a_print_where_rounding_of_the_average_explains_the_difference() {
        assert_eq!(undo_rounding(30_679_999_996, 8), 30_680_000_000);
        assert_eq!(undo_rounding(30_690_000_002, 8), 30_690_000_000);
        assert_eq!(undo_rounding(30_685_333_333, 8), 30_685_333_333, "an average of two prints stays what it is");
    }
}
