//! Brings what the target lacks.

use store::tables::Table;
use store::{Connection, Error, Scan, Tx, Values, query, write_rows};

use super::progress::Progress;

/// Makes the target ready to be filled: until the last table is there, it has no row that says how far it has come, so that
/// nobody takes it for a store.
pub(super) async fn prepare(to: &mut Connection) -> Result<(), Error> {
    query("DELETE FROM store WHERE store_seq = 0 AND committed_at = 0").execute(&mut *to).await?;
    if matches!(to, Connection::Postgres(_)) {
        // No bus will bring again what a crash takes.
        query("SET synchronous_commit = on").execute(to).await?;
    }
    Ok(())
}

/// Copies the rows of a table that follow the one with the key `behind`, a part in a transaction.
pub(super) async fn copy(
    table: &Table,
    behind: Option<Values>,
    from: &mut Tx<'_>,
    to: &mut Connection,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut scan = Scan::behind(table, behind);
    progress.at(table.name);
    loop {
        let rows = scan.part(&mut *from).await?;
        let count = rows.len() as u64;
        if count == 0 {
            return Ok(());
        }
        let mut tx = to.begin().await?;
        write_rows(&mut tx, table, rows, "").await?;
        tx.commit().await?;
        progress.step(count);
    }
}
