//! CPU seconds by process and by thread, from `/proc`.

use std::collections::BTreeMap;
use std::fs;

/// What each part of the chain has used so far, CPU seconds by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage(BTreeMap<String, f64>);

impl Usage {
    /// Reads this process's threads by their names, and other processes by those given.
    pub(crate) fn now(processes: &[(&str, u32)]) -> Self {
        let mut usage = BTreeMap::new();
        for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            if let Some((name, seconds)) = stat(&task.path().join("stat").to_string_lossy()) {
                *usage.entry(name).or_insert(0.0) += seconds;
            }
        }
        for (name, pid) in processes {
            if let Some((_, seconds)) = stat(&format!("/proc/{pid}/stat")) {
                usage.insert((*name).to_owned(), seconds);
            }
        }
        Self(usage)
    }

    /// CPU seconds of `name` since `earlier`.
    pub(crate) fn since(&self, earlier: &Self, name: &str) -> f64 {
        let at = |usage: &Self| usage.0.get(name).copied().unwrap_or(0.0);
        at(self) - at(earlier)
    }
}

/// Name and CPU seconds (user and system) of a `stat` file; the kernel counts in hundredths of a second.
fn stat(path: &str) -> Option<(String, f64)> {
    let text = fs::read_to_string(path).ok()?;
    let (_, after) = text.split_once('(')?;
    let (name, fields) = after.rsplit_once(')')?;
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Some((name.to_owned(), ticks / 100.0))
}
