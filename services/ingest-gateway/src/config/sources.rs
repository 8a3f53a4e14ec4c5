//! Which vendor is asked for what, and how often.

use std::fmt;

use chassis::Fault;
use serde::{Deserialize, Serialize};

/// A vendor of market data or news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // each is a company's name
pub enum Vendor {
    Alpaca,
    Alphavantage,
    Finnhub,
    Yahoo,
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alpaca => "alpaca",
            Self::Alphavantage => "alphavantage",
            Self::Finnhub => "finnhub",
            Self::Yahoo => "yahoo",
        })
    }
}

/// Who is asked for what, best first; a later one stands in where an earlier one fails or does not know the symbol.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SourcesConfig {
    /// The live feed: finnhub, alpaca. One is read at a time; the next is taken while the one before is away. Rank only
    /// feeds of the same tape together.
    pub trades: Vec<Vendor>,
    /// Daily bars and volumes through the day: alpaca, yahoo, alphavantage (daily bars only).
    pub history: Vec<Vendor>,
    /// The previous close once more, by another than the history's source: any.
    pub second_close: Vec<Vendor>,
    /// Splits, dividends, mergers, changes of symbol: alpaca, yahoo.
    pub actions: Vec<Vendor>,
    /// Industry sectors: finnhub.
    pub sector: Vec<Vendor>,
    /// Floats: finnhub, whose shares outstanding are taken for them. Empty: no float is known.
    pub float: Vec<Vendor>,
    /// Whether the broker lends: alpaca.
    pub lending: Vec<Vendor>,
    /// Headlines: finnhub, alpaca, alphavantage.
    pub news: Vec<Vendor>,
}

impl SourcesConfig {
    /// True when `vendor` is named anywhere.
    pub fn names(&self, vendor: Vendor) -> bool {
        self.needs().into_iter().any(|(_, named, _)| named.contains(&vendor))
    }

    /// Vendors that do not have what they are named for.
    pub(super) fn unable(&self) -> impl Iterator<Item = Fault> {
        self.needs().into_iter().filter_map(|(key, named, able)| {
            let vendor = named.iter().find(|vendor| !able.contains(vendor))?;
            let able = able.iter().map(Vendor::to_string).collect::<Vec<_>>().join(", ");
            Fault::unless(false, &format!("gateway.{key}"), vendor, format!("of {able}"))
        })
    }

    /// Each key, what it names and what it may name.
    fn needs(&self) -> [(&'static str, &[Vendor], &'static [Vendor]); 8] {
        use Vendor::{Alpaca, Alphavantage, Finnhub, Yahoo};
        [
            ("sources.trades", &self.trades, &[Finnhub, Alpaca]),
            ("sources.history", &self.history, &[Alpaca, Yahoo, Alphavantage]),
            ("sources.second_close", &self.second_close, &[Alpaca, Yahoo, Finnhub, Alphavantage]),
            ("sources.actions", &self.actions, &[Alpaca, Yahoo]),
            ("sources.sector", &self.sector, &[Finnhub]),
            ("sources.float", &self.float, &[Finnhub]),
            ("sources.lending", &self.lending, &[Alpaca]),
            ("sources.news", &self.news, &[Finnhub, Alpaca, Alphavantage]),
        ]
    }
}

impl Default for SourcesConfig {
    fn default() -> Self {
        use Vendor::{Alpaca, Alphavantage, Finnhub, Yahoo};
        Self {
            trades: vec![Finnhub],
            history: vec![Alpaca, Yahoo, Alphavantage],
            second_close: vec![Yahoo, Finnhub, Alpaca, Alphavantage],
            actions: vec![Alpaca, Yahoo],
            sector: vec![Finnhub],
            float: Vec::new(),
            lending: vec![Alpaca],
            news: vec![Finnhub, Alpaca, Alphavantage],
        }
    }
}

/// Calls that each vendor's key allows, to all gateways together. The executor's own calls are not among them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BudgetsConfig {
    /// Alpaca's market data and trading service together.
    pub alpaca: Limits,
    /// Alpha Vantage.
    pub alphavantage: Limits,
    /// Finnhub's REST calls.
    pub finnhub: Limits,
    /// Yahoo.
    pub yahoo: Limits,
}

/// Most calls within any stretch of a second, a minute and a day; 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)] // each is named after its stretch
pub struct Limits {
    pub per_second: u32,
    pub per_minute: u32,
    pub per_day: u32,
}

impl Default for BudgetsConfig {
    fn default() -> Self {
        let none = Limits::default();
        Self {
            alpaca: Limits { per_minute: 200, ..none },
            alphavantage: Limits { per_second: 1, per_day: 25, ..none },
            finnhub: Limits { per_second: 30, per_minute: 60, ..none },
            yahoo: Limits { per_second: 2, ..none },
        }
    }
}
