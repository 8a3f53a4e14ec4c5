//! The chart answer as Yahoo writes it. Any number may be null; unknown fields are ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) chart: Chart,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chart {
    pub(super) result: Option<Vec<Series>>,
    pub(super) error: Option<Failure>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    #[serde(default)]
    pub(super) description: Option<String>,
}

/// Rows in columns; `timestamp` in Unix seconds, the start of a row, and absent when there is none.
#[derive(Debug, Deserialize)]
pub(super) struct Series {
    #[serde(default)]
    pub(super) timestamp: Vec<i64>,
    pub(super) indicators: Indicators,
    #[serde(default)]
    pub(super) events: Events,
}

/// What happened to the shares, by the Unix second of the day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Events {
    pub(super) dividends: BTreeMap<String, Dividend>,
    pub(super) splits: BTreeMap<String, Split>,
}

/// Dollars a share, split-adjusted.
#[derive(Debug, Deserialize)]
pub(super) struct Dividend {
    pub(super) amount: f64,
    pub(super) date: i64,
}

/// `denominator` shares became `numerator`.
#[derive(Debug, Deserialize)]
pub(super) struct Split {
    pub(super) date: i64,
    pub(super) numerator: f64,
    pub(super) denominator: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Indicators {
    pub(super) quote: Vec<Columns>,
}

/// Prices are single floats written as doubles: `136.69000244140625`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Columns {
    pub(super) open: Vec<Option<f64>>,
    pub(super) high: Vec<Option<f64>>,
    pub(super) low: Vec<Option<f64>>,
    pub(super) close: Vec<Option<f64>>,
    pub(super) volume: Vec<Option<f64>>,
}
