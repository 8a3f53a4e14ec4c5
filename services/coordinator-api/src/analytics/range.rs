//! Which sessions and trades are asked about.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::{SessionDate, Symbol};
use statistics::ClosedTrade;

use crate::problem::Problem;
use crate::query;

/// Days from the first to the last session when only the last is known.
const DAYS_DEFAULT: i32 = 365;
/// Days that one answer may be about.
const DAYS_MAX: i32 = 3_660;
/// Characters of a strategy's name.
const NAME_MAX: usize = 100;

/// Sessions from one to another, both included, and which of their trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// First session.
    pub from: SessionDate,
    /// Last session.
    pub to: SessionDate,
    /// Only trades of the strategy of this name.
    pub strategy: Option<String>,
    /// Only trades of this symbol.
    pub symbol: Option<Symbol>,
}

impl Range {
    /// True when trades may be left out, so that the account's equity does not tell what they came to.
    pub const fn is_filtered(&self) -> bool {
        self.strategy.is_some() || self.symbol.is_some()
    }

    /// True when `trade` is one of those asked about.
    pub fn holds(&self, trade: &ClosedTrade) -> bool {
        self.strategy.as_ref().is_none_or(|name| *name == trade.strategy)
            && self.symbol.as_ref().is_none_or(|symbol| *symbol == trade.symbol)
    }
}

/// `?from=&to=&strategy=&symbol=`, as far as given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeQuery {
    /// First session.
    pub from: Option<SessionDate>,
    /// Last session.
    pub to: Option<SessionDate>,
    /// Name of a strategy.
    pub strategy: Option<String>,
    /// A ticker.
    pub symbol: Option<Symbol>,
}

impl RangeQuery {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Names the first parameter that is unknown, doubled or out of bounds, and its value.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Problem> {
        query::refuse_doubled(pairs)?;
        let mut range = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "from" => range.from = Some(query::date(name, value)?),
                "to" => range.to = Some(query::date(name, value)?),
                "strategy" if value.is_empty() || value.chars().count() > NAME_MAX => {
                    return Err(Problem::parameter(name, value, "1 to 100 characters"));
                }
                "strategy" => range.strategy = Some(value.clone()),
                "symbol" => range.symbol = Some(query::symbol(value)?),
                _ => return Err(query::unknown(name)),
            }
        }
        Ok(range)
    }

    /// The range that is meant when `current` is the current session: up to it, and a year of it, unless said otherwise.
    ///
    /// # Errors
    /// `from` is after `to`, or too long before it.
    pub fn resolve(self, current: SessionDate) -> Result<Range, Problem> {
        let to = self.to.unwrap_or(current);
        let year_before = SessionDate::from_epoch_days(to.epoch_days().saturating_sub(DAYS_DEFAULT)).unwrap_or(to);
        let from = self.from.unwrap_or(year_before);
        let refused = |expected: String| Problem::parameter("from", &from.to_string(), &expected);
        if from > to {
            return Err(refused(format!("no later than to, which is {to}")));
        }
        if to.epoch_days() - from.epoch_days() > DAYS_MAX {
            return Err(refused(format!("at most {DAYS_MAX} days before to, which is {to}")));
        }
        Ok(Range { from, to, strategy: self.strategy, symbol: self.symbol })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RangeQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&query::pairs(parts)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Range, Problem> {
        let pair = |p: &str| p.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let pairs: Vec<_> = text.split('&').filter(|p| !p.is_empty()).map(pair).collect();
        RangeQuery::read(&pairs)?.resolve("2026-11-24".parse().unwrap())
    }

    #[test]
    fn a_refused_parameter_is_named_with_its_value() {
        for (text, parts) in [
            ("from=yesterday", ["from", "`yesterday`"]),
            ("to=2026-02-30", ["to", "`2026-02-30`"]),
            ("from=2026-11-25", ["`2026-11-25`", "2026-11-24"]),
            ("from=2000-01-03", ["`2000-01-03`", "3660 days"]),
            ("strategy=", ["strategy", "``"]),
            ("symbol=gme", ["symbol", "`gme`"]),
            ("limit=5", ["parameter", "`limit`"]),
            ("to=2026-11-24&to=2026-11-24", ["to", "once"]),
        ] {
            let problem = read(text).unwrap_err();
            assert!(parts.iter().all(|p| problem.detail.contains(p)), "{}", problem.detail);
        }
    }

    #[test]
    fn what_is_not_given_is_the_year_up_to_the_current_session() {
        let range = read("").unwrap();
        assert_eq!((range.from.to_string(), range.to.to_string()), ("2025-11-24".to_owned(), "2026-11-24".to_owned()));
        assert!(!range.is_filtered());
        assert!(read("symbol=GME&from=2026-11-24").unwrap().is_filtered());
    }
}
