//! The broker: one account, its orders and positions, on the prints of the market it lives in.
//!
//! Everything here follows from the seed, the prints and the calls with the market time they were made at.

pub(crate) mod account;
mod checks;
mod intake;
mod matching;
pub(crate) mod order;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calendar::Hours;
use crate::session::World;
use account::Position;
use order::{Order, Side, money, rfc3339};
pub(crate) use rules::Rule;

/// When something happens at the broker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// UTC nanoseconds of the market clock.
    pub(crate) now: i64,
    /// Prints of this session played before.
    pub(crate) prints: usize,
    pub(crate) hours: Hours,
}

/// A call that changes something, as it came over HTTP; `path` begins at `/v2` and keeps its query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
    /// An order that is taken is rejected at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reject: bool,
}

impl Call {
    /// Not of a client: a rule for the market, or `None` to forget them all.
    pub(crate) fn rule(rule: Option<&Rule>) -> anyhow::Result<Self> {
        let body = serde_json::to_string(&rule)?;
        Ok(Self { method: "RULE".to_owned(), path: String::new(), body, reject: false })
    }
}

/// Answer to a [`Call`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// One execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fill {
    pub(crate) seq: usize,
    pub(crate) execution_id: String,
    pub(crate) order_id: String,
    pub(crate) client_order_id: String,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) qty: u64,
    /// 1e-9 dollars.
    pub(crate) price: i64,
    pub(crate) cum_qty: u64,
    pub(crate) leaves_qty: u64,
    /// Shares held after it, negative when short.
    pub(crate) position_qty: i64,
    /// UTC nanoseconds.
    pub(crate) at: i64,
    /// Number of the print in its session, from 0.
    pub(crate) print: usize,
    pub(crate) session_date: chrono::NaiveDate,
}

impl Fill {
    pub(crate) fn view(&self) -> Value {
        json!({
            "seq": self.seq, "execution_id": self.execution_id, "order_id": self.order_id,
            "client_order_id": self.client_order_id, "symbol": self.symbol, "side": self.side,
            "qty": self.qty.to_string(), "price": money(self.price), "cum_qty": self.cum_qty.to_string(),
            "leaves_qty": self.leaves_qty.to_string(), "position_qty": self.position_qty.to_string(),
            "sim_time": rfc3339(self.at), "print": self.print, "session_date": self.session_date,
        })
    }
}

/// One line of the order log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Logged {
    pub(crate) seq: usize,
    pub(crate) session_date: chrono::NaiveDate,
    pub(crate) sim_time: String,
    /// Prints of the session that were played before the call.
    pub(crate) prints: usize,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) client_order_id: Option<String>,
    pub(crate) status: u16,
    pub(crate) answer: Value,
}

/// What must survive a restart.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) cash: i64,
    pub(crate) last_equity: i64,
    pub(crate) orders: Vec<Order>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) log: Vec<Logged>,
    pub(crate) positions: BTreeMap<String, Position>,
    pub(crate) suspended: bool,
    pub(crate) no_shorting: bool,
    pub(crate) multiplier: i64,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

/// The broker of one world.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) ledger: Ledger,
    world: Arc<World>,
    seed: u64,
    participation: u64,
    /// Open orders by symbol, in the order of their acceptance.
    open: Vec<Vec<usize>>,
    /// Last price by symbol: the last regular print, else the previous close; 0 when neither is known.
    marks: Vec<i64>,
    previous_close: Vec<i64>,
    /// `trade_updates` messages not yet sent, as JSON.
    outbox: Vec<String>,
    /// Whether an order was filled since this was last asked, and whether one was filled in part.
    filled: (bool, bool),
    /// Orders taken since the process began, legs not counted.
    pub(crate) taken: usize,
}

impl Broker {
    pub(crate) fn new(world: Arc<World>, seed: u64, participation: u8, ledger: Ledger) -> Self {
        let symbols = world.listings().len();
        let mut broker = Self {
            ledger,
            world,
            seed,
            participation: u64::from(participation),
            open: vec![Vec::new(); symbols],
            marks: vec![0; symbols],
            previous_close: vec![0; symbols],
            outbox: Vec::new(),
            filled: (false, false),
            taken: 0,
        };
        for (at, order) in broker.ledger.orders.iter().enumerate() {
            if order.status.is_open() {
                broker.open[usize::from(order.index)].push(at);
            }
        }
        broker
    }

    /// Begins a session: prices are marked at the previous close, where one is known.
    pub(crate) fn begin_day(&mut self, date: chrono::NaiveDate) -> anyhow::Result<()> {
        for symbol in 0..self.marks.len() {
            if let Some(bar) = self.world.daily(symbol as u16, date)?.last() {
                self.previous_close[symbol] = bar.close;
                self.marks[symbol] = bar.close;
            }
        }
        self.ledger.last_equity = self.equity();
        Ok(())
    }

    /// Largest share of a print that fills orders, in per cent.
    pub(crate) fn participation(&self) -> u64 {
        self.participation
    }

    pub(crate) fn take_updates(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outbox)
    }

    /// Whether an order was filled since this was last asked, and whether one was filled in part.
    pub(crate) fn take_filled(&mut self) -> (bool, bool) {
        std::mem::take(&mut self.filled)
    }

    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.ledger.orders.iter().position(|o| o.id == id)
    }

    pub(crate) fn find_client(&self, id: &str) -> Option<usize> {
        self.ledger.orders.iter().position(|o| o.client_order_id == id)
    }

    /// Alpaca's entity of the order at `at`, with its legs if `nested`.
    pub(crate) fn order_view(&self, at: usize, nested: bool) -> Value {
        let order = &self.ledger.orders[at];
        let legs = if nested && !order.legs.is_empty() {
            order.legs.iter().map(|leg| self.ledger.orders[*leg].view(&Value::Null)).collect()
        } else {
            Value::Null
        };
        order.view(&legs)
    }

    fn push_update(&mut self, event: &str, at: usize, now: i64, fill: Option<&Fill>) {
        let mut data = json!({
            "event": event,
            "timestamp": rfc3339(now),
            "order": self.order_view(at, true),
        });
        if let Some(fill) = fill {
            data["execution_id"] = json!(fill.execution_id);
            data["price"] = json!(money(fill.price));
            data["qty"] = json!(fill.qty.to_string());
            data["position_qty"] = json!(fill.position_qty.to_string());
        }
        self.outbox.push(json!({"stream": "trade_updates", "data": data}).to_string());
    }
}
