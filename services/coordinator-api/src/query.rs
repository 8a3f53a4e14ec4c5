//! Query parameters: known ones only, each within its bounds.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::{SessionDate, Symbol};

use crate::problem::Problem;

/// Most items of one answer.
pub const LIMIT_MAX: u32 = 1_000;
const LIMIT_DEFAULT: u32 = 200;

/// `?limit=&after=&day=&symbol=&plan_id=&interval=`, where a route takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Most items.
    pub limit: u32,
    /// The last item of the page before.
    pub after: Option<Cursor>,
    /// The session.
    pub day: Option<SessionDate>,
    /// Only this symbol.
    pub symbol: Option<Symbol>,
    /// Only this plan.
    pub plan_id: Option<String>,
}

/// Where a page ended: `<time>.<id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Sort key of the last item, UTC nanoseconds.
    pub at: i64,
    /// Its id.
    pub id: String,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self { at: at.parse().ok()?, id: id.to_owned() })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at, self.id)
    }
}

impl ListQuery {
    /// Reads the parameters of a list.
    ///
    /// # Errors
    /// Names the first parameter that is unknown, doubled or out of bounds, and its value.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let mut query = Self { limit: LIMIT_DEFAULT, after: None, day: None, symbol: None, plan_id: None };
        refuse_doubled(pairs)?;
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => {
                    query.limit = value
                        .parse()
                        .ok()
                        .filter(|n| (1..=LIMIT_MAX).contains(n))
                        .ok_or_else(|| Problem::parameter(name, value, "a whole number from 1 to 1000"))?;
                }
                "after" => {
                    let cursor = Cursor::parse(value);
                    query.after = Some(cursor.ok_or_else(|| Problem::parameter(name, value, "a cursor from `next`"))?);
                }
                "day" => query.day = Some(date(name, value)?),
                "symbol" => query.symbol = Some(symbol(value)?),
                "plan_id" => query.plan_id = Some(value.clone()),
                "interval" if value == "1m" => {}
                "interval" => return Err(Problem::parameter(name, value, "1m")),
                _ => return Err(unknown(name)),
            }
        }
        Ok(query)
    }
}

/// Reads a ticker from a query or path.
pub fn symbol(text: &str) -> Result<Symbol, Problem> {
    text.parse().map_err(|_| Problem::parameter("symbol", text, "1 to 16 of A-Z, 0-9, dot, dash or slash"))
}

/// Reads a session's date.
pub(crate) fn date(name: &str, text: &str) -> Result<SessionDate, Problem> {
    text.parse().map_err(|_| Problem::parameter(name, text, "a date of the form 2026-11-24"))
}

/// The parameters of a request as they stand.
pub(crate) fn pairs(parts: &Parts) -> Result<Vec<(String, String)>, Problem> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    pairs
        .map(|pairs| pairs.0)
        .map_err(|_| Problem::bad_request("bad_query", "the query is not of the form name=value&…"))
}

/// Refuses a parameter that is given twice.
pub(crate) fn refuse_doubled(pairs: &[(String, String)]) -> Result<(), Problem> {
    let doubled = |(i, (name, _)): &(usize, &(String, String))| pairs[..*i].iter().any(|(earlier, _)| earlier == name);
    match pairs.iter().enumerate().find(doubled) {
        Some((_, (name, value))) => Err(Problem::parameter(name, value, "given once")),
        None => Ok(()),
    }
}

/// There is no such parameter.
pub(crate) fn unknown(name: &str) -> Problem {
    let shown: String = name.chars().take(60).collect();
    Problem::bad_request("unknown_parameter", format!("there is no parameter `{shown}`"))
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&pairs(parts)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ListQuery, Problem> {
        let pairs: Vec<(String, String)> = text
            .split('&')
            .filter(|p| !p.is_empty())
            .map(|p| p.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap())
            .collect();
        ListQuery::read(&pairs)
    }

    #[test]
    fn a_refused_parameter_is_named_with_its_value() {
        for (text, parts) in [
            ("limit=0", ["limit", "`0`"]),
            ("limit=1001", ["limit", "`1001`"]),
            ("limit=ten", ["limit", "`ten`"]),
            ("after=x", ["after", "`x`"]),
            ("day=24.11.2026", ["day", "`24.11.2026`"]),
            ("symbol=gme", ["symbol", "`gme`"]),
            ("interval=5m", ["interval", "`5m`"]),
            ("limit=1&limit=2", ["limit", "once"]),
            ("colour=red", ["parameter", "`colour`"]),
        ] {
            let problem = read(text).unwrap_err();
            assert!(parts.iter().all(|p| problem.detail.contains(p)), "{}", problem.detail);
        }
    }

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor { at: -5, id: "2026-11-24-trade-0935.BRK_B".to_owned() };
        assert_eq!(read(&format!("after={cursor}")).unwrap().after, Some(cursor));
        assert_eq!(read("").unwrap().limit, 200);
    }
}
