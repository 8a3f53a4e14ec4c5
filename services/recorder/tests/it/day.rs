//! One scripted day of one traded and one refused symbol, in the order in which the suite would publish it.

use domain::control::{Authorship, TradingStateChanged};
use domain::execution::{CloseReason, Leg, OrderState, OrderUpdated, PlanClosed, PlanExecuted};
use domain::market::NewsPublished;
use domain::ops::{ReadinessCheck, ReadinessReported};
use domain::plan::{RankedSignal, RoundClosed, Side};
use domain::risk::TradingState;
use domain::scan::{CandidatesEvaluated, CriterionName, Outcome, ScanRoundCompleted};
use domain::{ClientOrderId, Event, Meta, Micro, UnixNanos, Usd, VenueOrderId};
use testkit::build::{self, cents, session};

/// The events of the day.
pub(crate) fn events() -> Vec<Event> {
    let mut events: Vec<Event> = vec![
        build::reference("GME").into(),
        news().into(),
        readiness(true).into(),
        build::day_opened().into(),
        build::account_observed().into(),
        build::trade_batch(1, 1, &[("GME", 2_500), ("AMC", 410), ("GME", 2_550), ("GME", 2_490)]).into(),
        build::trade_batch(1, 2, &[("GME", 2_540)]).into(),
        build::signal("GME").into(),
        candidates().into(),
        scan_done().into(),
        round_closed().into(),
        build::plan_proposed("GME").into(),
        build::plan_approved("GME").into(),
        build::order_intended("GME").into(),
        build::order_updated("GME").into(),
        build::fill("GME").into(),
    ];
    events.extend(exit());
    events.push(build::halted("GME").into());
    events.push(build::error_raised("executor", "slow").into());
    events.push(TradingStateChanged { state: TradingState::NoEntry, by: by() }.into());
    events
}

/// What follows the first fill: the rest of the entry, its stop, a higher price, and the stop's fill.
fn exit() -> Vec<Event> {
    let plan = build::plan("GME");
    let at = |minute| session().at_hm(9, minute);
    let entry = OrderUpdated {
        state: OrderState::Filled,
        filled_qty: 100,
        avg_fill_price: Some(cents(2_552)),
        ts_event: at(37),
        ..build::order_updated("GME")
    };
    let rest =
        domain::execution::FillRecorded { quantity: 60, cumulative_qty: 100, ts_event: at(37), ..build::fill("GME") };
    let stop = OrderUpdated {
        client_order_id: ClientOrderId::new(&plan.plan_id, Leg::Stop, 1),
        venue_order_id: Some(VenueOrderId::from_wire("stop-1")),
        leg: Leg::Stop,
        side: Side::Sell,
        order_type: domain::execution::OrderType::Stop,
        state: OrderState::Working,
        filled_qty: 0,
        avg_fill_price: None,
        limit_price: None,
        stop_price: Some(cents(2_542)),
        ..entry.clone()
    };
    let stopped = domain::execution::FillRecorded {
        client_order_id: stop.client_order_id.clone(),
        venue_order_id: VenueOrderId::from_wire("stop-1"),
        leg: Leg::Stop,
        side: Side::Sell,
        quantity: 100,
        price: cents(2_541),
        cumulative_qty: 100,
        ts_event: at(50),
        ..build::fill("GME")
    };
    vec![
        entry.into(),
        rest.into(),
        stop.clone().into(),
        PlanExecuted {
            plan_id: plan.plan_id.clone(),
            symbol: plan.symbol.clone(),
            side: Side::Buy,
            quantity: 100,
            avg_entry_price: cents(2_552),
            stop_price: cents(2_542),
            ts_event: at(37),
        }
        .into(),
        build::trade_batch(1, 3, &[("GME", 2_562)]).into(),
        OrderUpdated {
            state: OrderState::Filled,
            filled_qty: 100,
            avg_fill_price: Some(cents(2_541)),
            ts_event: at(50),
            ..stop
        }
        .into(),
        stopped.into(),
        PlanClosed {
            plan_id: plan.plan_id,
            symbol: plan.symbol,
            session_date: session(),
            reason: CloseReason::StopLoss,
            quantity: 100,
            avg_entry_price: Some(cents(2_552)),
            avg_exit_price: Some(cents(2_541)),
            realized_pnl: Usd::from_cents(-1_100),
            fees: Usd::ZERO,
            r_multiple: Micro::from_micros(-1_100_000),
            ts_event: at(50),
        }
        .into(),
        domain::execution::AccountObserved {
            equity: Usd::from_cents(9_998_900),
            ts_event: at(51),
            ..build::account_observed()
        }
        .into(),
    ]
}

/// How many of [`events`] come before the position is closed.
pub(crate) fn until_held() -> usize {
    events()
        .iter()
        .position(|e| matches!(e, Event::OrderUpdated(o) if o.leg == Leg::Stop && o.state == OrderState::Filled))
        .unwrap()
}

/// The envelope of an event of the day; the same for the same event.
pub(crate) fn meta(n: usize, event: &Event) -> Meta {
    let mut meta = build::meta(&["day", event.name(), &n.to_string()], "script");
    meta.ts_init = session().at_hm(9, 0).plus_seconds(n as i64);
    meta
}

fn candidates() -> CandidatesEvaluated {
    let mut refused = build::candidate("AMC");
    refused.criteria[0].outcome = Outcome::Fail;
    refused.criteria[0].value = Some(Micro::from_micros(1_100_000));
    refused.refused_by = Some(CriterionName::Gap);
    refused.score = None;
    refused.score_parts.clear();
    CandidatesEvaluated {
        round: build::round(),
        partition: 1,
        chunk: 0,
        chunks: 1,
        candidates: vec![refused, build::candidate("GME")],
        inputs: vec![],
    }
}

fn scan_done() -> ScanRoundCompleted {
    ScanRoundCompleted {
        round: build::round(),
        partition: 1,
        partitions: 4,
        evaluated: 2,
        signal_ids: vec![build::signal("GME").signal_id],
    }
}

fn round_closed() -> RoundClosed {
    let plan = build::plan("GME");
    RoundClosed {
        round: build::round(),
        partitions: vec![0, 1, 2, 3],
        missing: vec![],
        ranking: vec![RankedSignal {
            rank: 1,
            signal_id: plan.signal_id.clone(),
            symbol: plan.symbol.clone(),
            score: plan.score,
            not_selected: None,
        }],
        plans: vec![plan],
        inputs: vec![],
    }
}

fn news() -> NewsPublished {
    NewsPublished {
        news_id: "finnhub:7309".into(),
        symbols: vec![build::symbol("GME")],
        headline: "A game shop surprises".into(),
        summary: String::new(),
        source: "Wire".into(),
        url: "https://example.org/7309".into(),
        published_at: session().at_hm(7, 0),
        mentions: Vec::new(),
    }
}

fn readiness(ready: bool) -> ReadinessReported {
    ReadinessReported {
        service: "planner".into(),
        instance: "planner-1".into(),
        version: "0.1.0".into(),
        ready,
        running: true,
        checks: vec![ReadinessCheck { name: "rebuilt".into(), ok: ready, detail: "caught up".into() }],
        at: UnixNanos::new(1_795_530_900_000_000_000),
    }
}

fn by() -> Authorship {
    Authorship {
        author: "ann".into(),
        reason: "lunch".into(),
        requested_at: session().at_hm(12, 0),
        request_id: "req-1".into(),
    }
}
