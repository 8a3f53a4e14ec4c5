//! The whole suite, service by service: from the instant at which a scan is due to its orders at the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use bus::{Bus, Fold, FoldSpec, Item, Kind};
use domain::execution::Leg;
use domain::{Event, PlanId, SessionDate, UnixNanos};
use e2e::http::eventually;
use e2e::{Suite, say};

use crate::report::Report;

const DATE: &str = "2026-11-24";
const SEEDS: [&str; 4] = ["3", "7", "11", "19"];
const SYMBOLS: &str = "400";
const PARTITIONS: usize = 4;

/// Measures and reports.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let mut waits = Vec::new();
    for seed in SEEDS {
        let round = one_round(seed).await.with_context(|| format!("the round of seed {seed}"))?;
        say(&format!("  round of seed {seed:<3} {:>24} orders", round.len()))?;
        waits.extend(round);
    }
    waits.sort_by(f64::total_cmp);
    ensure!(!waits.is_empty(), "no seed made a plan");
    let at = |quantile: f64| waits[((waits.len() - 1) as f64 * quantile).round() as usize];
    report.add("round_to_orders_p50_ms", at(0.5), "scan due → order at the broker, every stream synced")?;
    report.add("round_to_orders_p99_ms", at(0.99), "the same")
}

/// How long each order of one session's trade round took, ms.
async fn one_round(seed: &str) -> anyhow::Result<Vec<f64>> {
    let sim = ["--seed", seed, "--date", DATE, "--symbols", SYMBOLS, "--speed", "1", "--start", "09:34:50"];
    let more = ["--warmup-seconds", "5", "--pause-at", "09:34:55"];
    let suite = Suite::start(&[&sim[..], &more].concat(), &[]).await?;
    eventually("every symbol has its history", Duration::from_secs(60), || async {
        let status = suite.api("/api/v1/status").await?;
        let known = format!("{SYMBOLS} of {SYMBOLS} symbols");
        Ok(status["readiness"].to_string().contains(&known).then_some(()))
    })
    .await?;
    eventually("the market stands shortly before the scan", Duration::from_secs(60), || async {
        Ok((suite.sim("/clock").await?["paused"] == true).then_some(()))
    })
    .await?;
    let bus = suite.bus().await?;
    let watching = tokio::spawn(watch(bus));
    suite.resume().await?;
    watching.await?
}

/// Follows the streams until every approved plan of the trade round is at the broker.
async fn watch(bus: Bus) -> anyhow::Result<Vec<f64>> {
    let due = DATE.parse::<SessionDate>()?.at_hm(9, 35);
    let kinds = [Kind::RoundClosed, Kind::PlanApproved, Kind::PlanDenied, Kind::OrderUpdated, Kind::TradeBatch];
    let mut fold = Fold::open(&bus, FoldSpec::kinds(&kinds))?;
    let mut seen = Seen::default();
    let all = async {
        let seen = &mut seen;
        loop {
            match fold.next().await? {
                Item::Event(folded) => seen.take(&folded.event, folded.published_at, due),
                Item::Poison(poison) => anyhow::bail!("{}", poison.reason),
                Item::CaughtUp => {}
            }
            if let Some(waits) = seen.complete() {
                return Ok(waits);
            }
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(60), all).await;
    outcome.with_context(|| format!("not every order is at the broker: {seen:?}"))?
}

#[derive(Debug, Default)]
struct Seen {
    /// When each partition's watermark passed the due time.
    passed: BTreeMap<u32, UnixNanos>,
    /// Plans of the trade round, once it is closed.
    planned: Option<usize>,
    approved: usize,
    denied: usize,
    acknowledged: BTreeMap<PlanId, UnixNanos>,
}

impl Seen {
    fn take(&mut self, event: &Event, at: UnixNanos, due: UnixNanos) {
        match event {
            Event::TradeBatch(batch) if batch.watermark >= due => {
                self.passed.entry(batch.partition).or_insert(at);
            }
            Event::RoundClosed(closed) if closed.round.due == due => self.planned = Some(closed.plans.len()),
            Event::PlanApproved(_) => self.approved += 1,
            Event::PlanDenied(_) => self.denied += 1,
            Event::OrderUpdated(order) if order.leg == Leg::Entry && order.venue_order_id.is_some() => {
                self.acknowledged.entry(order.plan_id.clone()).or_insert(at);
            }
            _ => {}
        }
    }

    /// The waits, once every plan is decided and every approved one acknowledged by the broker.
    fn complete(&self) -> Option<Vec<f64>> {
        let due = *self.passed.values().max()?;
        let settled = self.passed.len() == PARTITIONS
            && self.planned == Some(self.approved + self.denied)
            && self.acknowledged.len() == self.approved;
        settled.then(|| self.acknowledged.values().map(|at| at.since(due) as f64 / 1e6).collect())
    }
}
