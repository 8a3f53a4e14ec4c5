//! Headlines: one symbol after the other, each article published once.

use std::collections::HashSet;
use std::sync::Arc;

use domain::market::NewsPublished;
use domain::{Event, EventId, SessionDate, Symbol, calendar};
use ports::{NewsPort, VendorError};
use tokio::time::{MissedTickBehavior, interval};

use crate::adapters::clock::MarketClock;
use crate::alarms::Alarms;
use crate::config::ms;
use crate::error::chain;
use crate::universe::Universe;
use crate::{GatewayContext, metrics, sources};

/// Asks for every symbol's articles since the session before, round and round, one call an interval.
pub(crate) async fn run(
    context: Arc<GatewayContext>,
    ports: Vec<Arc<dyn NewsPort>>,
    universe: Arc<Universe>,
    clock: MarketClock,
) {
    if ports.is_empty() {
        return;
    }
    let Some(period) = Some(context.config.news.interval_ms).filter(|ms| *ms > 0).map(ms) else { return };
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let alarms = Alarms::new(context.clone(), "news");
    let mut published = Published::default();
    for listing in universe.listings().iter().cycle() {
        ticks.tick().await;
        let Some(today) = clock.reading().map(|reading| reading.market.session_date()) else { continue };
        published.begin(today);
        let from = calendar::previous_session(today).date;
        let outcome = match ask(&context, &ports, &listing.symbol, (from, today)).await {
            Ok(articles) => publish(&context, articles, &mut published).await,
            Err(error) => Err(chain(&error)),
        };
        if let Err(detail) = outcome {
            let message = format!("news of {} cannot be had", listing.symbol);
            alarms.fault(domain::ops::Severity::Warning, "news_missing", message, detail);
        }
    }
}

/// The articles of the first port that answers; the last failure when none does.
async fn ask(
    context: &GatewayContext,
    ports: &[Arc<dyn NewsPort>],
    symbol: &Symbol,
    (from, to): (SessionDate, SessionDate),
) -> Result<Vec<NewsPublished>, VendorError> {
    let mut last = Ok(Vec::new());
    for port in ports {
        match port.company_news(symbol, from, to).await {
            Ok(articles) => return Ok(articles),
            Err(error) => {
                sources::raise(context, &error);
                last = Err(error);
            }
        }
    }
    last
}

/// Ids of the articles published this session; the bus keeps those of earlier runs apart.
#[derive(Default)]
struct Published {
    session: Option<SessionDate>,
    ids: HashSet<String>,
}

impl Published {
    fn begin(&mut self, session: SessionDate) {
        if self.session.replace(session) != Some(session) {
            self.ids.clear();
        }
    }
}

async fn publish(
    context: &GatewayContext,
    articles: Vec<NewsPublished>,
    published: &mut Published,
) -> Result<(), String> {
    for article in articles {
        if published.ids.contains(&article.news_id) {
            continue;
        }
        let id = article.news_id.clone();
        let meta = context.meta(EventId::from_parts(&["news_published", &id])).build();
        let created = context.publisher.create(&Event::NewsPublished(article), &meta).await;
        if matches!(created.map_err(|error| chain(&error))?, bus::Created::New { .. }) {
            metrics::news(1);
        }
        published.ids.insert(id);
    }
    Ok(())
}
