//! Finnhub over REST.

use std::time::Duration;

use async_trait::async_trait;
use domain::market::NewsPublished;
use domain::{Price, SessionDate, Symbol, UnixNanos, calendar};
use ports::{Answer, Close, ClosePort, CompanyProfile, Listing, NewsPort, ProfilePort, VendorError};
use reqwest::header::HeaderMap;

use super::{parse, wire};
use crate::adapters::each::each;
use crate::adapters::gate::Gate;
use crate::adapters::http::{Http, secret};

const VENDOR: &str = "finnhub";

/// Listings, quotes, profiles, holidays and company news.
#[derive(Debug)]
pub struct FinnhubClient {
    http: Http,
    base: String,
}

/// The last price and the close before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Last price.
    pub last: Price,
    /// Previous session's close.
    pub prev_close: Price,
    /// When the last price was made.
    pub at: UnixNanos,
}

/// A day that is not an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holiday {
    /// The New York date.
    pub date: SessionDate,
    /// End of regular trading; `None` when the exchange is closed.
    pub close: Option<UnixNanos>,
}

impl FinnhubClient {
    /// A client of `base`, the address up to but without `/api/v1`, within the budget of `gate`. The token travels in a
    /// header.
    pub fn new(base: &str, token: &str, gate: Gate) -> Result<Self, VendorError> {
        let headers = HeaderMap::from_iter([secret(VENDOR, "x-finnhub-token", token)?]);
        let http = Http::new(VENDOR, headers, Duration::from_secs(15), gate)?;
        Ok(Self { http, base: format!("{}/api/v1", base.trim_end_matches('/').trim_end_matches("/api/v1")) })
    }

    /// Every symbol listed on `exchange`; only those of `mics` unless it is empty. Tickers that are no symbols to us
    /// are left out.
    pub async fn listings(&self, exchange: &str, mics: &[String]) -> Result<Vec<Listing>, VendorError> {
        let what = format!("stock/symbol of {exchange}");
        let body = self.http.get(&self.url("stock/symbol"), &[("exchange", exchange)], &what).await?;
        let listings: Vec<wire::Listing> = self.http.decoded(&body, &what)?;
        let wanted = |mic: &String| mics.is_empty() || mics.contains(mic);
        Ok(listings.iter().filter(|listing| wanted(&listing.mic)).filter_map(parse::listing).collect())
    }

    /// The last price of `symbol`; `None` when Finnhub does not know it.
    pub async fn quote(&self, symbol: &Symbol) -> Result<Option<Quote>, VendorError> {
        let what = format!("quote of {symbol}");
        let body = self.http.get(&self.url("quote"), &[("symbol", symbol.as_str())], &what).await?;
        let quote: wire::Quote<'_> = self.http.decoded(&body, &what)?;
        let price = |field: &str, text: &str| {
            parse::price(text).map_err(|error| self.http.malformed(&what, format!("{field} = `{text}` {error}")))
        };
        let (last, prev_close) = (price("c", quote.c.get())?, price("pc", quote.pc.get())?);
        Ok(last.zip(prev_close).map(|(last, prev_close)| Quote {
            last,
            prev_close,
            at: UnixNanos::new(0).plus_seconds(quote.t),
        }))
    }

    /// Days on which `exchange` is closed or ends early, for some years.
    pub async fn holidays(&self, exchange: &str) -> Result<Vec<Holiday>, VendorError> {
        let what = format!("market-holiday of {exchange}");
        let body = self.http.get(&self.url("stock/market-holiday"), &[("exchange", exchange)], &what).await?;
        let holidays: wire::Holidays = self.http.decoded(&body, &what)?;
        Ok(holidays.data.iter().filter_map(parse::holiday).collect())
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

#[async_trait]
impl ClosePort for FinnhubClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    /// Before the session's first trade the last price is the close, after it `pc`.
    async fn closes(&self, symbols: &[Symbol], session: SessionDate) -> Answer<Close> {
        let before = calendar::previous_session(session);
        let begin = calendar::session(session).map_or(before.postmarket_close, |s| s.premarket_open);
        each(symbols, |symbol| async move {
            let price = self.quote(symbol).await?.and_then(|quote| match quote.at {
                at if at >= begin => Some(quote.prev_close),
                at if at >= before.close => Some(quote.last),
                _ => None,
            });
            Ok(price.map(|price| Close { price, raw: false }))
        })
        .await
    }
}

#[async_trait]
impl ProfilePort for FinnhubClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn profiles(&self, symbols: &[Symbol]) -> Answer<CompanyProfile> {
        each(symbols, |symbol| async move {
            let what = format!("profile of {symbol}");
            let body = self.http.get(&self.url("stock/profile2"), &[("symbol", symbol.as_str())], &what).await?;
            let profile: wire::Profile = self.http.decoded(&body, &what)?;
            Ok(parse::profile(profile))
        })
        .await
    }
}

#[async_trait]
impl NewsPort for FinnhubClient {
    async fn company_news(
        &self,
        symbol: &Symbol,
        from: SessionDate,
        to: SessionDate,
    ) -> Result<Vec<NewsPublished>, VendorError> {
        let what = format!("company-news of {symbol}");
        let (from, to) = (from.to_string(), to.to_string());
        let query = [("symbol", symbol.as_str()), ("from", &from), ("to", &to)];
        let body = self.http.get(&self.url("company-news"), &query, &what).await?;
        let articles: Vec<&serde_json::value::RawValue> = self.http.decoded(&body, &what)?;
        let mut news: Vec<NewsPublished> = articles
            .iter()
            .filter_map(|article| serde_json::from_str(article.get()).ok())
            .map(|article| parse::article(article, symbol))
            .collect();
        news.sort_by_key(|article| article.published_at);
        Ok(news)
    }
}
