//! Spoiled answers and updates of the broker.

use std::collections::BTreeSet;
use std::path::PathBuf;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use super::{client, parse, stream, wire};

/// Saved payloads, where `FIN_TEST_DATA` says they are.
fn saved() -> Vec<String> {
    let Some(folder) = std::env::var_os("FIN_TEST_DATA").map(PathBuf::from) else { return Vec::new() };
    let files = std::fs::read_dir(folder.join("payloads/alpaca")).unwrap();
    // In an order of their own: the seed decides which are spoiled how.
    let files: BTreeSet<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect()
}

fn corpus(own: &[String]) -> Vec<String> {
    own.iter().cloned().chain(saved()).collect()
}

fn order(legs: &str) -> String {
    format!(
        r#"{{"id":"61e69015-8549-4bfd-b9c3-01e75843f47d","client_order_id":"fa-ABCDEFGHIJKLMNOPQRSTUVWXYZ-E1","created_at":"2026-11-24T14:36:00.123456789Z","updated_at":"2026-11-24T14:36:00Z","submitted_at":"2026-11-24T14:36:00Z","symbol":"GME","qty":"60","filled_qty":"15","filled_avg_price":"21.5","order_class":"oto","order_type":"stop_limit","type":"stop_limit","side":"buy","time_in_force":"day","limit_price":"22.01","stop_price":"21.49","status":"partially_filled","extended_hours":false,"legs":{legs},"replaces":null,"replaced_by":null}}"#
    )
}

fn nested() -> String {
    order(&format!("[{}]", order("null")))
}

#[test]
fn fuzz_alpaca_trade_updates() {
    let update = |event: &str, rest: &str| {
        let order = nested();
        format!(
            r#"{{"stream":"trade_updates","data":{{"event":"{event}","timestamp":"2026-11-24T14:36:01Z",{rest}"order":{order}}}}}"#
        )
    };
    let own = [
        update("new", ""),
        update("partial_fill", r#""execution_id":"e","price":"21.5","qty":"15","position_qty":"15","#),
        r#"{"stream":"authorization","data":{"action":"authenticate","status":"authorized"}}"#.to_owned(),
        r#"{"stream":"listening","data":{"streams":["trade_updates"]}}"#.to_owned(),
    ];
    testkit::fuzz("alpaca trade_updates", &corpus(&own), |input| match stream::read(input) {
        stream::Heard::Updates(updates) => !updates.iter().any(|u| matches!(u, ports::BrokerUpdate::Malformed(_))),
        stream::Heard::Authorized | stream::Heard::Listening => true,
        stream::Heard::Refused(_) | stream::Heard::Nothing => false,
    });
}

#[test]
fn fuzz_alpaca_answers_to_orders() {
    let own = [
        nested(),
        r#"{"code":40310000,"message":"insufficient buying power","buying_power":"0.00"}"#.to_owned(),
        r#"{"code":40010001,"message":"client_order_id must be unique"}"#.to_owned(),
    ];
    testkit::fuzz("alpaca answers to orders", &corpus(&own), |input| {
        let answers = [200, 204, 400, 403, 404, 408, 422, 429, 500, 504].map(|status| {
            let status = StatusCode::from_u16(status).unwrap();
            let _ = client::failure("fuzz", status, input);
            client::answer(status, input)
        });
        matches!(answers[0], domain::execution::Answer::Found(_))
    });
}

/// True when `input` is one of the vendor's `T` and `parse` takes it.
fn reads<T: DeserializeOwned, P, E>(input: &[u8], parse: impl Fn(&T) -> Result<P, E>) -> bool {
    serde_json::from_slice::<T>(input).is_ok_and(|wire| parse(&wire).is_ok())
}

#[test]
fn fuzz_alpaca_trading_reads() {
    let own = [
        format!("[{}]", nested()),
        r#"[{"id":"20261124::e","activity_type":"FILL","transaction_time":"2026-11-24T14:36:01Z","type":"fill","price":"21.5","qty":"15","side":"buy","symbol":"GME","leaves_qty":"0","cum_qty":"15","order_id":"61e69015"}]"#.to_owned(),
        r#"[{"symbol":"BRK.B","qty":"-15","side":"short","current_price":"21.50","avg_entry_price":"21.5"}]"#.to_owned(),
        r#"{"account_number":"PA3X","status":"ACTIVE","cash":"100000","equity":"100000.5","last_equity":"1","buying_power":"4e5","long_market_value":"0","trading_blocked":false,"account_blocked":false,"trade_suspended_by_user":false,"daytrade_count":3,"pattern_day_trader":false}"#.to_owned(),
        r#"{"timestamp":"2026-11-24T09:36:00.123456789-05:00","is_open":true,"next_open":"2026-11-25T09:30:00-05:00","next_close":"2026-11-24T16:00:00-05:00"}"#.to_owned(),
        r#"[{"date":"2026-11-27","open":"09:30","close":"13:00"}]"#.to_owned(),
    ];
    testkit::fuzz("alpaca orders, fills, positions, account, clock, calendar", &corpus(&own), |input| {
        let taken = [
            reads(input, |page: &Vec<wire::Order>| page.iter().map(parse::order).collect::<Result<Vec<_>, _>>()),
            reads(input, |page: &Vec<wire::FillActivity>| page.iter().map(parse::fill).collect::<Result<Vec<_>, _>>()),
            reads(input, |page: &Vec<wire::Position>| page.iter().map(parse::position).collect::<Result<Vec<_>, _>>()),
            reads(input, |page: &Vec<wire::TradingDay>| {
                page.iter().map(parse::trading_day).collect::<Result<Vec<_>, _>>()
            }),
            reads(input, parse::account),
            reads(input, parse::clock),
        ];
        taken.contains(&true)
    });
}
