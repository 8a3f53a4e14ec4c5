//! What the recorded trading amounts to: closed trades and sessions out of the store, and the numbers of `statistics`.
//!
//! Data moves: [`Range`] says which sessions and trades → `read` finds them in the store → [`Analytics`] is what they
//! amount to. Nothing of it is kept: the store is the only source, so a report equals what the API answers.

mod document;
mod numbers;
mod range;
mod read;

use domain::UnixNanos;
use domain::calendar;
use statistics::ClosedTrade;

use crate::store::{ReadError, Reader};

pub use document::{
    Analytics, Basis, Bin, Group, LegSlippage, MinutePoint, RSpread, Returns, SessionPoint, Slippage, Trade, Trades,
};
pub use range::{Range, RangeQuery};

/// What the trades and sessions of `range` amount to, at wall time `now`.
///
/// # Errors
/// The store cannot be read. One that does not exist yet is an empty one.
pub async fn analytics(reader: &Reader, range: Range, now: UnixNanos) -> Result<Analytics, ReadError> {
    let market = reader.position().await?.unwrap_or_default().watermark.unwrap_or(now);
    let trades = closed_trades(reader, &range).await?;
    let (account, sessions) = read::sessions(reader, &range).await?;
    let minutes = match &account {
        Some(account) if range.from == range.to && !range.is_filtered() => {
            read::minutes(reader, account, range.from).await?
        }
        _ => Vec::new(),
    };
    let open_trades = read::open_trades(reader, &range).await?;
    let runs = |day| calendar::session(day).is_some_and(|session| market < session.close);
    let running = sessions.last().is_some_and(|session| runs(session.session_date));
    Ok(Analytics::of(range, numbers::Found { trades, sessions, minutes, open_trades, running }))
}

/// The trades of `range` that are over, the last to end first.
///
/// # Errors
/// The store cannot be read.
pub async fn closed_trades(reader: &Reader, range: &Range) -> Result<Vec<ClosedTrade>, ReadError> {
    let mut trades = read::closed(reader, range).await?;
    trades.retain(|trade| range.holds(trade));
    trades.sort_by(|a, b| (b.exit_at, &b.plan_id).cmp(&(a.exit_at, &a.plan_id)));
    Ok(trades)
}
