//! The suite's state in one sentence: must anybody act?

use domain::risk::TradingState;

use super::{Banner, Counts, Phase, Readiness, Step};

/// What the sentence is made from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What may be traded.
    pub trading_state: TradingState,
    /// Where the market's day stands.
    pub phase: Phase,
    /// What is there and what is missing.
    pub readiness: &'a Readiness,
    /// Faults that stand, worst first.
    pub banners: &'a [Banner],
    /// How many of each thing there are.
    pub counts: Counts,
    /// What comes next.
    pub next_step: Option<&'a Step>,
}

/// Worst first: a critical fault, a missing need, a lowered trading state, and else that nobody is needed.
pub fn verdict(facts: &Facts<'_>) -> String {
    let holding = format!(
        "{} {} passed, {} open.",
        facts.counts.passed,
        if facts.counts.passed == 1 { "candidate" } else { "candidates" },
        facts.counts.open_positions
    );
    if let Some(banner) = facts.banners.iter().find(|b| b.severity == "critical") {
        return format!("ACT NOW: {}. {holding}", banner.message.trim_end_matches('.'));
    }
    if let Some(missing) = facts.readiness.checks.iter().find(|c| !c.ok) {
        let more = facts.readiness.total - facts.readiness.passed - 1;
        let others = if more == 0 { String::new() } else { format!(" and {more} more") };
        return format!("NOT READY: {} ({}){others}. {holding}", missing.name, missing.detail);
    }
    if facts.trading_state != TradingState::Normal {
        return format!("READY, but trading is at {}. {holding}", facts.trading_state.as_str());
    }
    let word = if facts.phase == Phase::Closed { "CLOSED" } else { "READY" };
    let next = facts.next_step.map(|s| format!(" Next: {}.", s.name)).unwrap_or_default();
    format!("{word}. {holding} Nothing needs you.{next}")
}

#[cfg(test)]
mod tests {
    use super::super::services::Check;
    use super::*;

    #[test]
    fn the_worst_fact_leads_the_sentence() {
        let ready = Readiness { ready: true, passed: 1, total: 1, checks: vec![] };
        let bus = Check { name: "bus".into(), ok: false, detail: "no connection".into() };
        let missing = Readiness { ready: false, passed: 0, total: 2, checks: vec![bus] };
        let banner = Banner {
            id: "x".into(),
            severity: "critical".into(),
            service: "executor".into(),
            message: "200 GME are uncovered.".into(),
            detail: String::new(),
            since: String::new(),
            last: String::new(),
            count: 1,
        };
        let counts = Counts { passed: 11, ..Counts::default() };
        let step = Step { name: "scan trade", at: domain::UnixNanos::new(0) };
        let base = Facts {
            trading_state: TradingState::Normal,
            phase: Phase::Premarket,
            readiness: &ready,
            banners: &[],
            counts,
            next_step: Some(&step),
        };
        assert_eq!(verdict(&base), "READY. 11 candidates passed, 0 open. Nothing needs you. Next: scan trade.");
        let lowered = Facts { trading_state: TradingState::NoEntry, ..base };
        assert_eq!(verdict(&lowered), "READY, but trading is at no_entry. 11 candidates passed, 0 open.");
        let waiting = Facts { readiness: &missing, ..lowered };
        assert_eq!(verdict(&waiting), "NOT READY: bus (no connection) and 1 more. 11 candidates passed, 0 open.");
        let banners = [banner];
        let acting = Facts { banners: &banners, ..waiting };
        assert_eq!(verdict(&acting), "ACT NOW: 200 GME are uncovered. 11 candidates passed, 0 open.");
    }
}
