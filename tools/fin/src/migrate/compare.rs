//! Holds what the target has against the source.

use store::tables::{STORE, Table};
use store::{Connection, Error, On, Scan, Tx, Value, Values};

use super::progress::Progress;

/// What the target has of a table.
#[derive(Debug)]
pub(super) enum Found {
    /// The source's first rows, or none.
    Beginning(Beginning),
    /// Something else; says what comes first.
    Other(String),
}

/// How much of a table there is.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    /// The key of its last row.
    pub(super) last: Option<Values>,
    /// How many rows there are.
    pub(super) rows: u64,
}

/// Compares a table row by row, as far as the target goes.
pub(super) async fn compare(
    table: &Table,
    from: &mut Tx<'_>,
    to: &mut Connection,
    progress: &mut Progress,
) -> Result<Found, Error> {
    let (mut ours, mut theirs) = (Rows::of(table), Rows::of(table));
    let mut beginning = Beginning::default();
    progress.at(table.name);
    while let Some(there) = theirs.next(&mut *to).await? {
        if *table == STORE && is_new(&there) {
            continue;
        }
        let here = ours.next(&mut *from).await?;
        if here.as_ref() != Some(&there) {
            return Ok(Found::Other(difference(table, here.as_ref(), &there)));
        }
        beginning.rows += 1;
        beginning.last = Some(there[..table.key].to_vec());
        progress.step(1);
    }
    Ok(Found::Beginning(beginning))
}

/// Whether it is the row that comes with the tables, which says that nothing was ever written.
fn is_new(row: &[Value<'_>]) -> bool {
    row[1..].iter().all(|value| *value == Value::Int(0))
}

fn difference(table: &Table, here: Option<&Values>, there: &Values) -> String {
    let key = |row: &Values| -> String {
        let named = table.columns[..table.key].iter().zip(row).map(|((name, _), value)| match value {
            Value::Text(text) => format!("{name} `{text}`"),
            Value::Int(number) => format!("{name} {number}"),
            Value::Null | Value::Bool(_) | Value::Bytes(_) => format!("{name} {value:?}"),
        });
        named.collect::<Vec<_>>().join(", ")
    };
    match here {
        Some(here) if here[..table.key] == there[..table.key] => {
            let columns = table.columns.iter().zip(here.iter().zip(there)).filter(|(_, (a, b))| a != b);
            let names: Vec<&str> = columns.map(|((name, _), _)| *name).collect();
            format!("the row of {} has another {}", key(there), names.join(", "))
        }
        Some(here) => format!("where the source has the row of {}, the target has that of {}", key(here), key(there)),
        None => format!("the source has no row of {}", key(there)),
    }
}

/// The rows of a table, one by one.
struct Rows<'t> {
    scan: Scan<'t>,
    part: std::vec::IntoIter<Values>,
}

impl<'t> Rows<'t> {
    fn of(table: &'t Table) -> Self {
        Self { scan: Scan::new(table), part: Vec::new().into_iter() }
    }

    async fn next(&mut self, on: impl Into<On<'_>>) -> Result<Option<Values>, Error> {
        if self.part.len() == 0 {
            self.part = self.scan.part(on).await?.into_iter();
        }
        Ok(self.part.next())
    }
}

#[cfg(test)]
mod tests {
    use store::tables::PROGRESS;

    use super::*;

    #[test]
    fn a_difference_names_the_row_and_what_is_other() {
        let row = |stream: &'static str, seq| vec![Value::from(stream), Value::Int(seq)];
        let check = |here: Option<Values>, expected: &str| {
            assert_eq!(difference(&PROGRESS, here.as_ref(), &row("PLAN", 7)), expected);
        };
        check(Some(row("PLAN", 8)), "the row of stream `PLAN` has another seq");
        check(None, "the source has no row of stream `PLAN`");
        check(
            Some(row("ORDER", 7)),
            "where the source has the row of stream `ORDER`, the target has that of stream `PLAN`",
        );
    }
}
