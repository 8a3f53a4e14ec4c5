//! What every service reads, and what nobody may write.

use super::layers::Layers;
use super::problem::{Fault, Problem};
use super::sources::variable;
use crate::vendors::SECRET_KEYS;

/// Every name that may stand outside a table, and every table.
const NAMES: [&str; 20] = [
    "profile",
    "data_dir",
    "instance",
    "confirm_live",
    "bus",
    "health",
    "log",
    "telemetry",
    "drain",
    "shadow",
    "vendors",
    "gateway",
    "scanner",
    "planner",
    "risk",
    "executor",
    "recorder",
    "api",
    "alerts",
    "watchdog",
];

/// Tables that nobody reads, and secrets in files.
pub(super) fn inspect(layers: &Layers) -> Vec<Problem> {
    let unknown = layers.names().into_iter().filter(|name| !NAMES.contains(&name.as_str()));
    let secrets = SECRET_KEYS.into_iter().filter(|key| layers.is_in_file(key));
    let unknown = unknown.map(|name| Fault::unknown_key(name, &NAMES));
    let secrets = secrets.map(|key| {
        let fix = format!("name a file by `{key}_file`, or set {} in the environment", variable(key));
        Fault::new(key, "is a secret in a file").fix(fix)
    });
    unknown.chain(secrets).map(|fault| layers.locate(fault)).collect()
}
