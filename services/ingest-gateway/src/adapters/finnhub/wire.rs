//! Finnhub's messages as it writes them. Unknown fields are ignored.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Any WebSocket frame.
#[derive(Debug, Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) msg: Option<String>,
}

/// One element of a `trade` frame's `data`; numbers keep their text, so that decimals stay exact.
#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(borrow)]
    pub(super) s: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) p: &'a RawValue,
    #[serde(borrow)]
    pub(super) t: &'a RawValue,
    #[serde(borrow)]
    pub(super) v: &'a RawValue,
    #[serde(borrow, default)]
    pub(super) c: Option<Vec<Cow<'a, str>>>,
}

/// One element of `/stock/symbol`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    pub(super) symbol: String,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) mic: String,
}

/// One element of `/company-news`; `datetime` in Unix seconds.
#[derive(Debug, Deserialize)]
pub(super) struct Article {
    pub(super) id: u64,
    pub(super) datetime: i64,
    pub(super) headline: String,
    #[serde(default)]
    pub(super) related: String,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) url: String,
}

/// `/quote`; an unknown symbol gets zeros.
#[derive(Debug, Deserialize)]
pub(super) struct Quote<'a> {
    #[serde(borrow)]
    pub(super) c: &'a RawValue,
    #[serde(borrow)]
    pub(super) pc: &'a RawValue,
    pub(super) t: i64,
}

/// `/stock/profile2`; an unknown symbol gets an empty object. Millions of shares.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Profile {
    pub(super) ticker: String,
    pub(super) finnhub_industry: String,
    pub(super) share_outstanding: Option<f64>,
}

/// `/stock/market-holiday`.
#[derive(Debug, Deserialize)]
pub(super) struct Holidays {
    pub(super) data: Vec<Holiday>,
}

/// `tradingHour` as `09:30-13:00`, empty when the exchange is closed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Holiday {
    pub(super) at_date: String,
    #[serde(default)]
    pub(super) trading_hour: Option<String>,
}
