//! What accompanies each session of a run: the strikes of its schedule, and patience until the suite has all it needs.

use std::collections::VecDeque;
use std::time::Duration;

use domain::Event;
use e2e::disturbance::{Company, Moment, When};
use e2e::{Suite, say};
use serde_json::{Value, json};

use crate::fault::{Fault, Strike, Victim};
use crate::record::Record;
use crate::site::Site;
use crate::strike::{self, Underway};

/// A rule to break from outside, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Break {
    /// Every entry is cancelled at the broker behind the suite's back.
    LoseOrder,
    /// The first order is sent to the broker once more, under another id.
    DoubleOrder,
    /// Frames of trades never arrive.
    LoseTrades,
}

/// Accompanies one run.
pub(crate) struct Tormentor {
    pub(crate) site: Site,
    pub(crate) record: Record,
    pub(crate) strikes: VecDeque<Strike>,
    /// Rules still to be broken.
    breaks: Vec<Break>,
    underway: Underway,
}

impl Tormentor {
    /// Has nothing to carry out yet.
    pub(crate) fn new(site: Site, breaks: Vec<Break>) -> Self {
        let (record, strikes, underway) = (Record::default(), VecDeque::new(), Underway::default());
        Self { site, record, strikes, breaks, underway }
    }
}

impl Company for Tormentor {
    async fn disturb(&mut self, suite: &mut Suite, moment: &Moment<'_>) -> anyhow::Result<()> {
        let over = moment.standing && moment.now >= moment.date.at_hm(16, 1);
        let mut due = (0..self.strikes.len()).filter(|at| over || moment.is(self.strikes[*at].when));
        let Some(at) = due.next() else { return self.break_now(suite, moment).await };
        // A trade that the gateway has read and not yet published dies with it. Before the scan that is a hole, and
        // rightly changes decisions; so nobody touches the gateway there before the bus holds all that was played.
        let gateway = |fault: &Fault| fault.victim == Victim::Service("ingest-gateway");
        if self.strikes[at].faults.iter().any(gateway)
            && !scanned(moment, "trade")
            && (!moment.standing || self.site.missing(suite, moment.now).await?.is_some())
        {
            return Ok(());
        }
        let Some(strike) = self.strikes.remove(at) else { return Ok(()) };
        say(&format!("{} {strike}", moment.now))?;
        strike::carry_out(&mut self.site, suite, &mut self.underway, &strike, &mut self.record).await
    }

    async fn awaits(&mut self, suite: &Suite, moment: &Moment<'_>) -> anyhow::Result<Option<String>> {
        let before_the_scan = moment.now < moment.date.at_hm(9, 35);
        let over = moment.now >= moment.date.at_hm(16, 1);
        if over && !self.strikes.is_empty() {
            return Ok(Some(format!("{} strikes are left", self.strikes.len())));
        }
        if before_the_scan && moment.now > moment.date.at_hm(7, 0) && !scanned(moment, "watch") {
            return Ok(Some("the watch round is not closed".to_owned()));
        }
        if (before_the_scan || over)
            && let Some(missing) = self.site.missing(suite, moment.now).await?
        {
            return Ok(Some(missing));
        }
        if over && self.falls_due(Break::DoubleOrder, true) {
            send_again(suite, moment.calls).await?;
        }
        Ok(None)
    }
}

impl Tormentor {
    async fn break_now(&mut self, suite: &Suite, moment: &Moment<'_>) -> anyhow::Result<()> {
        let traded = moment.standing && moment.is(When::Posted);
        if self.falls_due(Break::LoseOrder, traded) {
            // The suite must have heard of its orders, or it sends them again under the same ids.
            tokio::time::sleep(Duration::from_secs(1)).await;
            suite.broker_call("DELETE", "/v2/orders", &Value::Null).await?;
        }
        if self.falls_due(Break::LoseTrades, moment.is(When::Running(10, 0))) {
            let fault = json!({"on": "SEND /finnhub", "frame": "drop", "count": 3});
            suite.sim_post("/faults", &fault).await?;
        }
        Ok(())
    }

    /// True once, when `rule` is to be broken and it is time.
    fn falls_due(&mut self, rule: Break, now: bool) -> bool {
        let at = self.breaks.iter().position(|b| now && *b == rule);
        at.map(|at| self.breaks.remove(at)).is_some()
    }
}

/// True when the day's round of `schedule` is closed, for which every partition was evaluated.
fn scanned(moment: &Moment<'_>, schedule: &str) -> bool {
    moment.events.iter().any(|e| matches!(e, Event::RoundClosed(c) if c.round.schedule == schedule))
}

/// Sends the first order that the broker took once more, under another id.
async fn send_again(suite: &Suite, calls: &[Value]) -> anyhow::Result<()> {
    let taken = |call: &&Value| call["method"] == "POST" && call["status"] == 200;
    let first = calls.iter().find(taken).map(|call| call["body"].clone());
    let mut body = first.ok_or_else(|| anyhow::anyhow!("no order was taken: nothing to send again"))?;
    body["client_order_id"] = json!("once-more");
    suite.broker_call("POST", "/v2/orders", &body).await.map(|_| ())
}
