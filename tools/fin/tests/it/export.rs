//! `fin export`, read back.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use store::tables::{TABLES, Table, table};
use store::{Value, Values};
use testkit::{Stores, on_sqlite_and_postgres};

use crate::filled::{fill, fin, options, rows, text, told};
use crate::recorded::Fixture;

on_sqlite_and_postgres!(every_table_reads_back_as_it_is, a_file_that_is_there_stays_unless_forced);

const EVENTS: i64 = 300;

async fn export(fixture: &Fixture, table: &str, out: &Path, more: &[&str]) -> std::process::Output {
    let mut arguments = vec!["export".to_owned(), "--table".into(), table.into(), "--out".into(), text(out)];
    arguments.extend(options(&fixture.place, "--store", "--password-file"));
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    fin(&arguments).await
}

async fn every_table_reads_back_as_it_is(stores: Stores) {
    let fixture = Fixture::new(&stores);
    fill(&fixture.url, EVENTS).await;
    let folder = tempfile::tempdir().unwrap();
    for table in &TABLES {
        let expected = rows(table, EVENTS);
        for ending in ["csv", "parquet"] {
            let out = folder.path().join(format!("{}.{ending}", table.name));
            let output = export(&fixture, table.name, &out, &[]).await;
            assert!(output.status.success(), "{}", told(&output));
            assert!(told(&output).contains(&format!("{} rows of {}", expected.len(), table.name)), "{}", told(&output));
            let same = if ending == "csv" { from_csv(table, &out, &expected) } else { from_parquet(&out) == expected };
            assert!(same, "{}", out.display());
        }
    }
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 2 * TABLES.len(), "something unfinished stays");
}

/// Whether the file holds these rows.
fn from_csv(table: &Table, path: &Path, expected: &[Values]) -> bool {
    let field = |value: &Value<'_>| match value {
        Value::Null => String::new(),
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Bytes(bytes) => data_encoding::HEXLOWER.encode(bytes),
    };
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), names);
    let records: Vec<Vec<String>> =
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    records == expected.iter().map(|row| row.iter().map(field).collect::<Vec<_>>()).collect::<Vec<_>>()
}

fn from_parquet(path: &Path) -> Vec<Values> {
    let value = |field: &Field| match field {
        Field::Null => Value::Null,
        Field::Str(text) => text.clone().into(),
        Field::Long(number) => Value::Int(*number),
        Field::Bool(truth) => Value::Bool(*truth),
        Field::Bytes(bytes) => Value::Bytes(bytes.data().to_vec().into()),
        other => panic!("{other:?}"),
    };
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_column_iter().map(|(_, field)| value(field)).collect()).collect()
}

async fn a_file_that_is_there_stays_unless_forced(stores: Stores) {
    let fixture = Fixture::new(&stores);
    fill(&fixture.url, 20).await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fills.csv");
    std::fs::write(&out, "mine").unwrap();
    let output = export(&fixture, "fills", &out, &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("is there already"), "{}", told(&output));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
    let output = export(&fixture, "fills", &out, &["--force"]).await;
    assert!(output.status.success(), "{}", told(&output));
    let fills = table("fills").unwrap();
    assert!(from_csv(fills, &out, &rows(fills, 20)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_named() {
    let fixture = Fixture::new(&Stores::sqlite());
    let folder = tempfile::tempdir().unwrap();
    let check = async |table: &str, file: &str, code: i32, part: &str| {
        let output = export(&fixture, table, &folder.path().join(file), &[]).await;
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert!(told(&output).contains(part), "{}", told(&output));
    };
    check("trades", "x.csv", 2, "'trades'").await;
    check("fills", "x.xlsx", 2, "must end with .csv or .parquet").await;
    check("fills", "x.csv", 3, "there is no store at").await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
