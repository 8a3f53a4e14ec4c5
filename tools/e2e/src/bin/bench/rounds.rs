//! The whole suite, service by service: from the instant at which a scan is due to its orders at the broker.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use bus::{Fold, FoldSpec, Item, Kind};
use domain::execution::Leg;
use domain::{Event, PlanId, SessionDate, UnixNanos};
use e2e::Suite;
use e2e::http::eventually;

use crate::report::{Report, say};

const DATE: &str = "2026-11-24";
const SEEDS: [&str; 4] = ["3", "7", "11", "19"];

/// Measures and reports.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let mut waits = Vec::new();
    for seed in SEEDS {
        let round = one_round(seed).await?;
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
    let sim = ["--seed", seed, "--date", DATE, "--symbols", "400", "--speed", "1", "--start", "09:34:50"];
    let suite = Suite::start(&[&sim[..], &["--warmup-seconds", "5"]].concat(), &[]).await?;
    let date: SessionDate = DATE.parse()?;
    let due = date.at_hm(9, 35);
    let bus = suite.bus().await?;
    let orders = eventually("the round's orders are at the broker", Duration::from_secs(60), || async {
        let mut fold = Fold::open(&bus, FoldSpec::kinds(&[Kind::PlanApproved, Kind::OrderUpdated, Kind::TradeBatch]))?;
        let mut seen = Seen::default();
        loop {
            match fold.next().await? {
                Item::Event(folded) => seen.take(&folded.event, folded.published_at, due),
                Item::Poison(poison) => anyhow::bail!("{}", poison.reason),
                Item::CaughtUp => return Ok(seen.complete()),
            }
        }
    })
    .await?;
    Ok(orders)
}

#[derive(Default)]
struct Seen {
    /// When each partition's watermark passed the due time.
    passed: BTreeMap<u32, UnixNanos>,
    approved: usize,
    acknowledged: BTreeMap<PlanId, UnixNanos>,
    last: UnixNanos,
}

impl Seen {
    fn take(&mut self, event: &Event, at: UnixNanos, due: UnixNanos) {
        self.last = self.last.max(at);
        match event {
            Event::TradeBatch(batch) if batch.watermark >= due => {
                self.passed.entry(batch.partition).or_insert(at);
            }
            Event::PlanApproved(_) => self.approved += 1,
            Event::OrderUpdated(order) if order.leg == Leg::Entry && order.venue_order_id.is_some() => {
                self.acknowledged.entry(order.plan_id.clone()).or_insert(at);
            }
            _ => {}
        }
    }

    /// The waits, once every approved plan's order is there and two seconds more have brought no other.
    fn complete(&self) -> Option<Vec<f64>> {
        let due = *self.passed.values().max()?;
        let settled = self.last.since(due) > 2_000_000_000 && self.acknowledged.len() >= self.approved;
        settled.then(|| self.acknowledged.values().map(|at| at.since(due) as f64 / 1e6).collect())
    }
}
