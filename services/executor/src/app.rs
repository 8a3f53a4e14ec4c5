//! Wiring: bus, broker and desk.

use std::sync::Arc;
use std::time::Duration;

use bus::topology::EXECUTOR_RISK;
use bus::{Consumer, Fold, FoldSpec, Item, Kind};
use chassis::{Context, Fault, Loaded, Profile, Service, Settings};
use domain::StreamName;
use domain::event::Event;
use domain::fees::CostProfile;
use ports::OrderPort;
use tokio::time::{MissedTickBehavior, interval};

use crate::adapters::alpaca::{AlpacaClient, AlpacaConfig, Credentials};
use crate::config::Config;
use crate::desk::Desk;
use crate::error::ExecutorError;
use crate::ownership::Ownership;

const TICK: Duration = Duration::from_millis(100);

/// The executor as a service.
pub struct Executor;

impl Service for Executor {
    const NAME: &'static str = "executor";
    const SECTION: &'static str = "executor";
    type Config = Config;

    fn check(config: &Config, loaded: &Loaded) -> Vec<Fault> {
        let settings = &loaded.settings;
        let alpaca = &settings.vendors.alpaca;
        let keys = if needs_keys(settings) { [alpaca.key().err(), alpaca.secret().err()] } else { [None, None] };
        config.check(settings.profile == Profile::Prod).into_iter().chain(keys.into_iter().flatten()).collect()
    }

    async fn run(ctx: Context<Config>) -> chassis::Result {
        let ctx = Arc::new(ctx);
        let port: Arc<dyn OrderPort> = Arc::new(broker(&ctx)?);
        let costs = ctx.own_strategy().await?.costs;
        while let Some(lease) = ctx.lead("account").await? {
            for check in ["rebuilt", "broker", "calendar", "account", "updates", "reconciled"] {
                ctx.readiness.set(check, false, "starting");
            }
            let ownership = match Ownership::take(&ctx, lease).await {
                Ok(Some(ownership)) => Arc::new(ownership),
                Ok(None) => break,
                Err(error) if chassis::is_transient(&error) => {
                    tracing::warn!(%error, "the account cannot be taken over yet");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            tokio::select! {
                outcome = work(&ctx, &port, costs, &ownership) => {
                    // After an error calls may be under way: the next owner waits for them as after a kill.
                    if outcome.is_ok() {
                        ownership.release().await;
                    }
                    return Ok(outcome?);
                }
                () = ownership.lost() => tracing::warn!("another executor may have the account now"),
            }
        }
        Ok(())
    }
}

fn broker(ctx: &Context<Config>) -> Result<AlpacaClient, Box<dyn std::error::Error + Send + Sync>> {
    let alpaca = &ctx.settings.vendors.alpaca;
    let config = AlpacaConfig {
        rest_url: alpaca.rest_url.clone(),
        stream_url: alpaca.stream_url.clone(),
        credentials: credentials(&ctx.settings)?,
        call_timeout: ctx.config.call_timeout(),
        routine_calls_max: ctx.config.routine_calls_max,
    };
    Ok(AlpacaClient::new(config)?.traced(&ctx.tracer))
}

/// The simulator wants no secret, only keys that begin with `sim`; everybody else needs the real ones.
fn needs_keys(settings: &Settings) -> bool {
    let alpaca = &settings.vendors.alpaca;
    settings.profile != Profile::Dev || alpaca.key.is_some() || alpaca.key_file.is_some()
}

fn credentials(settings: &Settings) -> Result<Credentials, Fault> {
    if !needs_keys(settings) {
        return Ok(Credentials { key_id: "sim".to_owned(), secret: "sim".to_owned() });
    }
    let alpaca = &settings.vendors.alpaca;
    Ok(Credentials { key_id: alpaca.key()?.expose().to_owned(), secret: alpaca.secret()?.expose().to_owned() })
}

/// Until told to stop: folds whatever comes first, then decides. The log comes first of all, then the broker's book;
/// before that nothing is sent.
async fn work(
    ctx: &Arc<Context<Config>>,
    port: &Arc<dyn OrderPort>,
    costs: CostProfile,
    ownership: &Arc<Ownership>,
) -> Result<(), ExecutorError> {
    let shutdown = ctx.shutdown.clone();
    let log = FoldSpec::stream(StreamName::Risk).and(StreamName::Control).and(StreamName::Order);
    let mut log = Fold::open(&ctx.bus, log)?;
    let mut market = Fold::open(&ctx.bus, FoldSpec::kinds(&[Kind::TradeBatch]).latest(StreamName::Market))?;
    let mut approvals = Consumer::open(&ctx.bus, &EXECUTOR_RISK);
    let mut updates = port.updates();
    let mut desk = Desk::new(Arc::clone(ctx), Arc::clone(port), costs, Arc::clone(ownership));
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if ownership.is_held() {
            ctx.beat();
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return desk.drain().await,
            Some(done) = desk.done() => desk.finish(done)?,
            update = updates.next() => desk.observe_update(update),
            item = log.next() => match item? {
                Item::Event(folded) => desk.fold(&folded.event, &folded.meta),
                Item::CaughtUp => desk.rebuilt(),
                Item::Poison(poison) => desk.unreadable(poison),
            },
            delivery = approvals.next() => desk.take(delivery?),
            _ = tick.tick() => desk.tick().await?,
            item = market.next() => match item? {
                Item::Event(folded) => {
                    let Event::TradeBatch(batch) = &folded.event else { continue };
                    desk.observe_market(batch);
                }
                Item::CaughtUp => continue,
                Item::Poison(poison) => {
                    desk.bury(poison);
                    continue;
                }
            },
        }
        desk.act().await?;
    }
}
