//! Every crash point of the submit protocol × every way the broker may take the order: one order each time, or none
//! where the broker has refused it for good, by the broker's own log.
//!
//! The executor is a process of its own and is killed (SIGKILL) while a door on its way to the bus or to the broker
//! holds the very message after which, or before which, it is to die; nothing here depends on how long anything takes.
//! `trade_updates` are dropped until the crash, so that only the answer to the POST can tell the first executor
//! anything.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::event::Event;
use domain::execution::{CloseReason, OrderState, OrderUpdated};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::door::{At, Door, Wanted};
use crate::world::World;
use crate::{closed, executed, intended};

const PATIENCE: Duration = Duration::from_secs(60);
/// Deadline of a call to the broker; the answers of a broker that times out come long after it.
const CALL_TIMEOUT_MS: u64 = 1_500;
const SHARES: u64 = 60;
const TOO_MANY_SHARES: u64 = 1_000_000;

/// Where the executor dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// The intent has left the executor and not reached the bus.
    BeforeIntent,
    /// The intent is stored, the executor does not know it yet.
    AfterIntent,
    /// The POST has left the executor, no answer has come.
    AfterPostSent,
    /// What became of the POST is known, the record of it has not reached the bus.
    AfterPostAnswered,
    /// The record is stored, the executor does not know it yet and has not acknowledged the approval.
    AfterAckStored,
}

/// What becomes of the first POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Rejected,
    TimedOutButAccepted,
    TimedOutAndLost,
}

const OUTCOMES: [Outcome; 4] =
    [Outcome::Accepted, Outcome::Rejected, Outcome::TimedOutButAccepted, Outcome::TimedOutAndLost];

impl Outcome {
    const fn times_out(self) -> bool {
        matches!(self, Self::TimedOutButAccepted | Self::TimedOutAndLost)
    }
}

struct Cell {
    world: World,
    point: Point,
    outcome: Outcome,
    logs: tempfile::TempDir,
}

/// The executor as a process; killed when dropped.
struct Executor(Child);

impl Drop for Executor {
    fn drop(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Cell {
    async fn new(point: Point, outcome: Outcome) -> Self {
        let logs = tempfile::tempdir().unwrap();
        Self { world: World::at("09:36:00").await, point, outcome, logs }
    }

    fn start(&self, bus: &str, broker: &str) -> Executor {
        let log =
            std::fs::File::options().create(true).append(true).open(self.logs.path().join("executor.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_executor"));
        let environment = [
            ("FIN__PROFILE", "dev".to_owned()),
            ("FIN__INSTANCE", "first".to_owned()),
            ("FIN__BUS__URL", format!("nats://{bus}")),
            ("FIN__BUS__ENSURE_TOPOLOGY", "false".to_owned()),
            ("FIN__DATA_DIR", self.logs.path().display().to_string()),
            ("FIN__HEALTH__LISTEN", "127.0.0.1:0".to_owned()),
            ("FIN__VENDORS__ALPACA__REST_URL", format!("http://{broker}/alpaca")),
            ("FIN__VENDORS__ALPACA__STREAM_URL", format!("ws://{broker}/alpaca/stream")),
            ("FIN__EXECUTOR__CLOCK_POLL_MS", "100".to_owned()),
            ("FIN__EXECUTOR__CALL_TIMEOUT_MS", CALL_TIMEOUT_MS.to_string()),
            // What the broker has is learned from answers alone until the crash.
            ("FIN__EXECUTOR__BACKFILL_POLL_MS", "300000".to_owned()),
        ];
        command.envs(environment).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Executor(command.spawn().unwrap())
    }

    /// The broker's side of the outcome, for the next POST.
    async fn ask_for_outcome(&self) {
        // The caller hangs up first: `before`, the broker never acts; `after`, it has acted and nobody hears of it.
        let when = match self.outcome {
            Outcome::Accepted | Outcome::Rejected => return,
            Outcome::TimedOutButAccepted => "after",
            Outcome::TimedOutAndLost => "before",
        };
        let delay_ms = 20 * CALL_TIMEOUT_MS;
        self.world.fault(json!({"on": "POST /v2/orders", "when": when, "delay_ms": delay_ms})).await;
    }

    /// The first executor's life up to its crash; the late order, where one is still under way.
    async fn crash(&mut self) -> Option<Vec<u8>> {
        let (bus_wanted, bus_at) = match self.point {
            Point::BeforeIntent => ("order.v1.order_intended.", At::Stop),
            Point::AfterIntent => ("order.v1.order_intended.", At::Deafen),
            Point::AfterPostSent | Point::AfterPostAnswered => ("order.v1.order_updated.", At::Stop),
            Point::AfterAckStored => ("order.v1.order_updated.", At::Deafen),
        };
        let mut bus = Door::to(self.world.bus_address(), Wanted::Subject(bus_wanted), bus_at).await;
        let broker_at = match self.outcome {
            _ if self.point != Point::AfterPostSent => At::Pass,
            outcome if outcome.times_out() => At::Stop,
            _ => At::Deafen,
        };
        let submit = Wanted::Request("POST /alpaca/v2/orders ");
        let mut broker = Door::to(self.world.sim.addr.to_string(), submit, broker_at).await;

        let mute = json!({"on": "SEND /alpaca/stream", "frame": "drop", "count": 1_000});
        self.world.fault(mute).await;
        if matches!(self.point, Point::AfterPostAnswered | Point::AfterAckStored) {
            self.ask_for_outcome().await;
        }
        let executor = self.start(&bus.address.to_string(), &broker.address.to_string());
        let shares = if self.outcome == Outcome::Rejected { TOO_MANY_SHARES } else { SHARES };
        self.world.publish(self.world.approval(shares, 300, None).await, "a").await;

        let mut late = None;
        match self.point {
            Point::BeforeIntent | Point::AfterPostAnswered => {
                bus.met().await;
            }
            Point::AfterIntent => {
                bus.met().await;
                self.world.until("intent", intended).await;
            }
            Point::AfterPostSent => {
                let post = broker.met().await;
                if self.outcome.times_out() {
                    late = Some(post);
                } else {
                    self.broker_has_answered().await;
                }
            }
            Point::AfterAckStored => {
                bus.met().await;
                self.world.until("record", entry_update).await;
            }
        }
        drop(executor);
        self.at_the_crash().await;
        late.filter(|_| self.outcome == Outcome::TimedOutButAccepted)
    }

    async fn broker_has_answered(&self) {
        while self.posts().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The crash happened where it was meant to: what the bus and the broker have says so.
    async fn at_the_crash(&mut self) {
        let (point, outcome) = (self.point, self.outcome);
        let events = self.world.stored().await;
        let intents = events.iter().filter(|event| intended(event).is_some()).count();
        let updates = events.iter().filter_map(entry_update).collect::<Vec<_>>();
        let posts = self.posts().await.len();
        assert_eq!(intents, usize::from(point != Point::BeforeIntent), "{point:?} {outcome:?}: intents");
        let recorded = usize::from(point == Point::AfterAckStored);
        assert_eq!(updates.len(), recorded, "{point:?} {outcome:?}: {updates:?}");
        let never_came = outcome == Outcome::TimedOutAndLost
            || point == Point::AfterPostSent && outcome == Outcome::TimedOutButAccepted;
        let sent = !matches!(point, Point::BeforeIntent | Point::AfterIntent);
        assert_eq!(posts, usize::from(sent && !never_came), "{point:?} {outcome:?}: POSTs at the broker");
        for update in updates {
            let expected = match outcome {
                Outcome::Accepted => OrderState::Accepted,
                Outcome::Rejected => OrderState::Rejected,
                Outcome::TimedOutButAccepted | Outcome::TimedOutAndLost => OrderState::Unknown,
            };
            assert_eq!(update.state, expected, "{point:?} {outcome:?}");
        }
    }

    /// The second executor's life on the same bus, to the end of the plan.
    async fn recover(&mut self, late: Option<Vec<u8>>) {
        self.world.clear_faults().await;
        if matches!(self.point, Point::BeforeIntent | Point::AfterIntent) {
            self.ask_for_outcome().await;
        }
        let sim = self.world.sim.addr.to_string();
        let at = if late.is_some() { At::Stop } else { At::Pass };
        let mut broker = Door::to(sim.clone(), Wanted::Request("POST /alpaca/v2/orders "), at).await;
        let _executor = self.start(&self.world.bus_address(), &broker.address.to_string());
        if let Some(late) = late {
            // It has asked, was told that there is no such order, and sends it again; the first one is quicker.
            broker.met().await;
            assert_eq!(send_raw(&sim, &late).await, "HTTP/1.1 200 OK");
            broker.set(At::Pass);
        }
        if self.outcome == Outcome::Rejected {
            let end = self.world.until("PlanClosed", closed).await;
            assert_eq!(end.quantity, 0, "{:?}", end.reason);
            assert_ne!(end.reason, CloseReason::FlatByClose);
            return;
        }
        self.world.until("answer", crate::answered).await;
        self.world.run_market(20.0).await;
        assert_eq!(self.world.until("PlanExecuted", executed).await.quantity, SHARES);
    }

    /// POSTs of the entry at the broker, oldest first, by its own log.
    async fn posts(&self) -> Vec<Value> {
        let log = self.world.get("orders").await;
        let of_entry = |call: &Value| {
            call["method"] == "POST" && call["client_order_id"].as_str().is_some_and(|id| id.ends_with("-E1"))
        };
        log["items"].as_array().unwrap().iter().filter(|call| of_entry(call)).cloned().collect()
    }

    /// One row of the table, after proving what it says.
    async fn verdict(&mut self) -> String {
        let (point, outcome) = (self.point, self.outcome);
        let posts = self.posts().await;
        let taken = posts.iter().filter(|call| call["status"] == 200).count();
        let orders = self.world.broker("orders?status=all&limit=500").await;
        let of_entry = |order: &&Value| order["client_order_id"].as_str().is_some_and(|id| id.ends_with("-E1"));
        let held = orders.as_array().unwrap().iter().filter(of_entry).count();
        let intents = self.world.stored().await.iter().filter(|event| intended(event).is_some()).count();
        let expected = usize::from(outcome != Outcome::Rejected);
        let row = format!(
            "{:<18} {:<20} {:>5} {taken:>8} {:>7} {held:>6}",
            format!("{point:?}"),
            format!("{outcome:?}"),
            posts.len(),
            posts.len() - taken,
        );
        assert_eq!((taken, held, intents), (expected, expected, 1), "{row}\n{posts:#?}");
        row
    }
}

/// Sends a request as it was written and gives the first line of the answer.
async fn send_raw(server: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(2).any(|at| at == b"\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "no answer");
    }
    String::from_utf8_lossy(&answer).lines().next().unwrap().to_owned()
}

fn entry_update(event: &Event) -> Option<OrderUpdated> {
    match event {
        Event::OrderUpdated(update) if update.client_order_id.as_str().ends_with("-E1") => Some(update.clone()),
        _ => None,
    }
}

/// One row of the table.
async fn try_out(point: Point, outcome: Outcome) -> String {
    let mut cell = Cell::new(point, outcome).await;
    let logs = cell.logs.path().join("executor.log");
    let whole = timeout(PATIENCE, async {
        let late = cell.crash().await;
        cell.recover(late).await;
        cell.verdict().await
    });
    whole.await.unwrap_or_else(|_| {
        let log = std::fs::read_to_string(&logs).unwrap_or_default();
        panic!("{point:?} {outcome:?} does not end; the executors said:\n{log}")
    })
}

#[allow(clippy::print_stdout, reason = "the table is what a reader of the test wants")]
async fn one_order_whatever_the_broker_does(point: Point) {
    println!("crash              broker                POSTs accepted refused orders");
    for outcome in OUTCOMES {
        println!("{}", try_out(point, outcome).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_intent_there_is_one_order() {
    one_order_whatever_the_broker_does(Point::BeforeIntent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_intent_there_is_one_order() {
    one_order_whatever_the_broker_does(Point::AfterIntent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_post_was_sent_there_is_one_order() {
    one_order_whatever_the_broker_does(Point::AfterPostSent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_post_was_answered_there_is_one_order() {
    one_order_whatever_the_broker_does(Point::AfterPostAnswered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_ack_was_stored_there_is_one_order() {
    one_order_whatever_the_broker_does(Point::AfterAckStored).await;
}
