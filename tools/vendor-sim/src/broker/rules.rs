//! What the market does not do for a while: halts, and prints that fill little.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use super::Broker;
use crate::calendar;

/// A rule about the prints of one symbol, or of all, in every session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    /// All symbols when absent.
    pub(crate) symbol: Option<String>,
    /// New York times: from (inclusive) and until (exclusive).
    pub(crate) from: Option<NaiveTime>,
    pub(crate) until: Option<NaiveTime>,
    /// Nothing is printed.
    pub(crate) halt: bool,
    /// Most shares of a print that fill orders.
    pub(crate) fills_max: Option<u64>,
}

impl Rule {
    fn holds(&self, symbol: &str, date: NaiveDate, at: i64) -> bool {
        let time = |time| calendar::instant(date, time);
        self.symbol.as_ref().is_none_or(|named| named == symbol)
            && self.from.is_none_or(|from| at >= time(from))
            && self.until.is_none_or(|until| at < time(until))
    }
}

impl Broker {
    /// Takes a rule, or forgets them all; part of the journal like any call.
    pub(super) fn rule(&mut self, body: &str) {
        match serde_json::from_str::<Option<Rule>>(body) {
            Ok(Some(rule)) if !self.ledger.rules.contains(&rule) => self.ledger.rules.push(rule),
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => self.ledger.rules.clear(),
        }
    }

    /// Whether prints of `symbol` are left out at `at`, UTC nanoseconds on `date`.
    pub(crate) fn is_halted(&self, symbol: u16, date: NaiveDate, at: i64) -> bool {
        let named = || self.world.listings()[usize::from(symbol)].ticker.as_str();
        self.ledger.rules.iter().any(|rule| rule.halt && rule.holds(named(), date, at))
    }

    /// Most shares of a print of `symbol` at `at` that fill orders.
    pub(super) fn fills_max(&self, symbol: u16, date: NaiveDate, at: i64) -> u64 {
        let named = || self.world.listings()[usize::from(symbol)].ticker.as_str();
        let limits = self.ledger.rules.iter().filter(|rule| rule.holds(named(), date, at));
        limits.filter_map(|rule| rule.fills_max).min().unwrap_or(u64::MAX)
    }
}
