//! The same market in other files.

use std::fmt::Write;
use std::io::Write as _;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::world::{GAPPER, Tick, World};

const MORNING: [(u32, u32, i64); 2] = [(12, 0, 10_800), (15, 55, 10_900)];

fn world() -> World {
    World::new(&[100_000], &MORNING)
}

/// Times in microseconds, prices as floats, as other programs write them.
fn parquet_of(tape: &[Tick]) -> Vec<u8> {
    let schema = "message trades { required int64 ts_event (TIMESTAMP(MICROS,true)); required binary symbol (STRING); \
                  required double price; required int32 size; optional binary conditions (STRING); }";
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for rows in tape.chunks(40) {
        let mut group = writer.next_row_group().unwrap();
        let texts = |of: fn(&Tick) -> &'static str| rows.iter().map(|t| ByteArray::from(of(t))).collect::<Vec<_>>();
        let times: Vec<i64> = rows.iter().map(|t| t.ts_event / 1_000).collect();
        let prices: Vec<f64> = rows.iter().map(|t| t.cents as f64 / 100.0).collect();
        let sizes: Vec<i32> = rows.iter().map(|t| t.size.try_into().unwrap()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts(|t| t.symbol), None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&prices, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&sizes, None, None).unwrap();
        column.close().unwrap();
        // Every third trade has no conditions at all, which means a regular one.
        let given: Vec<Tick> = rows.iter().enumerate().filter(|(at, _)| at % 3 != 0).map(|(_, t)| t.clone()).collect();
        let conditions: Vec<ByteArray> = given.iter().map(|t| ByteArray::from(t.conditions)).collect();
        let levels: Vec<i16> = (0..rows.len()).map(|at| i16::from(at % 3 != 0)).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&conditions, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn parquet_decides_like_csv() {
    let expected = world().write_csv().run(&[]);
    let world = world();
    world.write_daily();
    for date in world.sessions() {
        world.write_bytes(&format!("trades/date={date}/part-0.parquet"), &parquet_of(&world.tape(date)));
    }
    let run = world.run(&["--batch-rows", "100"]);
    assert_eq!(run.sha256(), expected.sha256());
    assert_eq!(run.document["trades"], expected.document["trades"]);
}

#[test]
fn one_file_of_many_sessions_decides_like_one_file_each() {
    let expected = world().write_csv().run(&[]);
    let world = world();
    world.write_daily();
    let mut text = String::from("symbol,size,price,ts_event\n");
    for t in world.sessions().into_iter().flat_map(|date| world.tape(date)) {
        let at = domain::UnixNanos::new(t.ts_event);
        writeln!(text, "{},{},{}.{:02},{at}", t.symbol, t.size, t.cents / 100, t.cents % 100).unwrap();
    }
    world.write("trades.csv", &text);
    assert_eq!(world.run(&[]).sha256(), expected.sha256());
}

fn zip(name: &str, text: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file(name, stored).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn lean_zips_are_played_as_made_trades() {
    let world = world();
    for date in world.sessions() {
        let day = date.to_string().replace('-', "");
        let mut minutes: std::collections::BTreeMap<i64, Vec<Tick>> = std::collections::BTreeMap::new();
        for t in world.tape(date).into_iter().filter(|t| t.symbol == GAPPER) {
            minutes.entry((t.ts_event - date.at_hm(0, 0).nanos()) / 60_000_000_000).or_default().push(t);
        }
        let mut text = String::new();
        for (minute, ticks) in minutes {
            let of = |best: fn(i64, i64) -> i64| ticks.iter().map(|t| t.cents).reduce(best).unwrap() * 100;
            let (open, close) = (ticks[0].cents * 100, ticks.last().unwrap().cents * 100);
            let volume: u32 = ticks.iter().map(|t| t.size).sum();
            let (high, low) = (of(i64::max), of(i64::min));
            writeln!(text, "{},{open},{high},{low},{close},{volume}", minute * 60_000).unwrap();
        }
        world.write_bytes(&format!("equity/usa/minute/gaps/{day}_trade.zip"), &zip("gaps.csv", &text));
    }
    let mut daily = String::new();
    for date in &world.sessions()[..16] {
        writeln!(daily, "{} 00:00,1000000,1020000,980000,1000000,2000000", date.to_string().replace('-', "")).unwrap();
    }
    world.write_bytes("equity/usa/daily/gaps.zip", &zip("gaps.csv", &daily));
    let run = world.run(&["--layout", "lean"]);
    let plan = &run.document["plans"][0];
    assert_eq!((plan["symbol"].as_str(), plan["trigger"].as_f64()), (Some(GAPPER), Some(107.06)));
    assert_eq!(run.document["input"]["made_trades"], true);
    let again = world.run(&["--layout", "lean", "--seed", "2"]);
    assert_eq!(again.sha256(), run.sha256(), "levels do not depend on the path inside a minute");
}

#[test]
fn rows_that_make_no_sense_are_counted_and_named() {
    let world = world();
    world.write_csv();
    let name = format!("trades/{}.csv", world.day);
    let good = std::fs::read_to_string(world.data().join(&name)).unwrap();
    let expected = world.run(&[]);
    let bad = "1773149400000000000,GAPS,-1.00,100,1\nnoon,GAPS,106.00,100,1\n1773149400000000000,gaps,106.00,100,1\n\
               1773149400000000000,GAPS,106.00,0,1\n";
    let header = "ts_event,symbol,price,size,conditions\n";
    world.write(&name, &good.replacen(header, &format!("{header}{bad}"), 1));
    let run = world.run(&[]);
    assert_eq!(run.sha256(), expected.sha256());
    assert_eq!(run.document["input"]["refused_rows"], 4);
    let refused: Vec<&str> =
        run.document["input"]["refused"].as_array().unwrap().iter().filter_map(|r| r.as_str()).collect();
    for (line, column, value) in
        [(2, "price", "-1.00"), (3, "ts_event", "noon"), (4, "symbol", "gaps"), (5, "size", "0")]
    {
        let place = format!("{name}:{line}: {column} is `{value}`");
        assert!(refused.iter().any(|r| r.contains(&place)), "{place} not in {refused:?}");
    }
    let error = world.try_run(&["--strict"]).err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(error.contains(&format!("{name}:3: ts_event is `noon`")), "{error}");
}

#[test]
fn folders_and_columns_that_are_missing_are_named() {
    let world = world();
    let error = |more: &[&str]| world.try_run(more).err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(error(&[]).contains("is not a folder"), "{}", error(&[]));
    world.write("trades/2026-03-10.csv", "ts_event,symbol,price\n");
    assert!(error(&[]).contains("no column `size`"), "{}", error(&[]));
}

#[test]
fn minute_bars_beside_trades_need_a_date_on_both() {
    let world = world();
    world.write_csv().write("minute.csv", "ts_start,symbol,open,high,low,close,volume\n");
    let refused = world.try_run(&[]).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("minute bars beside trades"), "{refused}");
}
