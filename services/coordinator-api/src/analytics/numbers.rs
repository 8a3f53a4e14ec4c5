//! From what was found to what is answered.

use std::collections::BTreeMap;

use domain::{Micro, SessionDate, UnixNanos, Usd, calendar};
use statistics::{ClosedTrade, SessionResult, TradeStatistics, drawdowns};

use super::Range;
use super::document::{
    Analytics, Basis, Bin, Group, LegSlippage, MinutePoint, RSpread, Returns, SessionPoint, Slippage, Trade, Trades,
};

/// What the store has of a range.
pub(super) struct Found {
    pub(super) trades: Vec<ClosedTrade>,
    pub(super) sessions: Vec<SessionResult>,
    pub(super) minutes: Vec<(UnixNanos, Usd)>,
    pub(super) open_trades: i64,
    pub(super) running: bool,
}

impl Analytics {
    pub(super) fn of(range: Range, found: Found) -> Self {
        let mut by_session: BTreeMap<SessionDate, Vec<&ClosedTrade>> = BTreeMap::new();
        for trade in &found.trades {
            by_session.entry(trade.session_date).or_default().push(trade);
        }
        let basis = if range.is_filtered() { Basis::Trades } else { Basis::Account };
        let traded = |day: SessionDate| by_session.get(&day).map_or(&[][..], Vec::as_slice);
        let of_trades = |session: &SessionResult| {
            let pnl = traded(session.session_date).iter().map(|t| t.pnl).fold(Usd::ZERO, added);
            SessionResult { end_equity: added(session.start_equity, pnl), ..*session }
        };
        let results: Vec<SessionResult> = match basis {
            Basis::Account => found.sessions,
            Basis::Trades => found.sessions.iter().map(of_trades).collect(),
        };
        let returns: Vec<f64> = results.iter().map(SessionResult::simple_return).collect();
        let mut so_far = Usd::ZERO;
        let point = |(session, (change, drawdown)): (&SessionResult, (&f64, f64))| {
            so_far = added(so_far, session.pnl());
            SessionPoint {
                session_date: session.session_date,
                start_equity: session.start_equity,
                end_equity: session.end_equity,
                pnl: session.pnl(),
                cumulative_pnl: so_far,
                return_pct: per_cent(*change),
                drawdown_pct: per_cent(drawdown),
                trades: traded(session.session_date).len(),
            }
        };
        let sessions: Vec<SessionPoint> =
            results.iter().zip(returns.iter().zip(drawdowns(&returns))).map(point).collect();
        Self {
            from: range.from,
            to: range.to,
            strategy: range.strategy,
            symbol: range.symbol,
            basis,
            running: found.running,
            open_trades: found.open_trades,
            missing_sessions: missing(&results),
            returns: Returns::of(&statistics::Returns::of(&returns), so_far),
            trades: TradeStatistics::of(&found.trades).into(),
            minutes: minutes(results.first(), &found.minutes),
            sessions,
        }
    }
}

/// Sessions of the exchange between the first and the last of `results` that are not among them.
fn missing(results: &[SessionResult]) -> Vec<SessionDate> {
    let (Some(first), Some(last)) = (results.first(), results.last()) else { return Vec::new() };
    let mut known = results.iter().map(|session| session.session_date).peekable();
    std::iter::successors(Some(first.session_date), |day| Some(day.next_day()))
        .take_while(|day| *day <= last.session_date)
        .filter(|day| known.next_if_eq(day).is_none() && calendar::session(*day).is_some())
        .collect()
}

fn minutes(session: Option<&SessionResult>, points: &[(UnixNanos, Usd)]) -> Vec<MinutePoint> {
    let Some(session) = session else { return Vec::new() };
    let mut peak = session.start_equity;
    let point = |(at, equity): &(UnixNanos, Usd)| {
        peak = peak.max(*equity);
        MinutePoint {
            at: *at,
            equity: *equity,
            drawdown_pct: Micro::ratio(equity.nanos().saturating_sub(peak.nanos()), peak.nanos(), 100),
        }
    };
    points.iter().map(point).collect()
}

fn added(a: Usd, b: Usd) -> Usd {
    Usd::from_nanos(a.nanos().saturating_add(b.nanos()))
}

fn per_cent(fraction: f64) -> Option<Micro> {
    Micro::from_f64(fraction * 100.0)
}

fn decimal(value: Option<f64>) -> Option<Micro> {
    value.and_then(Micro::from_f64)
}

/// A sum or mean of values that are in range.
fn held(value: f64) -> Micro {
    Micro::from_f64(value).unwrap_or(Micro::from_micros(if value < 0.0 { i64::MIN } else { i64::MAX }))
}

impl Returns {
    fn of(of: &statistics::Returns, pnl: Usd) -> Self {
        let known = |fraction: f64| per_cent(fraction).filter(|_| of.sessions > 0);
        Self {
            sessions: of.sessions,
            pnl,
            total_return_pct: known(of.total_return),
            cagr_pct: of.cagr.and_then(per_cent),
            annual_volatility_pct: of.annual_volatility.and_then(per_cent),
            sharpe: decimal(of.sharpe),
            sortino: decimal(of.sortino),
            calmar: decimal(of.calmar),
            max_drawdown_pct: known(of.max_drawdown),
        }
    }
}

impl From<TradeStatistics> for Trades {
    fn from(of: TradeStatistics) -> Self {
        let groups = |groups: Vec<statistics::Group>| groups.into_iter().map(Group::from).collect();
        let bin = |bin: statistics::Bin| Bin { from: decimal(bin.from), to: decimal(bin.to), trades: bin.trades };
        Self {
            count: of.trades,
            wins: of.wins,
            win_rate_pct: of.win_rate.and_then(per_cent),
            net_pnl: of.net_pnl,
            fees: of.fees,
            profit_factor: decimal(of.profit_factor),
            expectancy: of.expectancy_usd,
            expectancy_r: decimal(of.expectancy_r),
            win_r: decimal(of.win_r),
            loss_r: decimal(of.loss_r),
            r: of.r.map(|r| RSpread {
                deviation: decimal(r.deviation),
                min: held(r.min),
                p25: held(r.p25),
                median: held(r.median),
                p75: held(r.p75),
                max: held(r.max),
            }),
            histogram: of.histogram.into_iter().map(bin).collect(),
            slippage: of.slippage.into(),
            by_symbol: groups(of.by_symbol),
            by_hour: groups(of.by_hour),
            by_gap: groups(of.by_gap),
            by_catalyst: groups(of.by_catalyst),
        }
    }
}

impl From<statistics::Slippage> for Slippage {
    fn from(of: statistics::Slippage) -> Self {
        let leg = |leg: statistics::LegSlippage| LegSlippage {
            leg: leg.leg.to_owned(),
            trades: leg.trades,
            mean_r: decimal(leg.mean_r),
            worst_r: decimal(leg.worst_r),
            total_r: held(leg.total_r),
        };
        Self {
            mean_r: decimal(of.mean_r),
            worst_r: decimal(of.worst_r),
            total_r: held(of.total_r),
            total: of.total_usd,
            by_leg: of.by_leg.into_iter().map(leg).collect(),
        }
    }
}

impl From<statistics::Group> for Group {
    fn from(of: statistics::Group) -> Self {
        Self {
            key: of.key,
            trades: of.trades,
            wins: of.wins,
            win_rate_pct: held(of.win_rate * 100.0),
            pnl: of.pnl,
            profit_factor: decimal(of.profit_factor),
            expectancy_r: held(of.expectancy_r),
            total_r: held(of.total_r),
            slippage_r: held(of.slippage_r),
        }
    }
}

impl From<ClosedTrade> for Trade {
    fn from(of: ClosedTrade) -> Self {
        Self {
            plan_id: of.plan_id,
            symbol: of.symbol,
            side: of.side,
            session_date: of.session_date,
            strategy: of.strategy,
            strategy_version: of.strategy_version,
            quantity: of.quantity,
            entry_at: of.entry_at,
            avg_entry_price: of.entry,
            exit_at: of.exit_at,
            avg_exit_price: of.exit,
            stop_distance: of.stop_distance,
            pnl: of.pnl,
            fees: of.fees,
            r_multiple: of.r,
            closed_reason: of.reason,
            gap_pct: of.gap_pct,
            catalyst: of.catalyst,
            slippage_r: of.slippage_r,
            entry_slippage_r: of.entry_slippage_r,
            stop_slippage_r: of.stop_slippage_r,
            slippage: of.slippage,
        }
    }
}
