//! Every value in force, and where it comes from.

use std::fmt::Write as _;

use chassis::{Loaded, Problem, Service, Sources};
use coordinator_api::CoordinatorApi;
use coordinator_api::alerts::Alerts;
use serde::Serialize;
use serde_json::Value;

use crate::suite::with_services;
use crate::watchdog;

/// One value.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Dots between tables; `strategy.` before those of the strategy file.
    key: String,
    value: Value,
    /// `FILE:LINE`, a variable of the environment, `command line`, the file of a secret, or `default`.
    source: String,
}

/// The services' names.
pub(super) fn service_names() -> Vec<&'static str> {
    macro_rules! names {
        ($($service:ty),+ $(,)?) => { vec![$(<$service as Service>::NAME,)+ watchdog::NAME] };
    }
    with_services!(names)
}

/// The values that `service` reads, or all, and what is wrong with them.
pub(super) fn rows(sources: Sources, service: Option<&str>) -> anyhow::Result<(Vec<Row>, Vec<Problem>)> {
    let (loaded, mut problems) = sources.inspect();
    let mut rows = Vec::new();
    let Some(loaded) = loaded else { return Ok((rows, problems)) };
    let source = |key: &str| loaded.origin(key).map(|origin| origin.to_string());
    add(&mut rows, "", serde_json::to_value(&*loaded.settings)?, &source);
    for (name, section, table) in tables(&loaded, &mut problems)? {
        if service.is_none_or(|wanted| wanted == name) {
            add(&mut rows, section, table, &source);
        }
    }
    let (strategy, wrong) = loaded.strategy_file.inspect();
    problems.extend(wrong);
    let source = |key: &str| {
        let key = key.strip_prefix("strategy.").unwrap_or(key);
        loaded.strategy_file.origin(key).map(|origin| origin.to_string())
    };
    add(&mut rows, "strategy", serde_json::to_value(strategy)?, &source);
    Ok((rows, problems))
}

type Table = (&'static str, &'static str, Value);

/// Name, table's name and table of each service.
fn tables(loaded: &Loaded, problems: &mut Vec<Problem>) -> anyhow::Result<Vec<Table>> {
    let mut tables = Vec::new();
    macro_rules! collect {
        ($($service:ty),+ $(,)?) => {$(
            let (table, wrong) = loaded.table::<<$service as Service>::Config>(<$service>::SECTION);
            problems.extend(wrong);
            tables.push((<$service>::NAME, <$service>::SECTION, serde_json::to_value(table)?));
        )+};
    }
    with_services!(collect);
    let (table, wrong) = loaded.table::<Alerts>(Alerts::SECTION);
    problems.extend(wrong);
    tables.push((CoordinatorApi::NAME, Alerts::SECTION, serde_json::to_value(table)?));
    let (table, wrong) = loaded.table::<watchdog::Config>(watchdog::NAME);
    problems.extend(wrong);
    tables.push((watchdog::NAME, watchdog::NAME, serde_json::to_value(table)?));
    Ok(tables)
}

fn add(rows: &mut Vec<Row>, key: &str, value: Value, source: &impl Fn(&str) -> Option<String>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Object(table) => {
            for (name, value) in &table {
                let file = table.get(&format!("{name}_file")).and_then(Value::as_str);
                match file {
                    Some(file) => rows.push(Row {
                        key: below(name),
                        value: HIDDEN.into(),
                        source: format!("{file} ({})", below(&format!("{name}_file"))),
                    }),
                    None => add(rows, &below(name), value.clone(), source),
                }
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (place, item) in items.into_iter().enumerate() {
                add(rows, &below(&place.to_string()), item, source);
            }
        }
        value => {
            let source = source(key).unwrap_or_else(|| "default".to_owned());
            rows.push(Row { key: key.to_owned(), value: without_login(value), source });
        }
    }
}

const HIDDEN: &str = "***";

/// An address without the login that may stand in it.
fn without_login(value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let Some((scheme, rest)) = text.split_once("://") else { return value };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((login, _)) => format!("{scheme}://{HIDDEN}{}", &rest[login.len()..]).into(),
        None => value,
    }
}

/// The rows for a person.
pub(super) fn table(rows: &[Row]) -> String {
    let shown: Vec<_> = rows.iter().map(|row| (&row.key, shown(&row.value), &row.source)).collect();
    let keys = shown.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    let values = shown.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or(0).min(40);
    shown.iter().fold(String::new(), |mut text, (key, value, source)| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{key:<keys$}  {value:<values$}  {source}");
        text
    })
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_an_address_is_hidden() {
        let check = |text: &str, expected: &str| assert_eq!(without_login(text.into()), expected);
        check("nats://fin:secret@bus:4222", "nats://***@bus:4222");
        check("https://finnhub.io/@x", "https://finnhub.io/@x");
        check("plain", "plain");
    }
}
