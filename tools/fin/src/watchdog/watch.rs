//! Looks, decides, acts. What it did stands in the broker's book, so it remembers nothing that a restart would lose.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::execution::{Answer, Extent, NewOrder, WindDown, wind_down};
use domain::ops::Severity;
use domain::{ClientOrderId, Symbol, UnixNanos, VenueOrderId, calendar};
use executor::adapters::alpaca::AlpacaClient;
use futures_util::future::join_all;
use ports::{OrderPort, VendorError};

use super::alarm::Alarms;
use super::config::Config;
use super::hearing::Hearing;

/// Between two looks at the broker while nothing is to be done there.
const IDLE: Duration = Duration::from_secs(10);

/// Minds one account.
pub(super) struct Watch {
    pub(super) config: Config,
    pub(super) hearing: Hearing,
    pub(super) broker: AlpacaClient,
    /// The account's number, as the broker tells it.
    pub(super) account: String,
    pub(super) alarms: Alarms,
    /// Only says what it would do.
    pub(super) dry_run: bool,
    /// Shares of others in the last look.
    pub(super) foreign: BTreeMap<Symbol, i64>,
    /// True from the first act until the executor is heard again.
    pub(super) acting: bool,
}

/// What silence of `silence` asks for.
fn extent(silence: Duration, config: &Config) -> Option<Extent> {
    if silence < config.silence() {
        None
    } else if silence < config.silence() + config.grace() {
        Some(Extent::Entries)
    } else {
        Some(Extent::Everything)
    }
}

fn in_market_hours(now: UnixNanos) -> bool {
    calendar::session(now.session_date()).is_some_and(|session| (session.open..session.close).contains(&now))
}

impl Watch {
    /// One look; how long the next one may wait.
    pub(super) async fn look(&mut self) -> Duration {
        if extent(self.hearing.silence(), &self.config).is_none() {
            self.relax();
            return self.config.poll();
        }
        match self.mind().await {
            Ok(pause) => pause,
            Err(error) => {
                let message = format!("the broker cannot be asked: {}", chassis::logs::chain(&error));
                self.alarms.raise(Severity::Critical, "broker_unreachable", None, message);
                self.config.poll()
            }
        }
    }

    fn relax(&mut self) {
        if std::mem::take(&mut self.acting) {
            let message = "the executor is heard again; nothing more is done".to_owned();
            self.alarms.raise(Severity::Info, "executor_back", None, message);
        }
        self.alarms.reset();
    }

    async fn mind(&mut self) -> Result<Duration, VendorError> {
        let now = self.broker.clock().await?.now;
        if !in_market_hours(now) {
            return Ok(IDLE);
        }
        let since = calendar::previous_session(now.session_date()).date.at_hm(0, 0);
        let book = self.broker.book(since, now).await?;
        // Reading takes a while, in which the executor may have come back.
        let Some(extent) = extent(self.hearing.silence(), &self.config) else { return Ok(self.config.poll()) };
        let steps = wind_down(&book, extent, &self.account);
        if !self.hearing.has_heard() && steps.is_over() && !self.acting {
            return Ok(IDLE);
        }
        self.tell(extent, &steps);
        if steps.is_over() {
            return Ok(IDLE);
        }
        self.act(steps).await;
        Ok(self.config.poll())
    }

    fn tell(&mut self, extent: Extent, steps: &WindDown) {
        let seconds = self.hearing.silence().as_secs();
        let held = listed(&steps.held);
        let open = format!("{} of its orders are open, it holds {held}", steps.live);
        let message = format!("the executor has been silent for {seconds} s; its entries are cancelled; {open}");
        self.alarms.raise(Severity::Critical, "executor_silent", None, message);
        if extent == Extent::Everything && !steps.is_over() {
            let message =
                format!("the executor has been silent for {seconds} s; everything it holds is closed: {held}");
            self.alarms.raise(Severity::Critical, "closing_everything", None, message);
        }
        if self.acting && steps.is_over() {
            let message = "nothing of the executor's is left at the broker".to_owned();
            self.alarms.raise(Severity::Info, "account_flat", None, message);
        }
        // A fill between two readings looks foreign for one look.
        for (symbol, shares) in
            steps.foreign.iter().filter(|(symbol, shares)| self.foreign.get(*symbol) == Some(*shares))
        {
            let message = format!("{shares} shares of {symbol} are not the executor's; they are left alone");
            self.alarms.raise(Severity::Warning, "foreign_position", Some(symbol.as_str()), message);
        }
        self.foreign.clone_from(&steps.foreign);
    }

    async fn act(&mut self, WindDown { cancels, exits, .. }: WindDown) {
        for (id, _) in &cancels {
            tracing::warn!(client_order_id = %id, dry_run = self.dry_run, "cancelling");
        }
        for intent in exits.iter().map(NewOrder::intent) {
            let (symbol, quantity, side) = (&intent.symbol, intent.quantity, intent.side);
            let id = &intent.client_order_id;
            tracing::warn!(client_order_id = %id, %symbol, quantity, ?side, dry_run = self.dry_run, "closing");
        }
        if self.dry_run {
            return;
        }
        self.acting |= !cancels.is_empty() || !exits.is_empty();
        let cancelled =
            join_all(cancels.iter().map(|(_, venue): &(ClientOrderId, VenueOrderId)| self.broker.cancel(venue)));
        let sent = join_all(exits.iter().map(|exit| self.broker.submit(exit)));
        let (cancelled, sent) = tokio::join!(cancelled, sent);
        for ((id, _), answer) in cancels.iter().zip(cancelled) {
            // What could not be cancelled has ended, or the next look finds it alive.
            if let Answer::Refused(words) | Answer::Unknown(words) = answer {
                tracing::warn!(client_order_id = %id, words, "not cancelled");
            }
        }
        for (exit, answer) in exits.iter().zip(sent) {
            let id = &exit.intent().client_order_id;
            match answer {
                // A repeated exit is the executor's own.
                Answer::Found(_) | Answer::Taken | Answer::NotFound | Answer::Duplicate => {}
                Answer::Refused(words) => {
                    let message = format!("the broker refuses an exit: {words}");
                    self.alarms.raise(Severity::Critical, "broker_refuses", Some(id.as_str()), message);
                }
                Answer::Unknown(words) => {
                    tracing::warn!(client_order_id = %id, words, "no clear answer; looking again");
                }
            }
        }
    }
}

fn listed(held: &BTreeMap<Symbol, i64>) -> String {
    if held.is_empty() {
        return "nothing".to_owned();
    }
    held.iter().map(|(symbol, shares)| format!("{shares} {symbol}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_ends_entries_and_after_the_grace_everything() {
        let config = Config { silence_ms: 30_000, grace_ms: 60_000, ..Config::default() };
        let check = |seconds, expected| assert_eq!(extent(Duration::from_secs(seconds), &config), expected);
        check(29, None);
        check(30, Some(Extent::Entries));
        check(89, Some(Extent::Entries));
        check(90, Some(Extent::Everything));
    }

    #[test]
    fn market_hours_are_those_of_the_calendar() {
        let check = |at: &str, expected| assert_eq!(in_market_hours(at.parse().unwrap()), expected, "{at}");
        check("2026-11-24T14:29:59Z", false);
        check("2026-11-24T14:30:00Z", true);
        check("2026-11-24T20:59:59Z", true);
        check("2026-11-24T21:00:00Z", false);
        check("2026-11-26T16:00:00Z", false);
        check("2026-11-27T18:00:00Z", false);
    }
}
