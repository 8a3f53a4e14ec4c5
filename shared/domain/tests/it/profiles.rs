use domain::strategy::{ModelChoice, Strategy};
use figment::Figment;
use figment::providers::{Format, Serialized, Yaml};
use figment::value::Value;

const OPENING_RANGE: &str = include_str!("../../../../config/strategy.yaml");
const GAP_AND_GO: &str = include_str!("../../../../config/strategies/gap_and_go_smallcap.yaml");

fn read(text: &str) -> Strategy {
    Figment::from(Yaml::string(text)).extract().unwrap()
}

#[test]
fn both_profiles_are_valid_and_named() {
    for (text, name) in [(OPENING_RANGE, "orb_stocks_in_play"), (GAP_AND_GO, "gap_and_go_smallcap")] {
        let strategy = read(text);
        assert_eq!(strategy.name, name);
        strategy.validate().unwrap();
    }
    assert_ne!(read(OPENING_RANGE).version(), read(GAP_AND_GO).version());
}

#[test]
fn the_profiles_share_no_threshold_of_the_stock() {
    let numbers = |text: &str| {
        let s = read(text).scan;
        [
            s.price_min.map(|v| v.to_string()),
            s.price_max.map(|v| v.to_string()),
            s.adv_14_min.map(|v| v.to_string()),
            s.atr_14_min.map(|v| v.to_string()),
            s.gap_pct_min.map(|v| v.to_string()),
            s.watch_gap_pct_min.map(|v| v.to_string()),
            s.premarket_volume_min.map(|v| v.to_string()),
            s.premarket_dollar_volume_min.map(|v| v.to_string()),
            s.rvol_min.map(|v| v.to_string()),
            s.float_shares_max.map(|v| v.to_string()),
            s.spread_pct_max.map(|v| v.to_string()),
            s.spread_stop_pct_max.map(|v| v.to_string()),
        ]
    };
    for (one, other) in numbers(OPENING_RANGE).iter().zip(&numbers(GAP_AND_GO)) {
        assert_ne!(one, other);
    }
}

#[test]
fn a_number_out_of_range_is_refused_with_its_key_value_and_range() {
    let check = |key: &str, value: Value, shown: &str, expected: &str| {
        let figment = Figment::from(Yaml::string(GAP_AND_GO)).merge(Serialized::default(key, value));
        let strategy: Strategy = figment.extract().unwrap();
        let leaf = key.rsplit('.').next().unwrap();
        let error = strategy.validate().unwrap_err().to_string();
        for part in [leaf, shown, expected] {
            assert!(error.contains(part), "{key}: {error} has no `{part}`");
        }
    };
    check("name", "Gap And Go".into(), "Gap And Go", "snake_case");
    check("scan.opening_range_minutes", 0.into(), "0", "1 to 180 minutes");
    check("scan.price_min", "-1.00".into(), "-1.00", "0 or more");
    check("scan.price_max", 0.5.into(), "0.50", "above scan.price_min");
    check("scan.gap_pct_min", (-4.0).into(), "-4", "0 to 1000 per cent");
    check("scan.rvol_min", (-1.0).into(), "-1", "0 to 1000");
    check("scan.premarket_dollar_volume_min", (-5).into(), "-5.00", "0 or more, USD");
    check("scan.float_shares_max", 2_000_000_000_000_u64.into(), "2000000000000", "at most");
    check("scan.spread_pct_max", 101.0.into(), "101", "0 to 100 per cent");
    check("scan.history_sessions_min", 251.into(), "251", "0 to 250 sessions");
    check("scan.halt_silence_seconds", 0.into(), "0", "1 to 3600 seconds");
    check("scan.outliers.confirmations", 0.into(), "0", "1 to 100 prints");
    check("scan.last_age_max_s", 0.into(), "0", "1 to 3600 seconds");
    check("scoring.model", "learned".into(), "null", "file and sha256");
    check("scoring.weights.rvol", 1_001.0.into(), "1001", "-1000 to 1000");
    check("scoring.catalyst.points.earnings", 101.0.into(), "101", "-100 to 100");
    check("scoring.catalyst.decay_minutes", 0.into(), "0", "1 to 10080 minutes");
    check("scoring.catalyst.relevance_shared", 1.5.into(), "1.5", "0 to 1");
    check("plan.top", 0.into(), "0", "1 to 1000");
    check("plan.long_only", false.into(), "false", "true with plan.entry premarket_high_break");
    check("plan.buffer_ticks_min", 0.into(), "0", "1 to 100 ticks");
    check("plan.stop_atr_fraction", 11.0.into(), "11", "0 to 10");
    check("plan.stop_spreads_min", (-1.0).into(), "-1", "0 to 100 spreads");
    check("plan.stop_floor_max", 0.5.into(), "0.5", "1 to 100");
    check("plan.trail.minute_atr_multiple", 0.0.into(), "0", "above 0");
    check("plan.time_stop.minutes", 391.into(), "391", "1 to 390 minutes");
    check("plan.entry_valid_minutes", 0.into(), "0", "1 to 390 minutes");
    check("plan.halt_resume_seconds", 3_601.into(), "3601", "0 to 3600 seconds");
}

#[test]
fn targets_must_be_ordered_and_take_no_more_than_all() {
    let check = |targets: &[(f64, u32)], expected: Option<&str>| {
        let rows: Vec<_> = targets.iter().map(|(r, percent)| format!("{{r: {r}, percent: {percent}}}")).collect();
        let text = GAP_AND_GO.replace("[{r: 2.0, percent: 50}]", &format!("[{}]", rows.join(", ")));
        let refused = read(&text).validate().err().map(|e| e.to_string());
        match expected {
            None => assert_eq!(refused, None, "{targets:?}"),
            Some(part) => assert!(refused.as_ref().is_some_and(|e| e.contains(part)), "{targets:?}: {refused:?}"),
        }
    };
    check(&[], None);
    check(&[(1.0, 50), (2.0, 50)], None);
    check(&[(2.0, 50), (2.0, 50)], Some("plan.targets[].r is 2"));
    check(&[(0.0, 50)], Some("plan.targets[].r is 0"));
    check(&[(0.5, 50)], Some("plan.targets[].r is 0.5, must be above plan.limit_stop_fraction"));
    check(&[(1.0, 0)], Some("plan.targets[].percent is 0"));
    check(&[(1.0, 60), (2.0, 60)], Some("plan.targets[].percent is 120"));
}

#[test]
fn a_learned_model_needs_its_file_and_hash() {
    let with = |sha256: &str| {
        let learned = format!("{{file: score.onnx, sha256: \"{sha256}\"}}");
        read(&OPENING_RANGE.replace("learned: null", &format!("learned: {learned}")))
    };
    with(&"0a".repeat(32)).validate().unwrap();
    let error = with("0A").validate().unwrap_err().to_string();
    assert!(error.contains("scoring.learned.sha256") && error.contains("0A"), "{error}");
    assert_eq!(read(OPENING_RANGE).scoring.model, ModelChoice::Weighted);
}

#[test]
fn a_wrong_key_is_refused_by_name() {
    let text = OPENING_RANGE.replace("  price_min:", "  price_mim:");
    let error = Figment::from(Yaml::string(&text)).extract::<Strategy>().unwrap_err().to_string();
    assert!(error.contains("price_mim"), "{error}");
}
