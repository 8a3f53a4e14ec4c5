//! The chart answer as Yahoo writes it. Any number may be null; unknown fields are ignored.

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
