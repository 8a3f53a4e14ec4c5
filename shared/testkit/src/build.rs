//! Domain values with plausible contents; a test changes what it is about.
//!
//! Everything plays on 2026-11-24, a Tuesday on which the stock opened at $25.00, 8 % above its close of $23.15.

use domain::execution::{AccountObserved, FillRecorded, Leg, OrderIntended, OrderState, OrderType, OrderUpdated};
use domain::market::{
    ConditionScheme, DailyBar, OpeningVolume, ReferenceUpdated, SecurityType, Tape, TradeBatch, TradeColumns,
    TradingStatus, TradingStatusChanged,
};
use domain::ops::{ErrorRaised, Severity};
use domain::plan::{Entry, ExitRules, PlanProposed, Side, TradePlan};
use domain::risk::{Cap, DayOpened, PlanApproved, SizingTerm};
use domain::scan::{
    Comparison, Criterion, CriterionName, Features, ModelIdentity, Outcome, Round, ScorePart, SignalGenerated,
    TradeCandidate, Unit,
};
use domain::{
    ClientOrderId, EventId, Meta, Micro, PlanId, Price, RoundId, SessionDate, SignalId, Symbol, UnixNanos, Usd,
    VenueOrderId,
};

/// The session everything plays on.
pub fn session() -> SessionDate {
    "2026-11-24".parse().unwrap()
}

/// The symbol called `ticker`.
pub fn symbol(ticker: &str) -> Symbol {
    ticker.parse().unwrap()
}

/// Dollars per share, from cents.
pub fn cents(cents: i64) -> Price {
    Price::from_cents(cents)
}

/// The envelope of an event whose identity is `id`, made by `source`.
pub fn meta(id: &[&str], source: &str) -> Meta {
    Meta {
        id: EventId::from_parts(id),
        source: source.to_owned(),
        ts_init: session().at_hm(9, 35),
        causation: None,
        correlation: None,
        traceparent: None,
    }
}

/// The trade round at 09:35.
pub fn round() -> Round {
    Round {
        round_id: RoundId::new(session(), "trade", 9, 35),
        session_date: session(),
        schedule: "trade".to_owned(),
        due: session().at_hm(9, 35),
        config_version: "cfg-1".to_owned(),
        strategy: "orb_stocks_in_play".to_owned(),
    }
}

/// A candidate that passed.
pub fn candidate(ticker: &str) -> TradeCandidate {
    TradeCandidate {
        symbol: symbol(ticker),
        features: Features {
            last: Some(cents(2_540)),
            prev_close: Some(cents(2_315)),
            open: Some(cents(2_500)),
            gap_pct: Some(Micro::from_micros(7_991_361)),
            gap_atr: Some(Micro::from_micros(1_850_000)),
            atr_14: Some(cents(100)),
            adv_14: Some(4_200_000),
            premarket_high: Some(cents(2_560)),
            premarket_low: Some(cents(2_420)),
            premarket_volume: 640_000,
            premarket_dollar_volume: Usd::from_cents(1_587_200_000),
            or_open: Some(cents(2_500)),
            or_high: Some(cents(2_550)),
            or_low: Some(cents(2_490)),
            or_close: Some(cents(2_540)),
            or_volume: 310_000,
            rvol: Some(Micro::from_micros(3_400_000)),
            vwap: Some(cents(2_522)),
            sector: Some("Technology".to_owned()),
            ..Features::default()
        },
        criteria: vec![Criterion {
            name: CriterionName::Gap,
            value: Some(Micro::from_micros(7_991_361)),
            threshold: Micro::from_int(2),
            comparison: Comparison::AtLeast,
            outcome: Outcome::Pass,
            unit: Unit::Percent,
            source: "trades".to_owned(),
        }],
        refused_by: None,
        score: Some(Micro::from_micros(3_400_000)),
        score_parts: vec![ScorePart { name: "rvol".to_owned(), value: Micro::from_micros(3_400_000) }],
        news_ids: vec!["finnhub:7309".to_owned()],
    }
}

/// The signal of [`candidate`] in [`round`].
pub fn signal(ticker: &str) -> SignalGenerated {
    let round = round();
    let candidate = candidate(ticker);
    SignalGenerated {
        signal_id: SignalId::new(&round.round_id, &round.strategy, &candidate.symbol),
        partition: candidate.symbol.partition(4),
        round,
        candidate,
        model: Some(ModelIdentity { name: "weighted".to_owned(), version: "1".to_owned(), hash: "cfg-1".to_owned() }),
    }
}

/// A long plan: stop-limit entry at $25.51, stop $0.10 away.
pub fn plan(ticker: &str) -> TradePlan {
    let signal = signal(ticker);
    TradePlan {
        plan_id: PlanId::new(&signal.signal_id),
        signal_id: signal.signal_id,
        round: signal.round,
        symbol: signal.candidate.symbol,
        side: Side::Buy,
        rank: 1,
        score: Micro::from_micros(3_400_000),
        entry: Entry { trigger: cents(2_551), limit: cents(2_561) },
        stop_distance: cents(10),
        targets: Vec::new(),
        valid_until: session().at_hm(10, 30),
        exit_by: session().at_hm(15, 50),
        atr_14: cents(100),
        adv_14: 4_200_000,
        or_volume: 310_000,
        sector: Some("Technology".to_owned()),
        exits: ExitRules::default(),
    }
}

/// The proposal of [`plan`].
pub fn plan_proposed(ticker: &str) -> PlanProposed {
    PlanProposed { plan: plan(ticker) }
}

/// The approval of [`plan`] with 100 shares.
pub fn plan_approved(ticker: &str) -> PlanApproved {
    PlanApproved {
        plan: plan(ticker),
        account: ACCOUNT.to_owned(),
        quantity: 100,
        binding_cap: Cap::Risk,
        terms: vec![SizingTerm { cap: Cap::Risk, quantity: Some(100), detail: "$10.00 / $0.10".to_owned() }],
        risk: Usd::from_cents(1_000),
        notional: Usd::from_cents(256_100),
        equity: Usd::from_cents(10_000_000),
        decided_at: session().at_hm(9, 35),
        inputs: Vec::new(),
    }
}

/// The day's opening with $100,000.
pub fn day_opened() -> DayOpened {
    DayOpened {
        session_date: session(),
        account: ACCOUNT.to_owned(),
        start_equity: Usd::from_cents(10_000_000),
        buying_power: Usd::from_cents(20_000_000),
        observe_only: Vec::new(),
        day_trade_count: None,
        pattern_day_trader: None,
        at: session().at_hm(9, 0),
    }
}

/// The account with $100,000 and no position.
pub fn account_observed() -> AccountObserved {
    AccountObserved {
        account: ACCOUNT.to_owned(),
        session_date: session(),
        equity: Usd::from_cents(10_000_000),
        last_equity: Usd::from_cents(10_000_000),
        cash: Usd::from_cents(10_000_000),
        buying_power: Usd::from_cents(20_000_000),
        long_market_value: Usd::from_cents(0),
        tradable: true,
        day_trade_count: None,
        pattern_day_trader: None,
        calendar_conflicts: Vec::new(),
        client_order_ids: Vec::new(),
        ts_event: session().at_hm(9, 0),
    }
}

/// The entry order of [`plan_approved`], about to be sent.
pub fn order_intended(ticker: &str) -> OrderIntended {
    let plan = plan(ticker);
    OrderIntended {
        client_order_id: ClientOrderId::new(&plan.plan_id, Leg::Entry, 1),
        stop_loss: Some(plan.planned_stop()),
        plan_id: plan.plan_id,
        account: ACCOUNT.to_owned(),
        session_date: session(),
        symbol: plan.symbol,
        leg: Leg::Entry,
        attempt: 1,
        side: plan.side,
        order_type: OrderType::StopLimit,
        quantity: 100,
        limit_price: Some(plan.entry.limit),
        stop_price: Some(plan.entry.trigger),
        take_profit: None,
        reason: None,
        ts_event: session().at_hm(9, 35),
    }
}

/// The broker's word that [`order_intended`] is partly filled: 40 of 100 at $25.52.
pub fn order_updated(ticker: &str) -> OrderUpdated {
    let order = order_intended(ticker);
    OrderUpdated {
        client_order_id: order.client_order_id,
        venue_order_id: Some(VenueOrderId::from_wire(VENUE_ORDER)),
        plan_id: order.plan_id,
        symbol: order.symbol,
        leg: order.leg,
        side: order.side,
        order_type: order.order_type,
        state: OrderState::PartiallyFilled,
        quantity: order.quantity,
        filled_qty: 40,
        avg_fill_price: Some(cents(2_552)),
        limit_price: order.limit_price,
        stop_price: order.stop_price,
        reason: None,
        ts_event: session().at_hm(9, 36),
    }
}

/// The fill that [`order_updated`] tells of.
pub fn fill(ticker: &str) -> FillRecorded {
    let order = order_intended(ticker);
    FillRecorded {
        client_order_id: order.client_order_id,
        venue_order_id: VenueOrderId::from_wire(VENUE_ORDER),
        plan_id: order.plan_id,
        symbol: order.symbol,
        leg: order.leg,
        side: order.side,
        quantity: 40,
        price: cents(2_552),
        cumulative_qty: 40,
        fees: Usd::from_cents(0),
        slippage_r: Some(Micro::from_micros(100_000)),
        ts_event: session().at_hm(9, 36),
    }
}

/// Halted for news at 09:40, as Alpaca tells it.
pub fn halted(ticker: &str) -> TradingStatusChanged {
    TradingStatusChanged {
        symbol: symbol(ticker),
        status: TradingStatus::Halted,
        at: session().at_hm(9, 40),
        source: "alpaca".to_owned(),
        detail: "H Trading Halt T1 Halt News Pending".to_owned(),
    }
}

/// Fourteen flat sessions before [`session`] that closed at $23.15, and their opening volumes.
pub fn reference(ticker: &str) -> ReferenceUpdated {
    let mut dates: Vec<SessionDate> =
        std::iter::successors(Some(session().previous_day()), |d| Some(d.previous_day())).take(14).collect();
    dates.reverse();
    let bar = |date: &SessionDate| DailyBar {
        date: *date,
        open: cents(2_300),
        high: cents(2_350),
        low: cents(2_250),
        close: cents(2_315),
        volume: 4_200_000,
    };
    ReferenceUpdated {
        symbol: symbol(ticker),
        session_date: session(),
        source: "yahoo".to_owned(),
        tape: Tape::Consolidated,
        prev_close: cents(2_315),
        daily_bars: dates.iter().map(bar).collect(),
        opening_volumes: dates.iter().map(|d| OpeningVolume { date: *d, volume: 90_000 }).collect(),
        opening_minutes: 5,
        float_shares: Some(52_000_000),
        sector: Some("Technology".to_owned()),
        security_type: SecurityType::Common,
        as_of: session().at_hm(4, 0),
        actions: Vec::new(),
        second_close: None,
        float_source: None,
        session_volumes: Vec::new(),
        volume_step_minutes: 0,
        lending: None,
    }
}

/// Batch `batch_no` of `partition`: 100 shares of each of `prints`, given as ticker and cents, one a millisecond.
pub fn trade_batch(partition: u32, batch_no: u64, prints: &[(&str, i64)]) -> TradeBatch {
    let start = session().at_hm(9, 30).plus_nanos(i64::try_from(batch_no).unwrap() * 1_000_000_000);
    let mut symbols: Vec<Symbol> = Vec::new();
    let mut trades = TradeColumns::default();
    for (i, (ticker, price)) in prints.iter().enumerate() {
        let symbol = symbol(ticker);
        let at = symbols.iter().position(|s| *s == symbol).unwrap_or_else(|| {
            symbols.push(symbol);
            symbols.len() - 1
        });
        trades.symbol.push(u32::try_from(at).unwrap());
        trades.ts_event.push(start.plus_nanos(i64::try_from(i).unwrap() * 1_000_000).nanos());
        trades.price.push(cents(*price).nanos());
        trades.size.push(100);
        trades.conditions.push(0);
    }
    TradeBatch {
        source: "finnhub".to_owned(),
        tape: Tape::Simulated,
        scheme: ConditionScheme::Finnhub,
        epoch: 1,
        batch_no,
        partition,
        watermark: start.plus_seconds(1),
        ts_recv: start.plus_seconds(1),
        symbols,
        condition_sets: vec![String::new()],
        trades,
    }
}

/// A warning of `service`.
pub fn error_raised(service: &str, code: &str) -> ErrorRaised {
    ErrorRaised {
        error_id: domain::id::content_hash(&["error", service, code]),
        severity: Severity::Warning,
        service: service.to_owned(),
        code: code.to_owned(),
        message: "something a person should see".to_owned(),
        detail: String::new(),
        subject: None,
        at: UnixNanos::new(1_795_530_900_000_000_000),
    }
}

const ACCOUNT: &str = "PA0000000001";
const VENUE_ORDER: &str = "61e69015-8549-4bfd-b9c3-01e75843f47d";
