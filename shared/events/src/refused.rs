//! Bad values in otherwise good events: each is refused by name.

use std::fs;

use domain::control::TradingStateChanged;
use domain::execution::{FillRecorded, OrderIntended, OrderUpdated};
use domain::market::{FeedGapDetected, ReferenceUpdated};
use domain::plan::{PlanProposed, RoundClosed};
use domain::risk::{PlanApproved, PlanDenied};
use domain::scan::{CandidatesEvaluated, SignalGenerated};
use prost::Message;

use crate::fields::Wire;
use crate::{decode, wire};

fn golden<M: Message + Default>(name: &str) -> M {
    let path = format!("{}/../../proto/golden/{name}.bin", env!("CARGO_MANIFEST_DIR"));
    M::decode(fs::read(path).unwrap().as_slice()).unwrap()
}

fn refuse(name: &str, wire: &impl Message, expected: &str) {
    let error = decode(&format!("finagent.{name}"), &wire.encode_to_vec()).unwrap_err();
    assert_eq!(error.to_string(), format!("{name}: {expected}"));
}

fn check<T: Wire>(spoil: impl FnOnce(&mut T::Message), expected: &str) {
    check_file::<T>(T::NAME, spoil, expected);
}

fn check_file<T: Wire>(file: &str, spoil: impl FnOnce(&mut T::Message), expected: &str) {
    let mut wire = golden::<T::Message>(file);
    spoil(&mut wire);
    refuse(T::NAME, &wire, expected);
}

#[test]
fn prices_and_quantities_that_are_not_positive_are_refused() {
    let price = "expected a positive price in 1e-9 USD";
    check::<ReferenceUpdated>(|w| w.prev_close = 0, &format!("prev_close is 0, {price}"));
    check::<ReferenceUpdated>(|w| w.daily_bars[1].low = -5, &format!("daily_bars[1].low is -5, {price}"));
    check::<OrderIntended>(|w| w.stop_loss = Some(0), &format!("stop_loss is 0, {price}"));
    check::<PlanProposed>(
        |w| w.plan.as_mut().unwrap().entry.as_mut().unwrap().trigger = -1,
        &format!("plan.entry.trigger is -1, {price}"),
    );
    check::<RoundClosed>(
        |w| w.plans[1].targets[0].distance = 0,
        &format!("plans[1].targets[0].distance is 0, {price}"),
    );
    check::<PlanApproved>(|w| w.quantity = 0, "quantity is 0, expected a positive number of shares");
    check::<PlanApproved>(|w| w.risk = -7, "risk is -7, expected a positive amount in 1e-9 USD");
}

#[test]
fn values_that_no_version_knows_are_refused() {
    check::<OrderUpdated>(|w| w.side = 0, "side is 0, expected one of Buy, Sell");
    check::<OrderUpdated>(|w| w.leg = 9, "leg is 9, expected one of Entry, Stop, Target, Exit");
    check::<TradingStateChanged>(
        |w| w.state = -1,
        "state is -1, expected one of Normal, NoEntry, Reduce, Flatten, Halt",
    );
    check_file::<PlanDenied>(
        "risk.v1.PlanDenied.missing",
        |w| w.reason.as_mut().unwrap().kind = None,
        "reason.kind is None, expected one of the reasons",
    );
}

#[test]
fn parts_that_are_missing_or_empty_are_refused() {
    check::<SignalGenerated>(|w| w.round = None, "round is None, expected scan.v1.Round");
    check::<PlanProposed>(
        |w| w.plan.as_mut().unwrap().round.as_mut().unwrap().strategy.clear(),
        "plan.round.strategy is \"\", expected a text that is not empty",
    );
    check::<SignalGenerated>(
        |w| w.candidate.as_mut().unwrap().symbol = "gme".to_owned(),
        "candidate.symbol is \"gme\", expected a symbol: 1 to 16 of A-Z, 0-9, dot, dash and slash",
    );
}

#[test]
fn numbers_out_of_their_range_are_refused() {
    check::<CandidatesEvaluated>(
        |w| w.chunk = w.chunks,
        &format!("chunk is {0}, expected a number from 0, below their count", {
            golden::<wire::scan::v1::CandidatesEvaluated>("scan.v1.CandidatesEvaluated").chunks
        }),
    );
    check::<ReferenceUpdated>(
        |w| w.session_date = i32::MAX,
        "session_date is 2147483647, expected a date from 1679 to 2260 in days since 1970-01-01",
    );
    check::<FeedGapDetected>(|w| (w.from, w.until) = (2, 1), "until is 1, expected an instant not before `from`");
    check::<FillRecorded>(
        |w| (w.quantity, w.cumulative_qty) = (5, 4),
        "cumulative_qty is 4, expected at least the quantity of this fill",
    );
    check::<OrderIntended>(|w| w.attempt = 0, "attempt is 0, expected a number from 1");
}

#[test]
fn corporate_actions_without_their_numbers_are_refused() {
    let action = |kind, old: Option<u32>, cash: Option<i64>| wire::market::v1::CorporateAction {
        ex_date: 20_781,
        kind,
        applied: false,
        old_shares: old,
        new_shares: Some(1),
        cash,
    };
    let check = |action: wire::market::v1::CorporateAction, expected: &str| {
        check_file::<ReferenceUpdated>(
            "market.v1.ReferenceUpdated.with_actions",
            |w| w.actions = vec![action],
            &format!("actions[0].{expected}"),
        );
    };
    let kinds = "expected one of Split, Dividend, SpecialDividend, SymbolChange, Merger, SpinOff";
    check(action(0, None, None), &format!("kind is 0, {kinds}"));
    check(action(7, None, None), &format!("kind is 7, {kinds}"));
    check(action(1, None, None), "old_shares is 0, expected a number from 1");
    check(action(2, None, None), "cash is 0, expected a positive price in 1e-9 USD");
    check(action(3, None, Some(-1)), "cash is -1, expected a positive price in 1e-9 USD");
    check_file::<ReferenceUpdated>(
        "market.v1.ReferenceUpdated.with_actions",
        |w| w.volume_step_minutes = 0,
        "volume_step_minutes is 0, expected a number from 1, where there are session_volumes",
    );
}

fn check_batch(spoil: impl FnOnce(&mut wire::market::v1::TradeBatch), expected: &str) {
    let mut wire = wire::market::v1::TradeBatch {
        source: "finnhub".to_owned(),
        tape: 1,
        scheme: 1,
        batch_no: 1,
        count: 2,
        price_exponent: 7,
        ts_exponent: 6,
        symbols: vec!["GME".to_owned(), "AMC".to_owned()],
        condition_sets: vec![String::new()],
        symbol_index: vec![0, 1],
        price_delta: vec![1_234, 500],
        ts_delta: vec![1_795_530_600_000, -3],
        size: vec![100, 1],
        ..Default::default()
    };
    decode("finagent.market.v1.TradeBatch", &wire.encode_to_vec()).unwrap();
    spoil(&mut wire);
    refuse("market.v1.TradeBatch", &wire, expected);
}

#[test]
fn batches_whose_columns_do_not_fit_are_refused() {
    check_batch(|w| w.count = u32::MAX, "price_delta is 2 values, expected as many values as `count` says");
    check_batch(|w| w.size = vec![1], "size is 1 values, expected as many values as `count` says");
    check_batch(|w| w.symbol_index = vec![0], "symbol_index is 1 values, expected as many values as `count` says");
    check_batch(|w| w.symbol_index = vec![0, 2], "symbol_index[1] is Some(2), expected an index into `symbols`");
    check_batch(
        |w| w.condition_index = vec![1, 0],
        "condition_index[0] is Some(1), expected an index into `condition_sets`",
    );
    check_batch(|w| w.symbols.clear(), "symbols is 0, expected a symbol for the trades");
    check_batch(
        |w| w.symbols[1].clear(),
        "symbols[1] is \"\", expected a symbol: 1 to 16 of A-Z, 0-9, dot, dash and slash",
    );
}

#[test]
fn batches_with_bad_trades_are_refused() {
    let price = "expected a sum that is a positive price in 1e-9 USD";
    check_batch(|w| w.price_delta[1] = -500, &format!("price_delta[1] is -500, {price}"));
    check_batch(|w| w.price_delta[0] = i64::MAX, &format!("price_delta[0] is {}, {price}", i64::MAX));
    check_batch(|w| w.ts_delta[0] = 2, "ts_delta[1] is -1, expected a sum that is a time from 1970 in nanoseconds");
    check_batch(|w| w.size[1] = 0, "size[1] is Some(0), expected a positive number of shares");
    check_batch(|w| w.price_exponent = 10, "price_exponent is 10, expected 0 to 9");
    check_batch(|w| w.batch_no = 0, "batch_no is 0, expected a number from 1");
    check_batch(|w| w.tape = 0, "tape is 0, expected one of Consolidated, Iex, Simulated");
}
