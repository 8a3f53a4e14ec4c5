//! In what two strategies differ.

use std::collections::BTreeMap;

use domain::strategy::Strategy;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A key whose value is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// The key, dots between tables.
    pub key: String,
    /// What it was, as JSON; null where it did not stand.
    pub before: Option<String>,
    /// What it is, as JSON; null where it does not stand any more.
    pub after: Option<String>,
}

/// The keys in which `after` differs from `before`, by name; how the files are written makes no difference.
pub fn changes(before: &Strategy, after: &Strategy) -> Vec<Change> {
    let (before, after) = (keys(before), keys(after));
    let names = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let mut changes: Vec<Change> = names
        .map(|key| Change { key: key.clone(), before: before.get(key).cloned(), after: after.get(key).cloned() })
        .filter(|change| change.before != change.after)
        .collect();
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

fn keys(strategy: &Strategy) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    flatten(String::new(), &serde_json::to_value(strategy).unwrap_or_default(), &mut keys);
    keys
}

fn flatten(path: String, value: &Value, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(table) => {
            for (name, value) in table {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(format!("{path}{dot}{name}"), value, keys);
            }
        }
        leaf => drop(keys.insert(path, leaf.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../../../config/strategy.yaml");

    #[test]
    fn only_keys_with_another_value_are_named() {
        let before = chassis::read_strategy(TEXT).unwrap();
        let other = TEXT.replacen("gap_pct_min: 4.0 ", "gap_pct_min: 6.5 ", 1);
        assert_ne!(other, TEXT);
        let after = chassis::read_strategy(&format!("# a word more\n{other}")).unwrap();
        let found = changes(&before, &after);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].key, "scan.gap_pct_min");
        assert!(found[0].before.as_ref().unwrap().contains('4') && found[0].after.as_ref().unwrap().contains("6.5"));
        assert_eq!(changes(&before, &before), []);
    }
}
