//! Live changes as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::poll_fn;
use tokio::sync::{broadcast, mpsc};

use crate::auth::is_still_valid;
use crate::changes::{Change, SPAN, changes};
use crate::live::News;
use crate::metrics;
use crate::problem::Problem;
use crate::state::Shared;
use crate::store::ReadError;

/// Events that wait for one client.
const QUEUE: usize = 64;
/// A client that takes nothing for this long while its queue is full is dropped; it resumes when it comes back.
const PATIENCE: Duration = Duration::from_secs(10);

/// `GET /stream`: every change after `Last-Event-ID` (or `?after=`), or from now on; the id is the store's commit number.
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let after = resume_after(&headers, &uri)?;
    let slot = Slot::take(&shared)
        .ok_or_else(|| Problem::unavailable(format!("{} live streams are open already", shared.streams_max)))?;
    // Listening begins before the position is read: what changes in between is told as well as read.
    let news = shared.news.subscribe();
    let current = shared.reader.position().await?.unwrap_or_default().store_seq;
    // A number from another store's future means: everything.
    let after = after.map_or(current, |n| if n > current { 0 } else { n });
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let client = Client { shared, headers, after, sender, _slot: slot };
    tokio::spawn(client.serve(news));
    Ok(Sse::new(poll_fn(move |cx| receiver.poll_recv(cx))).into_response())
}

fn resume_after(headers: &HeaderMap, uri: &Uri) -> Result<Option<i64>, Problem> {
    let number = |name: &str, text: &str| match text.parse() {
        Ok(n) if n >= 0 => Ok(Some(n)),
        _ => Err(Problem::parameter(name, text, "a store commit number, 0 or more")),
    };
    if let Some(id) = headers.get("last-event-id") {
        return number("Last-Event-ID", id.to_str().unwrap_or("?"));
    }
    match uri.query().filter(|query| !query.is_empty()) {
        None => Ok(None),
        Some(query) => match query.split_once('=') {
            Some(("after", text)) => number("after", text),
            _ => Err(Problem::parameter("query", query, "after=<store commit number>")),
        },
    }
}

/// Why a client is not served any more.
enum End {
    Gone,
    Revoked,
    Slow,
    Store(ReadError),
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        Self::Store(error)
    }
}

struct Client {
    shared: Arc<Shared>,
    /// What the request came with; its token may be revoked meanwhile.
    headers: HeaderMap,
    /// Number of the last change sent.
    after: i64,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _slot: Slot,
}

impl Client {
    async fn serve(mut self, news: broadcast::Receiver<News>) {
        let shutdown = self.shared.shutdown.clone();
        let end = tokio::select! {
            () = shutdown.cancelled() => return,
            end = self.forward(news) => end,
        };
        match end {
            Ok(()) | Err(End::Gone | End::Revoked) => {}
            Err(End::Slow) => metrics::slow_stream(),
            Err(End::Store(error)) => tracing::warn!(error = %error, "a live stream ends: the store cannot be read"),
        }
    }

    async fn forward(&mut self, mut news: broadcast::Receiver<News>) -> Result<(), End> {
        self.catch_up().await?;
        loop {
            match news.recv().await {
                Ok(News::Changed { upto, .. }) if upto <= self.after => {}
                Ok(News::Changed { after, .. }) if after > self.after => self.catch_up().await?,
                Ok(News::Changed { changes, .. }) => self.send_changes(&changes).await?,
                Ok(News::Status(data)) => self.send(Event::default().event("status").data(&*data)).await?,
                Ok(News::Heartbeat(_)) if !is_still_valid(&self.shared, &self.headers) => return Err(End::Revoked),
                Ok(News::Heartbeat(data)) => self.send(Event::default().event("heartbeat").data(&*data)).await?,
                Err(broadcast::error::RecvError::Lagged(_)) => self.catch_up().await?,
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            }
        }
    }

    /// Sends what the store has beyond the last change sent.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            let current = self.shared.reader.position().await?.unwrap_or_default().store_seq;
            if self.after >= current {
                return Ok(());
            }
            let upto = (self.after + SPAN).min(current);
            let missed = changes(&self.shared.reader, self.after, upto).await?;
            self.send_changes(&missed).await?;
            self.after = upto;
        }
    }

    async fn send_changes(&mut self, changes: &[Change]) -> Result<(), End> {
        let sent = self.after;
        for change in changes.iter().filter(|c| c.store_seq > sent) {
            let event = Event::default().event(change.view).id(change.store_seq.to_string()).data(&change.data);
            self.send(event).await?;
            self.after = change.store_seq;
        }
        Ok(())
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        match self.sender.send_timeout(Ok(event), PATIENCE).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(End::Gone),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(End::Slow),
        }
    }
}

/// One of the live streams that may be open at once.
struct Slot(Arc<Shared>);

impl Slot {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let taken = shared.streams.fetch_add(1, Ordering::AcqRel);
        let slot = Self(Arc::clone(shared));
        metrics::streams(taken + 1);
        (taken < shared.streams_max).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        metrics::streams(self.0.streams.fetch_sub(1, Ordering::AcqRel) - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_to_resume_comes_from_header_or_query() {
        let check = |header: Option<&str>, uri: &str, expected: Result<Option<i64>, &str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = header {
                headers.insert("last-event-id", value.parse().unwrap());
            }
            match (resume_after(&headers, &uri.parse().unwrap()), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(problem), Err(part)) => assert!(problem.detail.contains(part), "{}", problem.detail),
                (found, _) => panic!("{uri}: {found:?}"),
            }
        };
        check(None, "/stream", Ok(None));
        check(None, "/stream?after=7", Ok(Some(7)));
        check(Some("9"), "/stream?after=7", Ok(Some(9)));
        check(Some("x"), "/stream", Err("Last-Event-ID is `x`"));
        check(None, "/stream?after=-1", Err("after is `-1`"));
        check(None, "/stream?since=1", Err("since=1"));
    }
}
