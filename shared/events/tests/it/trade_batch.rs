//! The quick way of a batch equals the slow one.

use domain::market::{ConditionScheme, Tape, Trade};
use domain::{Event, Price, UnixNanos};
use events::{BatchHeader, Print, TradeBatchReader, TradeBatchWriter, decode, encode};
use proptest::prelude::*;

use crate::arbitrary::{Source, prints};

const TYPE_NAME: &str = "finagent.market.v1.TradeBatch";
const SYMBOLS: [&str; 6] = ["GME", "BRK.B", "A", "SOUN", "ABCDEFGHIJKLMNOP", "X-1/2"];
const CONDITIONS: [&str; 3] = ["", "1", "1,12,é"];

fn header(s: &mut Source) -> BatchHeader<'static> {
    BatchHeader {
        source: s.pick(&["finnhub", "alpaca"]),
        tape: s.pick(&[Tape::Consolidated, Tape::Iex]),
        scheme: ConditionScheme::Finnhub,
        epoch: s.number(),
        batch_no: s.number().max(1),
        partition: s.below(300) as u32,
        watermark: UnixNanos::new(s.bits() as i64),
        ts_recv: UnixNanos::new(s.bits() as i64),
    }
}

fn append(writer: &mut TradeBatchWriter, (symbol, conditions, trade): (u32, u32, Trade)) {
    writer.append(&Print {
        symbol_id: symbol * 7,
        symbol: SYMBOLS[symbol as usize],
        condition_id: conditions,
        conditions: CONDITIONS[conditions as usize],
        trade,
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_reused_writer_writes_protobuf_s_own_bytes_and_the_reader_reads_them(seed: u64) {
        let mut s = Source::allowed(seed);
        let mut writer = TradeBatchWriter::new();
        for _ in 0..4 {
            let (symbols, condition_sets) = (s.below(6) + 1, s.below(3) + 1);
            let len = s.below(300);
            let trades = prints(&mut s, len, symbols, condition_sets);
            let header = header(&mut s);
            let mut bytes = b"kept".to_vec();
            for trade in &trades {
                append(&mut writer, *trade);
            }
            prop_assert_eq!(writer.len(), trades.len());
            writer.finish(&header, &mut bytes);
            prop_assert!(bytes.starts_with(b"kept") && writer.is_empty());
            let bytes = &bytes[4..];

            let reader = TradeBatchReader::new(bytes).unwrap();
            prop_assert_eq!(reader.header(), header);
            prop_assert_eq!(reader.count() as usize, trades.len());
            let mut rows = trades.iter();
            reader.for_each(|row| {
                let (symbol, conditions, trade) = rows.next().unwrap();
                assert_eq!(reader.symbols()[row.symbol as usize], SYMBOLS[*symbol as usize]);
                assert_eq!(reader.condition_sets()[row.conditions as usize], CONDITIONS[*conditions as usize]);
                assert_eq!(row.trade, *trade);
            }).unwrap();
            prop_assert!(rows.next().is_none());

            let event = decode(TYPE_NAME, bytes).unwrap();
            let protobuf = encode(&event);
            prop_assert_eq!(protobuf.as_ref(), bytes);
        }
    }
}

#[test]
fn a_batch_costs_a_few_bytes_a_trade() {
    let mut writer = TradeBatchWriter::new();
    let mut s = Source::plain(1);
    for i in 0..2_048_i64 {
        let symbol = s.below(6) as u32;
        let trade = Trade {
            ts_event: UnixNanos::from_millis(1_795_530_600_000 + i / 3),
            price: Price::from_cents(1_234 + 100 * i64::from(symbol) + s.below(5) as i64),
            size: s.below(400) as u32 + 1,
        };
        append(&mut writer, (symbol, 0, trade));
    }
    let mut bytes = Vec::new();
    writer.finish(&header(&mut s), &mut bytes);
    let Ok(Event::TradeBatch(batch)) = decode(TYPE_NAME, &bytes) else { panic!("not a batch") };
    assert_eq!(batch.trades.price.len(), 2_048);
    assert!(bytes.len() < 2_048 * 6, "{} bytes", bytes.len());
}
