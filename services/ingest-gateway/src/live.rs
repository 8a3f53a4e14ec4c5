//! The live feeds in the order of the configuration: one at a time, the next while the one before is away.

use std::sync::Arc;

use domain::market::FeedGapReason;
use domain::ops::Severity;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::adapters::alpaca::{AlpacaStream, AlpacaStreamConfig};
use crate::adapters::clock::MarketClock;
use crate::adapters::finnhub::{FinnhubStream, StreamConfig};
use crate::adapters::live::Timing;
use crate::config::{Vendor, ms};
use crate::error::GatewayError;
use crate::feed::{Ended, Feed, FeedOptions};
use crate::interest::Interests;
use crate::universe::Universe;
use crate::watchdog::SymbolWatchdog;
use crate::{GatewayContext, keys, metrics};

/// Reads one feed after another until shutdown. One that its vendor refuses is left out until a restart.
pub(crate) async fn run(
    context: &Arc<GatewayContext>,
    universe: &Arc<Universe>,
    clock: &MarketClock,
    interests: watch::Receiver<Interests>,
) -> Result<(), GatewayError> {
    let mut ranked = able(context)?;
    let (mut at, mut in_vain, mut since) = (0, 0, FeedGapReason::GatewayDown);
    while let Some(vendor) = ranked.get(at).copied() {
        let feed = &context.config.feed;
        let options = FeedOptions {
            universe: universe.clone(),
            clock: clock.clone(),
            watchdog: SymbolWatchdog::new(
                universe.clone(),
                interests.clone(),
                feed.symbol_silence_ms,
                feed.missing_trades_min,
            ),
            since,
            replaceable: ranked.len() > 1,
        };
        let Ended::Away { received, refused } = read(context, vendor, options).await? else { return Ok(()) };
        if refused {
            ranked.remove(at);
        } else {
            at += 1;
        }
        at = if at < ranked.len() { at } else { 0 };
        if received {
            (since, in_vain) = (FeedGapReason::Disconnected, 0);
        } else {
            in_vain += 1;
        }
        metrics::failover();
        if let Some(next) = ranked.get(at) {
            let message = format!("{vendor} is away: the trades come from {next} now");
            let detail = "in the order of gateway.sources.trades".to_owned();
            context.errors.raise(Severity::Warning, "feed_failed_over", message, detail, Some(&vendor.to_string()));
        }
        if in_vain >= ranked.len() {
            in_vain = 0;
            tokio::select! {
                () = context.shutdown.cancelled() => return Ok(()),
                () = sleep(ms(feed.reconnect_ms_max)) => {}
            }
        }
    }
    Ok(())
}

/// The vendors of the configuration whose keys are there, best first.
fn able(context: &GatewayContext) -> Result<Vec<Vendor>, GatewayError> {
    let has_alpaca = keys::alpaca(&context.settings)?.is_some();
    let wanted = context.config.sources.trades.iter().copied();
    Ok(wanted.filter(|vendor| *vendor != Vendor::Alpaca || has_alpaca).collect())
}

async fn read(context: &Arc<GatewayContext>, vendor: Vendor, options: FeedOptions) -> Result<Ended, GatewayError> {
    let (config, vendors) = (&context.config, &context.settings.vendors);
    let timing = Timing {
        silence_max: ms(config.feed.silence_ms_max),
        reconnect: (ms(config.feed.reconnect_ms_min), ms(config.feed.reconnect_ms_max)),
    };
    let (universe, tape) = (options.universe.clone(), config.tape);
    let shutdown = context.shutdown.clone();
    match (vendor, keys::alpaca(&context.settings)?) {
        (Vendor::Alpaca, Some((key_id, secret))) => {
            let stream = AlpacaStreamConfig {
                url: vendors.alpaca.data_stream_url.clone(),
                key_id,
                secret,
                tape,
                symbols_max: config.feed.alpaca_symbols_max,
                encoding: config.feed.alpaca_encoding,
            };
            let stream = AlpacaStream::open(stream, timing, universe);
            Feed::open(context.clone(), stream, options).await?.run(shutdown).await
        }
        // The configuration names no other vendor of trades.
        (Vendor::Finnhub | Vendor::Yahoo | Vendor::Alphavantage, _) | (Vendor::Alpaca, None) => {
            let token = keys::finnhub(&context.settings)?;
            let stream = StreamConfig { url: vendors.finnhub.ws_url.clone(), token, tape };
            let stream = FinnhubStream::open(stream, timing, universe);
            Feed::open(context.clone(), stream, options).await?.run(shutdown).await
        }
    }
}
