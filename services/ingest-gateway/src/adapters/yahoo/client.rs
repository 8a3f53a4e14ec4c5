//! Yahoo over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use domain::market::{ActionKind, Tape};
use domain::{SessionDate, Symbol, calendar};
use ports::{ActionsPort, Answer, Close, ClosePort, History, HistoryPort, VendorError};
use reqwest::header::HeaderMap;

use super::{parse, wire};
use crate::adapters::each::each;
use crate::adapters::gate::Gate;
use crate::adapters::http::Http;
use crate::adapters::volumes::Volumes;

const VENDOR: &str = "yahoo";

/// Daily bars and events of a year, volumes of a month. One symbol a call; volumes are consolidated.
#[derive(Debug)]
pub struct YahooClient {
    http: Http,
    base: String,
    tape: Tape,
    opening_minutes: u32,
}

impl YahooClient {
    /// A client of `base`, the address up to but without `/v8`, within the budget of `gate`; `opening_minutes` must be
    /// a multiple of 5. Volumes are those of `tape`.
    pub fn new(base: &str, tape: Tape, opening_minutes: u32, gate: Gate) -> Result<Self, VendorError> {
        let http = Http::new(VENDOR, HeaderMap::new(), Duration::from_secs(20), gate)?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), tape, opening_minutes })
    }

    async fn chart(&self, symbol: &Symbol, interval: &str, range: &str) -> Result<wire::Series, VendorError> {
        let what = format!("{interval} chart of {symbol}");
        let url = format!("{}/v8/finance/chart/{}", self.base, symbol.as_str().replace('.', "-"));
        let query = [("interval", interval), ("range", range), ("includePrePost", "false"), ("events", "div,splits")];
        let body = self.http.get(&url, &query, &what).await?;
        parse::series(&body).map_err(|refused| match refused {
            parse::Refused::ByVendor(reason) => VendorError::Refused { vendor: VENDOR, what, reason },
            parse::Refused::Malformed(reason) => self.http.malformed(&what, reason),
        })
    }

    async fn history(&self, symbol: &Symbol, session: SessionDate) -> Result<Option<History>, VendorError> {
        let daily_bars = parse::daily_bars(&self.chart(symbol, "1d", "1y").await?, session);
        let prev_close = daily_bars.last().map(|bar| bar.close).ok_or_else(|| VendorError::Refused {
            vendor: VENDOR,
            what: format!("1d chart of {symbol}"),
            reason: format!("no complete daily bar before {session}"),
        })?;
        let intraday = self.chart(symbol, "5m", "1mo").await?;
        let mut volumes = Volumes::new(session, parse::ROW_MINUTES);
        parse::volumes(&intraday, &mut volumes);
        // Its pre-market volume is 0 whatever was traded; a row that is missing is not known to be zero.
        let mut session_volumes = volumes.through_the_day();
        session_volumes.iter_mut().for_each(|day| day.premarket.clear());
        session_volumes.retain(|day| day.regular.iter().all(|volume| *volume > 0));
        Ok(Some(History {
            tape: self.tape,
            prev_close,
            daily_bars,
            opening_volumes: parse::opening_volumes(&intraday, session, self.opening_minutes),
            opening_minutes: self.opening_minutes,
            session_volumes,
            volume_step_minutes: parse::ROW_MINUTES,
            splits_applied: true,
        }))
    }
}

#[async_trait]
impl HistoryPort for YahooClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn histories(&self, symbols: &[Symbol], session: SessionDate) -> Answer<History> {
        each(symbols, |symbol| self.history(symbol, session)).await
    }
}

#[async_trait]
impl ClosePort for YahooClient {
    fn source(&self) -> &'static str {
        VENDOR
    }

    async fn closes(&self, symbols: &[Symbol], session: SessionDate) -> Answer<Close> {
        let date = calendar::previous_session(session).date;
        each(symbols, |symbol| async move {
            let bars = parse::daily_bars(&self.chart(symbol, "1d", "5d").await?, session);
            Ok(bars.last().filter(|bar| bar.date == date).map(|bar| Close { price: bar.close, raw: false }))
        })
        .await
    }
}

#[async_trait]
impl ActionsPort for YahooClient {
    async fn actions(
        &self,
        symbols: &[Symbol],
        from: SessionDate,
        to: SessionDate,
    ) -> Answer<Vec<(SessionDate, ActionKind)>> {
        each(symbols, |symbol| async move {
            let actions = parse::actions(&self.chart(symbol, "1d", "1y").await?);
            Ok(Some(actions.into_iter().filter(|(date, _)| (from..=to).contains(date)).collect()))
        })
        .await
    }
}
