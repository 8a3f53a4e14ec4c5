//! Alpha Vantage's answers as it writes them: numbers as text, and refusals as answers of their own with status 200.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What stands in an answer instead of what was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    /// The older throttle.
    #[serde(rename = "Note")]
    pub(super) note: Option<String>,
    /// Throttles, and what a key may not have.
    #[serde(rename = "Information")]
    pub(super) information: Option<String>,
    /// A wrong call or symbol.
    #[serde(rename = "Error Message")]
    pub(super) error: Option<String>,
    /// Beside made-up data of a premium call.
    pub(super) message: Option<String>,
}

/// `TIME_SERIES_DAILY`: raw bars by date.
#[derive(Debug, Deserialize)]
pub(super) struct Daily {
    #[serde(rename = "Time Series (Daily)")]
    pub(super) series: BTreeMap<String, Row>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Row {
    #[serde(rename = "1. open")]
    pub(super) open: String,
    #[serde(rename = "2. high")]
    pub(super) high: String,
    #[serde(rename = "3. low")]
    pub(super) low: String,
    #[serde(rename = "4. close")]
    pub(super) close: String,
    #[serde(rename = "5. volume")]
    pub(super) volume: String,
}

/// `GLOBAL_QUOTE`.
#[derive(Debug, Deserialize)]
pub(super) struct GlobalQuote {
    #[serde(rename = "Global Quote")]
    pub(super) quote: Quote,
}

/// Empty for an unknown symbol.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Quote {
    #[serde(rename = "05. price")]
    pub(super) price: String,
    #[serde(rename = "07. latest trading day")]
    pub(super) day: String,
    #[serde(rename = "08. previous close")]
    pub(super) previous_close: String,
}

/// `NEWS_SENTIMENT`.
#[derive(Debug, Deserialize)]
pub(super) struct News {
    #[serde(default)]
    pub(super) feed: Vec<Article>,
}

/// `time_published` as `20261124T083000`, UTC.
#[derive(Debug, Deserialize)]
pub(super) struct Article {
    pub(super) title: String,
    pub(super) url: String,
    pub(super) time_published: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) ticker_sentiment: Vec<TickerSentiment>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TickerSentiment {
    pub(super) ticker: String,
    #[serde(default)]
    pub(super) relevance_score: String,
    #[serde(default, rename = "ticker_sentiment_score")]
    pub(super) score: String,
}
