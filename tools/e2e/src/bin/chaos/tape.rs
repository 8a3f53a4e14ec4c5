//! Every trade that the market played against every trade that MARKET holds.

use std::collections::HashMap;

use anyhow::Context;
use async_nats::jetstream;
use domain::{Event, Price, SessionDate, UnixNanos};
use e2e::Suite;
use events::TradeBatchReader;

use crate::facts::messages;
use crate::report::Row;

/// Symbol, time (UTC ns), price and shares of one trade.
type Print = (u32, i64, Price, u32);

/// What MARKET holds.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    symbols: HashMap<String, u32>,
    prints: Vec<Print>,
    /// Holes that are recorded, both ends included: a trade may share its millisecond with either.
    gaps: Vec<(UnixNanos, UnixNanos)>,
}

impl Tape {
    /// Reads MARKET.
    pub(crate) async fn read(context: &jetstream::Context) -> anyhow::Result<Self> {
        let mut tape = Self::default();
        for (type_name, payload) in messages(context, "MARKET").await? {
            if type_name == "finagent.market.v1.TradeBatch" {
                tape.batch(&payload)?;
            } else if let Event::FeedGapDetected(gap) = events::decode(&type_name, &payload)? {
                tape.gaps.push((gap.from, gap.until));
            }
        }
        tape.prints.sort_unstable();
        Ok(tape)
    }

    /// Compares with what the market of `suite` played on `dates`, up to `until`.
    pub(crate) async fn against(
        &mut self,
        suite: &Suite,
        dates: &[SessionDate],
        until: UnixNanos,
    ) -> anyhow::Result<Row> {
        let mut played = Vec::new();
        for date in dates {
            let text = suite.sim_text(&format!("/session/trades.csv?date={date}")).await?;
            for line in text.lines().skip(1) {
                let print = self.print(line).with_context(|| format!("trades.csv: {line}"))?;
                if print.1 <= until.nanos() {
                    played.push(print);
                }
            }
        }
        played.sort_unstable();
        Ok(compare(&played, &self.prints, &self.gaps))
    }

    fn batch(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        let reader = TradeBatchReader::new(payload)?;
        let ids: Vec<u32> = reader.symbols().iter().map(|symbol| self.symbol(symbol)).collect();
        reader.for_each(|row| {
            let trade = row.trade;
            self.prints.push((ids[row.symbol as usize], trade.ts_event.nanos(), trade.price, trade.size));
        })?;
        Ok(())
    }

    fn print(&mut self, line: &str) -> anyhow::Result<Print> {
        let mut fields = line.split(',');
        let mut next = || fields.next().context("too few fields");
        let (at, symbol) = (next()?.parse()?, next()?.to_owned());
        Ok((self.symbol(&symbol), at, next()?.parse()?, next()?.parse()?))
    }

    fn symbol(&mut self, symbol: &str) -> u32 {
        let next = self.symbols.len() as u32;
        *self.symbols.entry(symbol.to_owned()).or_insert(next)
    }
}

/// Shown of the lost, and of those that are there too often.
const EXAMPLES: usize = 3;

/// Walks both sorted lists together.
fn compare(played: &[Print], stored: &[Print], gaps: &[(UnixNanos, UnixNanos)]) -> Row {
    let mut row = Row { what: "trades", checked: played.len(), ..Row::default() };
    let (mut played, mut stored) = (played.iter().peekable(), stored.iter().peekable());
    loop {
        let lost = match (played.peek(), stored.peek()) {
            (None, None) => return row,
            (Some(left), Some(right)) if left == right => {
                played.next();
                stored.next();
                continue;
            }
            (Some(left), Some(right)) => left < right,
            (left, None) => left.is_some(),
            (None, Some(_)) => false,
        };
        if lost {
            let Some(print) = played.next() else { continue };
            let at = UnixNanos::new(print.1);
            if gaps.iter().any(|(from, until)| (*from..=*until).contains(&at)) {
                row.in_gaps += 1;
            } else {
                row.lost += 1;
                show(&mut row, "lost", print);
            }
        } else if let Some(print) = stored.next() {
            row.doubled += 1;
            show(&mut row, "too often", print);
        }
    }
}

fn show(row: &mut Row, how: &str, (symbol, at, price, size): &Print) {
    if row.examples.iter().filter(|e| e.starts_with(how)).count() < EXAMPLES {
        row.examples.push(format!("{how}: {size} of symbol no. {symbol} at {price}, {}", UnixNanos::new(*at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_trade_is_lost_unless_a_recorded_hole_covers_it() {
        let print = |at: i64| (1, at, Price::from_nanos(5), 100);
        let played = [print(1), print(2), print(2), print(3)];
        let check = |stored: &[i64], gaps: &[(i64, i64)], expected: (usize, usize, usize)| {
            let stored: Vec<_> = stored.iter().map(|at| print(*at)).collect();
            let gaps: Vec<_> = gaps.iter().map(|(a, b)| (UnixNanos::new(*a), UnixNanos::new(*b))).collect();
            let row = compare(&played, &stored, &gaps);
            assert_eq!((row.lost, row.doubled, row.in_gaps), expected, "{stored:?} {gaps:?}");
        };
        check(&[1, 2, 2, 3], &[], (0, 0, 0));
        check(&[1, 2, 3], &[], (1, 0, 0));
        check(&[1, 2, 3], &[(2, 2)], (0, 0, 1));
        check(&[1, 1, 2, 2, 3], &[(1, 9)], (0, 1, 0));
        check(&[], &[(3, 4)], (3, 0, 1));
    }
}
