//! What the desk reads by itself: the broker's clock, the account, and how long an answer has been missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::execution::{BrokerAccount, OrderState, PlanBook};
use domain::ops::Severity;
use domain::{ClientOrderId, UnixNanos, calendar};
use ports::VendorError;

use super::{Desk, Done};
use crate::error::ExecutorError;
use crate::metrics;

/// Least wall time between two readings of the account after a fill.
const ACCOUNT_PAUSE: Duration = Duration::from_millis(500);
/// How often an approval that waits for the broker's answer is kept from being handed out again.
const IN_PROGRESS_EVERY: Duration = Duration::from_secs(10);

impl Desk {
    /// Begins the readings that are due, reports, and looks after what waits.
    pub(crate) async fn tick(&mut self) -> Result<(), ExecutorError> {
        self.read_clock();
        self.read_calendar();
        self.read_account();
        let every = Duration::from_millis(self.ctx.config.backfill_poll_ms);
        if self.last.backfill.is_some_and(|at| at.elapsed() >= every) {
            self.state.request_backfill();
        }
        self.watch_doubts();
        for waiting in &mut self.waiting {
            if waiting.reminded.elapsed() >= IN_PROGRESS_EVERY {
                waiting.reminded = Instant::now();
                waiting.delivery.in_progress().await?;
            }
        }
        Ok(())
    }

    pub(super) fn observe_account(
        &mut self,
        account: BrokerAccount,
        included: Vec<ClientOrderId>,
        at: UnixNanos,
    ) -> Result<(), ExecutorError> {
        if let Some(expected) = self.ctx.config.account_number.as_ref().filter(|number| **number != account.account) {
            return Err(ExecutorError::WrongAccount { expected: expected.clone(), found: account.account });
        }
        let detail = if account.tradable { "unblocked" } else { "the broker does not let it trade" };
        self.ctx.readiness.set("account", account.tradable, detail);
        self.account_session = Some(calendar::session_at(at).date);
        self.state.observe_account(account, included, at);
        Ok(())
    }

    /// A failed reading: waits for the next one, unless the broker refuses us before we ever got in.
    pub(super) fn unreachable(&mut self, error: VendorError) -> Result<(), ExecutorError> {
        let refused = matches!(error, VendorError::Refused { .. });
        if refused && self.account_session.is_none() {
            return Err(error.into());
        }
        self.ctx.readiness.set("broker", false, error.to_string());
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        self.ctx.errors.raise(Severity::Warning, "broker_unreachable", error.to_string(), cause, None);
        Ok(())
    }

    fn read_clock(&mut self) {
        let every = Duration::from_millis(self.ctx.config.clock_poll_ms);
        if self.reading_clock || self.last.clock.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        (self.reading_clock, self.last.clock) = (true, Some(Instant::now()));
        let port = Arc::clone(&self.port);
        self.calls.spawn(async move { Done::Clock(port.clock().await) });
    }

    fn read_account(&mut self) {
        let Some(now) = self.market.now() else { return };
        let session = calendar::session_at(now).date;
        let every = Duration::from_millis(self.ctx.config.account_poll_ms);
        let age = self.last.account.map(|at| at.elapsed());
        let open = self.state.open_plans().next().is_some();
        let due = match age {
            None => true,
            Some(age) => {
                age >= ACCOUNT_PAUSE && (self.account_stale || self.account_session != Some(session))
                    || age >= every && (open || !self.state.is_tradable())
            }
        };
        // The first observation of a session waits for the book, so that it can say which orders it includes, and for
        // the calendar, as it opens the day.
        let agreed_or_held = self.calendar.is_known(session) || open;
        if !due || self.reading_account || !self.state.is_reconciled() || !agreed_or_held {
            return;
        }
        (self.reading_account, self.account_stale, self.last.account) = (true, false, Some(Instant::now()));
        let included = self.state.confirmed_orders(session);
        let port = Arc::clone(&self.port);
        self.calls.spawn(async move { Done::Account(port.account().await, included, now) });
    }

    fn watch_doubts(&mut self) {
        let orders = self.state.open_plans().flat_map(PlanBook::orders);
        let unknown: Vec<_> = orders
            .filter(|order| order.state() == OrderState::Unknown && !order.missing)
            .map(|order| order.client_order_id.clone())
            .collect();
        self.doubts.retain(|id, _| unknown.contains(id));
        for id in unknown {
            self.doubts.entry(id).or_insert_with(Instant::now);
        }
        let oldest = self.doubts.iter().max_by_key(|(_, since)| since.elapsed());
        metrics::standing(&self.state, oldest.map(|(_, since)| since.elapsed()));
        if let Some((id, since)) = oldest
            && since.elapsed() >= Duration::from_millis(self.ctx.config.unknown_alarm_ms)
        {
            let message = format!("for {} s nobody knows whether the broker has {id}", since.elapsed().as_secs());
            self.ctx.errors.raise(Severity::Critical, "unknown_order", message, String::new(), Some(id.as_str()));
        }
    }
}
