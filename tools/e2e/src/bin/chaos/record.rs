//! What was done to the suite, and how it came back.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::say;

use crate::fault::{Kind, Strike};

/// Of one run.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Faults by kind.
    pub(crate) faults: BTreeMap<Kind, usize>,
    /// The longest recovery of each service, and after what.
    pub(crate) worst: BTreeMap<String, (Duration, String)>,
}

impl Record {
    /// Takes a strike down.
    pub(crate) fn injected(&mut self, strike: &Strike) {
        for fault in &strike.faults {
            *self.faults.entry(fault.kind).or_default() += 1;
        }
    }

    /// Takes a recovery down.
    pub(crate) fn recovered(&mut self, service: &str, took: Duration, strike: &Strike) {
        let worst = self.worst.entry(service.to_owned()).or_default();
        if took > worst.0 {
            *worst = (took, strike.to_string());
        }
    }

    /// Adds another run's.
    pub(crate) fn absorb(&mut self, other: Self) {
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (service, (took, strike)) in other.worst {
            let worst = self.worst.entry(service).or_default();
            if took > worst.0 {
                *worst = (took, strike);
            }
        }
    }

    /// How many faults in all.
    pub(crate) fn count(&self) -> usize {
        self.faults.values().sum()
    }

    /// The longest recovery of all.
    pub(crate) fn worst_ms(&self) -> u128 {
        self.worst.values().map(|(took, _)| took.as_millis()).max().unwrap_or_default()
    }

    /// Prints both tables.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        say(&format!("\n{:<22}{:>8}", "fault", "times"))?;
        for (kind, count) in &self.faults {
            say(&format!("{:<22}{count:>8}", kind.name()))?;
        }
        say(&format!("\n{:<22}{:>8}  after", "worst recovery", "ms"))?;
        for (service, (took, strike)) in &self.worst {
            say(&format!("{service:<22}{:>8}  {strike}", took.as_millis()))?;
        }
        Ok(())
    }
}
