use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::disturbance::{Kill, Kills, When};
use e2e::session::{Outcome, STOPS, Session};
use e2e::suite::{DATE, Setup};
use e2e::{Suite, oracle};
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(240);

struct Played {
    outcome: Outcome,
    verdict: Value,
    killed: usize,
}

/// Plays the session of `seed` with `kills`, and asks the oracle.
async fn play(seed: &str, kills: &[Kill]) -> anyhow::Result<Played> {
    let settings = [("FIN__EXECUTOR__PARTIAL_FILL_WAIT_S", "7200")];
    let mut suite = Suite::run(Setup::morning(seed, STOPS, &settings)).await?;
    let mut session = Session::watch(&suite, DATE.parse()?).await?;
    let mut kills = Kills::new(kills);
    let outcome = session.play(&mut suite, WITHIN, &mut kills).await?;
    session.intends_once()?;
    let verdict = oracle::judge(&suite, &strategy()?, &suite.folder().join("oracle")).await?;
    suite.has_stored(&outcome).await?;
    Ok(Played { outcome, verdict, killed: kills.done.len() })
}

/// The strategy that the suite ships, as the oracle reads it.
fn strategy() -> anyhow::Result<Value> {
    let text = include_str!("../../../../config/strategy.yaml");
    Ok(figment::Figment::from(<figment::providers::Yaml as figment::providers::Format>::string(text)).extract()?)
}

fn lines(items: &Value, line: impl Fn(&Value) -> String) -> Vec<String> {
    let mut lines: Vec<String> = items.as_array().into_iter().flatten().map(line).collect();
    lines.sort();
    lines
}

fn text<'a>(item: &'a Value, key: &str) -> &'a str {
    item[key].as_str().unwrap_or("?")
}

/// The oracle found the same plans, the same sizes and the same fills, and no order that breaks a rule.
fn agrees(played: &Played) -> anyhow::Result<()> {
    let verdict = &played.verdict;
    ensure!(verdict["faults"].as_array().is_some_and(Vec::is_empty), "{}", verdict["faults"]);
    let plans = lines(&verdict["plans"], |p| {
        format!(
            "{} rank {} trigger {} limit {} stop_distance {}",
            text(p, "symbol"),
            p["rank"],
            text(p, "trigger"),
            text(p, "limit"),
            text(p, "stop_distance")
        )
    });
    ensure!(plans == played.outcome.plans, "plans: oracle {plans:#?}, suite {:#?}", played.outcome.plans);
    ensure!(!plans.is_empty(), "a session without plans proves nothing");
    let decisions = lines(&verdict["plans"], |p| match p["quantity"].as_u64() {
        Some(quantity) => format!("{} {quantity}", text(p, "symbol")),
        None => format!("{} {}", text(p, "symbol"), text(p, "reason")),
    });
    ensure!(
        decisions == played.outcome.decisions,
        "sizes: oracle {decisions:#?}, suite {:#?}",
        played.outcome.decisions
    );
    let mut filled = std::collections::BTreeMap::new();
    let fills = verdict["fills"].as_array().context("fills")?;
    let mut expected: Vec<String> = fills
        .iter()
        .map(|f| {
            let order = (text(f, "symbol").to_owned(), text(f, "order").to_owned());
            let so_far = filled.entry(order).or_insert(0);
            *so_far += f["quantity"].as_u64().unwrap_or_default();
            format!(
                "{} {} {} at {} ({so_far})",
                text(f, "symbol"),
                capitalised(text(f, "leg")),
                f["quantity"],
                text(f, "price")
            )
        })
        .collect();
    expected.sort();
    ensure!(expected == played.outcome.fills, "fills: oracle {expected:#?}, suite {:#?}", played.outcome.fills);
    ensure!(!expected.is_empty(), "a session without fills proves nothing");
    Ok(())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

async fn session_agrees_with_the_oracle(seed: &str) -> anyhow::Result<()> {
    agrees(&play(seed, &[]).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn first_seeded_session_equals_the_oracles() -> anyhow::Result<()> {
    session_agrees_with_the_oracle("11").await
}

#[tokio::test(flavor = "multi_thread")]
async fn second_seeded_session_equals_the_oracles() -> anyhow::Result<()> {
    session_agrees_with_the_oracle("16").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_each_process_once_changes_nothing() -> anyhow::Result<()> {
    let kill = |when, who| Kill { when, who };
    let kills = [
        kill(When::Standing(9, 34), "gap-scanner"),
        kill(When::Standing(9, 34), "ingest-gateway"),
        kill(When::Seen("PlanProposed"), "planner"),
        kill(When::Seen("PlanApproved"), "risk-engine"),
        kill(When::Seen("OrderIntended"), "executor"),
        kill(When::Posted, "executor"),
        kill(When::HalfFilled, "executor"),
        kill(When::Running(9, 36), "nats-server"),
        kill(When::Standing(10, 0), "recorder"),
        kill(When::Standing(10, 0), "coordinator-api"),
    ];
    let (undisturbed, disturbed) = (play("13", &[]).await?, play("13", &kills).await?);
    agrees(&undisturbed)?;
    ensure!(disturbed.killed == kills.len(), "only {} of {} kills fell due", disturbed.killed, kills.len());
    ensure!(undisturbed.outcome == disturbed.outcome, "{:#?}\n{:#?}", undisturbed.outcome, disturbed.outcome);
    agrees(&disturbed)
}
