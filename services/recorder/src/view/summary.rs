//! Every event in one sentence.

use domain::Event;
use domain::market::TradingStatus;
use domain::plan::Side;
use serde::Serialize;

/// What happened, for a person who reads a list of events.
pub fn summary(event: &Event) -> String {
    match event {
        Event::TradeBatch(e) => format!("{} trades up to {}", e.trades.symbol.len(), e.watermark),
        Event::ReferenceUpdated(e) => {
            format!(
                "{}: previous close {}, {} daily bars from {}",
                e.symbol,
                e.prev_close,
                e.daily_bars.len(),
                e.source
            )
        }
        Event::NewsPublished(e) => e.headline.clone(),
        Event::FeedGapDetected(e) => format!("{} has no data from {} until {}", e.source, e.from, e.until),
        Event::TradingStatusChanged(e) => match e.status {
            TradingStatus::Halted => format!("{} is halted: {}", e.symbol, e.detail),
            TradingStatus::Resumed => format!("{} may trade again: {}", e.symbol, e.detail),
        },
        Event::SignalGenerated(e) => {
            let score = e.candidate.score.map_or_else(|| "–".to_owned(), |s| s.to_string());
            format!("{} passed every criterion of {}, score {score}", e.candidate.symbol, e.round.round_id)
        }
        Event::CandidatesEvaluated(e) => {
            format!("{} candidates of partition {} evaluated", e.candidates.len(), e.partition)
        }
        Event::ScanRoundCompleted(e) => format!(
            "partition {} of {} done: {} evaluated, {} signals",
            e.partition,
            e.partitions,
            e.evaluated,
            e.signal_ids.len()
        ),
        Event::RoundOpened(e) => format!("{} opened under strategy {}", e.round.round_id, e.round.config_version),
        Event::RoundClosed(e) => {
            format!("{} closed: {} ranked, {} plans", e.round.round_id, e.ranking.len(), e.plans.len())
        }
        Event::PlanProposed(e) => {
            let p = &e.plan;
            let verb = if p.side == Side::Buy { "buy" } else { "sell" };
            format!(
                "{verb} {} at {} up to {}, stop distance {}, rank {}",
                p.symbol, p.entry.trigger, p.entry.limit, p.stop_distance, p.rank
            )
        }
        Event::DayOpened(e) if e.observe_only.is_empty() => format!("day opened with equity ${}", e.start_equity),
        Event::DayOpened(e) => format!("day opened for watching only: {}", e.observe_only.join("; ")),
        Event::PlanApproved(e) => {
            format!("{} shares approved, {} binds, ${} at risk", e.quantity, word(&e.binding_cap), e.risk)
        }
        Event::PlanDenied(e) => format!("denied: {}", e.reason),
        Event::TradingStateLowered(e) => {
            format!("lowered to {}: {} {}, the limit is {}", e.state.as_str(), e.value, e.limit.unit(), e.threshold)
        }
        Event::OrderIntended(e) => {
            format!("{} order to {} {} {} intended", word(&e.leg), word(&e.side), e.quantity, e.symbol)
        }
        Event::OrderUpdated(e) => {
            let reason = e.reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
            format!("{} order {}: {} of {} filled{reason}", word(&e.leg), word(&e.state), e.filled_qty, e.quantity)
        }
        Event::FillRecorded(e) => format!("{} {} {} at {}", word(&e.leg), word(&e.side), e.quantity, e.price),
        Event::PlanExecuted(e) => {
            format!("holding {} at {}, stop {}", e.quantity, e.avg_entry_price, e.stop_price)
        }
        Event::PlanClosed(e) => {
            format!("closed by {}: ${}, {} R", word(&e.reason), e.realized_pnl, e.r_multiple)
        }
        Event::AccountObserved(e) => format!("equity ${}, buying power ${}", e.equity, e.buying_power),
        Event::PositionReconciled(e) => {
            format!("{}: {} expected, {} at the broker, {}", e.symbol, e.expected_qty, e.broker_qty, e.detail)
        }
        Event::DeadlineReached(e) => format!("deadline {} by the {} clock", word(&e.step), word(&e.by)),
        Event::OwnerChanged(e) => format!("{} works on account {} (owner {})", e.instance, e.account, e.epoch),
        Event::TradingStateChanged(e) => format!("{} set {}: {}", e.by.author, e.state.as_str(), e.by.reason),
        Event::FlattenRequested(e) => format!("{} asked to flatten: {}", e.by.author, e.by.reason),
        Event::FlattenCancelled(e) => format!("{} withdrew the flatten: {}", e.by.author, e.by.reason),
        Event::StrategyPaused(e) => {
            let what = if e.paused { "paused" } else { "resumed" };
            format!("{} {what} {}: {}", e.by.author, e.strategy, e.by.reason)
        }
        Event::ConfigActivated(e) => {
            format!("{} activated strategy {}: {}", e.by.author, e.config_version, e.by.reason)
        }
        Event::AlertAcknowledged(e) => format!("{} has seen {}", e.by.author, e.error_id),
        Event::DeadLetterHandled(e) => format!("{} {} {}", e.by.author, word(&e.action), e.subject),
        Event::ErrorRaised(e) => e.message.clone(),
        Event::ReadinessReported(e) => {
            let failing: Vec<&str> = e.checks.iter().filter(|c| !c.ok).map(|c| c.name.as_str()).collect();
            if failing.is_empty() {
                format!("{} ready", e.service)
            } else {
                format!("{} waits for {}", e.service, failing.join(", "))
            }
        }
    }
}

/// The name of a unit variant as the API writes it.
pub(super) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
