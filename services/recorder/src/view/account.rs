//! The account on one day.

use domain::execution::AccountObserved;
use domain::risk::DayOpened;
use domain::{Micro, Usd};
use serde_json::json;

use super::{Row, View};

/// The account's row from its newest observation.
///
/// `day_fees` are those of the day's fills, which the broker books after the close: `day_pnl` is net of them. `day_r` is
/// the sum of the day's plans in units of what each risked; `daily_loss_pct` is the loss, in per cent of the
/// start equity, at which everything is closed. The curve is served beside the row, not in it.
pub fn account(
    observed: &AccountObserved,
    opened: Option<&DayOpened>,
    day_fees: Usd,
    day_r: Option<Micro>,
    daily_loss_pct: Option<Micro>,
) -> Row {
    let start = opened.map_or(observed.last_equity, |o| o.start_equity);
    let pnl = observed.equity.minus(start, "day P&L").and_then(|pnl| pnl.minus(day_fees, "day P&L")).ok();
    let limit = daily_loss_pct.and_then(|pct| start.scaled(pct.micros(), 100_000_000, "daily loss limit").ok());
    let used = pnl.zip(limit).and_then(|(pnl, limit)| {
        let loss = if pnl < Usd::ZERO { pnl.abs().nanos() } else { 0 };
        Micro::ratio(loss, limit.nanos(), 100)
    });
    let doc = json!({
        "account": observed.account,
        "session_date": observed.session_date,
        "equity": observed.equity,
        "start_equity": start,
        "cash": observed.cash,
        "buying_power": observed.buying_power,
        "day_pnl": pnl,
        "day_pnl_pct": pnl.and_then(|p| Micro::ratio(p.nanos(), start.nanos(), 100)),
        "day_r": day_r,
        "gross_exposure": observed.long_market_value,
        "daily_loss_limit": limit,
        "daily_stop_used_pct": used,
        "tradable": observed.tradable,
        "observe_only": opened.map(|o| &o.observe_only),
        "observed_at": observed.ts_event,
    });
    let id = format!("{}.{}", observed.account, observed.session_date);
    Row::new(View::Account, id, observed.session_date, observed.ts_event, &doc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::UnixNanos;

    #[test]
    fn loss_is_measured_against_the_start_equity_and_its_limit_after_fees() {
        let observed = AccountObserved {
            account: "A1".into(),
            session_date: "2026-11-24".parse().unwrap(),
            equity: Usd::from_cents(9_850_100),
            last_equity: Usd::from_cents(1),
            cash: Usd::ZERO,
            buying_power: Usd::ZERO,
            long_market_value: Usd::ZERO,
            tradable: true,
            day_trade_count: None,
            pattern_day_trader: None,
            calendar_conflicts: vec![],
            client_order_ids: vec![],
            ts_event: UnixNanos::new(1),
        };
        let opened = DayOpened {
            session_date: observed.session_date,
            account: "A1".into(),
            start_equity: Usd::from_cents(10_000_000),
            buying_power: Usd::ZERO,
            observe_only: vec![],
            day_trade_count: None,
            pattern_day_trader: None,
            at: UnixNanos::new(0),
        };
        let row = account(&observed, Some(&opened), Usd::from_cents(100), None, Some(Micro::from_int(3)));
        let doc: serde_json::Value = serde_json::from_str(&row.doc).unwrap();
        assert_eq!(doc["day_pnl"], "-1500.00");
        assert_eq!(doc["day_pnl_pct"], "-1.5");
        assert_eq!(doc["daily_loss_limit"], "3000.00");
        assert_eq!(doc["daily_stop_used_pct"], "50");
    }
}
