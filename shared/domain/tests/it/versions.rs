//! Which strategy is in force when, and a partition that goes on under another.

use std::sync::Arc;

use domain::control::{Authorship, ConfigActivated};
use domain::scan::{PartitionState, Weighted};
use domain::strategy::{Strategies, Strategy, StrategyVersion, UnreadableVersion};
use domain::{Micro, UnixNanos};

use super::{shipped_strategy, strategy};

fn at(second: i64) -> UnixNanos {
    UnixNanos::new(0).plus_seconds(second)
}

fn activated(version: &str, from: i64) -> ConfigActivated {
    let by = Authorship {
        author: "ann".to_owned(),
        reason: "better".to_owned(),
        requested_at: at(0),
        request_id: version.to_owned(),
    };
    let (config_version, strategy_yaml) = (version.to_owned(), "x".to_owned());
    ConfigActivated { config_version, strategy_yaml, effective_from: at(from), by, file: None }
}

fn named(name: &str) -> Arc<Strategy> {
    Arc::new(Strategy { name: name.to_owned(), ..shipped_strategy() })
}

#[test]
fn a_round_is_due_under_the_last_activation_that_counts_by_then() {
    let own = strategy();
    let mut strategies = Strategies::new(Arc::clone(&own));
    let due = |strategies: &Strategies, second| strategies.at(at(second)).map(|found| found.version);
    assert_eq!(due(&strategies, 5), Ok(own.version()));
    assert!(strategies.get("anything").is_some(), "until anything is activated a process's own stands for all");
    strategies.activate(&activated("a", 0), Some(named("a")));
    strategies.activate(&activated("b", 100), Some(named("b")));
    strategies.activate(&activated("c", 200), None);
    for (second, version) in [(0, "a"), (99, "a"), (100, "b"), (199, "b")] {
        assert_eq!(due(&strategies, second).as_deref(), Ok(version), "{second}");
    }
    assert_eq!(due(&strategies, 200), Err(UnreadableVersion { version: "c".to_owned() }));
    assert_eq!(strategies.newest_readable().0, "b");
    assert_eq!(strategies.get("a").map(|found| found.name.as_str()), Some("a"));
    assert_eq!((strategies.get("c"), strategies.get("d")), (None, None));
    strategies.activate(&activated("a", 300), Some(named("again")));
    assert_eq!(due(&strategies, 300).as_deref(), Ok("a"));
    assert_eq!(strategies.get("a").map(|found| found.name.as_str()), Some("again"));
}

#[test]
fn a_partition_goes_on_under_rules_that_are_asked_when_a_round_falls_due_and_not_under_others() {
    let check = |change: fn(&mut Strategy), goes_on: bool| {
        let mut changed = shipped_strategy();
        change(&mut changed);
        let model: Arc<dyn domain::scan::ScoringModel> = Arc::new(Weighted::new(&changed.scoring));
        let next = StrategyVersion { version: "next".to_owned(), strategy: Arc::new(changed) };
        let mut state = PartitionState::new(0, 1, strategy()).unwrap();
        assert_eq!(state.go_on_under(&next, &model), goes_on);
        assert_eq!(state.snapshot().version() == "next", goes_on);
    };
    check(|s| s.scan.gap_pct_min = Some(Micro::from_int(9)), true);
    check(|s| s.plan.top = 3, true);
    check(|s| s.risk.max_positions = 1, true);
    check(|s| s.scan.opening_range_minutes = 15, false);
    check(|s| s.schedules.trade.cron = "40 9 * * 1-5".to_owned(), false);
}
