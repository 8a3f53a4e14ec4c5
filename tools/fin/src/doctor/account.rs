//! The broker's key, and whether the account behind it may and should trade.

use std::str::FromStr as _;

use domain::Usd;
use serde_json::Value;

use super::Checked;
use super::finding::{Complaint, Finding};
use super::probe::{Call, Probe};
use super::site::Site;
use super::vendors::{judged, missing};

const KEY: &str = "vendors.alpaca.key_file";
/// Equity below which an account that the broker flags as a pattern day trader may not day-trade.
const PATTERN_EQUITY_MIN: i64 = 25_000;

pub(super) async fn check(probe: &Probe, site: &Site) -> Checked {
    let (key, secret) = match &site.keys.alpaca {
        Ok(keys) => keys,
        Err(error) => {
            let mut checked = missing("alpaca", error);
            checked.findings.push(unseen());
            return checked;
        }
    };
    let base = site.settings().vendors.alpaca.rest_url.trim_end_matches('/');
    let call = |path: &str| Call {
        address_key: "vendors.alpaca.rest_url",
        url: format!("{base}/v2/{path}"),
        query: Vec::new(),
        headers: vec![("apca-api-key-id", key), ("apca-api-secret-key", secret)],
    };
    let (account, settings) = (call("account"), call("account/configurations"));
    let (outcome, settings) = tokio::join!(probe.get(&account), probe.get(&settings));
    let parsed = |answer: Option<&str>| serde_json::from_str::<Value>(answer?).ok();
    let fields = parsed(outcome.as_ref().ok().filter(|answer| answer.status == 200).map(|answer| answer.body.as_str()));
    let settings = parsed(settings.ok().filter(|answer| answer.status == 200).map(|answer| answer.body).as_deref());
    let mut checked = judged("alpaca", outcome, KEY, |_| Ok("the key is accepted".to_owned()));
    if let Some(fields) = fields {
        let expected = site.executor.account_number.as_deref();
        let gross_cap = site.loaded.strategy().ok().map(|strategy| strategy.risk.gross_cap.to_string());
        checked.findings.push(judge(&fields, settings.as_ref(), expected, gross_cap.as_deref()));
    } else {
        checked.findings.push(unseen());
    }
    checked
}

fn unseen() -> Finding {
    Finding::fail("account", "not looked at", "make the broker answer first")
}

/// What `account` and `settings`, as the broker writes them, mean for an account that should be `expected`.
fn judge(account: &Value, settings: Option<&Value>, expected: Option<&str>, gross_cap: Option<&str>) -> Finding {
    let text = |field: &str| match account.get(field) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let is_set = |object: &Value, field: &str| object.get(field).and_then(Value::as_bool) == Some(true);
    let mut complaints = Vec::new();
    let number = text("account_number").unwrap_or_default();
    if let Some(expected) = expected.filter(|expected| *expected != number) {
        complaints.push(Complaint::fail(
            format!("the key opens account {number}, configured is {expected}"),
            format!("use the key of {expected}, or set `executor.account_number` to the account that may be traded"),
        ));
    }
    let status = text("status").unwrap_or_default();
    if status != "ACTIVE" {
        let fix = "finish or clear the account's state at the broker";
        complaints.push(Complaint::fail(format!("status is {status}, not ACTIVE"), fix));
    }
    for flag in ["account_blocked", "trading_blocked"].into_iter().filter(|flag| is_set(account, flag)) {
        complaints.push(Complaint::fail(format!("{flag} is set"), "ask the broker why: only it can lift this"));
    }
    if is_set(account, "trade_suspended_by_user") || settings.is_some_and(|s| is_set(s, "suspend_trade")) {
        let fix = "set suspend_trade to false: PATCH /v2/account/configurations, or the broker's page";
        complaints.push(Complaint::fail("trading is suspended by its owner", fix));
    }
    let equity = text("equity").and_then(|equity| Usd::from_str(&equity).ok());
    let below = |dollars: i64| equity.is_some_and(|equity| equity.nanos() < dollars * 1_000_000_000);
    if equity.is_none_or(|equity| equity.nanos() <= 0) {
        let shown = text("equity").unwrap_or_else(|| "missing".to_owned());
        complaints.push(Complaint::fail(format!("equity is {shown}"), "put money into the account"));
    }
    if is_set(account, "pattern_day_trader") && below(PATTERN_EQUITY_MIN) {
        complaints.push(Complaint::warn(
            format!("flagged as pattern day trader with less than {PATTERN_EQUITY_MIN} USD"),
            "raise the equity, or expect the broker to refuse day trades",
        ));
    }
    let multiplier = text("multiplier");
    let parsed = |text: Option<&str>| text?.parse::<f64>().ok();
    if let (Some(margin), Some(wanted)) = (parsed(multiplier.as_deref()), parsed(gross_cap))
        && margin < wanted
    {
        complaints.push(Complaint::warn(
            format!("margin multiplier {margin} is below the strategy's risk.gross_cap of {wanted}"),
            "lower `risk.gross_cap` in strategy.yaml, or have the broker raise the account's margin",
        ));
    }
    let shown = |field: &str| text(field).unwrap_or_else(|| "?".to_owned());
    let detail = format!(
        "{number} {status}, equity {}, buying power {}, multiplier {}",
        shown("equity"),
        shown("buying_power"),
        multiplier.as_deref().unwrap_or("?")
    );
    Finding::new("account", detail, complaints)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Status;
    use super::*;

    #[test]
    fn each_flag_is_found_and_absent_ones_are_not_missed() {
        let good = json!({
            "account_number": "PA1", "status": "ACTIVE", "equity": "30000.5", "buying_power": "120000",
            "multiplier": "4", "trading_blocked": false,
        });
        let check = |change: Value, settings: Value, status: Status, part: &str| {
            let mut account = good.clone();
            account.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let found = judge(&account, Some(&settings), Some("PA1"), Some("2.0"));
            assert_eq!(found.status, status, "{found:?}");
            assert!(found.detail.contains(part), "{found:?}");
            assert_eq!(found.fix.is_empty(), status == Status::Ok, "{found:?}");
        };
        check(json!({}), json!({}), Status::Ok, "PA1 ACTIVE, equity 30000.5");
        check(json!({"account_number": "PA2"}), json!({}), Status::Fail, "opens account PA2, configured is PA1");
        check(json!({"status": "ONBOARDING"}), json!({}), Status::Fail, "ONBOARDING");
        check(json!({"account_blocked": true}), json!({}), Status::Fail, "account_blocked");
        check(json!({"trading_blocked": true}), json!({}), Status::Fail, "trading_blocked");
        check(json!({"trade_suspended_by_user": true}), json!({}), Status::Fail, "suspended");
        check(json!({}), json!({"suspend_trade": true}), Status::Fail, "suspended");
        check(json!({"equity": "0"}), json!({}), Status::Fail, "equity is 0");
        check(json!({"equity": 24999, "pattern_day_trader": true}), json!({}), Status::Warn, "pattern day trader");
        check(json!({"multiplier": "1"}), json!({}), Status::Warn, "risk.gross_cap of 2");
    }
}
