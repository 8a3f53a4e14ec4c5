//! Yahoo over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use domain::market::Tape;
use domain::{SessionDate, Symbol};
use ports::{History, ReferencePort, VendorError};
use reqwest::header::HeaderMap;

use super::{parse, wire};
use crate::adapters::http::Http;

const VENDOR: &str = "yahoo";

/// Daily bars of a year and opening volumes of a month.
#[derive(Debug, Clone)]
pub struct YahooClient {
    http: Http,
    base: String,
    tape: Tape,
    opening_minutes: u32,
}

impl YahooClient {
    /// A client of `base`, the address up to but without `/v8`; `opening_minutes` must be a multiple of 5.
    pub fn new(base: &str, tape: Tape, opening_minutes: u32) -> Result<Self, VendorError> {
        let http = Http::new(VENDOR, HeaderMap::new(), Duration::from_secs(20))?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), tape, opening_minutes })
    }

    async fn chart(&self, symbol: &Symbol, interval: &str, range: &str) -> Result<wire::Series, VendorError> {
        let what = format!("{interval} chart of {symbol}");
        let url = format!("{}/v8/finance/chart/{}", self.base, symbol.as_str().replace('.', "-"));
        let query = [("interval", interval), ("range", range), ("includePrePost", "false")];
        let body = self.http.get(&url, &query, &what).await?;
        parse::series(&body).map_err(|refused| match refused {
            parse::Refused::ByVendor(reason) => VendorError::Refused { vendor: VENDOR, what, reason },
            parse::Refused::Malformed(reason) => VendorError::Malformed { vendor: VENDOR, what, reason },
        })
    }
}

#[async_trait]
impl ReferencePort for YahooClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn history(&self, symbol: &Symbol, session: SessionDate) -> Result<History, VendorError> {
        let daily_bars = parse::daily_bars(&self.chart(symbol, "1d", "1y").await?, session);
        let prev_close = daily_bars.last().map(|bar| bar.close).ok_or_else(|| VendorError::Refused {
            vendor: VENDOR,
            what: format!("1d chart of {symbol}"),
            reason: format!("no complete daily bar before {session}"),
        })?;
        let intraday = self.chart(symbol, "5m", "1mo").await?;
        Ok(History {
            tape: self.tape,
            prev_close,
            daily_bars,
            opening_volumes: parse::opening_volumes(&intraday, session, self.opening_minutes),
            opening_minutes: self.opening_minutes,
        })
    }
}
