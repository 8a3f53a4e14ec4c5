//! What a partition says at the end of a round.

use bus::Created;
use chassis::Context;
use domain::scan::RoundResult;
use domain::{Event, EventId};
use futures_util::future::try_join_all;

use crate::Config;

/// Appends a partition's round: signals and candidates first, its completion last.
pub(crate) async fn append(ctx: &Context<Config>, round: RoundResult) -> chassis::Result {
    let completed = round.completed;
    let (id, partition) = (completed.round.round_id.as_str(), completed.partition.to_string());
    let signals = round
        .signals
        .into_iter()
        .map(|signal| (EventId::from_parts(&["signal_generated", signal.signal_id.as_str()]), Event::from(signal)));
    let candidates = round.candidates.into_iter().map(|part| {
        (EventId::from_parts(&["candidates_evaluated", id, &partition, &part.chunk.to_string()]), Event::from(part))
    });
    let parts: Vec<(EventId, Event)> = signals.chain(candidates).collect();
    try_join_all(parts.into_iter().map(|(event_id, event)| create(ctx, event_id, event, id))).await?;
    tracing::info!(
        round_id = id,
        partition = completed.partition,
        evaluated = completed.evaluated,
        signals = completed.signal_ids.len(),
        "round completed"
    );
    metrics::counter!("scanner_rounds_completed_total", "schedule" => completed.round.schedule.clone()).increment(1);
    let event_id = EventId::from_parts(&["scan_round_completed", id, &partition]);
    let about = id.to_owned();
    create(ctx, event_id, Event::from(completed), &about).await
}

async fn create(ctx: &Context<Config>, id: EventId, event: Event, about: &str) -> chassis::Result {
    let meta = ctx.meta(id).about(about).build();
    if let Created::Exists { same: false, seq } = ctx.publisher.create(&event, &meta).await? {
        tracing::info!(event = event.name(), about, seq, "already reported, under another configuration");
    }
    Ok(())
}
