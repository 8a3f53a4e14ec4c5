//! The API, for commands that ask it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Response, StatusCode, Url};
use research::usage::UsageError;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::exit::Refused;

/// An answer over years of trades takes a while.
const PATIENCE: Duration = Duration::from_secs(60);

/// The API at an address, and what opens it.
pub(crate) struct Api {
    client: Client,
    base: Url,
    token: Option<String>,
}

impl Api {
    /// The API at `address` (`http://HOST:PORT`), opened with the token in a file.
    ///
    /// # Errors
    /// An address that is none, or a file that cannot be read.
    pub(crate) fn at(address: &str, token_file: Option<&Path>) -> anyhow::Result<Self> {
        let base = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let base = base.ok_or_else(|| usage(format!("--api is `{address}`, must be of the form http://HOST:PORT")))?;
        let token = token_file.map(token).transpose()?;
        Ok(Self { client: Client::builder().timeout(PATIENCE).build()?, base, token })
    }

    /// Its address.
    pub(crate) const fn base(&self) -> &Url {
        &self.base
    }

    /// The answer to `GET /api/v1/<path>`.
    ///
    /// # Errors
    /// [`Refused`] for a token or scope that is missing; what the API says instead of an answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<T> {
        let url = format!("{}/api/v1/{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.client.get(&url).query(query);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.with_context(|| format!("{} does not answer", self.base))?;
        if !response.status().is_success() {
            return Err(refusal(&url, response).await);
        }
        response.json().await.with_context(|| format!("{url}: the answer is not that of this version's API"))
    }
}

fn token(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("--token-file {}", file.display()))?;
    Ok(text.trim().to_owned())
}

/// What the API said instead of an answer.
async fn refusal(url: &str, response: Response) -> anyhow::Error {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let detail = serde_json::from_str::<Problem>(&text).map_or_else(|_| status.to_string(), |problem| problem.detail);
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Refused(format!("{url}: {detail}")).into(),
        StatusCode::BAD_REQUEST => usage(detail),
        _ => anyhow::anyhow!("{url}: {detail}"),
    }
}

fn usage(text: String) -> anyhow::Error {
    UsageError(text).into()
}
