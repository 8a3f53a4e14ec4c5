//! The live stream misses nothing, also across a break.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use crate::day;
use crate::support::Suite;

/// Newest row of each view and id.
pub(crate) type Rows = BTreeMap<(String, String), Value>;

pub(crate) struct Stream {
    response: Response,
    buffer: String,
    last_id: Option<String>,
}

impl Stream {
    pub(crate) async fn open(suite: &Suite, after: Option<&str>) -> Self {
        let request = suite.get("/api/v1/stream");
        let request = match after {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: String::new(), last_id: after.map(str::to_owned) }
    }

    /// The next event's name and data.
    async fn next(&mut self) -> (String, Value) {
        let block = loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                break block;
            }
            let chunk = timeout(Duration::from_secs(5), self.response.chunk()).await.expect("silent for 5 s");
            self.buffer.push_str(std::str::from_utf8(&chunk.unwrap().expect("the stream ended")).unwrap());
        };
        let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
        if let Some(id) = field("id:") {
            self.last_id = Some(id);
        }
        (field("event:").unwrap(), serde_json::from_str(&field("data:").unwrap()).unwrap())
    }

    pub(crate) async fn take(&mut self, rows: &mut Rows) -> String {
        let (view, data) = self.next().await;
        for item in data["items"].as_array().into_iter().flatten().filter(|_| view != "status") {
            let key = ["id", "client_order_id", "plan_id", "account", "symbol"]
                .iter()
                .find_map(|k| item[*k].as_str())
                .unwrap();
            let key = if view == "bars" { format!("{key}{}", item["start"]) } else { key.to_owned() };
            rows.insert((view.clone(), key), item.clone());
        }
        view
    }
}

async fn rest(suite: &Suite, view: &str) -> Vec<Value> {
    suite.json(&format!("/api/v1/{view}")).await["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_and_resumes_ends_with_what_rest_shows() {
    let suite = Suite::start_on("127.0.0.1").await;
    let events = day::events();
    let mut rows = Rows::new();
    let mut stream = Stream::open(&suite, Some("0")).await;
    suite.publish(0, &events[..12]).await;
    while !rows.keys().any(|(view, _)| view == "candidates") {
        stream.take(&mut rows).await;
    }
    let mut last_id = stream.last_id.clone().unwrap();
    drop(stream);
    suite.publish(12, &events[12..20]).await;
    suite.wait_for("/api/v1/fills", |f| f["items"].as_array().unwrap().len() == 2).await;
    // A break after every event: none may be missed.
    while rows.keys().filter(|(view, _)| view == "fills").count() < 2 {
        let mut stream = Stream::open(&suite, Some(&last_id)).await;
        while stream.last_id.as_deref() == Some(&last_id) {
            stream.take(&mut rows).await;
        }
        let number = |id: &str| id.parse::<i64>().unwrap();
        assert!(number(stream.last_id.as_ref().unwrap()) > number(&last_id));
        last_id = stream.last_id.clone().unwrap();
    }
    let mut stream = Stream::open(&suite, Some(&last_id)).await;
    suite.publish(20, &events[20..]).await;
    suite.play_day().await;
    for view in ["candidates", "plans", "decisions", "orders", "fills", "news", "bars/GME"] {
        let name = view.split('/').next().unwrap();
        for row in rest(&suite, view).await {
            let mut patience = 100;
            while !rows.iter().any(|((v, _), seen)| v == name && *seen == row) {
                assert!(patience > 0, "{view} lacks {row}");
                patience -= 1;
                stream.take(&mut rows).await;
            }
        }
    }
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_come_each_second_and_a_new_stream_begins_now() {
    let suite = Suite::start_on("127.0.0.1").await;
    suite.play_day().await;
    let mut stream = Stream::open(&suite, None).await;
    let mut rows = Rows::new();
    let mut beats = 0;
    while beats < 2 {
        if stream.take(&mut rows).await == "heartbeat" {
            beats += 1;
        }
    }
    assert!(!rows.keys().any(|(view, _)| view == "fills"), "{rows:?}");
    // A commit number of another store, ahead of this one's, means everything.
    let mut stream = Stream::open(&suite, Some("999999999")).await;
    let mut rows = Rows::new();
    while !rows.keys().any(|(view, _)| view == "fills") {
        stream.take(&mut rows).await;
    }
    suite.stop().await;
}
