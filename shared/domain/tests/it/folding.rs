//! Folds depend on the trades and their order, and on nothing else: not on batches, not on a stop in between.

use domain::market::{ConditionScheme, Eligibility, Quote, Tape, Trade};
use domain::scan::{BatchHead, PartitionSnapshot, PartitionState, RoundResult, SnapshotError};
use domain::{Price, SessionDate, Symbol, UnixNanos};
use proptest::prelude::*;

use super::strategy;

const TICKERS: [&str; 3] = ["GME", "TSLA", "AMC"];
const CONDITIONS: [&str; 8] = ["", "1", "12", "24", "24,12", "18", "30", "999"];

/// One thing on the tape.
#[derive(Debug, Clone)]
struct Print {
    ticker: &'static str,
    trade: Trade,
    conditions: &'static str,
}

fn date() -> SessionDate {
    "2026-11-24".parse().unwrap()
}

/// Prints from 06:00 to 11:00 that come up to two minutes out of order; some are far off.
fn prints() -> impl Strategy<Value = Vec<Print>> {
    let print = (0..18_000_i64, 0..120_i64, 0..3_usize, 0..8_usize, 0..200_i64, 0..20_u8, 1..500_u32);
    proptest::collection::vec(print, 1..150).prop_map(|mut drawn| {
        drawn.sort_by_key(|(second, ..)| *second);
        let made = drawn.into_iter().map(|(second, late, ticker, conditions, cents, far_off, size)| Print {
            ticker: TICKERS[ticker],
            trade: Trade {
                ts_event: date().at_hm(6, 0).plus_seconds(second - late),
                price: Price::from_cents(if far_off == 0 { 9_000 } else { 10_000 } + cents),
                size,
            },
            conditions: CONDITIONS[conditions],
        });
        made.collect()
    })
}

/// Where batches end.
fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    proptest::collection::vec(any::<prop::sample::Index>(), 0..8)
}

struct Run {
    state: PartitionState,
    rounds: Vec<RoundResult>,
    batch_no: u64,
}

impl Run {
    fn new() -> Self {
        let mut run = Self { state: PartitionState::new(0, 1, strategy()).unwrap(), rounds: Vec::new(), batch_no: 0 };
        run.batch(&[], date().at_hm(5, 0));
        let slot = run.state.slot("GME").unwrap();
        run.state.keep_minutes(slot, 20);
        let quote =
            Quote { ts_event: date().at_hm(9, 30), bid: Price::from_cents(10_090), ask: Price::from_cents(10_095) };
        run.state.quote(slot, &quote);
        run
    }

    fn batch(&mut self, prints: &[Print], watermark: UnixNanos) {
        self.batch_no += 1;
        let (batch_no, tape) = (self.batch_no, Tape::Simulated);
        self.state.begin_batch(&BatchHead { source: "finnhub", epoch: 1, batch_no, tape, watermark });
        for print in prints {
            let slot = self.state.slot(print.ticker).unwrap();
            self.state.fold(slot, print.trade, Eligibility::of(ConditionScheme::Finnhub, print.conditions));
        }
        self.rounds.extend(self.state.advance(watermark, &[]));
    }

    /// Folds `prints` in batches that end at `cuts`; the watermark is the earliest time still to come.
    fn play(&mut self, prints: &[Print], cuts: &[usize], end: UnixNanos) {
        for pair in cuts.windows(2) {
            let to_come = prints[pair[1]..].iter().map(|p| p.trade.ts_event).min();
            self.batch(&prints[pair[0]..pair[1]], to_come.unwrap_or(end).min(end));
        }
    }

    /// Everything but how many batches there were.
    fn outcome(&self) -> (Vec<String>, &[RoundResult]) {
        let shown = |ticker: &str| {
            let symbol: Symbol = ticker.parse().unwrap();
            format!("{:?}", self.state.symbol_state(&symbol))
        };
        (TICKERS.map(shown).to_vec(), &self.rounds)
    }
}

fn ends(len: usize, cuts: &[prop::sample::Index]) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(len + 1)).collect();
    ends.extend([0, len]);
    ends.sort_unstable();
    ends
}

fn end() -> UnixNanos {
    date().at_hm(11, 5)
}

proptest! {
    #[test]
    fn the_fold_does_not_depend_on_how_trades_were_batched(prints in prints(), cuts in cuts()) {
        let (mut whole, mut parts) = (Run::new(), Run::new());
        whole.play(&prints, &[0, prints.len()], end());
        parts.play(&prints, &ends(prints.len(), &cuts), end());
        prop_assert_eq!(whole.rounds.len(), 2);
        prop_assert_eq!(parts.outcome(), whole.outcome());
    }

    #[test]
    fn state_after_snapshot_and_rest_equals_state_after_all(
        prints in prints(),
        cuts in cuts(),
        stop in any::<prop::sample::Index>(),
    ) {
        let ends = ends(prints.len(), &cuts);
        let mut whole = Run::new();
        whole.play(&prints, &ends, end());

        let stop = stop.index(ends.len());
        let mut before = Run::new();
        before.play(&prints, &ends[..=stop], end());
        let kept = serde_json::to_string(&before.state.snapshot()).unwrap();
        let snapshot: PartitionSnapshot = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(&snapshot, &before.state.snapshot());
        let empty = PartitionState::new(0, 1, strategy()).unwrap();
        let mut after = Run { state: empty.restore(snapshot).unwrap(), ..before };
        after.play(&prints, &ends[stop..], end());
        prop_assert_eq!(after.outcome(), whole.outcome());
        prop_assert_eq!(after.state.snapshot(), whole.state.snapshot());
    }
}

#[test]
fn a_snapshot_of_another_fold_is_refused() {
    let snapshot = Run::new().state.snapshot();
    let other = PartitionState::new(1, 2, strategy()).unwrap().restore(snapshot.clone());
    assert!(matches!(other.err(), Some(SnapshotError::Partition { found: 0, wanted: 1, .. })));
    let mut changed = (*strategy()).clone();
    changed.scan.rvol_min = None;
    let other = PartitionState::new(0, 1, changed.into()).unwrap().restore(snapshot);
    assert!(matches!(other.err(), Some(SnapshotError::Version { .. })));
}
