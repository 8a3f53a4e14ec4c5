//! The API answers the same whatever database the store is in.

use serde_json::{Value, json};
use testkit::{Place, PostgresServer, Stores};

use crate::streaming::{Rows, Stream};
use crate::support::{Suite, problem};

const DAY: &str = "from=2026-11-24&to=2026-11-24";

/// Everything that the API says of a whole day, by path.
async fn told(place: Place) -> Vec<(String, Value)> {
    let suite = Suite::stored_at(&place).await;
    suite.play_day().await;
    let mut paths: Vec<String> = [
        "candidates",
        "candidates?symbol=GME",
        "plans",
        "plans?day=2026-11-24",
        "plans?day=2026-11-23",
        "decisions",
        "orders",
        "fills",
        "positions",
        "account",
        "news?symbol=GME",
        "bars/GME",
        "bars/GME?day=2026-11-24",
        "bars/AMC?day=2026-11-24",
    ]
    .map(str::to_owned)
    .into();
    paths.extend(["analytics", "analytics/trades"].map(|path| format!("{path}?{DAY}")));
    paths.extend(["symbol=AMC", "strategy=other"].map(|only| format!("analytics?{DAY}&{only}")));
    let plan = suite.json("/api/v1/plans").await["items"][0]["id"].as_str().unwrap().to_owned();
    paths.push(format!("orders?plan_id={plan}"));
    paths.push(format!("plans/{plan}/explain"));
    let mut answers = Vec::new();
    for path in paths {
        let answer = suite.json(&format!("/api/v1/{path}")).await;
        answers.push((path, answer));
    }
    for list in ["candidates", "fills", "orders", "bars/GME"] {
        answers.push((format!("{list}, page by page"), json!(pages(&suite, list).await)));
    }
    answers.push(("stream".to_owned(), json!(followed(&suite).await)));
    suite.stop().await;
    answers
}

/// A list's items, read one page of one item after the other.
async fn pages(suite: &Suite, list: &str) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = suite.json(&format!("/api/v1/{list}?limit=1{after}")).await;
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

/// The newest row of everything, as a browser that was never here before gets them.
async fn followed(suite: &Suite) -> Vec<((String, String), Value)> {
    let (mut stream, mut rows) = (Stream::open(suite, Some("0")).await, Rows::new());
    let of = |rows: &Rows, view: &str| rows.keys().filter(|(v, _)| v == view).count();
    while of(&rows, "fills") < 3 || of(&rows, "bars") < 2 || of(&rows, "account") < 1 {
        stream.take(&mut rows).await;
    }
    rows.into_iter().filter(|((view, _), _)| view != "errors").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_and_sqlite_tell_the_same_day() {
    let (sqlite, postgres) = (Stores::sqlite(), Stores::postgres());
    let (expected, found) = tokio::join!(told(sqlite.fresh()), told(postgres.fresh()));
    assert!(expected.iter().any(|(_, answer)| answer["items"].as_array().is_some_and(|items| !items.is_empty())));
    for ((path, expected), (_, found)) in expected.into_iter().zip(found) {
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_away_the_api_says_so_and_no_password() {
    let mut stores = Stores::postgres();
    let suite = Suite::stored_at(&stores.fresh()).await;
    stores.server().unwrap().stop().unwrap();
    let detail = problem(suite.get("/api/v1/plans").send().await.unwrap(), 503).await;
    assert!(!detail.contains(PostgresServer::PASSWORD), "{detail}");
    stores.server().unwrap().launch().unwrap();
    suite.wait_for_answer("/api/v1/plans").await;
    suite.stop().await;
}
