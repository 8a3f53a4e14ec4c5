//! The rules together: from trades to a round, from a round to plans, from plans to sizes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod deciding;
mod fees;
mod folding;
mod guards;
mod ledger;
mod planning;
mod profiles;
mod recorded;
mod scanning;
mod sizing;
mod trial;
mod versions;

use std::sync::{Arc, LazyLock};

use domain::strategy::Strategy;
use figment::Figment;
use figment::providers::{Format, Yaml};

/// The strategy file that the suite ships.
fn shipped_strategy() -> Strategy {
    static SHIPPED: LazyLock<Strategy> = LazyLock::new(|| {
        let text = include_str!("../../../../config/strategy.yaml");
        Figment::from(Yaml::string(text)).extract().unwrap()
    });
    SHIPPED.clone()
}

fn strategy() -> Arc<Strategy> {
    Arc::new(shipped_strategy())
}

#[test]
fn a_number_out_of_range_is_refused_by_key_and_value() {
    let mut strategy = shipped_strategy();
    strategy.risk.risk_pct_total = domain::Micro::from_int(50);
    let error = strategy.validate().unwrap_err().to_string();
    assert!(error.contains("risk.risk_pct_total") && error.contains("50"), "{error}");
}
