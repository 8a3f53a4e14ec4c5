//! Alpaca's answers as it writes them. Unknown fields are ignored; numbers of prices keep their text.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of `/v2/stocks/bars`.
#[derive(Debug, Deserialize)]
pub(super) struct Bars<'a> {
    #[serde(borrow, default)]
    pub(super) bars: Option<HashMap<Cow<'a, str>, Vec<Bar<'a>>>>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// A bar; `t` is its start.
#[derive(Debug, Deserialize)]
pub(super) struct Bar<'a> {
    #[serde(borrow)]
    pub(super) t: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) o: &'a RawValue,
    #[serde(borrow)]
    pub(super) h: &'a RawValue,
    #[serde(borrow)]
    pub(super) l: &'a RawValue,
    #[serde(borrow)]
    pub(super) c: &'a RawValue,
    pub(super) v: u64,
}

/// An element of `/v2/stocks/snapshots`, null for a symbol that Alpaca does not know. Before the open `dailyBar` is
/// still the bar of the session before.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot<'a> {
    #[serde(borrow, default)]
    pub(super) daily_bar: Option<Bar<'a>>,
    #[serde(borrow, default)]
    pub(super) prev_daily_bar: Option<Bar<'a>>,
}

/// A page of `/v1/corporate-actions`.
#[derive(Debug, Deserialize)]
pub(super) struct Actions<'a> {
    #[serde(borrow, default)]
    pub(super) corporate_actions: CorporateActions<'a>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// The kinds that change what a share is worth.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CorporateActions<'a> {
    #[serde(borrow)]
    pub(super) reverse_splits: Vec<Split<'a>>,
    #[serde(borrow)]
    pub(super) forward_splits: Vec<Split<'a>>,
    #[serde(borrow)]
    pub(super) unit_splits: Vec<UnitSplit<'a>>,
    #[serde(borrow)]
    pub(super) stock_dividends: Vec<StockDividend<'a>>,
    #[serde(borrow)]
    pub(super) cash_dividends: Vec<CashDividend<'a>>,
    pub(super) spin_offs: Vec<SpinOff>,
    pub(super) cash_mergers: Vec<Merger>,
    pub(super) stock_mergers: Vec<Merger>,
    pub(super) stock_and_cash_mergers: Vec<Merger>,
    pub(super) name_changes: Vec<NameChange>,
}

/// `old_rate` shares become `new_rate`.
#[derive(Debug, Deserialize)]
pub(super) struct Split<'a> {
    pub(super) symbol: String,
    pub(super) ex_date: String,
    #[serde(borrow)]
    pub(super) new_rate: &'a RawValue,
    #[serde(borrow)]
    pub(super) old_rate: &'a RawValue,
}

/// A unit becomes shares under another symbol.
#[derive(Debug, Deserialize)]
pub(super) struct UnitSplit<'a> {
    pub(super) old_symbol: String,
    pub(super) new_symbol: String,
    pub(super) effective_date: String,
    #[serde(borrow)]
    pub(super) new_rate: &'a RawValue,
    #[serde(borrow)]
    pub(super) old_rate: &'a RawValue,
}

/// `rate` new shares for each old one.
#[derive(Debug, Deserialize)]
pub(super) struct StockDividend<'a> {
    pub(super) symbol: String,
    pub(super) ex_date: String,
    #[serde(borrow)]
    pub(super) rate: &'a RawValue,
}

/// `rate` dollars a share.
#[derive(Debug, Deserialize)]
pub(super) struct CashDividend<'a> {
    pub(super) symbol: String,
    pub(super) ex_date: String,
    #[serde(borrow)]
    pub(super) rate: &'a RawValue,
    #[serde(default)]
    pub(super) special: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct SpinOff {
    pub(super) source_symbol: String,
    pub(super) ex_date: String,
}

/// The acquirer is missing where cash is paid.
#[derive(Debug, Deserialize)]
pub(super) struct Merger {
    pub(super) acquiree_symbol: String,
    #[serde(default)]
    pub(super) acquirer_symbol: Option<String>,
    pub(super) effective_date: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct NameChange {
    pub(super) old_symbol: String,
    pub(super) new_symbol: String,
    pub(super) process_date: String,
}

/// A page of `/v1beta1/news`.
#[derive(Debug, Deserialize)]
pub(super) struct News {
    #[serde(default)]
    pub(super) news: Vec<Article>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// An article; `source` is missing in older ones.
#[derive(Debug, Deserialize)]
pub(super) struct Article {
    pub(super) id: u64,
    pub(super) headline: String,
    pub(super) created_at: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) symbols: Vec<String>,
}

/// An element of `/v2/assets`.
#[derive(Debug, Deserialize)]
pub(super) struct Asset<'a> {
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) status: Cow<'a, str>,
    #[serde(default)]
    pub(super) tradable: bool,
    #[serde(default)]
    pub(super) shortable: bool,
    #[serde(default)]
    pub(super) easy_to_borrow: bool,
}
