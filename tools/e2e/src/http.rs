//! JSON over HTTP, for tests.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

/// Chooses the TLS library once for the process, as the services do; needed before any client is made.
pub fn install_provider() {
    chassis::tls::install_provider();
}

/// GETs `url` as JSON.
pub async fn get(url: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&text(url).await?)?)
}

/// GETs `url` of the simulated broker as JSON.
pub async fn get_with_keys(url: &str) -> anyhow::Result<Value> {
    answer(url, with_keys(client().get(url))).await
}

/// Makes a changing call at `url` of the simulated broker; `Null` where it answers with nothing.
pub async fn call_with_keys(method: &str, url: &str, body: &Value) -> anyhow::Result<Value> {
    let request = client().request(method.parse()?, url);
    let request = if body.is_null() { request } else { request.json(body) };
    answer(url, with_keys(request)).await
}

fn with_keys(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    request.header("APCA-API-KEY-ID", "sim").header("APCA-API-SECRET-KEY", "sim")
}

async fn answer(url: &str, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let answer = request.send().await.with_context(|| url.to_owned())?;
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "{url}: {status}: {body}");
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&body)?) }
}

/// GETs `url` as text.
pub async fn text(url: &str) -> anyhow::Result<String> {
    let answer = client().get(url).send().await.with_context(|| format!("GET {url}"))?;
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "GET {url}: {status}: {body}");
    Ok(body)
}

/// POSTs `body` to `url`.
pub async fn post(url: &str, body: &Value) -> anyhow::Result<Value> {
    let answer = client().post(url).json(body).send().await.with_context(|| format!("POST {url}"))?;
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "POST {url}: {status}: {text}");
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// POSTs `text` as it is to `url`; the answer's text.
pub async fn text_of_post(url: &str, text: String) -> anyhow::Result<String> {
    let answer = client().post(url).body(text).send().await.with_context(|| format!("POST {url}"))?;
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "POST {url}: {status}: {body}");
    Ok(body)
}

/// Asks `check` until it gives a value; the error names `what`.
pub async fn eventually<T, F, Fut>(what: &str, within: Duration, mut check: F) -> anyhow::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<Option<T>>>,
{
    let since = Instant::now();
    let mut last = None;
    while since.elapsed() < within {
        match check().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => last = None,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    match last {
        Some(error) => Err(error).with_context(|| format!("{what}: not within {within:?}")),
        None => anyhow::bail!("{what}: not within {within:?}"),
    }
}

fn client() -> reqwest::Client {
    chassis::tls::install_provider();
    reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap_or_default()
}
