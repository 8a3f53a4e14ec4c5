//! Calls to Alpaca's market data and to its list of assets.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::market::{ActionKind, DailyBar, Lending, NewsPublished, Tape};
use domain::{SessionDate, Symbol, calendar};
use ports::{ActionsPort, Answer, Close, ClosePort, History, HistoryPort, LendingPort, NewsPort, VendorError};
use reqwest::header::HeaderMap;

use super::{parse, wire};
use crate::adapters::gate::Gate;
use crate::adapters::http::{Http, secret};
use crate::adapters::volumes::Volumes;

const VENDOR: &str = "alpaca";
/// Rows that a page of bars may hold, the vendor's most.
const BARS_PAGE: &str = "10000";
/// Pages of one call; more would mean that the vendor repeats itself.
const PAGES_MAX: usize = 500;
/// Length of the intraday bars.
const STEP_MINUTES: u32 = 5;
/// Calendar days of daily bars: 252 sessions at least.
const DAILY_DAYS: i32 = 371;
/// Calendar days of intraday bars: 14 full sessions at least, whatever holidays lie between.
const INTRADAY_DAYS: i32 = 28;

/// Where Alpaca is, and whose prints are wanted.
pub struct AlpacaConfig<'a> {
    /// Address of market data, without `/v2`.
    pub data_url: &'a str,
    /// Address of the trading service, without `/v2`.
    pub trading_url: &'a str,
    /// The key's id.
    pub key_id: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// Whose prints bars are made of; must be those of the live feed to be compared with it.
    pub tape: Tape,
    /// Length of the opening range, a multiple of 5.
    pub opening_minutes: u32,
}

/// Bars, snapshots, corporate actions, news and assets.
#[derive(Debug)]
pub struct AlpacaClient {
    http: Http,
    data: String,
    trading: String,
    tape: Tape,
    opening_minutes: u32,
}

impl AlpacaClient {
    /// A client within the budget of `gate`.
    ///
    /// # Errors
    /// `VendorError::Refused` when a key cannot stand in an HTTP header.
    pub fn new(config: &AlpacaConfig<'_>, gate: Gate) -> Result<Self, VendorError> {
        let headers = HeaderMap::from_iter([
            secret(VENDOR, "apca-api-key-id", config.key_id)?,
            secret(VENDOR, "apca-api-secret-key", config.secret)?,
        ]);
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Self {
            http: Http::new(VENDOR, headers, Duration::from_secs(30), gate)?,
            data: base(config.data_url),
            trading: base(config.trading_url),
            tape: config.tape,
            opening_minutes: config.opening_minutes,
        })
    }

    const fn feed(&self) -> &'static str {
        match self.tape {
            Tape::Iex => "iex",
            Tape::Consolidated | Tape::Simulated => "sip",
        }
    }

    /// Hands every bar of `symbols` before `session` and within the `days` before it to `take`, each symbol's in order
    /// of time. Prices and volumes are split-adjusted.
    async fn bars(
        &self,
        symbols: &[Symbol],
        timeframe: &str,
        days: i32,
        session: SessionDate,
        mut take: impl FnMut(&str, &wire::Bar<'_>) + Send,
    ) -> Result<(), VendorError> {
        let what = format!("{timeframe} bars of {}", named(symbols));
        let (names, end) = (joined(symbols), session.at_hm(0, 0).to_string());
        let start = days_before(session, days).at_hm(0, 0).to_string();
        let fixed = [
            ("symbols", names.as_str()),
            ("timeframe", timeframe),
            ("start", &start),
            ("end", &end),
            ("limit", BARS_PAGE),
            ("adjustment", "split"),
            ("feed", self.feed()),
            ("sort", "asc"),
        ];
        let url = format!("{}/v2/stocks/bars", self.data);
        self.pages(&url, &fixed, &what, |body| {
            let page: wire::Bars<'_> = self.http.decoded(body, &what)?;
            for (symbol, bars) in page.bars.iter().flatten() {
                bars.iter().for_each(|bar| take(symbol, bar));
            }
            Ok(page.next_page_token)
        })
        .await
    }

    /// Reads page after page; `take` gives the token of the next.
    async fn pages(
        &self,
        url: &str,
        fixed: &[(&str, &str)],
        what: &str,
        mut take: impl FnMut(&str) -> Result<Option<String>, VendorError> + Send,
    ) -> Result<(), VendorError> {
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = fixed.to_vec();
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let body = self.http.get(url, &query, what).await?;
            match take(&body)?.filter(|next| !next.is_empty()) {
                None => return Ok(()),
                next => token = next,
            }
        }
        Err(self.http.malformed(what, format!("more than {PAGES_MAX} pages")))
    }

    async fn read_histories(
        &self,
        symbols: &[Symbol],
        session: SessionDate,
    ) -> Result<HashMap<Symbol, History>, VendorError> {
        let mut daily: HashMap<String, Vec<DailyBar>> = HashMap::new();
        self.bars(symbols, "1Day", DAILY_DAYS, session, |symbol, bar| {
            let bar = parse::daily_bar(bar).filter(|bar| bar.date < session);
            daily.entry(symbol.to_owned()).or_default().extend(bar);
        })
        .await?;
        let mut volumes: HashMap<String, Volumes> = HashMap::new();
        self.bars(symbols, "5Min", INTRADAY_DAYS, session, |symbol, bar| {
            if !volumes.contains_key(symbol) {
                volumes.insert(symbol.to_owned(), Volumes::new(session, STEP_MINUTES));
            }
            if let (Some(volumes), Some(start)) = (volumes.get_mut(symbol), parse::start(bar)) {
                volumes.add(start, bar.v);
            }
        })
        .await?;
        let history = |symbol: &Symbol| {
            let daily_bars = daily.remove(symbol.as_str())?;
            let prev_close = daily_bars.last()?.close;
            let volumes = volumes.remove(symbol.as_str());
            let opening_volumes = volumes.as_ref().map(|v| v.opening(self.opening_minutes)).unwrap_or_default();
            let history = History {
                tape: self.tape,
                prev_close,
                daily_bars,
                opening_volumes,
                opening_minutes: self.opening_minutes,
                session_volumes: volumes.map(Volumes::through_the_day).unwrap_or_default(),
                volume_step_minutes: STEP_MINUTES,
                splits_applied: true,
            };
            Some((symbol.clone(), history))
        };
        Ok(symbols.iter().filter_map(history).collect())
    }

    async fn read_closes(
        &self,
        symbols: &[Symbol],
        session: SessionDate,
    ) -> Result<HashMap<Symbol, Close>, VendorError> {
        let what = format!("snapshots of {}", named(symbols));
        let names = joined(symbols);
        let query = [("symbols", names.as_str()), ("feed", self.feed())];
        let body = self.http.get(&format!("{}/v2/stocks/snapshots", self.data), &query, &what).await?;
        let snapshots: HashMap<String, Option<wire::Snapshot<'_>>> = self.http.decoded(&body, &what)?;
        let date = calendar::previous_session(session).date;
        let close = |symbol: &Symbol| {
            let snapshot = snapshots.get(symbol.as_str())?.as_ref()?;
            Some((symbol.clone(), parse::close(snapshot, date)?))
        };
        Ok(symbols.iter().filter_map(close).collect())
    }

    async fn read_actions(
        &self,
        symbols: &[Symbol],
        from: SessionDate,
        to: SessionDate,
    ) -> Result<HashMap<Symbol, Vec<(SessionDate, ActionKind)>>, VendorError> {
        let what = format!("corporate actions of {}", named(symbols));
        let (names, start, end) = (joined(symbols), from.to_string(), to.to_string());
        let fixed = [("symbols", names.as_str()), ("start", &start), ("end", &end), ("limit", "1000")];
        let mut found: HashMap<Symbol, Vec<_>> = symbols.iter().map(|symbol| (symbol.clone(), Vec::new())).collect();
        self.pages(&format!("{}/v1/corporate-actions", self.data), &fixed, &what, |body| {
            let page: wire::Actions<'_> = self.http.decoded(body, &what)?;
            for (symbol, actions) in parse::actions(&page.corporate_actions) {
                if let Some(known) = found.get_mut(&symbol) {
                    known.extend(actions);
                }
            }
            Ok(page.next_page_token)
        })
        .await?;
        Ok(found)
    }

    async fn read_lending(&self, symbols: &[Symbol]) -> Result<HashMap<Symbol, Lending>, VendorError> {
        let query = [("status", "active"), ("asset_class", "us_equity")];
        let body = self.http.get(&format!("{}/v2/assets", self.trading), &query, "assets").await?;
        let assets: Vec<wire::Asset<'_>> = self.http.decoded(&body, "assets")?;
        let told: HashMap<&str, Lending> = assets.iter().map(|a| (&*a.symbol, parse::lending(a))).collect();
        let not_traded = Lending { shortable: false, easy_to_borrow: false };
        let of = |symbol: &Symbol| told.get(symbol.as_str()).copied().unwrap_or(not_traded);
        Ok(symbols.iter().map(|symbol| (symbol.clone(), of(symbol))).collect())
    }
}

#[async_trait]
impl HistoryPort for AlpacaClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn histories(&self, symbols: &[Symbol], session: SessionDate) -> Answer<History> {
        self.read_histories(symbols, session).await.into()
    }
}

#[async_trait]
impl ClosePort for AlpacaClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn closes(&self, symbols: &[Symbol], session: SessionDate) -> Answer<Close> {
        self.read_closes(symbols, session).await.into()
    }
}

#[async_trait]
impl ActionsPort for AlpacaClient {
    async fn actions(
        &self,
        symbols: &[Symbol],
        from: SessionDate,
        to: SessionDate,
    ) -> Answer<Vec<(SessionDate, ActionKind)>> {
        self.read_actions(symbols, from, to).await.into()
    }
}

#[async_trait]
impl LendingPort for AlpacaClient {
    async fn lending(&self, symbols: &[Symbol]) -> Answer<Lending> {
        self.read_lending(symbols).await.into()
    }
}

#[async_trait]
impl NewsPort for AlpacaClient {
    async fn company_news(
        &self,
        symbol: &Symbol,
        from: SessionDate,
        to: SessionDate,
    ) -> Result<Vec<NewsPublished>, VendorError> {
        let what = format!("news of {symbol}");
        let (start, end) = (from.at_hm(0, 0).to_string(), to.next_day().at_hm(0, 0).to_string());
        let fixed = [("symbols", symbol.as_str()), ("start", &start), ("end", &end), ("limit", "50"), ("sort", "asc")];
        let mut found = Vec::new();
        self.pages(&format!("{}/v1beta1/news", self.data), &fixed, &what, |body| {
            let page: wire::News = self.http.decoded(body, &what)?;
            found.extend(page.news.into_iter().filter_map(parse::article));
            Ok(page.next_page_token)
        })
        .await?;
        Ok(found)
    }
}

fn days_before(date: SessionDate, days: i32) -> SessionDate {
    SessionDate::from_epoch_days(date.epoch_days() - days).unwrap_or(date)
}

fn joined(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(",")
}

/// The symbols for an error's text.
fn named(symbols: &[Symbol]) -> String {
    match symbols {
        [only] => only.to_string(),
        several => format!("{} symbols", several.len()),
    }
}
