//! One HTTP call with everything that its answer tells.

use std::time::Duration;

use domain::UnixNanos;
use reqwest::header::HeaderMap;

use super::finding::Complaint;
use crate::connection::wall_time;

/// Calls once, without any retry.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    client: reqwest::Client,
}

/// What came back, and when by our clock.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) sent: UnixNanos,
    pub(super) received: UnixNanos,
}

/// A call to make.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// Key of the configuration that holds the base address.
    pub(super) address_key: &'static str,
    pub(super) url: String,
    pub(super) query: Vec<(&'static str, &'a str)>,
    /// Names and values; the values may be secret.
    pub(super) headers: Vec<(&'static str, &'a str)>,
}

const LIMIT: Duration = Duration::from_secs(5);
/// Characters of an answer that are worth showing.
const SHOWN: usize = 160;

impl Probe {
    pub(super) fn new() -> anyhow::Result<Self> {
        let agent = concat!("fin-agent/", env!("CARGO_PKG_VERSION"));
        Ok(Self { client: reqwest::Client::builder().user_agent(agent).timeout(LIMIT).build()? })
    }

    /// The answer, whatever its status.
    pub(super) async fn get(&self, call: &Call<'_>) -> Result<Answer, Complaint> {
        let mut request = self.client.get(&call.url).query(&call.query);
        for (name, value) in &call.headers {
            request = request.header(*name, *value);
        }
        let clock = || wall_time().unwrap_or_default();
        let sent = clock();
        let outcome = async {
            let response = request.send().await?;
            let received = clock();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Answer { status, headers, body: response.text().await?, sent, received })
        };
        outcome.await.map_err(|error: reqwest::Error| unreachable(call, error))
    }
}

impl Answer {
    /// The beginning of the body, on one line.
    pub(super) fn excerpt(&self) -> String {
        let words: Vec<_> = self.body.split_whitespace().collect();
        words.join(" ").chars().take(SHOWN).collect()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What is wrong with a status that is not 200; `key` names what opens the vendor's door.
    pub(super) fn complaint(&self, key: &str) -> Option<Complaint> {
        let said = format!("HTTP {}: {}", self.status, self.excerpt());
        match self.status {
            200 => None,
            401 | 403 => Some(Complaint::fail(
                format!("the key is refused, {said}"),
                format!("put a valid key, with access to this service, where `{key}` points"),
            )),
            429 => Some(Complaint::warn(
                format!("throttled, {said}"),
                "wait a minute; does another process use the same key?",
            )),
            500..=599 => Some(Complaint::fail(said, "the vendor fails: look at its status page and try again")),
            _ => Some(Complaint::fail(said, "is the address the vendor's? compare it with config/default.yaml")),
        }
    }
}

fn unreachable(call: &Call<'_>, error: reqwest::Error) -> Complaint {
    let host = reqwest::Url::parse(&call.url).ok().and_then(|url| Some(url.host_str()?.to_owned())).unwrap_or_default();
    let why = if error.is_timeout() {
        format!("no answer within {} s", LIMIT.as_secs())
    } else {
        chassis::logs::chain(&error.without_url())
    };
    let key = call.address_key;
    let fix = format!(
        "let this machine reach {host} (network, proxy, firewall), or mend `{key}`; simulated vendors: `fin up`"
    );
    Complaint::fail(format!("{host} does not answer: {why}"), fix)
}
