//! Reads both sides from the bus for as long as the process runs, and answers from what was read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::{Bus, BusError, Fold, FoldSpec, Item, Kind};
use domain::{RoundId, Symbol};
use tokio_util::sync::CancellationToken;

use super::book::{Book, Comparison, Side};
use super::compare::{Finding, Why};
use super::refusals::Refusals;
use super::report::{Difference, Report};
use crate::state::Shared;

/// What decides a round, on either side.
const KINDS: [Kind; 3] = [Kind::RoundClosed, Kind::PlanApproved, Kind::PlanDenied];
/// Between two tries to read what cannot be read.
const RETRY: Duration = Duration::from_secs(10);

/// Both sides, as far as they were read.
#[derive(Debug, Default)]
pub(crate) struct Parity {
    book: Mutex<Read>,
    refusals: tokio::sync::Mutex<Refusals>,
}

#[derive(Debug, Default)]
struct Read {
    book: Book,
    complete: bool,
}

impl Parity {
    /// The report; `None` until what the bus held at the start was read.
    ///
    /// # Errors
    /// Class Transient: the bus does not answer why something was refused.
    pub(crate) async fn report(&self, bus: &Bus) -> Result<Option<Report>, BusError> {
        let compared = {
            let read = self.read();
            read.complete.then(|| read.book.compare())
        };
        let Some(Comparison { active, shadow, rounds, agree, findings }) = compared else { return Ok(None) };
        let mut asked: BTreeMap<(Side, RoundId), BTreeSet<Symbol>> = BTreeMap::new();
        for finding in &findings {
            if let (Why::RefusedBy(side), Some(symbol)) = (&finding.why, &finding.symbol) {
                asked.entry((*side, finding.round_id.clone())).or_default().insert(symbol.clone());
            }
        }
        let mut refusals = self.refusals.lock().await;
        let mut answers = BTreeMap::new();
        for ((side, round_id), symbols) in asked {
            let of_round = refusals.of(bus, side, &round_id, &symbols).await?;
            answers
                .extend(of_round.iter().map(|(symbol, why)| ((side, round_id.clone(), symbol.clone()), why.clone())));
        }
        let difference = |finding: Finding| {
            let Finding { round_id, symbol, field, active, shadow, why } = finding;
            let why = match (why, &symbol) {
                (Why::Known(why), _) => why,
                (Why::RefusedBy(side), Some(symbol)) => {
                    answers.get(&(side, round_id.clone(), symbol.clone())).cloned().unwrap_or_default()
                }
                (Why::RefusedBy(_), None) => String::new(),
            };
            let symbol = symbol.map_or_else(String::new, |symbol| symbol.to_string());
            Difference { round_id: round_id.to_string(), symbol, field: field.to_owned(), active, shadow, why }
        };
        let differ = findings.into_iter().map(difference).collect();
        Ok(Some(Report { active, shadow, rounds, agree, differ }))
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what is known of both sides up to date until shutdown. What cannot be read is no reason to serve nothing: it is
/// tried again, and meanwhile there is no report.
pub(crate) async fn follow(shared: Arc<Shared>, shutdown: CancellationToken) {
    loop {
        let outcome = tokio::select! {
            () = shutdown.cancelled() => return,
            outcome = fold(&shared) => outcome,
        };
        *shared.parity.read() = Read::default();
        if let Err(error) = outcome {
            tracing::error!(%error, "what a strategy on trial decides cannot be read");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn fold(shared: &Shared) -> Result<(), BusError> {
    let mut fold = Fold::open(&shared.bus.on_trial(), FoldSpec::kinds(&KINDS).and_live_kinds(&KINDS))?;
    loop {
        match fold.next().await? {
            Item::Event(folded) => {
                let side = if folded.on_trial { Side::Shadow } else { Side::Active };
                shared.parity.read().book.take(side, folded.event);
            }
            Item::CaughtUp => shared.parity.read().complete = true,
            // Whoever decides by it puts it into DEAD.
            Item::Poison(poison) => tracing::warn!(seq = poison.seq, reason = poison.reason, "a decision unread"),
        }
    }
}
