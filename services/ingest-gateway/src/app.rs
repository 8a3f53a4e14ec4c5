//! Wiring.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bus::{BusError, Class, Lease};
use chassis::{Context, Fault, Loaded, Service};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::GatewayContext;
use crate::adapters::clock::MarketClock;
use crate::config::{ClockSource, Config, ms};
use crate::error::{GatewayError, chain};
use crate::interest::Interests;
use crate::reference::{self, Reference};
use crate::sources::Sources;
use crate::universe::Universe;
use crate::{holidays, interest, keys, live, news};

/// What a gateway is responsible for: the live feed, whoever its vendor is. Gateways of earlier versions know the lease by
/// this name.
const FEED: &str = "finnhub";
/// How often the bus is asked who has the feed.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The service.
pub struct IngestGateway;

impl Service for IngestGateway {
    const NAME: &'static str = "ingest-gateway";
    const SECTION: &'static str = "gateway";
    type Config = Config;

    fn check(config: &Config, loaded: &Loaded) -> Vec<Fault> {
        config.check().into_iter().chain(keys::check(&loaded.settings, &config.sources)).collect()
    }

    async fn run(context: Context<Config>) -> chassis::Result {
        let context = Arc::new(context);
        let sources = Arc::new(Sources::new(&context)?);
        while let Some(mut lease) = context.lead(FEED).await? {
            let mut work = pin!(fill_market(&context, &sources));
            let outcome = loop {
                let lost = async {
                    lease.lost().await;
                    regain(&context).await
                };
                let regained = tokio::select! {
                    outcome = &mut work => break Some(outcome),
                    regained = lost => regained?,
                };
                match regained {
                    Some(again) => lease = again,
                    None => break None,
                }
            };
            match outcome {
                None => tracing::warn!("another gateway reads the feed now"),
                Some(Err(error)) if error.is_passing() => {
                    tracing::warn!(error = chain(&error), "beginning again");
                    sleep(ms(context.config.feed.reconnect_ms_min)).await;
                }
                Some(outcome) => {
                    lease.release().await;
                    return Ok(outcome?);
                }
            }
        }
        Ok(())
    }
}

/// Waits until the bus says who has the feed after this gateway's lease ran out: `None` where it is another one.
async fn regain(context: &GatewayContext) -> Result<Option<Lease>, BusError> {
    let key = format!("{}.{FEED}", context.name);
    let mut refused = false;
    loop {
        refused = match Lease::try_acquire(&context.bus, &key, &context.holder).await {
            Ok(None) if refused => return Ok(None),
            // It may have been this gateway's own last renewal, stored late.
            Ok(None) => true,
            Err(error) if error.class() == Class::Transient => {
                tracing::debug!(%error, "the bus does not say who has the feed");
                false
            }
            answer => return answer,
        };
        sleep(LOOK_EVERY).await;
    }
}

/// Reads the vendors and writes MARKET until shutdown. What the owner before has missed until now becomes a feed gap.
async fn fill_market(context: &Arc<GatewayContext>, sources: &Arc<Sources>) -> Result<(), GatewayError> {
    let (config, vendors) = (&context.config, &context.settings.vendors);
    for check in ["universe", "reference", "feed"] {
        context.readiness.set(check, false, "starting");
    }
    let clock = match config.clock {
        ClockSource::System => MarketClock::System(context.clock.clone()),
        ClockSource::Simulated => {
            let url = format!("{}/clock", vendors.sim.rest_url);
            MarketClock::simulated(url, ms(config.watermark.poll_ms))?
        }
    };
    let listings = tokio::select! {
        () = context.shutdown.cancelled() => return Ok(()),
        listings = reference::listings(context, &sources.finnhub) => listings?,
    };
    let universe = Arc::new(Universe::new(listings, config.partitions));

    let (history, complete) =
        Reference::open(context.clone(), sources.clone(), universe.clone(), clock.clone()).await?;
    let head_start = reference::head_start(complete, ms(config.reference.head_start_ms));
    let (interests, known) = watch::channel(Interests::default());
    let feed = async {
        head_start.await;
        live::run(context, &universe, &clock, known).await
    };
    tokio::select! {
        done = feed => done,
        () = history.run() => Ok(()),
        () = interest::follow(context, interests) => Ok(()),
        () = async {
            let news = news::run(context.clone(), sources.news.clone(), universe.clone(), clock.clone());
            tokio::join!(news, holidays::run(context, &sources.finnhub, &clock));
            std::future::pending::<()>().await;
        } => Ok(()),
    }
}
