//! How many rows a table has, and their checksum.

use anyhow::ensure;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use store::tables::Table;
use store::{AssertSqlSafe, Error, On, Scan, Value, query};

use super::progress::Progress;

/// What a table amounts to.
#[derive(Debug)]
pub(super) struct Sum {
    /// Its rows.
    pub(super) rows: u64,
    /// SHA-256 of its rows in the order of their keys, lower-case hexadecimal.
    pub(super) checksum: String,
}

/// The database's own count of a table's rows.
pub(super) async fn count(table: &Table, on: impl Into<On<'_>>) -> Result<u64, Error> {
    let row = query(AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", table.name))).fetch_one(on).await?;
    Ok(row.get::<i64>(0) as u64)
}

/// Reads the whole table.
pub(super) async fn sum(table: &Table, on: impl Into<On<'_>>, progress: &mut Progress) -> anyhow::Result<Sum> {
    let (mut on, mut scan, mut hash, mut rows) = (on.into(), Scan::new(table), Sha256::new(), 0);
    progress.at(table.name);
    loop {
        let part = scan.part(on.again()).await?;
        if part.is_empty() {
            break;
        }
        part.iter().flatten().for_each(|value| add(&mut hash, value));
        rows += part.len() as u64;
        progress.step(part.len() as u64);
    }
    let counted = count(table, on).await?;
    ensure!(rows == counted, "{counted} rows, of which {rows} are found by their keys; does a key hold U+0000?");
    Ok(Sum { rows, checksum: HEXLOWER.encode(&hash.finalize()) })
}

/// A value in bytes that no other value has: what it is, how long it is where that varies, and itself.
fn add(hash: &mut Sha256, value: &Value<'_>) {
    let mut varying = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match value {
        Value::Null => hash.update([0]),
        Value::Text(text) => varying(1, text.as_bytes()),
        Value::Int(number) => {
            hash.update([2]);
            hash.update(number.to_le_bytes());
        }
        Value::Bool(truth) => hash.update([3, u8::from(*truth)]),
        Value::Bytes(bytes) => varying(4, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_anywhere_have_other_checksums() {
        let texts = |parts: &[&'static str]| parts.iter().map(|part| Value::from(*part)).collect::<Vec<_>>();
        let rows = [
            texts(&["ab", "c"]),
            texts(&["a", "bc"]),
            texts(&["abc"]),
            texts(&["", "abc"]),
            vec![Value::Null, Value::from("abc")],
            vec![Value::from(&b"abc"[..])],
            vec![Value::Int(0)],
            vec![Value::Int(-1)],
            vec![Value::Bool(false)],
            vec![Value::Bool(true)],
            vec![Value::Null],
            vec![],
        ];
        let checksum = |row: &Vec<Value<'_>>| {
            let mut hash = Sha256::new();
            row.iter().for_each(|value| add(&mut hash, value));
            HEXLOWER.encode(&hash.finalize())
        };
        let sums: std::collections::BTreeSet<String> = rows.iter().map(checksum).collect();
        assert_eq!(sums.len(), rows.len());
        // What is written down today stays true of tomorrow's programs.
        let known = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(checksum(&vec![Value::Null]), known);
    }
}
