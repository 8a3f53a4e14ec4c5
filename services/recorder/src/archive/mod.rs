//! MARKET's trades as Parquet, before the stream drops them.
//!
//! Beside the store, with a reader and a place of its own, so that neither waits for the other. What counts stands in
//! `progress.json`: whatever ends the process, what is behind it is read from the stream again.

mod book;
mod folder;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bus::{BusError, FoldSpec, RawFold, RawItem, RawMessage};
use chassis::Context;
use domain::ops::Severity;
use domain::{Event, StreamName};
use tokio::time::{Instant, sleep, timeout_at};

use crate::config::Config;
use crate::metrics;
use book::{Archive, ArchiveError};

/// Archives until shutdown, if the configuration says so. Whatever the disk refuses is tried again for ever.
pub(crate) async fn run(ctx: &Arc<Context<Config>>) -> chassis::Result {
    if !ctx.config.archive.enabled {
        ctx.shutdown.cancelled().await;
        return Ok(());
    }
    let Some(mut archive) = open(ctx).await else { return Ok(()) };
    loop {
        let spec = FoldSpec::stream(StreamName::Market).after(StreamName::Market, archive.seq());
        let mut fold = RawFold::open(&ctx.bus, spec)?;
        let (returned, ended) = follow(ctx, archive, &mut fold).await?;
        archive = returned;
        match ended {
            None => return Ok(()),
            Some(BusError::Truncated { first, .. }) => {
                let missing = archive.skip_to(first.saturating_sub(1));
                tell_missing(ctx, missing);
            }
            Some(BusError::StreamWentBack { .. }) => {
                let (mut flushed, done) = flush(ctx, archive).await?;
                if !done {
                    return Ok(());
                }
                flushed.begin_anew();
                // At once: the new stream may outgrow the old place before the next flush.
                archive = flush(ctx, flushed).await?.0;
            }
            Some(error) => return Err(error.into()),
        }
    }
}

async fn open(ctx: &Context<Config>) -> Option<Archive> {
    let mut delay = FIRST_DELAY;
    loop {
        let (folder, sessions_max) =
            (ctx.config.archive.folder(&ctx.settings.data_dir), ctx.config.archive.sessions_max);
        let opened = tokio::task::spawn_blocking(move || Archive::open(&folder, sessions_max)).await;
        match opened {
            Ok(Ok(archive)) => return Some(archive),
            Ok(Err(error)) => refused(ctx, &error),
            Err(error) => tracing::error!(%error, "opening the archive broke off"),
        }
        if !pause(ctx, &mut delay).await {
            return None;
        }
    }
}

/// Takes what comes and flushes it in time. Ends at shutdown, everything flushed, or with what the stream says.
async fn follow(
    ctx: &Context<Config>,
    mut archive: Archive,
    fold: &mut RawFold,
) -> Result<(Archive, Option<BusError>), chassis::BoxError> {
    let every = Duration::from_millis(ctx.config.archive.flush_ms);
    let mut due = Instant::now() + every;
    loop {
        let item = tokio::select! {
            () = ctx.shutdown.cancelled() => {
                let (archive, _) = flush(ctx, archive).await?;
                return Ok((archive, None));
            }
            item = timeout_at(due, fold.next()) => item,
        };
        match item {
            Ok(Ok(RawItem::Message(message))) => {
                let seq = message.seq;
                let missing = archive.take(seq, trades(message).as_ref());
                tell_missing(ctx, missing);
            }
            Ok(Ok(RawItem::CaughtUp)) => {}
            Ok(Err(error)) => return Ok((archive, Some(error))),
            Err(_) => due = Instant::now(),
        }
        if archive.waiting() >= ctx.config.archive.rows_max || due <= Instant::now() {
            let (flushed, done) = flush(ctx, archive).await?;
            if !done {
                return Ok((flushed, None));
            }
            (archive, due) = (flushed, Instant::now() + every);
        }
    }
}

/// The trades of a message. One that nobody understands is told, and kept, by the store's side.
fn trades(message: RawMessage) -> Option<domain::market::TradeBatch> {
    match message.decode() {
        bus::Item::Event(folded) => match folded.event {
            Event::TradeBatch(batch) => Some(batch),
            _ => None,
        },
        bus::Item::CaughtUp | bus::Item::Poison(_) => None,
    }
}

const FIRST_DELAY: Duration = Duration::from_millis(200);

/// Flushes again and again while the disk refuses; meanwhile nothing is read. False when the process is to end before it
/// succeeded: what waited is read again by the next one.
async fn flush(ctx: &Context<Config>, mut archive: Archive) -> Result<(Archive, bool), chassis::BoxError> {
    let mut delay = FIRST_DELAY;
    loop {
        let outcome;
        (archive, outcome) = tokio::task::spawn_blocking(move || {
            let outcome = archive.flush();
            (archive, outcome)
        })
        .await?;
        match outcome {
            Ok(trades) => {
                metrics::archived(trades);
                return Ok((archive, true));
            }
            Err(error) => refused(ctx, &error),
        }
        if !pause(ctx, &mut delay).await {
            return Ok((archive, false));
        }
    }
}

async fn pause(ctx: &Context<Config>, delay: &mut Duration) -> bool {
    const LONGEST: Duration = Duration::from_secs(10);
    tokio::select! {
        () = ctx.shutdown.cancelled() => false,
        () = sleep(*delay) => {
            *delay = (*delay * 2).min(LONGEST);
            true
        }
    }
}

fn refused(ctx: &Context<Config>, error: &ArchiveError) {
    metrics::archive_failed();
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(error = %error, cause, "the archive waits; it is tried again");
    ctx.errors.raise(Severity::Warning, "archive_refused", error.to_string(), cause, None);
}

fn tell_missing(ctx: &Context<Config>, missing: Option<(u64, u64)>) {
    if let Some((first, last)) = missing {
        let what = format!("MARKET {first} to {last} were dropped before they were archived");
        ctx.errors.raise(Severity::Critical, "archive_gap", what, "the archive goes on behind it", None);
    }
}
