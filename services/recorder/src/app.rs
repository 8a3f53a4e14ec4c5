//! Wiring: the streams into one bounded queue, the queue into the store.

use std::sync::Arc;
use std::time::Duration;

use bus::{BusError, FoldSpec, RawFold, RawItem, RawMessage};
use chassis::{CancellationToken, Context, Fault, Loaded};
use domain::StreamName;
use domain::ops::Severity;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::archive;
use crate::config::Config;
use crate::metrics;
use crate::recorder::{Message, Recorder};
use crate::store::{Store, StoreUrl};

/// The recorder as a service.
#[derive(Debug)]
pub struct Recording;

impl chassis::Service for Recording {
    const NAME: &'static str = "recorder";
    const SECTION: &'static str = "recorder";
    type Config = Config;

    fn check(config: &Config, loaded: &Loaded) -> Vec<Fault> {
        config.check(&loaded.settings.data_dir)
    }

    async fn run(ctx: Context<Config>) -> chassis::Result {
        metrics::describe();
        let ctx = Arc::new(ctx);
        while let Some(lease) = ctx.lead("store").await? {
            tokio::select! {
                outcome = async { tokio::try_join!(write_store(&ctx), archive::run(&ctx)) } => {
                    lease.release().await;
                    return outcome.map(drop);
                }
                // A batch under way is rolled back: whoever has the store now reads it again.
                () = lease.lost() => tracing::warn!("another recorder may have the store now"),
            }
        }
        Ok(())
    }
}

/// Keeps the store up to date until shutdown. When the connection to the store is lost it is made anew, and the streams are
/// read from where the store ends then.
async fn write_store(ctx: &Arc<Context<Config>>) -> chassis::Result {
    let url = ctx.config.store(&ctx.settings.data_dir)?;
    ctx.readiness.set("store", false, "not open yet");
    let mut store = tokio::select! {
        () = ctx.shutdown.cancelled() => return Ok(()),
        opened = open(&url) => opened?,
    };
    loop {
        let daily_loss_pct = ctx.strategy_in_force().await?.risk.daily_loss_hard_pct;
        let mut recorder = Recorder::new(store, Some(daily_loss_pct)).await?;
        ctx.readiness.set("caught_up", false, "reading what happened before");
        loop {
            match record(ctx, &mut recorder).await? {
                Ended::Shutdown => return Ok(recorder.close().await?),
                Ended::Lost => break,
                Ended::Gap(gap) => {
                    recorder.forget(gap.stream, gap.read);
                    ctx.errors.raise(Severity::Critical, "stream_gap", gap.error, "reading goes on behind it", None);
                }
            }
        }
        drop(recorder);
        store = match again(ctx, &url).await {
            Some(store) => store,
            None => return Ok(()),
        };
    }
}

async fn open(url: &StoreUrl) -> Result<Store, OpenError> {
    Store::open(url).await.map_err(|source| OpenError { url: url.to_string(), source })
}

/// Opens the store that was lost, however long it takes; `None` when the process shall end meanwhile.
async fn again(ctx: &Context<Config>, url: &StoreUrl) -> Option<Store> {
    let mut delays = Delays::default();
    loop {
        let opened = tokio::select! {
            () = ctx.shutdown.cancelled() => return None,
            opened = open(url) => opened,
        };
        match opened {
            Ok(store) => return Some(store),
            Err(error) => refused(ctx, &chassis::logs::chain(&error)),
        }
        tokio::select! {
            () = ctx.shutdown.cancelled() => return None,
            () = tokio::time::sleep(delays.next()) => {}
        }
    }
}

/// Says that the store cannot be written.
fn refused(ctx: &Context<Config>, why: &str) {
    metrics::commit_failed();
    ctx.readiness.set("store", false, why.to_owned());
    ctx.errors.raise(Severity::Critical, "store_refused", "the store refuses to be written", why.to_owned(), None);
}

/// Growing waits between attempts.
struct Delays(Duration);

impl Default for Delays {
    fn default() -> Self {
        Self(Duration::from_millis(50))
    }
}

impl Delays {
    fn next(&mut self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(5);
        let delay = self.0;
        self.0 = (delay * 2).min(LONGEST);
        delay
    }
}

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the store {url} cannot be opened")]
struct OpenError {
    url: String,
    source: sqlx::Error,
}

/// Why reading ended.
enum Ended {
    Shutdown,
    Gap(Gap),
    /// The connection to the store is gone.
    Lost,
}

/// A stream does not continue where the store ends.
struct Gap {
    stream: StreamName,
    /// Where to go on reading.
    read: u64,
    error: String,
}

enum Queued {
    Message(Box<Message>),
    CaughtUp,
}

/// Runs until shutdown, until a stream does not continue where the store ends, or until the store is lost.
async fn record(ctx: &Arc<Context<Config>>, recorder: &mut Recorder) -> Result<Ended, chassis::BoxError> {
    let (sender, receiver) = mpsc::channel(ctx.config.queue_max);
    let spec = StreamName::ALL.into_iter().fold(FoldSpec::default(), |spec, stream| {
        spec.and(stream).after(stream, recorder.progress().get(&stream).copied().unwrap_or(0))
    });
    let fold = RawFold::open(&ctx.bus, spec.known_as(ctx.name, None))?;
    let reader = tokio::spawn(read(ctx.shutdown.clone(), fold, sender));
    let written = write(ctx, recorder, receiver).await?;
    match reader.await? {
        _ if written == Written::Lost => Ok(Ended::Lost),
        Ok(()) => Ok(Ended::Shutdown),
        Err(error) => gap(error).map(Ended::Gap),
    }
}

fn gap(error: BusError) -> Result<Gap, chassis::BoxError> {
    let named = |stream: &str| StreamName::ALL.into_iter().find(|s| s.as_str() == stream);
    let text = error.to_string();
    let found = match &error {
        BusError::StreamWentBack { stream, .. } => named(stream).zip(Some(0)),
        BusError::Truncated { stream, first, .. } => named(stream).zip(first.checked_sub(1)),
        _ => None,
    };
    found.map(|(stream, read)| Gap { stream, read, error: text }).ok_or_else(|| error.into())
}

/// Reads until shutdown, or until nobody takes from the queue: whoever has the store then reads under the same name.
async fn read(shutdown: CancellationToken, mut fold: RawFold, queue: mpsc::Sender<Queued>) -> Result<(), BusError> {
    loop {
        let item = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = queue.closed() => return Ok(()),
            item = fold.next() => item?,
        };
        let queued = match item {
            RawItem::Message(message) => Queued::Message(Box::new(incoming(message))),
            RawItem::CaughtUp => Queued::CaughtUp,
        };
        if queue.send(queued).await.is_err() {
            return Ok(());
        }
    }
}

fn incoming(message: RawMessage) -> Message {
    Message {
        stream: message.stream,
        seq: message.seq,
        type_name: message.type_name().unwrap_or_default().to_owned(),
        meta: message.meta().map_err(|e| e.to_string()),
        published_at: message.published_at,
        subject: message.subject().to_owned(),
        payload: message.payload,
    }
}

/// How writing ended.
#[derive(PartialEq, Eq)]
enum Written {
    All,
    /// The connection to the store is gone, and with it the last batch.
    Lost,
}

/// Writes until the queue ends or the store is lost. Between batches it says once a second that the store is up to date.
async fn write(
    ctx: &Context<Config>,
    recorder: &mut Recorder,
    mut queue: mpsc::Receiver<Queued>,
) -> Result<Written, chassis::BoxError> {
    const IDLE: Duration = Duration::from_secs(1);
    let mut batch = Vec::with_capacity(ctx.config.batch_max);
    let mut open = true;
    while open {
        let mut caught_up = false;
        let mut until = Instant::now() + IDLE;
        while batch.len() < ctx.config.batch_max {
            match timeout_at(until, queue.recv()).await {
                Ok(Some(Queued::Message(message))) => {
                    if batch.is_empty() {
                        until = Instant::now() + ctx.config.linger();
                    }
                    batch.push(*message);
                }
                Ok(Some(Queued::CaughtUp)) => caught_up = true,
                Ok(None) => {
                    open = false;
                    break;
                }
                Err(_) => break,
            }
        }
        metrics::queued(queue.len());
        if !batch.is_empty() || ctx.bus.is_up() {
            if commit(ctx, recorder, &batch).await? == Written::Lost {
                return Ok(Written::Lost);
            }
            batch.clear();
        }
        if caught_up {
            ctx.readiness.set("caught_up", true, "every stream is read to its end");
        }
    }
    Ok(Written::All)
}

/// Commits a batch, again and again while the database refuses; reading pauses meanwhile, because the queue fills.
async fn commit(
    ctx: &Context<Config>,
    recorder: &mut Recorder,
    batch: &[Message],
) -> Result<Written, chassis::BoxError> {
    let mut delays = Delays::default();
    let silence_max = recorder.silence_max();
    loop {
        let started = Instant::now();
        let Ok(done) = timeout(silence_max, recorder.commit(batch, ctx.clock.now())).await else {
            refused(ctx, &format!("no answer for {} s", silence_max.as_secs()));
            return Ok(Written::Lost);
        };
        let failure = match done {
            Ok(undecodable) => {
                metrics::committed(batch.len(), started.elapsed());
                ctx.readiness.set("store", true, "writing");
                for message in undecodable {
                    let what = format!("{} #{} cannot be understood", message.subject, message.seq);
                    ctx.errors.raise(Severity::Critical, "undecodable", what, message.reason, Some(&message.subject));
                }
                return Ok(Written::All);
            }
            Err(failure) => failure,
        };
        tracing::warn!(error = %failure, messages = batch.len(), "the store refused a batch; it is tried again");
        refused(ctx, &failure.to_string());
        if !recorder.is_up().await {
            return Ok(Written::Lost);
        }
        tokio::select! {
            () = ctx.shutdown.cancelled() => return Err(failure.into()),
            () = tokio::time::sleep(delays.next()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use bus::topology::{self, Sizes};
    use bus::{Bus, BusConfig};
    use testkit::NatsServer;

    use super::*;

    #[tokio::test]
    async fn a_reader_whose_queue_nobody_empties_any_more_ends_by_itself() {
        let server = NatsServer::start().await.unwrap();
        let config = BusConfig { url: server.url(), ..BusConfig::default() };
        let bus = Bus::connect(&config, "test").await.unwrap();
        topology::ensure(&bus, &Sizes::default()).await.unwrap();
        let fold = RawFold::open(&bus, FoldSpec::stream(StreamName::Market).known_as("recorder", None)).unwrap();
        let (sender, mut receiver) = mpsc::channel(1);
        let reader = tokio::spawn(read(CancellationToken::new(), fold, sender));
        assert!(matches!(receiver.recv().await, Some(Queued::CaughtUp)));
        tokio::task::yield_now().await;
        assert!(!reader.is_finished());
        drop(receiver);
        tokio::time::timeout(Duration::from_secs(5), reader).await.expect("it reads on").unwrap().unwrap();
    }
}
