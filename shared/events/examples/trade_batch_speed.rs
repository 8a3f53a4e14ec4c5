//! Nanoseconds a trade to append to a batch, to write it out, and to read and fold it, on one core.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::market::{ConditionScheme, Tape, Trade};
use domain::{Price, UnixNanos};
use events::{BatchHeader, Print, TradeBatchReader, TradeBatchWriter};

const TRADES: usize = 4_096;
const BATCHES: usize = 32;
const ROUNDS: usize = 25;
const CONDITIONS: [&str; 3] = ["", "1", "1,12"];

fn main() -> Result<(), events::DecodeError> {
    for symbols in [250, 2_500] {
        let names: Vec<String> = (0..symbols).map(|i| format!("S{i}")).collect();
        let trades = session(symbols);
        let header = BatchHeader {
            source: "finnhub",
            tape: Tape::Consolidated,
            scheme: ConditionScheme::Finnhub,
            epoch: 1,
            batch_no: 1,
            partition: 0,
            watermark: UnixNanos::default(),
            ts_recv: UnixNanos::default(),
        };
        let mut writer = TradeBatchWriter::new();
        let mut out = vec![Vec::new(); BATCHES];
        let mut append = Vec::new();
        let mut finish = Vec::new();
        let mut read = Vec::new();
        let mut last = vec![(0_i64, 0_i64, 0_u64); symbols as usize];
        for _ in 0..ROUNDS {
            for (batch, out) in trades.chunks(TRADES).zip(&mut out) {
                let start = Instant::now();
                for (symbol, conditions, trade) in black_box(batch) {
                    writer.append(&Print {
                        symbol_id: *symbol,
                        symbol: &names[*symbol as usize],
                        condition_id: *conditions,
                        conditions: CONDITIONS[*conditions as usize],
                        trade: *trade,
                    });
                }
                append.push(start.elapsed());

                let start = Instant::now();
                out.clear();
                writer.finish(&header, black_box(out));
                finish.push(start.elapsed());

                let start = Instant::now();
                let reader = TradeBatchReader::new(black_box(out))?;
                reader.for_each(|row| {
                    let state = &mut last[row.symbol as usize];
                    *state = (
                        row.trade.price.nanos(),
                        state.1.max(row.trade.ts_event.nanos()),
                        state.2 + u64::from(row.trade.size),
                    );
                })?;
                read.push(start.elapsed());
            }
        }
        black_box(&last);
        let size = out.iter().map(Vec::len).sum::<usize>() as f64 / trades.len() as f64;
        println!(
            "{symbols} symbols, {TRADES} a batch: append {:.1} ns, finish {:.1} ns, read and fold {:.1} ns, {size:.1} bytes",
            median(append),
            median(finish),
            median(read)
        );
    }
    Ok(())
}

/// Median over the batches, in nanoseconds a trade.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_nanos() as f64 / TRADES as f64
}

fn session(symbols: u32) -> Vec<(u32, u32, Trade)> {
    let mut state = 1_u64;
    let mut random = move |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut cents: Vec<i64> = (0..symbols).map(|_| random(40_000) as i64 + 500).collect();
    (0..TRADES * BATCHES)
        .map(|i| {
            let symbol = (random(u64::from(symbols)) * random(u64::from(symbols)) / u64::from(symbols)) as u32;
            cents[symbol as usize] += random(7) as i64 - 3;
            let size = if random(3) == 0 { 100 * (random(5) + 1) } else { random(300) + 1 };
            let ms = 1_795_530_600_000 + i as i64 / 40 - random(3) as i64;
            let trade = Trade {
                ts_event: UnixNanos::from_millis(ms),
                price: Price::from_cents(cents[symbol as usize]),
                size: size as u32,
            };
            (symbol, random(3) as u32, trade)
        })
        .collect()
}
