//! Reads a table to its end although something in it is wrong, so that everything wrong is found at once.

use std::collections::BTreeSet;

use figment::Figment;
use figment::providers::Serialized;
use figment::value::Value;
use serde::de::DeserializeOwned;

use super::file::ancestors;
use super::problem::Fault;

/// How strict reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Numbers and truth values are written as such.
    Exact,
    /// They may also stand in quotes, as in an environment.
    Lossy,
}

/// `value` as `T`, and each fault of it once, keys relative to it. What is wrong is replaced by what `fallback` has, or
/// left out; `None` if even that cannot be read.
pub(super) fn extract<T: DeserializeOwned>(
    mut value: Value,
    fallback: &Value,
    reading: Reading,
    check: impl Fn(&T) -> Result<(), Fault>,
) -> (Option<T>, Vec<Fault>) {
    let mut faults: Vec<Fault> = Vec::new();
    let mut repaired = BTreeSet::new();
    loop {
        let fault = match read::<T>(&value, reading) {
            Err(fault) => fault,
            Ok(table) => match check(&table) {
                Ok(()) => return (Some(table), faults),
                Err(fault) => fault,
            },
        };
        // What an earlier repair took out is missing now; that is no fault of the file.
        let caused = repaired.contains(&fault.key);
        if !caused {
            faults.push(fault.clone());
        }
        if !ancestors(&fault.key).any(|key| repaired.insert(key.to_owned()) && repair(&mut value, fallback, key)) {
            return (None, faults);
        }
    }
}

fn read<T: DeserializeOwned>(value: &Value, reading: Reading) -> Result<T, Fault> {
    const KEY: &str = "value";
    let figment = Figment::from(Serialized::default(KEY, value));
    let read = match reading {
        Reading::Exact => figment.extract_inner(KEY),
        Reading::Lossy => figment.extract_inner_lossy(KEY),
    };
    read.map_err(|mut error: figment::Error| {
        // figment puts the key that was asked for last.
        error.path.pop();
        Fault::from_figment(&error)
    })
}

/// Puts what `fallback` has at `key` there, or takes out what stands there; false if nothing changes.
fn repair(value: &mut Value, fallback: &Value, key: &str) -> bool {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let replacement = find(fallback, key).cloned();
    if key.is_empty() {
        let changes = value != fallback;
        value.clone_from(fallback);
        return changes;
    }
    match (find_mut(value, table), replacement) {
        (Some(Value::Dict(_, dict)), Some(new)) => dict.insert(name.to_owned(), new.clone()).as_ref() != Some(&new),
        (Some(Value::Dict(_, dict)), None) => dict.remove(name).is_some(),
        // Without an item the others would stand under wrong numbers: the list goes as a whole.
        _ => false,
    }
}

fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    steps(key).try_fold(value, |value, step| match value {
        Value::Dict(_, dict) => dict.get(step),
        Value::Array(_, items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

fn find_mut<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    steps(key).try_fold(value, |value, step| match value {
        Value::Dict(_, dict) => dict.get_mut(step),
        Value::Array(_, items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    })
}

fn steps(key: &str) -> impl Iterator<Item = &str> {
    key.split('.').filter(|step| !step.is_empty())
}

#[cfg(test)]
mod tests {
    use figment::Provider;
    use figment::providers::{Format, Yaml};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        depth: u32,
        kind: Kind,
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Flat,
        Round,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        size: u32,
    }

    fn value(text: &str) -> Value {
        let dict = Yaml::string(text).data().unwrap().remove(&figment::Profile::Default).unwrap();
        Value::from(dict)
    }

    #[test]
    fn every_fault_is_found_once_and_the_rest_is_read() {
        let fallback = value("{depth: 1, kind: flat, items: []}");
        let wrong = value("{dept: 3, kind: rond, depth: many, items: [{size: 7}, {size: 2, sise: 3}, {size: big}]}");
        let check = |table: &Table| Fault::unless(table.depth > 1, "depth", table.depth, "above 1").map_or(Ok(()), Err);
        let (table, faults) = extract::<Table>(wrong, &fallback, Reading::Exact, check);
        let found: Vec<_> = faults.iter().map(Fault::to_string).collect();
        let expected = [
            "`dept` is an unknown key; did you mean `depth`?",
            "`depth` is string \"many\", must be u32",
            "`items.2.size` is string \"big\", must be u32",
            "`items.1.sise` is an unknown key; did you mean `size`?",
            "`kind` is `rond`, which it cannot be; did you mean `round`?",
        ];
        for expected in expected {
            assert_eq!(found.iter().filter(|f| *f == expected).count(), 1, "{expected} in {found:#?}");
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        assert!(table.is_none(), "the fallback itself is refused by the check: {table:?}");
    }

    #[test]
    fn a_fault_of_the_rules_is_repaired_too() {
        let fallback = value("{depth: 2, kind: flat, items: []}");
        let check = |table: &Table| Fault::unless(table.depth > 1, "depth", table.depth, "above 1").map_or(Ok(()), Err);
        let (table, faults) =
            extract::<Table>(value("{depth: 0, kind: round, items: [{size: 1}]}"), &fallback, Reading::Exact, check);
        let table = table.unwrap();
        assert_eq!((table.depth, table.items[0].size), (2, 1));
        assert!(matches!(table.kind, Kind::Round));
        assert_eq!(faults, [Fault::new("depth", "is 0, must be above 1")]);
    }

    #[test]
    fn a_missing_key_is_named_with_its_table() {
        let fallback = value("{depth: 1, kind: flat, items: []}");
        let (_, faults) =
            extract::<Table>(value("{depth: 1, kind: flat, items: [{}]}"), &fallback, Reading::Exact, |_| Ok(()));
        assert_eq!(faults, [Fault::new("items.0.size", "is missing")]);
    }
}
