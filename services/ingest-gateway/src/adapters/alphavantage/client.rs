//! Calls to Alpha Vantage, one symbol each.

use std::time::Duration;

use async_trait::async_trait;
use domain::market::{NewsPublished, Tape};
use domain::{SessionDate, Symbol};
use ports::{Answer, Close, ClosePort, History, HistoryPort, NewsPort, VendorError};
use reqwest::header::HeaderMap;

use super::{parse, wire};
use crate::adapters::each::each;
use crate::adapters::gate::Gate;
use crate::adapters::http::Http;

const VENDOR: &str = "alphavantage";

/// Daily bars of a hundred sessions, quotes, and news with sentiment.
pub struct AlphaVantageClient {
    http: Http,
    url: String,
    key: String,
    tape: Tape,
    opening_minutes: u32,
}

impl AlphaVantageClient {
    /// A client of `base`, the address up to but without `/query`, within the budget of `gate`. Bars are
    /// those of `tape`.
    pub fn new(base: &str, key: &str, tape: Tape, opening_minutes: u32, gate: Gate) -> Result<Self, VendorError> {
        Ok(Self {
            http: Http::new(VENDOR, HeaderMap::new(), Duration::from_secs(30), gate)?.hiding(key),
            url: format!("{}/query", base.trim_end_matches('/')),
            key: key.to_owned(),
            tape,
            opening_minutes,
        })
    }

    async fn query<T: serde::de::DeserializeOwned>(
        &self,
        function: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, VendorError> {
        let what = format!("{function} of {}", parameters.first().map_or("", |(_, symbol)| symbol));
        let mut query = vec![("function", function)];
        query.extend_from_slice(parameters);
        query.push(("apikey", &self.key));
        let check = |body: String| match parse::refusal(&body, &what, &self.key) {
            Some(refusal) => Err(refusal),
            None => Ok(body),
        };
        let body = self.http.get_checked(&self.url, &query, &what, check).await?;
        self.http.decoded(&body, &what)
    }
}

#[async_trait]
impl HistoryPort for AlphaVantageClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn histories(&self, symbols: &[Symbol], session: SessionDate) -> Answer<History> {
        each(symbols, |symbol| async move {
            let parameters = [("symbol", symbol.as_str()), ("outputsize", "compact")];
            let daily: wire::Daily = self.query("TIME_SERIES_DAILY", &parameters).await?;
            let daily_bars = parse::daily_bars(&daily, session);
            Ok(daily_bars.last().map(|bar| bar.close).map(|prev_close| History {
                tape: self.tape,
                prev_close,
                daily_bars,
                opening_volumes: Vec::new(),
                opening_minutes: self.opening_minutes,
                session_volumes: Vec::new(),
                volume_step_minutes: 0,
                splits_applied: false,
            }))
        })
        .await
    }
}

#[async_trait]
impl ClosePort for AlphaVantageClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn closes(&self, symbols: &[Symbol], session: SessionDate) -> Answer<Close> {
        each(symbols, |symbol| async move {
            let answer: wire::GlobalQuote = self.query("GLOBAL_QUOTE", &[("symbol", symbol.as_str())]).await?;
            Ok(parse::close(&answer.quote, session))
        })
        .await
    }
}

#[async_trait]
impl NewsPort for AlphaVantageClient {
    async fn company_news(
        &self,
        symbol: &Symbol,
        from: SessionDate,
        to: SessionDate,
    ) -> Result<Vec<NewsPublished>, VendorError> {
        let at_midnight = |date: SessionDate| format!("{}T0000", date.to_string().replace('-', ""));
        let (since, until) = (at_midnight(from), at_midnight(to.next_day()));
        let parameters =
            [("tickers", symbol.as_str()), ("time_from", since.as_str()), ("time_to", &until), ("limit", "50")];
        let news: wire::News = self.query("NEWS_SENTIMENT", &parameters).await?;
        let mut found: Vec<_> = news.feed.into_iter().filter_map(parse::article).collect();
        found.sort_by_key(|article| article.published_at);
        Ok(found)
    }
}
