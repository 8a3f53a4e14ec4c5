use figment::Figment;
use figment::providers::{Format, Yaml};

use super::*;
use crate::Usd;
use crate::scan::GapKind;
use crate::strategy::Exclusions;

fn read(text: &str) -> Strategy {
    Figment::from(Yaml::string(text)).extract().unwrap()
}

fn opening_range() -> Strategy {
    read(include_str!("../../../../config/strategy.yaml"))
}

fn gap_and_go() -> Strategy {
    read(include_str!("../../../../config/strategies/gap_and_go_smallcap.yaml"))
}

#[allow(clippy::unnecessary_wraps, reason = "features are optional")]
fn cents(cents: i64) -> Option<Price> {
    Some(Price::from_cents(cents))
}

#[allow(clippy::unnecessary_wraps, reason = "features are optional")]
fn micro(text: &str) -> Option<Micro> {
    Some(text.parse().unwrap())
}

/// A candidate that `opening_range` lets pass, with everything known.
fn large() -> Features {
    Features {
        last: cents(10_600),
        open: cents(10_500),
        gap_pct: micro("5"),
        gap_kind: Some(GapKind::FullUp),
        atr_14: cents(200),
        adv_14: Some(2_000_000),
        premarket_high: cents(10_550),
        premarket_volume: 150_000,
        premarket_dollar_volume: Usd::from_cents(1_500_000_000),
        or_open: cents(10_500),
        or_high: cents(10_600),
        or_low: cents(10_450),
        or_close: cents(10_590),
        rvol: micro("5"),
        rvol_by_time: micro("5"),
        prev_close_difference_pct: micro("0"),
        history_sessions: Some(30),
        spread: cents(2),
        spread_pct: micro("0.019"),
        float_shares: Some(80_000_000),
        cash_merger: Some(false),
        halted: Some(false),
        leveraged: Some(false),
        ..Features::default()
    }
}

/// A candidate that `gap_and_go` lets pass, with everything known.
fn small() -> Features {
    Features {
        last: cents(660),
        open: cents(640),
        gap_pct: micro("28"),
        atr_14: cents(40),
        adv_14: Some(300_000),
        premarket_high: cents(650),
        spread: cents(1),
        spread_pct: micro("0.15"),
        float_shares: Some(15_000_000),
        ..large()
    }
}

struct Case {
    strategy: Strategy,
    watch: bool,
    holes: u32,
    security_type: Option<SecurityType>,
}

fn case(strategy: Strategy) -> Case {
    Case { strategy, watch: false, holes: 0, security_type: Some(SecurityType::Common) }
}

fn criteria(case: &Case, features: &Features) -> Vec<Criterion> {
    let history = case.security_type.map(|security_type| History {
        source: "yahoo",
        security_type,
        tapes: (Tape::Simulated, Some(Tape::Simulated)),
    });
    ask(&Seen { strategy: &case.strategy, features, watch: case.watch, holes: case.holes, history })
}

fn refused(case: &Case, features: &Features) -> Vec<&'static str> {
    criteria(case, features).iter().filter(|c| c.outcome == Outcome::Fail).map(|c| c.name.as_str()).collect()
}

#[test]
fn what_is_good_passes_both_profiles_and_each_refuses_the_others() {
    assert_eq!(refused(&case(opening_range()), &large()), <[&str; 0]>::default());
    assert_eq!(refused(&case(gap_and_go()), &small()), <[&str; 0]>::default());
    assert_eq!(refused(&case(opening_range()), &small()), ["average_volume", "atr", "spread_of_stop"]);
    assert_eq!(refused(&case(gap_and_go()), &large()), ["price_max", "gap"]);
}

#[test]
fn each_criterion_refuses_just_beyond_its_threshold() {
    let check = |features: Features, expected: &[&str]| {
        assert_eq!(refused(&case(opening_range()), &features), expected, "{features:?}");
    };
    check(Features { open: cents(500), ..large() }, &["price"]);
    check(Features { open: cents(501), ..large() }, &[]);
    check(Features { adv_14: Some(999_999), ..large() }, &["average_volume"]);
    check(Features { adv_14: Some(1_000_000), ..large() }, &[]);
    check(Features { atr_14: cents(50), spread: None, ..large() }, &["atr"]);
    check(Features { atr_14: cents(51), spread: None, ..large() }, &[]);
    check(Features { gap_pct: micro("3.999999"), ..large() }, &["gap"]);
    check(Features { gap_pct: micro("-4"), ..large() }, &[]);
    check(Features { rvol: micro("0.999999"), ..large() }, &["relative_volume"]);
    check(Features { rvol: micro("1"), ..large() }, &[]);
    check(Features { or_close: cents(10_500), ..large() }, &["opening_range_direction"]);
    check(Features { or_close: cents(10_499), ..large() }, &["opening_range_direction"]);
    check(Features { prev_close_difference_pct: micro("0.500001"), ..large() }, &["prev_close_agreement"]);
    check(Features { prev_close_difference_pct: micro("0.5"), ..large() }, &[]);
    check(Features { history_sessions: Some(1), ..large() }, &["history"]);
    check(Features { history_sessions: Some(2), ..large() }, &[]);
    check(Features { spread_pct: micro("0.300001"), ..large() }, &["spread"]);
    check(Features { spread_pct: micro("0.3"), ..large() }, &[]);
    check(Features { spread: Some("0.0201".parse().unwrap()), ..large() }, &["spread_of_stop"]);
    check(Features { spread: cents(2), ..large() }, &[]);
    check(Features { leveraged: Some(true), ..large() }, &["not_leveraged"]);
    check(Features { cash_merger: Some(true), ..large() }, &["no_cash_merger"]);
    check(Features { halted: Some(true), ..large() }, &["not_halted"]);
}

#[test]
fn each_criterion_of_the_small_cap_profile_refuses_just_beyond_its_threshold() {
    let check = |features: Features, expected: &[&str]| {
        assert_eq!(refused(&case(gap_and_go()), &features), expected, "{features:?}");
    };
    check(Features { open: cents(2_001), atr_14: cents(1_400), ..small() }, &["price_max"]);
    check(Features { open: cents(2_000), atr_14: cents(1_400), ..small() }, &[]);
    check(Features { open: cents(100), atr_14: cents(1_400), ..small() }, &["price"]);
    check(Features { gap_kind: Some(GapKind::PartialUp), ..small() }, &["gap_kind"]);
    check(Features { gap_kind: None, ..small() }, &["gap_kind"]);
    check(Features { premarket_volume: 99_999, ..small() }, &["premarket_volume"]);
    check(Features { premarket_dollar_volume: Usd::from_cents(99_999_999), ..small() }, &["premarket_dollar_volume"]);
    check(Features { float_shares: Some(100_000_001), ..small() }, &["float"]);
    check(Features { float_shares: Some(100_000_000), ..small() }, &[]);
    check(Features { rvol: micro("1.999999"), ..small() }, &["relative_volume"]);
    check(Features { rvol_by_time: micro("1.999999"), ..small() }, &["relative_volume_by_time"]);
    check(Features { rvol_by_time: None, ..small() }, &[]);
    check(Features { premarket_high: cents(681), last: cents(682), ..small() }, &["premarket_high_distance"]);
    check(Features { premarket_high: cents(680), last: cents(681), ..small() }, &[]);
    check(Features { last: cents(650), ..small() }, &["premarket_high_broken"]);
    check(Features { last: cents(651), ..small() }, &[]);
    check(Features { or_close: cents(1), ..small() }, &[]);
}

#[test]
fn what_only_some_vendors_tell_is_let_through_and_the_rest_must_be_known() {
    let check = |strategy: Strategy, features: Features, expected: &[&str]| {
        assert_eq!(refused(&case(strategy), &features), expected, "{features:?}");
    };
    let told_nothing = |f: Features| Features {
        prev_close_difference_pct: None,
        spread: None,
        spread_pct: None,
        float_shares: None,
        cash_merger: None,
        halted: None,
        leveraged: None,
        ..f
    };
    check(opening_range(), told_nothing(large()), &[]);
    check(gap_and_go(), told_nothing(small()), &[]);
    check(
        opening_range(),
        Features::default(),
        &["history", "price", "average_volume", "atr", "gap", "relative_volume", "opening_range_direction"],
    );
}

#[test]
fn kinds_of_paper_are_excluded_as_configured() {
    let check = |security_type, funds: bool, other_paper: bool, passes: bool| {
        let mut strategy = opening_range();
        strategy.scan.exclude = Exclusions { funds, other_paper, ..strategy.scan.exclude };
        let case = Case { security_type: Some(security_type), ..case(strategy) };
        let expected: &[&str] = if passes { &[] } else { &["security_type"] };
        assert_eq!(refused(&case, &large()), expected, "{security_type:?} {funds} {other_paper}");
    };
    check(SecurityType::Common, true, true, true);
    check(SecurityType::Unknown, true, true, true);
    check(SecurityType::Fund, true, true, false);
    check(SecurityType::Fund, false, true, true);
    check(SecurityType::Other, true, true, false);
    check(SecurityType::Other, true, false, true);
    check(SecurityType::Other, false, false, true);
}

#[test]
fn a_watch_round_asks_nothing_of_regular_hours() {
    let watch = Case { watch: true, ..case(opening_range()) };
    let before = Features { last: cents(10_300), gap_pct: micro("2"), ..large() };
    let before = Features { open: None, or_open: None, or_close: None, rvol: None, spread_pct: micro("3"), ..before };
    assert_eq!(refused(&watch, &before), <[&str; 0]>::default());
    assert_eq!(refused(&watch, &Features { gap_pct: micro("1.9"), ..before }), ["gap"]);
}

#[test]
fn a_hole_in_the_feed_and_a_missing_history_refuse_everything() {
    assert_eq!(refused(&Case { holes: 1, ..case(opening_range()) }, &large()), ["feed_complete"]);
    let unknown = Case { security_type: None, ..case(opening_range()) };
    assert_eq!(refused(&unknown, &Features::default()), ["reference"]);
    let asked = criteria(&unknown, &Features::default());
    assert!(asked.iter().skip(2).all(|c| c.outcome == Outcome::NotEvaluated), "{asked:?}");
}

#[test]
fn shorts_may_follow_a_range_that_closed_down() {
    let mut strategy = opening_range();
    strategy.plan.long_only = false;
    let down = Features { or_close: cents(10_460), ..large() };
    assert_eq!(refused(&case(strategy), &down), <[&str; 0]>::default());
}

#[test]
fn a_criterion_that_is_left_out_is_not_asked() {
    let mut strategy = opening_range();
    strategy.scan.gap_pct_min = None;
    let names: Vec<_> = criteria(&case(strategy), &large()).iter().map(|c| c.name).collect();
    assert!(!names.contains(&CriterionName::Gap) && names.contains(&CriterionName::Atr), "{names:?}");
}
