//! What a run came to: every fact of the streams and of the broker's books as a line of text, read by plain NATS
//! clients past the suite's own readers. Bus positions, wall-clock times and the broker's ids leave no trace in it.

use std::collections::BTreeMap;

use anyhow::Context;
use async_nats::jetstream;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use bytes::Bytes;
use domain::Event;
use domain::decision_log::DecisionLog;
use e2e::Suite;
use futures_util::StreamExt;
use serde_json::Value;

use crate::report::Row;

/// Kinds of facts, in the order data moves.
const KINDS: [&str; 9] =
    ["signals", "candidates", "rounds", "plans", "decisions", "intents", "fills", "closed plans", "broker's orders"];

/// How often each fact stands in its stream or book. Every line begins with the session date.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts(BTreeMap<&'static str, BTreeMap<String, usize>>);

impl Facts {
    /// Reads everything.
    pub(crate) async fn read(suite: &Suite, context: &jetstream::Context) -> anyhow::Result<Self> {
        let mut facts = Self::default();
        for stream in ["SCAN", "PLAN", "RISK", "ORDER"] {
            for (type_name, payload) in messages(context, stream).await? {
                facts.take(&events::decode(&type_name, &payload).with_context(|| type_name.clone())?);
            }
        }
        for call in suite.sim("/orders").await?["items"].as_array().into_iter().flatten() {
            if call["method"] == "POST" && call["status"] == 200 {
                facts.add("broker's orders", order_line(call));
            }
        }
        for fill in suite.sim("/fills").await?["items"].as_array().into_iter().flatten() {
            let key = |name: &str| fill[name].as_str().unwrap_or("-").to_owned();
            let [date, symbol, side, qty, price] = ["session_date", "symbol", "side", "qty", "price"].map(key);
            facts.add("broker's fills", format!("{date} {symbol} {side} {qty} at {price} print {}", fill["print"]));
        }
        Ok(facts)
    }

    /// Compares with the facts of an undisturbed run, as far as `self` goes: up to session `last`.
    pub(crate) fn against(&self, undisturbed: &Self, last: &str) -> Vec<Row> {
        let empty = BTreeMap::new();
        let kinds = KINDS.into_iter().chain(["broker's fills"]);
        kinds
            .map(|what| {
                let side = |facts: &'_ Self| facts.0.get(what).cloned().unwrap_or_else(|| empty.clone());
                difference(what, &side(undisturbed), &side(self), last)
            })
            .collect()
    }

    /// How many facts of a kind there are.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.get(what).map_or(0, |lines| lines.values().sum())
    }

    fn take(&mut self, event: &Event) {
        let mut log = DecisionLog::default();
        log.apply(event);
        match event {
            Event::SignalGenerated(s) => {
                let (round, candidate) = (&s.round, &s.candidate);
                self.add("signals", format!("{} {} {} {candidate:?}", round.session_date, s.signal_id, round.schedule));
            }
            Event::CandidatesEvaluated(e) => self.add_log("candidates", e.round.session_date, &log),
            Event::RoundClosed(c) => self.add_log("rounds", c.round.session_date, &log),
            Event::PlanProposed(p) => self.add("plans", format!("{} {:?}", p.plan.round.session_date, p.plan)),
            Event::PlanApproved(a) => {
                let date = a.plan.round.session_date;
                let line = format!("{date} {} {} by {:?} at {}", a.plan.symbol, a.quantity, a.binding_cap, a.equity);
                self.add("decisions", line);
            }
            Event::PlanDenied(d) => {
                self.add("decisions", format!("{} {} {}", d.session_date, d.symbol, d.reason.code()));
            }
            Event::OrderIntended(i) => {
                let prices = (i.limit_price, i.stop_price, i.stop_loss, i.take_profit);
                let line = format!("{} {} {} {prices:?}", i.session_date, i.client_order_id.as_str(), i.quantity);
                self.add("intents", line);
            }
            Event::FillRecorded(f) => {
                let date = f.ts_event.session_date();
                let (symbol, so_far) = (&f.symbol, f.cumulative_qty);
                self.add("fills", format!("{date} {symbol} {:?} {} at {} ({so_far})", f.leg, f.quantity, f.price));
            }
            Event::PlanClosed(c) => {
                let line =
                    format!("{} {} {:?} {} {} R", c.session_date, c.symbol, c.reason, c.realized_pnl, c.r_multiple);
                self.add("closed plans", line);
            }
            _ => {}
        }
    }

    fn add_log(&mut self, what: &'static str, date: domain::SessionDate, log: &DecisionLog) {
        log.lines().for_each(|line| self.add(what, format!("{date} {line}")));
    }

    fn add(&mut self, what: &'static str, line: String) {
        *self.0.entry(what).or_default().entry(line).or_default() += 1;
    }
}

/// Every message of `stream` as it is stored: its protobuf name and its bytes.
pub(crate) async fn messages(context: &jetstream::Context, stream: &str) -> anyhow::Result<Vec<(String, Bytes)>> {
    let mut stream = context.get_stream(stream).await?;
    let stored = stream.info().await?.state.messages;
    let mut all = Vec::new();
    if stored == 0 {
        return Ok(all);
    }
    let mut reader = stream.create_consumer(OrderedConfig::default()).await?.messages().await?;
    while let Some(message) = reader.next().await {
        let message = message?;
        let pending = message.info().map_err(|error| anyhow::anyhow!(error))?.pending;
        let type_name = message.headers.as_ref().and_then(|h| h.get("ce-type")).context("no header ce-type")?;
        all.push((type_name.as_str().to_owned(), message.payload.clone()));
        if pending == 0 {
            break;
        }
    }
    Ok(all)
}

fn difference(
    what: &'static str,
    expected: &BTreeMap<String, usize>,
    found: &BTreeMap<String, usize>,
    last: &str,
) -> Row {
    let mut row = Row { what, ..Row::default() };
    let within = |line: &&String| line.get(..10).is_some_and(|date| date <= last);
    for line in expected.keys().filter(within) {
        let (should, is) = (expected[line], found.get(line).copied().unwrap_or_default());
        row.checked += should;
        row.lost += should.saturating_sub(is);
        if is < should {
            row.examples.push(format!("lost: {line}"));
        }
    }
    for line in found.keys().filter(within) {
        let (should, is) = (expected.get(line).copied().unwrap_or_default(), found[line]);
        row.doubled += is.saturating_sub(should);
        if is > should {
            row.examples.push(format!("too often: {line}"));
        }
    }
    row
}

fn order_line(call: &Value) -> String {
    let body = &call["body"];
    let key = |name: &str| body[name].as_str().unwrap_or("-").to_owned();
    let [id, symbol, side, kind, qty, limit, stop] =
        ["client_order_id", "symbol", "side", "type", "qty", "limit_price", "stop_price"].map(key);
    let date = call["session_date"].as_str().unwrap_or("-");
    format!("{date} {id} {symbol} {side} {kind} {qty} limit {limit} stop {stop}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(lines: &[&str]) -> Facts {
        let mut facts = Facts::default();
        lines.iter().for_each(|line| facts.add("fills", (*line).to_owned()));
        facts
    }

    #[test]
    fn what_is_missing_is_lost_and_what_is_there_too_often_is_doubled() {
        let undisturbed = facts(&["2026-09-08 a", "2026-09-08 b", "2026-09-08 b", "2026-09-09 c"]);
        let check = |lines: &[&str], expected: (usize, usize, usize)| {
            let rows = facts(lines).against(&undisturbed, "2026-09-08");
            let fills = rows.iter().find(|r| r.what == "fills").unwrap();
            assert_eq!((fills.checked, fills.lost, fills.doubled), expected, "{lines:?}");
        };
        check(&["2026-09-08 a", "2026-09-08 b", "2026-09-08 b"], (3, 0, 0));
        check(&["2026-09-08 a", "2026-09-08 b"], (3, 1, 0));
        check(&["2026-09-08 a", "2026-09-08 a", "2026-09-08 b", "2026-09-08 b"], (3, 0, 1));
        check(&["2026-09-08 a", "2026-09-08 b", "2026-09-08 d"], (3, 1, 1));
    }
}
