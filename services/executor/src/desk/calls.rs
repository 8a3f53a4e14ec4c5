//! Calls to the broker, which run beside the desk, and writes to the bus.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{BusError, Created, Publisher};
use chassis::Context;
use chassis::traces::{self, Span};
use domain::event::Event;
use domain::execution::{Answer, Effect, NewOrder};
use domain::ops::Severity;
use domain::{Meta, UnixNanos, calendar};
use ports::{OrderPort, Repricing};
use tokio::time::sleep;

use super::{Desk, Done};
use crate::config::Config;
use crate::ownership::Ownership;
use crate::{ids, metrics};

/// Least wall time between two backfills, before a write is tried again and after a look-up that brought nothing.
const PAUSE: Duration = Duration::from_millis(250);

impl Desk {
    /// Begins what `effect` asks for; its answer comes back as [`Done`].
    pub(super) fn start(&mut self, effect: Effect) {
        let port = Arc::clone(&self.port);
        let sending = Arc::clone(&self.sending);
        match effect {
            Effect::Record(_) => {}
            Effect::Submit(order) => {
                let event = Event::from(order.intent().clone());
                let (meta, span) = self.envelope(&event);
                self.trail.note(order.intent().client_order_id.as_str(), &meta);
                let (ctx, ownership) = (Arc::clone(&self.ctx), Arc::clone(&self.ownership));
                self.calls.spawn(async move {
                    let _permit = sending.acquire().await;
                    submit(&ctx, &ownership, port.as_ref(), order, (event, meta, span)).await
                });
            }
            Effect::Query { client_order_id, venue_order_id } => {
                self.calls.spawn(async move {
                    let answer = port.find(&client_order_id, venue_order_id.as_ref()).await;
                    if matches!(answer, Answer::Unknown(_)) {
                        // What is in doubt is asked for again at once; a broker that refuses at once must not be flooded.
                        sleep(PAUSE).await;
                    }
                    Done::Order(client_order_id, answer)
                });
            }
            Effect::Cancel { client_order_id, venue_order_id, .. } => {
                let ownership = Arc::clone(&self.ownership);
                let context = self.trail.last(client_order_id.as_str()).map(|intent| intent.context());
                self.calls.spawn(async move {
                    let _permit = sending.acquire().await;
                    let cancelling = traces::within(context, port.cancel(&venue_order_id));
                    let answer = if ownership.is_held() { cancelling.await } else { not_ours() };
                    Done::Order(client_order_id, answer)
                });
            }
            Effect::Replace { client_order_id, venue_order_id, replacement, stop_price, limit_price, .. } => {
                let repricing = Repricing { client_order_id: replacement, stop_price, limit_price };
                let ownership = Arc::clone(&self.ownership);
                let context = self.trail.last(client_order_id.as_str()).map(|intent| intent.context());
                self.calls.spawn(async move {
                    let _permit = sending.acquire().await;
                    let replacing = traces::within(context, port.replace(&venue_order_id, &repricing));
                    let answer = if ownership.is_held() { replacing.await } else { not_ours() };
                    Done::Order(client_order_id, answer)
                });
            }
            Effect::Backfill => {
                let rest = self.last.backfill.map(|at| PAUSE.saturating_sub(at.elapsed()));
                self.last.backfill = Some(Instant::now() + rest.unwrap_or_default());
                let as_of = self.market.now().unwrap_or_default();
                let since = self.first_open_session(as_of);
                self.calls.spawn(async move {
                    sleep(rest.unwrap_or_default()).await;
                    Done::Book(port.book(since, as_of).await)
                });
            }
            Effect::Raise(alert) => {
                self.ctx.errors.raise(alert.severity, alert.code, alert.message, String::new(), Some(&alert.subject));
            }
        }
    }

    /// Start of the earliest session that still has an open plan, today's otherwise.
    fn first_open_session(&self, now: UnixNanos) -> UnixNanos {
        let today = calendar::session_at(now).date;
        let first = self.state.open_plans().map(|book| book.approved.session_date()).min();
        first.map_or(today, |first| first.min(today)).at_hm(0, 0)
    }
}

/// Intent first, then the order. Without the intent on ORDER, or once the account may be another's, nothing is sent; the
/// order is then in doubt, which is resolved by asking the broker.
async fn submit(
    ctx: &Context<Config>,
    ownership: &Ownership,
    port: &dyn OrderPort,
    order: NewOrder,
    (event, meta, mut span): (Event, Meta, Span),
) -> Done {
    let id = order.intent().client_order_id.clone();
    let context = span.context();
    let intended = span.until(until_settled(&event, || ownership.intend(ctx, &event, &meta))).await;
    drop(span);
    let answer = match intended {
        Ok(Created::New { .. } | Created::Exists { same: true, .. }) if ownership.is_held() => {
            let answer = traces::within(context, port.submit(&order)).await;
            metrics::sent(order.intent().leg, &answer);
            answer
        }
        Ok(Created::Exists { seq, same: false }) => {
            let message = "ORDER holds another intent in the place of one of ours; it is not sent";
            ctx.errors.raise(
                Severity::Critical,
                "conflicting_record",
                message,
                format!("seq {seq}"),
                Some(id.as_str()),
            );
            Answer::Duplicate
        }
        Ok(Created::New { .. } | Created::Exists { same: true, .. }) => not_ours(),
        Err(error @ BusError::Fenced { .. }) => return Done::Fenced(error),
        Err(error) => {
            tracing::error!(%error, client_order_id = %id, "the intent could not be stored; the order is not sent");
            Answer::Duplicate
        }
    };
    Done::Order(id, answer)
}

/// Nothing was asked of the broker.
fn not_ours() -> Answer {
    Answer::Unknown("another executor may have the account".to_owned())
}

pub(super) async fn store(publisher: &Publisher, event: &Event, meta: &Meta) -> Result<Created, BusError> {
    until_settled(event, || async move {
        if ids::happens_once(event) {
            publisher.create(event, meta).await
        } else {
            publisher.publish(event, meta).await.map(|receipt| Created::New { seq: receipt.seq })
        }
    })
    .await
}

async fn until_settled<F>(event: &Event, write: impl Fn() -> F) -> Result<Created, BusError>
where
    F: Future<Output = Result<Created, BusError>>,
{
    loop {
        match write().await {
            Err(error) if matches!(error.class(), bus::Class::Transient | bus::Class::UnknownOutcome) => {
                tracing::warn!(%error, event = event.name(), "the bus did not store an event; trying again");
                sleep(PAUSE).await;
            }
            settled => return settled,
        }
    }
}
