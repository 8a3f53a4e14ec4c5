//! A strategy on trial against the suite, from what both have said on a real bus.

use bus::Bus;
use domain::plan::{RankedSignal, RoundClosed};
use domain::scan::{CandidatesEvaluated, Comparison, CriterionName, Outcome, Round};
use domain::{Event, Micro};
use serde_json::json;
use testkit::build;

use crate::shapes::check;
use crate::support::Suite;

async fn say(bus: &Bus, source: &str, event: impl Into<Event>) {
    let event = event.into();
    bus.publisher().create(&event, &build::meta(&[source, event.name()], source)).await.unwrap();
}

fn nothing_found(round: Round) -> RoundClosed {
    RoundClosed { round, partitions: vec![0], missing: vec![], ranking: vec![], plans: vec![], inputs: vec![] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_suite_took_and_a_strategy_on_trial_refused_differs_with_the_criterion() {
    let suite = Suite::without_recorder("127.0.0.1").await;
    let empty = json!({ "active": null, "shadow": null, "rounds": 0, "agree": 0, "differ": [] });
    suite.wait_until_answer_is("/api/v1/shadow/report", &empty).await;

    let (live, trial) = (suite.bus.clone(), suite.bus.on_trial());
    let plan = build::plan("GME");
    let ranking = vec![RankedSignal {
        rank: 1,
        signal_id: plan.signal_id.clone(),
        symbol: plan.symbol.clone(),
        score: plan.score,
        not_selected: None,
    }];
    say(&live, "planner", RoundClosed { ranking, plans: vec![plan], ..nothing_found(build::round()) }).await;
    let theirs = Round { config_version: "cfg-2".to_owned(), ..build::round() };
    let mut refused = build::candidate("GME");
    refused.refused_by = Some(CriterionName::Gap);
    let gap = &mut refused.criteria[0];
    (gap.outcome, gap.comparison, gap.threshold) = (Outcome::Fail, Comparison::AtLeast, Micro::from_int(9));
    let candidates = vec![build::candidate("AMC"), refused];
    let round = theirs.clone();
    let part = CandidatesEvaluated { round, partition: 0, chunk: 0, chunks: 1, candidates, inputs: vec![] };
    say(&trial, "shadow-gap-scanner", part).await;
    say(&trial, "shadow-planner", nothing_found(theirs)).await;
    // Until the suite has decided its plan the round is open.
    let open = suite.wait_for("/api/v1/shadow/report", |r| r["active"] == "cfg-1" && r["shadow"] == "cfg-2").await;
    assert_eq!(open["rounds"], 0, "{open}");
    say(&live, "risk-engine", build::plan_approved("GME")).await;
    let report = suite.wait_for("/api/v1/shadow/report", |r| r["rounds"] == 1).await;
    check(&report, "ShadowReport", "report");
    assert_eq!(report["agree"], 0);
    let why = "the strategy on trial: gap is 7.991361, must be >= 9 (percent)";
    let expected = json!([{
        "round_id": build::round().round_id.to_string(), "symbol": "GME", "field": "signal", "active": "passed",
        "shadow": "refused", "why": why,
    }]);
    assert_eq!(report["differ"], expected);
    suite.stop().await;
}
