//! Where the numbers come from: the store itself, or the API in front of it.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chassis::Sources;
use coordinator_api::analytics::{self, Analytics, RangeQuery, Trade};
use coordinator_api::store::Reader;
use recorder::store::StoreUrl;
use serde::Deserialize;

use super::{Report, usage};
use crate::api::Api;
use crate::connection::wall_time;
use crate::exit::NotFound;
use crate::running::at_running_suite;

/// How often trades and numbers are asked for again when a trade closed between the two answers.
const TRIES: usize = 5;

/// A place to read from.
pub(super) enum Source {
    /// A store.
    Store(StoreUrl),
    /// The API's address and what opens it.
    Api(Api),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(url) => write!(f, "{url}"),
            Self::Api(api) => write!(f, "{}", api.base()),
        }
    }
}

impl Source {
    /// The store or API that is named, else the configured store.
    pub(super) fn of(store: Option<&str>, api: Option<&str>, token_file: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(text) = api {
            return Ok(Self::Api(Api::at(text, token_file)?));
        }
        if let Some(text) = store {
            let url: StoreUrl = text.parse().map_err(|error| usage(format!("--store: {error}")))?;
            return Ok(Self::Store(match url {
                StoreUrl::Sqlite(_) => url,
                StoreUrl::Postgres(_) => {
                    let config = recorder::config::Config { store_url: text.to_owned(), ..configured()?.1 };
                    config.store(Path::new(""))?
                }
            }));
        }
        let (data_dir, recorder) = configured()?;
        Ok(Self::Store(recorder.store(&data_dir)?))
    }

    /// Everything about `range`.
    pub(super) async fn report(&self, range: RangeQuery) -> anyhow::Result<Report> {
        match self {
            Self::Store(url) => from_store(url, range).await,
            Self::Api(api) => from_api(api, &range).await,
        }
    }
}

/// The data folder and the recorder's table, of the `fin up` that runs here if one does.
fn configured() -> anyhow::Result<(PathBuf, recorder::config::Config)> {
    let sources = Sources::process();
    let settings = sources.clone().load()?.settings;
    let loaded = at_running_suite(sources, &settings, None).load()?;
    let recorder = loaded.section("recorder")?;
    Ok((loaded.settings.data_dir.clone(), recorder))
}

async fn from_store(url: &StoreUrl, range: RangeQuery) -> anyhow::Result<Report> {
    let (reader, now) = (Reader::new(url)?, wall_time()?);
    let position = reader.position().await.with_context(|| url.to_string())?;
    let Some(position) = position else { return Err(NotFound(format!("there is no store at {url}")).into()) };
    let current = position.session(now);
    let range = range.resolve(current).map_err(|problem| usage(problem.detail))?;
    for _ in 0..TRIES {
        let analytics = analytics::analytics(&reader, range.clone(), now).await.with_context(|| url.to_string())?;
        let closed = analytics::closed_trades(&reader, &range).await.with_context(|| url.to_string())?;
        if analytics.trades.count == closed.len() {
            return Ok(Report { analytics, closed_trades: closed.into_iter().map(Trade::from).collect() });
        }
    }
    bail!("{url}: trades go on closing faster than they can be read; choose a range that is over")
}

async fn from_api(api: &Api, range: &RangeQuery) -> anyhow::Result<Report> {
    let mut query: Vec<(&str, String)> = Vec::new();
    query.extend(range.from.map(|from| ("from", from.to_string())));
    query.extend(range.to.map(|to| ("to", to.to_string())));
    query.extend(range.strategy.clone().map(|name| ("strategy", name)));
    query.extend(range.symbol.as_ref().map(|symbol| ("symbol", symbol.to_string())));
    for _ in 0..TRIES {
        let analytics: Analytics = api.get("analytics", &query).await?;
        let closed_trades = trades(api, &query).await?;
        if analytics.trades.count == closed_trades.len() {
            return Ok(Report { analytics, closed_trades });
        }
    }
    bail!("{}: trades go on closing faster than they can be read; choose a range that is over", api.base())
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Trade>,
    next: Option<String>,
}

async fn trades(api: &Api, query: &[(&str, String)]) -> anyhow::Result<Vec<Trade>> {
    let mut trades = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut query = query.to_vec();
        query.push(("limit", "1000".to_owned()));
        query.extend(after.map(|after| ("after", after)));
        let page: Page = api.get("analytics/trades", &query).await?;
        trades.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(trades);
        }
    }
}
