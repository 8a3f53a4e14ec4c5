use domain::market::{
    ActionKind, ConditionScheme, CorporateAction, DailyBar, FeedGapDetected, FeedGapReason, FloatSource, Lending,
    Mention, NewsPublished, OpeningVolume, ReferenceUpdated, SecondClose, SecurityType, SessionVolumes, Tape, Trade,
    TradeBatch, TradeColumns, TradingStatus, TradingStatusChanged,
};
use domain::{Micro, UnixNanos};

use super::Source;

fn tape(s: &mut Source) -> Tape {
    s.pick(&[Tape::Consolidated, Tape::Iex, Tape::Simulated])
}

/// Trades of `symbols` symbols under `condition_sets` sets, as indexes.
pub(crate) fn prints(s: &mut Source, len: u64, symbols: u64, condition_sets: u64) -> Vec<(u32, u32, Trade)> {
    let ts_unit = 10_i64.pow(s.below(10) as u32);
    let print = |s: &mut Source| {
        let ts = (s.bits() >> (1 + s.below(63))) as i64 / ts_unit * ts_unit;
        let trade = Trade { ts_event: UnixNanos::new(ts), price: s.price(), size: s.count() };
        (s.below(symbols) as u32, s.below(condition_sets) as u32, trade)
    };
    (0..len).map(|_| print(s)).collect()
}

pub(super) fn trade_batch(s: &mut Source) -> TradeBatch {
    let condition_sets = if s.plain_values() {
        vec![String::new(), "1,12".to_owned()]
    } else {
        (0..=s.below(3)).map(|_| s.words()).collect()
    };
    let symbols: Vec<_> = (0..=s.below(5)).map(|_| s.symbol()).collect();
    let len = if s.plain_values() { 3 } else { s.below(40) };
    let mut trades = TradeColumns::default();
    for (symbol, conditions, trade) in prints(s, len, symbols.len() as u64, condition_sets.len() as u64) {
        trades.symbol.push(symbol);
        trades.conditions.push(conditions);
        trades.ts_event.push(if s.plain_values() { s.time().nanos() } else { trade.ts_event.nanos() });
        trades.price.push(trade.price.nanos());
        trades.size.push(trade.size);
    }
    TradeBatch {
        source: s.name(),
        tape: tape(s),
        scheme: s.pick(&[ConditionScheme::Finnhub, ConditionScheme::Cta, ConditionScheme::Utp, ConditionScheme::Sip]),
        epoch: s.number(),
        batch_no: s.shares(),
        partition: s.below(16) as u32,
        watermark: s.time(),
        ts_recv: s.time(),
        symbols,
        condition_sets,
        trades,
    }
}

pub(super) fn reference_updated(s: &mut Source) -> ReferenceUpdated {
    let bar = |s: &mut Source| DailyBar {
        date: s.date(),
        open: s.price(),
        high: s.price(),
        low: s.price(),
        close: s.price(),
        volume: s.number(),
    };
    ReferenceUpdated {
        symbol: s.symbol(),
        session_date: s.date(),
        source: s.name(),
        tape: tape(s),
        prev_close: s.price(),
        daily_bars: s.list(bar),
        opening_volumes: s.list(|s| OpeningVolume { date: s.date(), volume: s.number() }),
        opening_minutes: s.count(),
        float_shares: s.option(Source::number),
        sector: s.option(Source::words),
        security_type: s.pick(&[SecurityType::Common, SecurityType::Fund, SecurityType::Other, SecurityType::Unknown]),
        as_of: s.time(),
        actions: s.list(corporate_action),
        second_close: s.option(|s| SecondClose { source: s.name(), price: s.price() }),
        float_source: s.option(|s| FloatSource { source: s.name(), date: s.date() }),
        session_volumes: s.list(|s| SessionVolumes {
            date: s.date(),
            premarket: s.list(Source::number),
            regular: s.list(Source::number),
        }),
        volume_step_minutes: s.count(),
        lending: s.option(|s| Lending { shortable: s.flag(), easy_to_borrow: s.flag() }),
    }
}

fn corporate_action(s: &mut Source) -> CorporateAction {
    let kinds: [fn(&mut Source) -> ActionKind; 6] = [
        |s| ActionKind::Split { old: s.count(), new: s.count() },
        |s| ActionKind::Dividend(s.price()),
        |s| ActionKind::SpecialDividend(s.price()),
        |_| ActionKind::SymbolChange,
        |_| ActionKind::Merger,
        |_| ActionKind::SpinOff,
    ];
    CorporateAction { ex_date: s.date(), kind: s.pick(&kinds)(s), applied: s.flag() }
}

pub(super) fn news_published(s: &mut Source) -> NewsPublished {
    NewsPublished {
        news_id: s.name(),
        symbols: s.list(Source::symbol),
        headline: s.words(),
        summary: s.words(),
        source: s.words(),
        url: s.words(),
        published_at: s.time(),
        mentions: s.list(|s| Mention {
            symbol: s.symbol(),
            relevance: s.option(|s| Micro::from_micros(s.below(1_000_001) as i64)),
            sentiment: s.option(|s| Micro::from_micros(s.below(2_000_001) as i64 - 1_000_000)),
        }),
    }
}

pub(super) fn feed_gap_detected(s: &mut Source) -> FeedGapDetected {
    let (a, b) = (s.time(), s.time());
    FeedGapDetected {
        source: s.name(),
        epoch: s.number(),
        from: a.min(b),
        until: a.max(b),
        dropped_trades: s.option(Source::number),
        reason: s.pick(&[
            FeedGapReason::Disconnected,
            FeedGapReason::GatewayDown,
            FeedGapReason::SpoolFull,
            FeedGapReason::Stale,
            FeedGapReason::Incomplete,
        ]),
    }
}

pub(super) fn trading_status_changed(s: &mut Source) -> TradingStatusChanged {
    TradingStatusChanged {
        symbol: s.symbol(),
        status: s.pick(&[TradingStatus::Halted, TradingStatus::Resumed]),
        at: s.time(),
        source: s.name(),
        detail: s.words(),
    }
}
