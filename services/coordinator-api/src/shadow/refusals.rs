//! Why a side refused a symbol: looked up among its candidates, where it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bus::{Bus, BusError, Fold, FoldSpec, Item, subject};
use domain::scan::{Outcome, TradeCandidate};
use domain::{Event, RoundId, StreamName, Symbol};

use super::book::Side;

/// How long one round's candidates may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rounds whose refusals are remembered.
const KEPT: usize = 400;

/// What was looked up; a round that is closed does not change.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    known: BTreeMap<(Side, RoundId), BTreeMap<Symbol, String>>,
}

impl Refusals {
    /// Why `side` refused each of `symbols` in the round.
    ///
    /// # Errors
    /// Class Transient: the bus does not answer.
    pub(super) async fn of(
        &mut self,
        bus: &Bus,
        side: Side,
        round_id: &RoundId,
        symbols: &BTreeSet<Symbol>,
    ) -> Result<&BTreeMap<Symbol, String>, BusError> {
        let key = (side, round_id.clone());
        let complete = self.known.get(&key).is_some_and(|known| symbols.iter().all(|s| known.contains_key(s)));
        if !complete {
            let bus = match side {
                Side::Active => bus.clone(),
                Side::Shadow => bus.on_trial(),
            };
            let reading = tokio::time::timeout(PATIENCE, read(&bus, side, round_id, symbols)).await;
            let found = reading.unwrap_or_else(|_| {
                Err(BusError::Missing { what: format!("an answer about the candidates of {round_id}") })
            })?;
            while self.known.len() >= KEPT {
                self.known.pop_first();
            }
            self.known.insert(key.clone(), found);
        }
        Ok(self.known.entry(key).or_default())
    }
}

async fn read(
    bus: &Bus,
    side: Side,
    round_id: &RoundId,
    symbols: &BTreeSet<Symbol>,
) -> Result<BTreeMap<Symbol, String>, BusError> {
    let who = match side {
        Side::Active => "the suite",
        Side::Shadow => "the strategy on trial",
    };
    let unseen = format!("{who} evaluated no such symbol");
    let mut found: BTreeMap<_, _> = symbols.iter().map(|symbol| (symbol.clone(), unseen.clone())).collect();
    let mut fold = Fold::open(bus, FoldSpec::subject(StreamName::Scan, subject::candidates_of(round_id)))?;
    loop {
        match fold.next().await? {
            Item::CaughtUp => return Ok(found),
            Item::Event(folded) => {
                let Event::CandidatesEvaluated(part) = folded.event else { continue };
                for candidate in part.candidates {
                    if let Some(why) = found.get_mut(&candidate.symbol) {
                        *why = format!("{who}: {}", reason(&candidate));
                    }
                }
            }
            Item::Poison(poison) => tracing::warn!(seq = poison.seq, reason = poison.reason, "candidates unread"),
        }
    }
}

/// The criterion that a candidate failed, with its numbers.
fn reason(candidate: &TradeCandidate) -> String {
    let Some(name) = candidate.refused_by else { return "passed, and is not in the ranking".to_owned() };
    let failed = candidate.criteria.iter().find(|c| c.name == name && c.outcome != Outcome::Pass);
    match failed {
        Some(c) => {
            let value = c.value.map_or_else(|| "not known".to_owned(), |value| value.to_string());
            format!("{name} is {value}, must be {} {} ({})", c.comparison, c.threshold, c.unit)
        }
        None => format!("refused by {name}"),
    }
}

#[cfg(test)]
mod tests {
    use domain::Micro;
    use domain::scan::{Comparison, CriterionName};
    use testkit::build;

    use super::*;

    #[test]
    fn a_refusal_names_the_criterion_and_its_numbers() {
        let mut candidate = build::candidate("GME");
        assert_eq!(reason(&candidate), "passed, and is not in the ranking");
        candidate.refused_by = Some(CriterionName::Gap);
        let gap = &mut candidate.criteria[0];
        (gap.outcome, gap.comparison, gap.threshold) = (Outcome::Fail, Comparison::AtLeast, Micro::from_int(9));
        assert_eq!(reason(&candidate), "gap is 7.991361, must be >= 9 (percent)");
        candidate.criteria[0].value = None;
        assert_eq!(reason(&candidate), "gap is not known, must be >= 9 (percent)");
        candidate.criteria.clear();
        assert_eq!(reason(&candidate), "refused by gap");
    }
}
