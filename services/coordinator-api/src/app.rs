//! Wiring: store, follower and routes under one address.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use chassis::{Context, Fault, Loaded, Profile, Settings};
use domain::strategy::Strategy;
use serde_json::{Value, json};
use store::StoreSection;
use tokio::net::TcpListener;

use crate::alerts::{Alerts, Board, Handles, Sender};
use crate::auth::Tokens;
use crate::config::Config;
use crate::limit::Limits;
use crate::shadow::{self, Parity};
use crate::state::Shared;
use crate::status::Surroundings;
use crate::store::Reader;
use crate::strategy::file::{self, Watched};
use crate::strategy::versions::{self, Versions};
use crate::{auth, live, metrics, routes};

/// The API as a service.
#[derive(Debug)]
pub struct CoordinatorApi;

impl chassis::Service for CoordinatorApi {
    const NAME: &'static str = "coordinator-api";
    const SECTION: &'static str = "api";
    type Config = Config;

    fn check(config: &Config, loaded: &Loaded) -> Vec<Fault> {
        // The recorder says what is wrong with its own table.
        let store = loaded.section::<StoreSection>("recorder").ok();
        let unusable = store.and_then(|store| store.url(&loaded.settings.data_dir).err());
        // What cannot even be read is said where the table is taken.
        let alerts = loaded.section::<Alerts>(Alerts::SECTION).map(|alerts| alerts.check()).unwrap_or_default();
        config.check().into_iter().chain(unusable).chain(alerts).collect()
    }

    async fn run(ctx: Context<Config>) -> chassis::Result {
        metrics::describe();
        let address = ctx.config.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| ListenError { address, source })?;
        let own = ctx.own_strategy().await?;
        let alerts = Sender::new(ctx.section(Alerts::SECTION)?, &ctx)?;
        let shared = Arc::new(shared(&ctx, own, alerts.board())?);
        let health = chassis::health::router(ctx.readiness.clone());
        let app = routes::router(Arc::clone(&shared), health);
        let tokens = tokio::spawn(auth::follow(Arc::clone(&shared), ctx.shutdown.clone()));
        let watched = Watched {
            at_start: ctx.strategy_file().clone(),
            path: ctx.strategy_path(),
            folder: ctx.strategy_folder().to_owned(),
        };
        let watcher = tokio::spawn(file::watch(Arc::clone(&shared), watched, ctx.shutdown.clone()));
        let strategies = tokio::spawn(versions::follow(Arc::clone(&shared), ctx.shutdown.clone()));
        let parity = tokio::spawn(shadow::follow(Arc::clone(&shared), ctx.shutdown.clone()));
        let handles = Handles {
            bus: ctx.bus.clone(),
            holder: ctx.holder.clone(),
            reader: shared.reader.clone(),
            shutdown: ctx.shutdown.clone(),
        };
        let sending = tokio::spawn(alerts.run(handles));
        let follower = tokio::spawn(live::follow(shared, ctx.config.poll(), ctx.shutdown.clone()));
        tracing::info!(address = %listener.local_addr()?, "serving");
        let shutdown = ctx.shutdown.clone();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, app).with_graceful_shutdown(async move { shutdown.cancelled().await });
        tokio::select! {
            served = serving.into_future() => served?,
            // Without it nobody would learn which strategy is in force.
            Ok(Err(error)) = strategies => return Err(error.into()),
        }
        follower.await?;
        tokens.await?;
        watcher.await?;
        parity.await?;
        sending.await?;
        Ok(())
    }
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("api.listen: cannot listen on {address}")]
struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

fn shared(ctx: &Context<Config>, own: Arc<Strategy>, alerts: Board) -> Result<Shared, chassis::BoxError> {
    let dev = ctx.settings.profile == Profile::Dev;
    let versions = Arc::new(Versions::new(own));
    let store: StoreSection = ctx.section("recorder")?;
    Ok(Shared {
        reader: Reader::new(&store.url(&ctx.settings.data_dir)?)?,
        around: Surroundings {
            profile: ctx.settings.profile.as_str(),
            mode: ctx.settings.profile.mode(),
            bus_url: ctx.settings.bus.url.clone(),
            vendors: dev.then(|| vendors(&ctx.settings)),
            versions: Arc::clone(&versions),
            alerts,
        },
        versions,
        parity: Parity::default(),
        strategy_folder: ctx.strategy_folder().to_owned(),
        simulated: dev,
        tokens: Tokens::default(),
        limits: Limits::new(ctx.config.requests_per_second),
        open: dev && ctx.config.listen.ip().is_loopback(),
        bus: ctx.bus.clone(),
        publisher: ctx.publisher.clone(),
        instance: ctx.instance.clone(),
        clock: Arc::clone(&ctx.clock),
        errors: ctx.errors.clone(),
        readiness: ctx.readiness.clone(),
        news: live::channel(),
        streams: AtomicUsize::new(0),
        streams_max: ctx.config.streams_max,
        shutdown: ctx.shutdown.clone(),
    })
}

/// The simulated vendors' addresses, and the simulator's own beside them.
fn vendors(settings: &Settings) -> Value {
    let vendors = &settings.vendors;
    json!({
        "finnhub": vendors.finnhub.rest_url,
        "yahoo": vendors.yahoo.rest_url,
        "alphavantage": vendors.alphavantage.rest_url,
        "alpaca": vendors.alpaca.rest_url,
        "sim": vendors.sim.rest_url,
    })
}
