//! A table in the order of its key, part by part.

use sqlx::AssertSqlSafe;

use crate::query::{On, Value, query};
use crate::tables::Table;

/// A row: a value for each column of its table.
pub type Values = Vec<Value<'static>>;

/// Most rows of a part.
const ROWS_MAX: usize = 2_000;
/// Rows of the first part, when nothing is known of their size yet.
const ROWS_FIRST: usize = 64;
/// What a part may come to if all its rows are as large as the largest of the part before.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads a table in the order of its key, which is the same in both databases. One part at a time is in memory, so the table
/// may be of any size. Every part is a statement of its own: what shall be of one moment is read in one
/// [`snapshot`](crate::Connection::snapshot).
#[derive(Debug)]
pub struct Scan<'t> {
    table: &'t Table,
    behind: Option<Values>,
    rows_max: usize,
    ended: bool,
}

impl<'t> Scan<'t> {
    /// From the table's first row.
    pub const fn new(table: &'t Table) -> Self {
        Self::behind(table, None)
    }

    /// From the row that follows the one with this key, or from the first.
    pub const fn behind(table: &'t Table, key: Option<Values>) -> Self {
        Self { table, behind: key, rows_max: ROWS_FIRST, ended: false }
    }

    /// The next rows; none when there are no more.
    ///
    /// # Errors
    /// The database refuses, the connection is lost, or a column holds something else than it should.
    pub async fn part(&mut self, on: impl Into<On<'_>>) -> Result<Vec<Values>, sqlx::Error> {
        if self.ended {
            return Ok(Vec::new());
        }
        let mut statement = query(AssertSqlSafe(self.statement()));
        for value in self.behind.iter().flatten() {
            statement = statement.bind(value.clone());
        }
        let found = statement.bind(self.rows_max as i64).fetch_all(on).await?;
        self.ended = found.len() < self.rows_max;
        let columns = self.table.columns;
        let values =
            |row: &crate::Row| columns.iter().enumerate().map(|(at, (_, kind))| row.value(at, *kind)).collect();
        let rows: Vec<Values> = found.iter().map(values).collect::<Result<_, _>>()?;
        if let Some(last) = rows.last() {
            self.behind = Some(last[..self.table.key].to_vec());
        }
        let largest = rows.iter().map(|row| row.iter().map(size).sum::<usize>()).max().unwrap_or(0);
        self.rows_max = (BYTES_MAX / largest.max(1)).clamp(1, ROWS_MAX.min(self.rows_max * 4));
        Ok(rows)
    }

    fn statement(&self) -> String {
        let (table, keys) = (self.table, self.table.key_names());
        let known = if self.behind.is_some() { table.key } else { 0 };
        let places: Vec<String> = (1..=known).map(|place| format!("${place}")).collect();
        let from = if known == 0 { String::new() } else { format!("WHERE ({keys}) > ({})", places.join(", ")) };
        format!("SELECT {} FROM {} {from} ORDER BY {keys} LIMIT ${}", table.names(), table.name, known + 1)
    }
}

/// About what a value takes in memory, bytes.
fn size(value: &Value<'_>) -> usize {
    const ITSELF: usize = size_of::<Value<'_>>();
    match value {
        Value::Null | Value::Int(_) | Value::Bool(_) => ITSELF,
        Value::Text(text) => ITSELF + text.len(),
        Value::Bytes(bytes) => ITSELF + bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{BARS, PROGRESS};

    #[test]
    fn a_part_begins_behind_the_whole_key() {
        let check = |scan: Scan<'_>, expected: &str| assert_eq!(scan.statement(), expected);
        check(Scan::new(&PROGRESS), "SELECT stream, seq FROM progress  ORDER BY stream LIMIT $1");
        let key = vec!["GME".into(), Value::Int(7)];
        let bars = Scan::behind(&BARS, Some(key)).statement();
        assert!(bars.contains("WHERE (symbol, start) > ($1, $2) ORDER BY symbol, start LIMIT $3"), "{bars}");
    }
}
