//! What a partition says at the end of a round.

use bus::Created;
use chassis::Context;
use chassis::traces::Cause;
use domain::scan::{RoundOpened, RoundResult};
use domain::{Event, EventId};
use futures_util::future::try_join_all;

use crate::Config;

/// Appends a partition's round: signals and candidates first, its completion last. `cause` is the batch that made it due.
pub(crate) async fn append(ctx: &Context<Config>, round: RoundResult, cause: Option<&Cause>) -> chassis::Result {
    let completed = round.completed.clone();
    let id = completed.round.round_id.as_str();
    let mut parts = events_of(round);
    let last = parts.pop();
    try_join_all(parts.into_iter().map(|(event_id, event)| create(ctx, event_id, event, id, cause))).await?;
    tracing::info!(
        round_id = id,
        partition = completed.partition,
        evaluated = completed.evaluated,
        signals = completed.signal_ids.len(),
        "round completed"
    );
    metrics::counter!("scanner_rounds_completed_total", "schedule" => completed.round.schedule.clone()).increment(1);
    match last {
        Some((event_id, event)) => create(ctx, event_id, event, id, cause).await,
        None => Ok(()),
    }
}

/// A round's events with their ids, in the order in which they are appended: its completion last.
pub fn events_of(round: RoundResult) -> Vec<(EventId, Event)> {
    let RoundResult { signals, candidates, completed } = round;
    let (round_id, partition) = (completed.round.round_id.to_string(), completed.partition.to_string());
    let signals = signals
        .into_iter()
        .map(|signal| (EventId::from_parts(&["signal_generated", signal.signal_id.as_str()]), Event::from(signal)));
    let candidates = candidates.into_iter().map(|part| {
        let parts = ["candidates_evaluated", &round_id, &partition, &part.chunk.to_string()];
        (EventId::from_parts(&parts), Event::from(part))
    });
    let completed = (EventId::from_parts(&["scan_round_completed", &round_id, &partition]), Event::from(completed));
    signals.chain(candidates).chain([completed]).collect()
}

/// Settles under which version a round is evaluated: as `wanted`, or as the first partition that came to it has said.
pub(crate) async fn open(
    ctx: &Context<Config>,
    wanted: RoundOpened,
    cause: Option<&Cause>,
) -> chassis::Result<RoundOpened> {
    let round_id = wanted.round.round_id.to_string();
    let id = EventId::from_parts(&["round_opened", &round_id]);
    let event = Event::from(wanted.clone());
    let mut span = ctx.tracer.publish(&id, &event, cause);
    let meta = ctx.meta(id).about(&round_id).spanned(&span).build();
    match span.until(ctx.publisher.create(&event, &meta)).await? {
        Created::New { .. } | Created::Exists { same: true, .. } => Ok(wanted),
        Created::Exists { same: false, .. } => match ctx.publisher.stored_for(&event).await? {
            Some((Event::RoundOpened(first), _)) => Ok(first),
            _ => Err(format!("round {round_id} was opened and cannot be read").into()),
        },
    }
}

async fn create(
    ctx: &Context<Config>,
    id: EventId,
    event: Event,
    about: &str,
    cause: Option<&Cause>,
) -> chassis::Result {
    let mut span = ctx.tracer.publish(&id, &event, cause);
    let meta = ctx.meta(id).about(about).spanned(&span).build();
    if let Created::Exists { same: false, seq } = span.until(ctx.publisher.create(&event, &meta)).await? {
        tracing::info!(event = event.name(), about, seq, "already reported, under another configuration");
    }
    Ok(())
}
