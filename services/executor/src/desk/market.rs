//! What trades say: market time, last prices, and that a symbol trades.

use domain::market::TradeBatch;
use domain::{Price, UnixNanos};

use super::Desk;

impl Desk {
    /// Takes the market's time and, of symbols with open plans, the last print and the last regular price.
    pub(crate) fn observe_market(&mut self, batch: &TradeBatch) {
        self.market.watermark = self.market.watermark.max(Some(batch.watermark));
        let open: Vec<_> = self.state.open_plans().map(|book| book.approved.plan().symbol.clone()).collect();
        if open.is_empty() {
            return;
        }
        let trades = &batch.trades;
        let regular = |at: &usize| {
            let set = trades.conditions.get(*at).and_then(|set| batch.condition_sets.get(*set as usize));
            set.is_some_and(String::is_empty)
        };
        let time = |at: usize| trades.ts_event.get(at).copied().map(UnixNanos::new);
        for (index, symbol) in batch.symbols.iter().enumerate().filter(|(_, symbol)| open.contains(symbol)) {
            let mut prints =
                (0..trades.symbol.len()).rev().filter(|at| trades.symbol[*at] as usize == index).peekable();
            let last = prints.peek().copied().and_then(time);
            if let Some(at) = prints.find(regular)
                && let (Some(price), Some(printed)) = (trades.price.get(at), time(at))
            {
                self.state.observe_mark(symbol, Price::from_nanos(*price), printed);
            }
            if let Some(printed) = last {
                self.state.observe_print(symbol, printed);
            }
        }
    }
}
