//! Each vendor's key, by the cheapest call that needs it.

use chassis::Fault;
use domain::market::Tape;
use ingest_gateway::config::Vendor;
use serde_json::Value;

use super::Checked;
use super::finding::{Complaint, Finding, Status};
use super::probe::{Answer, Call, Probe};
use super::site::Site;

/// Traded for longer than any of these vendors has existed.
const SYMBOL: &str = "SPY";

pub(super) async fn finnhub(probe: &Probe, site: &Site) -> Checked {
    let token = match &site.keys.finnhub {
        Ok(token) => token,
        Err(error) => return missing("finnhub", error),
    };
    let base = site.settings().vendors.finnhub.rest_url.trim_end_matches('/').trim_end_matches("/api/v1");
    let call = Call {
        address_key: "vendors.finnhub.rest_url",
        url: format!("{base}/api/v1/stock/market-status"),
        query: vec![("exchange", "US")],
        headers: vec![("x-finnhub-token", token)],
    };
    let detail = "the key is accepted (market status, one call)";
    judged("finnhub", probe.get(&call).await, "vendors.finnhub.token_file", |answer| expect(answer, "exchange", detail))
}

/// Without a key, and without any promise: only a second opinion.
pub(super) async fn yahoo(probe: &Probe, site: &Site) -> Checked {
    if !site.gateway.sources.names(Vendor::Yahoo) {
        return Finding::ok("yahoo", "no source names it").into();
    }
    let base = site.settings().vendors.yahoo.rest_url.trim_end_matches('/');
    let call = Call {
        address_key: "vendors.yahoo.rest_url",
        url: format!("{base}/v8/finance/chart/{SYMBOL}"),
        query: vec![("interval", "1d"), ("range", "1d")],
        headers: Vec::new(),
    };
    let outcome = probe.get(&call).await;
    let refuses = |answer: &&Answer| matches!(answer.status, 401 | 403 | 429);
    if let Some(answer) = outcome.as_ref().ok().filter(refuses) {
        let detail = format!("it refuses this address for now, HTTP {}: {}", answer.status, answer.excerpt());
        let fix = "it clears by itself; put alpaca before yahoo in `gateway.sources`";
        return Finding::new("yahoo", "", vec![Complaint::warn(detail, fix)]).into();
    }
    // A symbol that it does not know is refused in its own words, which is an answer too.
    let known = outcome.map(|answer| match answer.status {
        404 if answer.body.contains("\"chart\"") => Answer { status: 200, ..answer },
        _ => answer,
    });
    stands_in(judged("yahoo", known, "vendors.yahoo.rest_url", |answer| {
        expect(answer, "chart", "it answers (one chart)")
    }))
}

/// Every call counts against 25 a day: there is none that is free.
pub(super) async fn alphavantage(probe: &Probe, site: &Site) -> Checked {
    let key = match &site.keys.alphavantage {
        None => return Finding::ok("alphavantage", "no key: it is left out of the sources that name it").into(),
        Some(Err(error)) => return missing("alphavantage", error),
        Some(Ok(key)) => key,
    };
    let base = site.settings().vendors.alphavantage.rest_url.trim_end_matches('/').trim_end_matches("/query");
    let call = Call {
        address_key: "vendors.alphavantage.rest_url",
        url: format!("{base}/query"),
        query: vec![("function", "GLOBAL_QUOTE"), ("symbol", SYMBOL), ("apikey", key)],
        headers: Vec::new(),
    };
    let key = "vendors.alphavantage.key_file";
    stands_in(judged("alphavantage", probe.get(&call).await, key, |answer| match refusal(&answer.body) {
        None => expect(answer, "Global Quote", "the key is accepted (one call, of usually 25 a day)"),
        Some(("Error Message", words)) => Err(Complaint::fail(
            format!("the key is refused: {words}"),
            format!("put a valid key where `{key}` points"),
        )),
        Some((_, words)) => Err(Complaint::warn(
            format!("it gives no data: {words}"),
            "if the day's calls are used up, wait until tomorrow or take a larger plan",
        )),
    }))
}

/// The suite trades without this vendor, which stands in for others and confirms their closes.
fn stands_in(mut checked: Checked) -> Checked {
    for finding in &mut checked.findings {
        finding.status = finding.status.min(Status::Warn);
    }
    checked
}

pub(super) async fn alpaca_data(probe: &Probe, site: &Site) -> Checked {
    if !site.gateway.sources.names(Vendor::Alpaca) {
        return Finding::ok("alpaca_data", "no source names it").into();
    }
    let (key, secret) = match &site.keys.alpaca {
        Ok(keys) => keys,
        Err(error) => return missing("alpaca_data", error),
    };
    let feed = match site.gateway.tape {
        Tape::Consolidated => Some("sip"),
        Tape::Iex => Some("iex"),
        Tape::Simulated => None,
    };
    let base = site.settings().vendors.alpaca.data_url().trim_end_matches('/');
    let call = Call {
        address_key: "vendors.alpaca.data_url",
        url: format!("{base}/v2/stocks/quotes/latest"),
        query: std::iter::once(("symbols", SYMBOL)).chain(feed.map(|feed| ("feed", feed))).collect(),
        headers: vec![("apca-api-key-id", key), ("apca-api-secret-key", secret)],
    };
    let outcome = probe.get(&call).await;
    if let Some(answer) = outcome.as_ref().ok().filter(|answer| answer.status == 403 && feed == Some("sip")) {
        let detail = format!("no consolidated quotes for this key, HTTP 403: {}", answer.excerpt());
        let fix = "set `gateway.tape: iex`, or subscribe to Alpaca's SIP data";
        return Finding::fail("alpaca_data", detail, fix).into();
    }
    let detail =
        format!("the key is accepted (latest quote{})", feed.map(|feed| format!(", feed {feed}")).unwrap_or_default());
    judged("alpaca_data", outcome, "vendors.alpaca.key_file", |answer| expect(answer, "quotes", &detail))
}

/// A key that is needed and not given, or not readable.
pub(super) fn missing(name: &'static str, fault: &Fault) -> Checked {
    let fix = "put the key into a file of its own and name it in the environment, as docs/getting-started.md shows";
    Finding::fail(name, format!("`{}` {}", fault.key, fault.problem), fix).into()
}

/// `key` names what opens the door; `read` says what a good answer is worth, or what is wrong with it.
pub(super) fn judged(
    name: &'static str,
    outcome: Result<Answer, Complaint>,
    key: &str,
    read: impl Fn(&Answer) -> Result<String, Complaint>,
) -> Checked {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(complaint) => return Finding::new(name, "", vec![complaint]).into(),
    };
    let finding = match answer.complaint(key).map_or_else(|| read(&answer), Err) {
        Ok(detail) => Finding::ok(name, detail),
        Err(complaint) => Finding::new(name, "", vec![complaint]),
    };
    Checked { findings: vec![finding], answer: Some((name, answer)) }
}

/// `detail` when the body is an object with `field`.
fn expect(answer: &Answer, field: &str, detail: &str) -> Result<String, Complaint> {
    let body: Option<Value> = serde_json::from_str(&answer.body).ok();
    match body.filter(|body| body.get(field).is_some()) {
        Some(_) => Ok(detail.to_owned()),
        None => Err(Complaint::fail(
            format!("an answer without `{field}`: {}", answer.excerpt()),
            "is a proxy or captive portal in between? else the vendor has changed its interface",
        )),
    }
}

/// Alpha Vantage writes its refusals into 200 answers.
fn refusal(body: &str) -> Option<(&'static str, String)> {
    let body: Value = serde_json::from_str(body).ok()?;
    let kinds = ["Error Message", "Note", "Information"];
    kinds.into_iter().find_map(|kind| Some((kind, body.get(kind)?.as_str()?.chars().take(200).collect())))
}
