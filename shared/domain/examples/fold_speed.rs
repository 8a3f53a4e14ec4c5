//! How many trades a second one core folds into a partition's state: 1,000 symbols, every rule, rounds included.
//!
//! `cargo run --release -p domain --example fold_speed`

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use domain::market::{ConditionScheme, Eligibility, SymbolState, Tape, Trade};
use domain::scan::{BatchHead, PartitionState};
use domain::strategy::Strategy;
use domain::{Price, SessionDate, UnixNanos};
use figment::Figment;
use figment::providers::{Format, Yaml};

const SYMBOLS: u64 = 1_000;
const TRADES: usize = 10_000_000;
const BATCH: usize = 1_000;
/// Symbols of which minute bars are kept, as those with a position would be.
const WATCHED: u32 = 20;
const CONDITIONS: [&str; 8] = ["", "1", "1", "1,12", "8", "8,12", "1,12", "37"];

struct Row {
    slot: u32,
    conditions: u32,
    trade: Trade,
}

fn main() -> Result<(), Box<dyn Error>> {
    let strategy: Strategy = Figment::from(Yaml::string(include_str!("../../../config/strategy.yaml"))).extract()?;
    let date: SessionDate = "2026-11-24".parse()?;
    let eligibilities = CONDITIONS.map(|set| Eligibility::of(ConditionScheme::Finnhub, set));
    let mut out = std::io::stdout().lock();
    let mut best = 0.0_f64;
    for run in 1..=5 {
        let mut state = PartitionState::new(0, 1, Arc::new(strategy.clone()))?;
        state.begin_batch(&head(1, date.at_hm(4, 0)));
        for number in 0..SYMBOLS {
            let slot = state.slot(&format!("S{number}"))?;
            if slot < WATCHED {
                state.keep_minutes(slot, 120);
            }
        }
        let rows = rows(date, run);
        let started = Instant::now();
        for (number, batch) in (2..).zip(rows.chunks(BATCH)) {
            let watermark = batch.first().map_or(UnixNanos::default(), |row| row.trade.ts_event);
            state.begin_batch(&head(number, watermark));
            for row in batch {
                state.fold(row.slot, row.trade, eligibilities[row.conditions as usize]);
            }
            drop(state.advance(watermark, &[]));
        }
        let per_second = rows.len() as f64 / started.elapsed().as_secs_f64();
        best = best.max(per_second);
        writeln!(out, "run {run}: {:.1} million trades/s", per_second / 1e6)?;
    }
    writeln!(out, "best: {:.1} million trades/s, {} bytes a symbol", best / 1e6, size_of::<SymbolState>())?;
    Ok(())
}

fn head(batch_no: u64, watermark: UnixNanos) -> BatchHead<'static> {
    BatchHead { source: "made", epoch: 1, batch_no, tape: Tape::Simulated, watermark }
}

/// Trades from 04:00 to the close in order of time, of prices that walk; one in a hundred thousand is far off.
fn rows(date: SessionDate, seed: u64) -> Vec<Row> {
    let mut random = seed;
    let mut prices = [5_000_i64; SYMBOLS as usize];
    let (open, span) = (date.at_hm(4, 0), 12 * 3_600 * 1_000_000_000_i64);
    let row = |i: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = random >> 16;
        let slot = bits % SYMBOLS;
        let price = &mut prices[slot as usize];
        *price = (*price + (bits >> 20) as i64 % 3 - 1).max(1_000);
        let far_off = if (bits >> 24).is_multiple_of(100_000) { *price / 5 } else { 0 };
        Row {
            slot: slot as u32,
            conditions: (bits >> 10) as u32 % CONDITIONS.len() as u32,
            trade: Trade {
                ts_event: open.plus_nanos((span as i128 * i as i128 / TRADES as i128) as i64),
                price: Price::from_cents(*price + far_off),
                size: 1 + (bits >> 13) as u32 % 400,
            },
        }
    };
    (0..TRADES).map(row).collect()
}
