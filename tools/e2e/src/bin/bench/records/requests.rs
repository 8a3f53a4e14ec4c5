//! How long the API makes one wait over a store of a million events, beside a bare server that gives the same answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use bytes::Bytes;
use e2e::http;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::start;
use crate::report::{Report, median};
use crate::site::Site;

const RATE: u32 = 2_000;
const ROUNDS: usize = 3;
const PACED: Duration = Duration::from_secs(5);
/// Requests before anything is measured.
const WARM: u32 = 2_000;
/// What people and the dashboard ask for.
const PATHS: [&str; 8] = [
    "/api/v1/status",
    "/api/v1/plans?day=2026-11-24&limit=50",
    "/api/v1/candidates?day=2026-11-24&limit=50",
    "/api/v1/orders?day=2026-11-24&limit=50",
    "/api/v1/fills?day=2026-11-24&limit=50",
    "/api/v1/decisions?day=2026-11-24&limit=20",
    "/api/v1/positions?day=2026-11-24",
    "/api/v1/errors?day=2026-11-24&limit=50",
];

/// What each path is answered with.
type Answers = Arc<HashMap<&'static str, Bytes>>;

/// Measures and reports.
pub(super) async fn measure(site: &Site, report: &mut Report) -> anyhow::Result<()> {
    let port = testkit::free_port();
    let listen = format!("127.0.0.1:{port}");
    let own = [("FIN__API__LISTEN", listen.as_str()), ("FIN__API__REQUESTS_PER_SECOND", "1000000")];
    let (_recorder, _) = start(site, "recorder", &[])?;
    let (_api, _) = start(site, "coordinator-api", &own)?;
    let api = format!("http://{listen}");
    let answers = http::eventually("the API answers", Duration::from_secs(60), || async {
        let mut answers = Vec::new();
        for path in PATHS {
            answers.push((path, Bytes::from(http::text(&format!("{api}{path}")).await?)));
        }
        Ok(Some(answers))
    })
    .await?;
    let rows = answers.iter().filter(|(path, text)| path.contains("plans") && text.len() > 1_000).count();
    ensure!(rows == 1, "the API has no plans of the newest session");
    let bare = serve(answers).await?;

    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
    for base in [&api, &bare] {
        ask(&client, base, WARM, RATE).await?;
    }
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let count = RATE * PACED.as_secs() as u32;
        let (of_api, of_bare) = (ask(&client, &api, count, RATE).await?, ask(&client, &bare, count, RATE).await?);
        ratios.push(of_api / of_bare);
        ours.push(of_api);
        theirs.push(of_bare);
    }
    report.add("api_p99_ms", median(ours), "2,000 requests/s of lists and status over a million events")?;
    report.add("api_bare_p99_ms", median(theirs), "a bare axum handler that gives the same answers")?;
    report.add("api_p99_ratio", median(ratios), "p99 of the API to the bare handler's, round by round")
}

/// A server that knows every answer beforehand; its address.
async fn serve(answers: Vec<(&'static str, Bytes)>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answers: Answers = Arc::new(answers.into_iter().collect());
    let answer = |State(answers): State<Answers>, uri: Uri| async move {
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        ([("content-type", "application/json")], answers.get(path).cloned().unwrap_or_default())
    };
    // On threads of its own, as another process would be.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let router = Router::new().fallback(answer).with_state(answers);
            axum::serve(listener, router).await
        })
    });
    Ok(format!("http://{address}"))
}

/// p99 of `count` requests at `rate` a second, ms. Counted from when each was due, so that a server that falls behind is
/// not asked less.
async fn ask(client: &reqwest::Client, base: &str, count: u32, rate: u32) -> anyhow::Result<f64> {
    let mut histogram = Histogram::<u64>::new(3)?;
    let (begun, mut asking) = (Instant::now(), JoinSet::new());
    for n in 0..count {
        let due = begun + Duration::from_secs(1) * n / rate;
        sleep_until(due).await;
        let request = client.get(format!("{base}{}", PATHS[n as usize % PATHS.len()]));
        asking.spawn(async move {
            let answer = request.send().await?.error_for_status()?;
            answer.bytes().await?;
            Ok::<_, reqwest::Error>(due.elapsed())
        });
        while let Some(done) = asking.try_join_next() {
            histogram.record(done??.as_micros() as u64)?;
        }
    }
    while let Some(done) = asking.join_next().await {
        histogram.record(done?.context("a request failed")?.as_micros() as u64)?;
    }
    Ok(histogram.value_at_quantile(0.99) as f64 / 1e3)
}
