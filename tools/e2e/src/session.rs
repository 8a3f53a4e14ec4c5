//! Drives one simulated session from the watch scan to the close, and knows when the suite has caught up with it.
//!
//! Market time stands still at every fill and at every instant at which the suite has to act, until all that follows
//! from it has been done and recorded. So the outcome does not depend on how fast the machine is, or on who was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bus::{Bus, Fold, FoldSpec, Item};
use domain::execution::{DeadlineStep, Leg};
use domain::{ClientOrderId, Event, PlanId, SessionDate, StreamName, Symbol, UnixNanos};
use serde_json::{Value, json};

use crate::disturbance::{Company, Moment};
use crate::suite::Suite;

/// Instants at which the suite has something to do: scan, entries' end, the way to a flat book, the check after it.
pub const STOPS: &str = "09:34:30,09:35:01,11:30:00,15:45:00,15:50:00,15:54:00,15:56:00,15:58:00,16:01:00";

/// What a session came to, in an order of its own that does not depend on time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Symbol, rank, trigger, limit, stop distance of every plan.
    pub plans: Vec<String>,
    /// Symbol, quantity and binding cap, or the reason of a denial.
    pub decisions: Vec<String>,
    /// Symbol, leg, quantity, price and cumulative quantity of every fill.
    pub fills: Vec<String>,
    /// Symbol, reason, profit or loss, R of every closed plan.
    pub closed: Vec<String>,
}

/// The events of PLAN, RISK and ORDER so far, and what follows from them.
pub struct Session {
    fold: Fold,
    _bus: Bus,
    date: SessionDate,
    events: Vec<Event>,
}

const STREAMS: [StreamName; 3] = [StreamName::Plan, StreamName::Risk, StreamName::Order];

impl Session {
    /// Begins to watch the session of `date`, the first one of `suite`.
    pub async fn watch(suite: &Suite, date: SessionDate) -> anyhow::Result<Self> {
        Self::watch_after(suite, date, |_| 0).await
    }

    /// Begins to watch the session of `date` when this one is over.
    pub async fn next(self, suite: &Suite, date: SessionDate) -> anyhow::Result<Self> {
        Self::watch_after(suite, date, |stream| self.fold.last_seq(stream)).await
    }

    async fn watch_after(suite: &Suite, date: SessionDate, after: impl Fn(StreamName) -> u64) -> anyhow::Result<Self> {
        let bus = suite.bus().await?;
        let spec = STREAMS.iter().fold(FoldSpec::default(), |spec, s| spec.and(*s).after(*s, after(*s)));
        let fold = Fold::open(&bus, spec)?;
        Ok(Self { fold, _bus: bus, date, events: Vec::new() })
    }

    /// Plays the session to its end, with `company`.
    pub async fn play(
        &mut self,
        suite: &mut Suite,
        within: Duration,
        company: &mut impl Company,
    ) -> anyhow::Result<Outcome> {
        let since = Instant::now();
        loop {
            self.take_events().await?;
            let clock = suite.sim("/clock").await?;
            let now: UnixNanos = clock["now"].as_str().context("clock")?.parse()?;
            let standing = clock["paused"] == true;
            let market = Market::read(suite, self.date).await?;
            let moment = Moment {
                date: self.date,
                now,
                standing,
                events: &self.events,
                calls: &market.calls,
                fills: &market.fills,
            };
            company.disturb(suite, &moment).await?;
            let mut open = self.unsettled(now, &market);
            if standing && open.is_none() {
                open = company.awaits(suite, &moment).await?;
            }
            if standing && open.is_none() {
                if now >= self.date.at_hm(16, 1) {
                    return Ok(self.outcome());
                }
                suite.sim_post("/clock", &json!({"paused": false, "pause_on": "fill"})).await?;
            }
            if since.elapsed() > within {
                bail!("at {now} (standing: {standing}) the suite still has to do: {open:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn take_events(&mut self) -> anyhow::Result<()> {
        while let Ok(item) = tokio::time::timeout(Duration::from_millis(5), self.fold.next()).await {
            match item? {
                Item::Event(folded) => self.events.push(folded.event),
                Item::CaughtUp => {}
                Item::Poison(poison) => bail!("undecodable event: {}", poison.reason),
            }
        }
        Ok(())
    }

    /// What the suite has not done yet, or `None`.
    fn unsettled(&self, now: UnixNanos, market: &Market) -> Option<String> {
        if now < self.date.at_hm(9, 35) {
            return None;
        }
        let decided: BTreeSet<&PlanId> =
            self.approved().map(|a| &a.plan.plan_id).chain(self.denied().map(|d| &d.plan_id)).collect();
        let Some(round) = self.round() else { return Some("the trade round is not closed".to_owned()) };
        if let Some(plan) = round.plans.iter().find(|p| !decided.contains(&p.plan_id)) {
            return Some(format!("{} is not decided", plan.symbol));
        }
        let recorded: BTreeSet<(String, u64)> = self
            .events
            .iter()
            .filter_map(|e| match e {
                Event::FillRecorded(fill) => Some((fill.venue_order_id.to_string(), fill.cumulative_qty)),
                _ => None,
            })
            .collect();
        if let Some(fill) =
            market.fills.iter().find(|f| !recorded.contains(&(text(f, "order_id"), number(f, "cum_qty"))))
        {
            return Some(format!("fill is not recorded: {fill}"));
        }
        if let Some(step) = steps_until(self.date, now).into_iter().find(|s| !self.reached(*s)) {
            return Some(format!("{step:?} is not reached"));
        }
        self.approved()
            .find_map(|approved| self.unsettled_plan(&approved.plan.plan_id, &approved.plan.symbol, now, market))
    }

    fn unsettled_plan(&self, plan: &PlanId, symbol: &Symbol, now: UnixNanos, market: &Market) -> Option<String> {
        if self.events.iter().any(|e| matches!(e, Event::PlanClosed(c) if c.plan_id == *plan)) {
            let left: Vec<_> = market.open.iter().filter(|o| o["symbol"] == symbol.as_str()).collect();
            return (!left.is_empty()).then(|| format!("{symbol} is closed, and orders are left: {left:?}"));
        }
        let working: Vec<&Value> = market.open.iter().filter(|o| o["symbol"] == symbol.as_str()).collect();
        let position = market.position(symbol.as_str());
        let entry = working.iter().find(|o| o["side"] == "buy");
        if position == 0 {
            return match entry {
                Some(_) if now < self.date.at_hm(11, 30) => None,
                Some(_) => Some(format!("the entry of {symbol} is past its time")),
                None => Some(format!("{symbol} has neither entry nor position and is not closed")),
            };
        }
        if entry.is_some() && now < self.date.at_hm(11, 30) {
            return None;
        }
        let executed = self.events.iter().find_map(|e| match e {
            Event::PlanExecuted(executed) if executed.plan_id == *plan => Some(executed),
            _ => None,
        });
        let Some(executed) = executed else { return Some(format!("{symbol} is not executed")) };
        let exit = working.iter().rfind(|o| leg(o) == Some(Leg::Exit));
        let steps = steps_until(self.date, now);
        let kind = |wanted: &str| exit.is_some_and(|o| o["type"] == wanted);
        let sent_since = |hour, minute| {
            exit.is_some_and(|o| {
                o["submitted_at"]
                    .as_str()
                    .and_then(|t| t.parse::<UnixNanos>().ok())
                    .is_some_and(|t| t >= self.date.at_hm(hour, minute))
            })
        };
        let right = match steps.last() {
            Some(DeadlineStep::Verify) => false,
            Some(DeadlineStep::MarketExit) => kind("market"),
            Some(DeadlineStep::MarketableExit) => kind("limit") && sent_since(15, 56),
            Some(DeadlineStep::PassiveExit) => kind("limit"),
            _ => working.iter().any(|o| o["side"] == "sell" && price(o, "stop_price") == Some(executed.stop_price)),
        };
        (!right).then(|| format!("{symbol} holds {position} at step {:?}, working: {working:?}", steps.last()))
    }

    fn reached(&self, step: DeadlineStep) -> bool {
        self.events
            .iter()
            .any(|e| matches!(e, Event::DeadlineReached(d) if d.step == step && d.session_date == self.date))
    }

    fn round(&self) -> Option<&domain::plan::RoundClosed> {
        self.events.iter().find_map(|e| match e {
            Event::RoundClosed(closed) if closed.round.schedule == "trade" => Some(closed),
            _ => None,
        })
    }

    fn approved(&self) -> impl Iterator<Item = &domain::risk::PlanApproved> {
        self.events.iter().filter_map(|e| if let Event::PlanApproved(a) = e { Some(a) } else { None })
    }

    fn denied(&self) -> impl Iterator<Item = &domain::risk::PlanDenied> {
        self.events.iter().filter_map(|e| if let Event::PlanDenied(d) = e { Some(d) } else { None })
    }

    fn outcome(&self) -> Outcome {
        let sorted = |lines: Vec<String>| {
            let mut lines = lines;
            lines.sort();
            lines
        };
        let each = |line: &dyn Fn(&Event) -> Option<String>| sorted(self.events.iter().filter_map(line).collect());
        Outcome {
            plans: each(&|e| match e {
                Event::PlanProposed(p) => Some(format!(
                    "{} rank {} trigger {} limit {} stop_distance {}",
                    p.plan.symbol, p.plan.rank, p.plan.entry.trigger, p.plan.entry.limit, p.plan.stop_distance
                )),
                _ => None,
            }),
            decisions: each(&|e| match e {
                Event::PlanApproved(a) => Some(format!("{} {}", a.plan.symbol, a.quantity)),
                Event::PlanDenied(d) => Some(format!("{} {}", d.symbol, d.reason.code())),
                _ => None,
            }),
            fills: each(&|e| match e {
                Event::FillRecorded(f) => {
                    Some(format!("{} {:?} {} at {} ({})", f.symbol, f.leg, f.quantity, f.price, f.cumulative_qty))
                }
                _ => None,
            }),
            closed: each(&|e| match e {
                Event::PlanClosed(c) => {
                    Some(format!("{} {:?} {} {} R", c.symbol, c.reason, c.realized_pnl, c.r_multiple))
                }
                _ => None,
            }),
        }
    }

    /// No client order id was intended twice.
    pub fn intends_once(&self) -> anyhow::Result<()> {
        let mut seen = BTreeSet::new();
        let mut intents = self.events.iter().filter_map(|e| match e {
            Event::OrderIntended(intended) => Some(&intended.client_order_id),
            _ => None,
        });
        let twice = intents.find(|id| !seen.insert(*id));
        ensure!(twice.is_none(), "intended twice: {twice:?}");
        Ok(())
    }
}

/// The broker's view.
struct Market {
    open: Vec<Value>,
    fills: Vec<Value>,
    calls: Vec<Value>,
}

impl Market {
    async fn read(suite: &Suite, date: SessionDate) -> anyhow::Result<Self> {
        let date = date.to_string();
        let items = |v: &Value| -> Vec<Value> {
            v["items"].as_array().into_iter().flatten().filter(|i| i["session_date"] == date).cloned().collect()
        };
        let open = suite.broker("/v2/orders?status=open&limit=500&nested=false").await?;
        ensure!(open.is_array(), "orders of the broker: {open}");
        Ok(Self {
            open: open.as_array().cloned().unwrap_or_default(),
            fills: items(&suite.sim("/fills").await?),
            calls: items(&suite.sim("/orders").await?),
        })
    }

    fn position(&self, symbol: &str) -> i64 {
        let by_symbol = self.fills.iter().filter(|f| f["symbol"] == symbol);
        by_symbol.map(|f| number(f, "qty") as i64 * if f["side"] == "buy" { 1 } else { -1 }).sum()
    }
}

/// The steps of the way to a flat book whose time has come, on a full day.
fn steps_until(date: SessionDate, now: UnixNanos) -> Vec<DeadlineStep> {
    let times = BTreeMap::from([
        ((15, 45), DeadlineStep::NoEntry),
        ((15, 50), DeadlineStep::CancelEntries),
        ((15, 54), DeadlineStep::PassiveExit),
        ((15, 56), DeadlineStep::MarketableExit),
        ((15, 58), DeadlineStep::MarketExit),
        ((16, 1), DeadlineStep::Verify),
    ]);
    times.into_iter().filter(|((h, m), _)| now >= date.at_hm(*h, *m)).map(|(_, step)| step).collect()
}

pub(crate) fn leg(value: &Value) -> Option<Leg> {
    ClientOrderId::from_wire(text(value, "client_order_id")).parts().map(|(_, place)| place.leg)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value, key: &str) -> u64 {
    text(value, key).parse().unwrap_or_default()
}

fn price(value: &Value, key: &str) -> Option<domain::Price> {
    value[key].as_str()?.parse().ok()
}
