//! The strategy file.

use std::sync::{Arc, LazyLock};

use domain::strategy::Strategy;
use figment::value::Value;

use super::extract::{Reading, extract};
use super::file::File;
use super::problem::{ConfigError, Fault, Origin, Problem, unless_refused};

/// A strategy file's text, and what the file is called.
#[derive(Debug, Clone)]
pub struct StrategyFile {
    name: Arc<str>,
    text: Arc<str>,
}

impl StrategyFile {
    /// Takes `text` as the file called `name`.
    pub fn new(name: impl Into<Arc<str>>, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The strategy, checked.
    ///
    /// # Errors
    /// Names every key that is wrong, its line and what it may be.
    pub fn read(&self) -> Result<Strategy, ConfigError> {
        let (strategy, problems) = self.inspect();
        unless_refused(strategy, problems)
    }

    /// The strategy with built-in values for what is wrong, and everything that is.
    pub fn inspect(&self) -> (Option<Strategy>, Vec<Problem>) {
        let parse = |name: &str, text: &str| File::parse(name, text).map(|file| (Value::from(file.values()), file));
        let (value, file) = match parse(&self.name, &self.text) {
            Ok(own) => own,
            Err(problem) => return (None, vec![problem]),
        };
        static BUILT_IN: LazyLock<Result<Value, Problem>> =
            LazyLock::new(|| Ok(Value::from(File::parse("built-in strategy.yaml", SHIPPED)?.values())));
        let shipped = match &*BUILT_IN {
            Ok(shipped) => shipped,
            Err(problem) => return (None, vec![problem.clone()]),
        };
        let rules = |strategy: &Strategy| strategy.validate().map_err(Fault::from);
        let (strategy, faults) = extract(value, shipped, Reading::Exact, rules);
        (strategy, faults.into_iter().map(|fault| Problem::at(Some(file.origin(&fault.key)), fault)).collect())
    }

    /// Says where the key of `fault` stands, or else the table that it belongs to.
    pub fn locate(&self, fault: Fault) -> Problem {
        let origin = File::parse(&*self.name, &self.text).ok().map(|file| file.origin(&fault.key));
        Problem::at(origin, fault)
    }

    /// Where `key` stands; `None` if it stands nowhere or the file cannot be read.
    pub fn origin(&self, key: &str) -> Option<Origin> {
        File::parse(&*self.name, &self.text).ok().filter(|file| file.has(key)).map(|file| file.origin(key))
    }
}

pub(super) const SHIPPED: &str = include_str!("../../../../config/strategy.yaml");

/// The strategy in `text` (YAML), checked.
///
/// # Errors
/// Names every key that is wrong, its line and what it may be.
pub fn read_strategy(text: &str) -> Result<Strategy, ConfigError> {
    StrategyFile::new("strategy.yaml", text).read()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_is_broken_is_named_with_its_line() {
        let text = SHIPPED
            .replacen("opening_range_minutes: 5 ", "opening_range_minutes: 500 ", 1)
            .replacen("gap_pct_min: 4.0 ", "gap_pct_min: wide ", 1)
            .replacen(" rvol_min: 1.0 ", " rvol_min: [1] ", 1)
            .replacen("stop_atr_fraction:", "stop_atr_fractoin:", 1)
            .replacen("targets: []", "targets: [{r: 2, percent: 50}, {r: 1, percent: 50}]", 1)
            .replacen("\"35 9 * * 1-5\"", "\"35 9 * *\"", 1);
        let problems = StrategyFile::new("s.yaml", &text).inspect().1;
        let line = |part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
        let expected = [
            format!("s.yaml:{}: `scan.opening_range_minutes` is 500, must be 1 to 180 minutes", line("minutes: 500")),
            format!(
                "s.yaml:{}: `scan.gap_pct_min` cannot be read: `wide` is not a decimal number with at most 9 decimals",
                line("wide")
            ),
            format!("s.yaml:{}: `scan.rvol_min` cannot be read: a decimal number is wanted", line("rvol_min: [1]")),
            format!(
                "s.yaml:{}: `plan.stop_atr_fractoin` is an unknown key; did you mean `stop_atr_fraction`?",
                line("fractoin")
            ),
            format!("s.yaml:{}: `plan.stop_atr_fraction` is missing", line("plan:")),
            format!(
                "s.yaml:{}: `plan.targets.r` is 1, must be above 0 and above the target before",
                line("targets: [{")
            ),
            format!(
                "s.yaml:{}: `schedules.trade` cannot be read: cron `35 9 * *` needs five fields: minute hour \
                 day-of-month month day-of-week",
                line("  trade:")
            ),
        ];
        let found: Vec<_> = problems.iter().map(Problem::to_string).collect();
        for expected in &expected {
            assert!(found.contains(expected), "{expected}\nis not in {found:#?}");
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
    }

    #[test]
    fn the_shipped_strategy_is_valid() {
        assert_eq!(read_strategy(SHIPPED).unwrap().name, "orb_stocks_in_play");
    }
}
