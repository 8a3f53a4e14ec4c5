//! What may go wrong during a session, and when.

use domain::execution::Leg;
use domain::{Event, SessionDate, UnixNanos};
use serde_json::Value;

use crate::session::leg;
use crate::suite::Suite;

/// When something falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The market stands still, at or after this New York time (hour, minute).
    Standing(u32, u32),
    /// The market runs, at or after this New York time.
    Running(u32, u32),
    /// An event of this name has been seen.
    Seen(&'static str),
    /// The broker has taken the first order, whatever the suite knows of it.
    Posted,
    /// An entry is filled in part.
    HalfFilled,
}

/// The session as it is seen from outside.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The session.
    pub date: SessionDate,
    /// Market time.
    pub now: UnixNanos,
    /// True while market time stands still.
    pub standing: bool,
    /// Events of PLAN, RISK and ORDER so far.
    pub events: &'a [Event],
    /// Changing calls at the broker so far.
    pub calls: &'a [Value],
    /// Fills at the broker so far.
    pub fills: &'a [Value],
}

impl Moment<'_> {
    /// True when `when` has come.
    pub fn is(&self, when: When) -> bool {
        match when {
            When::Standing(hour, minute) => self.standing && self.now >= self.date.at_hm(hour, minute),
            When::Running(hour, minute) => !self.standing && self.now >= self.date.at_hm(hour, minute),
            When::Seen(name) => self.events.iter().any(|e| e.name() == name),
            When::Posted => self.calls.iter().any(|c| c["method"] == "POST"),
            When::HalfFilled => self.fills.iter().any(|f| f["leaves_qty"] != "0" && leg(f) == Some(Leg::Entry)),
        }
    }
}

/// Accompanies a session.
pub trait Company {
    /// Called at every look at the market; market time may go on meanwhile if it was running.
    fn disturb(&mut self, suite: &mut Suite, moment: &Moment<'_>) -> impl Future<Output = anyhow::Result<()>>;

    /// What must still happen before market time goes on from a standstill, or `None`.
    fn awaits(&mut self, _suite: &Suite, _moment: &Moment<'_>) -> impl Future<Output = anyhow::Result<Option<String>>> {
        async { Ok(None) }
    }
}

/// Who is killed: a service, or `nats-server`.
#[derive(Debug, Clone, Copy)]
pub struct Kill {
    /// When.
    pub when: When,
    /// Who.
    pub who: &'static str,
}

/// Kills, each carried out as it falls due.
#[derive(Debug, Default)]
pub struct Kills {
    left: Vec<Kill>,
    /// Which were carried out, in order.
    pub done: Vec<Kill>,
}

impl Kills {
    /// All of `kills` are to come.
    pub fn new(kills: &[Kill]) -> Self {
        Self { left: kills.to_vec(), done: Vec::new() }
    }
}

impl Company for Kills {
    async fn disturb(&mut self, suite: &mut Suite, moment: &Moment<'_>) -> anyhow::Result<()> {
        let Some(at) = self.left.iter().position(|kill| moment.is(kill.when)) else { return Ok(()) };
        let kill = self.left.remove(at);
        if kill.who == "nats-server" {
            suite.nats().kill9();
            suite.nats().restart().await?;
        } else {
            suite.kill_and_restart(kill.who).await?;
        }
        self.done.push(kill);
        Ok(())
    }
}
