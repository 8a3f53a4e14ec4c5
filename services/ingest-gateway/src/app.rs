//! Wiring.

use std::sync::Arc;

use chassis::{Context, Service};

use crate::adapters::clock::MarketClock;
use crate::adapters::finnhub::{FinnhubClient, FinnhubStream, StreamConfig};
use crate::adapters::gate::Gate;
use crate::config::{ClockSource, Config, ms};
use crate::error::GatewayError;
use crate::feed::Feed;
use crate::reference::{self, Reference};
use crate::sources::Sources;
use crate::universe::Universe;
use crate::{holidays, news};

/// The service.
pub struct IngestGateway;

impl Service for IngestGateway {
    const NAME: &'static str = "ingest-gateway";
    const SECTION: &'static str = "gateway";
    type Config = Config;

    async fn run(context: Context<Config>) -> chassis::Result {
        context.config.validate().map_err(GatewayError::from)?;
        let context = Arc::new(context);
        context.settings.vendors.finnhub.token()?;
        while let Some(lease) = context.lead("finnhub").await? {
            tokio::select! {
                outcome = fill_market(&context) => match outcome {
                    Err(error) if chassis::is_transient(error.as_ref()) => {
                        tracing::warn!(%error, "the bus is away; beginning again");
                    }
                    outcome => {
                        lease.release().await;
                        return outcome;
                    }
                },
                () = lease.lost() => tracing::warn!("another gateway may read the feed now"),
            }
        }
        Ok(())
    }
}

/// Reads the vendors and writes MARKET until shutdown. What the owner before has missed until now becomes a feed gap.
async fn fill_market(context: &Arc<Context<Config>>) -> chassis::Result {
    let (config, vendors) = (&context.config, &context.settings.vendors);
    let token = vendors.finnhub.token()?;
    for check in ["universe", "reference", "feed"] {
        context.readiness.set(check, false, "starting");
    }
    let clock = match config.clock {
        ClockSource::System => MarketClock::System(context.clock.clone()),
        ClockSource::Simulated => {
            let url = format!("{}/clock", vendors.sim.rest_url);
            MarketClock::simulated(url, ms(config.watermark.poll_ms)).map_err(GatewayError::from)?
        }
    };
    let gate = Gate::new("finnhub", config.budgets.finnhub).traced(&context.tracer);
    let finnhub = FinnhubClient::new(&vendors.finnhub.rest_url, token.expose(), gate).map_err(GatewayError::from)?;
    let listings = tokio::select! {
        () = context.shutdown.cancelled() => return Ok(()),
        listings = reference::listings(context, &finnhub) => listings?,
    };
    let universe = Arc::new(Universe::new(listings, config.partitions));

    let sources = Arc::new(Sources::new(context, finnhub.clone())?);
    let (history, complete) =
        Reference::open(context.clone(), sources.clone(), universe.clone(), clock.clone()).await?;
    let head_start = reference::head_start(complete, ms(config.reference.head_start_ms));
    let feed = async {
        head_start.await;
        let stream = FinnhubStream::new(
            StreamConfig {
                url: vendors.finnhub.ws_url.clone(),
                token: token.expose().to_owned(),
                tape: config.tape,
                silence_max: ms(config.feed.silence_ms_max),
                reconnect: (ms(config.feed.reconnect_ms_min), ms(config.feed.reconnect_ms_max)),
            },
            universe.clone(),
        );
        Feed::open(context.clone(), stream, universe.clone(), clock.clone()).await?.run(context.shutdown.clone()).await
    };
    tokio::select! {
        done = feed => Ok(done?),
        () = history.run() => Ok(()),
        () = async {
            let news = news::run(context.clone(), sources.news.clone(), universe.clone(), clock.clone());
            tokio::join!(news, holidays::run(context, &finnhub, &clock));
            std::future::pending::<()>().await;
        } => Ok(()),
    }
}
