use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Symbol;
use domain::market::DailyBar;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use research::indicators::{daily_bars, rows};

const CSV: &str = "Date,Open,High,Low,Close,Adj Close,Volume\n\
    2022-03-25,10.00,11.00,9.50,10.25,10.25,1000\n\
    2022-03-24,9.00,10.25,8.75,10.00,10.00,2000\n";

fn symbol(ticker: &str) -> Symbol {
    ticker.parse().unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn lean(folder: &Path) -> PathBuf {
    let path = folder.join("gme.zip");
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    archive.start_file("gme.csv", zip::write::SimpleFileOptions::default()).unwrap();
    let days = "20220324 00:00,90000,102500,87500,100000,2000\n20220325 00:00,100000,110000,95000,102500,1000\n";
    archive.write_all(days.as_bytes()).unwrap();
    archive.finish().unwrap();
    path
}

fn parquet(folder: &Path) -> PathBuf {
    let path = folder.join("bars.parquet");
    let schema = "message bars { required int32 date (DATE); required binary symbol (UTF8); required double open;
        required double high; required double low; required double close; required int64 volume; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&[19_075, 19_076, 19_076], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let tickers = ["GME", "GME", "AMC"].map(ByteArray::from);
    column.typed::<ByteArrayType>().write_batch(&tickers, None, None).unwrap();
    column.close().unwrap();
    for prices in [[9.0, 10.0, 1.0], [10.25, 11.0, 1.0], [8.75, 9.5, 1.0], [10.0, 10.25, 1.0]] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&prices, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[2_000, 1_000, 1], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn every_format_gives_the_same_bars_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: PathBuf| -> Vec<DailyBar> { daily_bars(&path, &symbol("GME")).unwrap() };
    let csv = read(write(folder.path(), "bars.csv", CSV));
    let dates: Vec<String> = csv.iter().map(|bar| bar.date.to_string()).collect();
    assert_eq!((dates, csv[1].high.to_string()), (vec!["2022-03-24".into(), "2022-03-25".into()], "11.00".into()));
    assert_eq!(read(lean(folder.path())), csv);
    assert_eq!(read(parquet(folder.path())), csv);
}

#[test]
fn what_makes_no_sense_is_refused_by_place_and_value() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, expected: &str| {
        let path = write(folder.path(), "bad.csv", text);
        let error = daily_bars(&path, &symbol("GME")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, not {expected}");
    };
    check("date,open,high,low,close\n", "no column `volume`");
    check(&CSV.replace("11.00", "null"), "bad.csv:2: high is `null`, must be a positive price");
    check(&CSV.replace("11.00", "10.10"), "close is `10.25`, must be between low and high");
    check(&CSV.replace("2022-03-24", "2022-03-25"), "bad.csv:3: date is `2022-03-25`");
    check(&CSV.replace("2000\n", "-1\n"), "volume is `-1`");
    check("symbol,date,open,high,low,close,volume\nAMC,2022-03-24,1,1,1,1,1\n", "no daily bars of GME");
    let missing = daily_bars(&lean(folder.path()), &symbol("TSLA")).unwrap_err().to_string();
    assert!(missing.contains("no daily bars of TSLA"), "{missing}");
}

#[test]
fn indicators_are_null_until_warm() {
    let bar = |day: u32| DailyBar {
        date: format!("2022-03-{day:02}").parse().unwrap(),
        open: domain::Price::from_cents(1_000),
        high: domain::Price::from_cents(1_050),
        low: domain::Price::from_cents(1_000),
        close: domain::Price::from_cents(1_020),
        volume: 100,
    };
    let rows = rows(&(1..=15).map(bar).collect::<Vec<_>>());
    let json = serde_json::to_value(&rows).unwrap();
    let null = serde_json::Value::Null;
    assert_eq!(json[0]["tr"], null);
    assert_eq!((&json[12]["adv_14"], &json[13]["adv_14"]), (&null, &serde_json::json!(100)));
    assert_eq!((&json[13]["atr_14_wilder"], &json[13]["atr_14_sma"]), (&null, &null));
    let last = serde_json::json!({
        "date": "2022-03-15", "tr": 0.5, "atr_14_wilder": 0.5, "atr_14_sma": 0.5, "adv_14": 100
    });
    assert_eq!(json[14], last);
}
