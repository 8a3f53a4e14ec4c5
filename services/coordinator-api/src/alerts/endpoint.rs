//! Where messages go: hooks and chats by HTTP, mail by SMTP.

use std::time::Duration;

use chassis::{Fault, Secret};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::{Value, json};
use sha2::Sha256;

use super::config::{Kind, Target, needed, secret};
use super::mail::Mail;
use super::text::{Message, cut};

/// Header with the HMAC-SHA256 of the body in hexadecimal digits, after `sha256=`.
pub const SIGNATURE: &str = "x-fin-signature-256";
/// Header with the id of what happened; the same when a message comes twice.
pub const ID: &str = "x-fin-id";

const TELEGRAM: &str = "https://api.telegram.org";
/// Most characters that the services take in one message.
const DISCORD_MAX: usize = 2_000;
const TELEGRAM_MAX: usize = 4_096;
const SLACK_MAX: usize = 4_000;

/// A way to a target, with what opens it.
pub(super) enum Endpoint {
    Webhook { http: Client, url: Url, key: Option<Secret> },
    Slack { http: Client, url: Url },
    Discord { http: Client, url: Url },
    Telegram { http: Client, url: Url, chat_id: String },
    Email(Box<Mail>),
}

/// An attempt that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What came back, without secrets.
    pub detail: String,
    /// True when another attempt may succeed.
    pub retry: bool,
    /// How long to wait before it, as the target asked.
    pub after: Option<Duration>,
}

impl Failure {
    pub(super) fn passing(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), retry: true, after: None }
    }
}

impl Endpoint {
    /// The way to `target`, whose keys stand under `key`; an attempt takes at most `timeout`.
    ///
    /// # Errors
    /// Names the key that is missing, and a file or address that cannot be used.
    pub(super) fn of(target: &Target, key: &str, timeout: Duration) -> Result<Self, Fault> {
        chassis::tls::install_provider();
        let kind = target.kind;
        if kind == Kind::Email {
            return Mail::of(target, key, timeout).map(|mail| Self::Email(Box::new(mail)));
        }
        // A redirect would carry the message, and its signature, to where nobody meant it to go.
        let http = Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| Fault::new(key, format!("cannot be connected to: {error}")))?;
        match kind {
            Kind::Webhook => {
                let url = match &target.url {
                    Some(text) => address(text, &format!("{key}.url"))?,
                    None => hook(target, key)?,
                };
                let key = target.secret_file.as_ref().map(|_| secret(target.secret_file.as_ref(), key, "secret", kind));
                Ok(Self::Webhook { http, url, key: key.transpose()? })
            }
            Kind::Slack => Ok(Self::Slack { http, url: hook(target, key)? }),
            Kind::Discord => Ok(Self::Discord { http, url: hook(target, key)? }),
            Kind::Telegram => {
                let token = secret(target.token_file.as_ref(), key, "token", kind)?;
                let base = target.api_url.as_deref().unwrap_or(TELEGRAM);
                let base = address(base, &format!("{key}.api_url"))?;
                let path = format!("{}/bot{}/sendMessage", base.as_str().trim_end_matches('/'), token.expose());
                let url = address(&path, &format!("{key}.token_file"))?;
                let chat_id = needed(target.chat_id.as_deref(), key, "chat_id", kind)?.to_owned();
                Ok(Self::Telegram { http, url, chat_id })
            }
            Kind::Email => unreachable!("made above"),
        }
    }

    /// Sends `message` once; returns what came back.
    ///
    /// # Errors
    /// Says what came back instead, and whether another attempt makes sense.
    pub(super) async fn send(&self, message: &Message) -> Result<String, Failure> {
        match self {
            Self::Webhook { http, url, key } => {
                let body = serde_json::to_vec(message).map_err(|error| Failure::passing(error.to_string()))?;
                let mut request = http.post(url.clone()).header("content-type", "application/json");
                request = request.header(ID, &message.notice.id);
                if let Some(key) = key {
                    request = request.header(SIGNATURE, signature(key, &body));
                }
                answered(request.body(body).send().await).await
            }
            Self::Slack { http, url } => {
                let body = json!({ "text": for_slack(&cut(&message.text, SLACK_MAX)) });
                answered(http.post(url.clone()).json(&body).send().await).await
            }
            Self::Discord { http, url } => {
                let text = cut(&message.text, DISCORD_MAX);
                let body = json!({ "content": text, "allowed_mentions": { "parse": [] } });
                answered(http.post(url.clone()).json(&body).send().await).await
            }
            Self::Telegram { http, url, chat_id } => {
                let text = cut(&message.text, TELEGRAM_MAX);
                let body = json!({ "chat_id": chat_id, "text": text, "link_preview_options": { "is_disabled": true } });
                answered(http.post(url.clone()).json(&body).send().await).await
            }
            Self::Email(mail) => mail.send(message).await,
        }
    }
}

/// What a webhook's receiver computes over the body that it got.
fn signature(key: &Secret, body: &[u8]) -> String {
    let mut mac = match Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) {
        Ok(mac) => mac,
        Err(never) => unreachable!("a key may have any length: {never}"),
    };
    mac.update(body);
    format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

fn hook(target: &Target, key: &str) -> Result<Url, Fault> {
    let url = secret(target.url_file.as_ref(), key, "url", target.kind)?;
    address(url.expose(), &format!("{key}.url_file"))
}

/// An address; what is wrong is said without it, since it may be the secret.
fn address(text: &str, key: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    url.ok_or_else(|| Fault::new(key, "is not an address that begins with http:// or https://"))
}

/// Slack reads three characters as its own.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

async fn answered(outcome: reqwest::Result<Response>) -> Result<String, Failure> {
    // The address of a hook is its secret.
    let response = outcome.map_err(|error| Failure::passing(chassis::logs::chain(&error.without_url())))?;
    let status = response.status();
    if status.is_success() {
        return Ok(format!("HTTP {status}"));
    }
    let header = response.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(seconds);
    let body = first_bytes(response).await;
    let words: Value = serde_json::from_str(&body).unwrap_or_default();
    let in_body = [&words["parameters"]["retry_after"], &words["retry_after"]];
    let after = header.or_else(|| in_body.into_iter().find_map(|v| v.as_f64().and_then(duration)));
    let passing = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
    let said: String = body.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let detail = format!("HTTP {status}: {}", cut(said.trim(), 200));
    Err(Failure { detail: detail.trim_end_matches([':', ' ']).to_owned(), retry: passing, after })
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().and_then(duration)
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// The beginning of an answer; a large one is not read.
async fn first_bytes(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= 4_096 {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_as_others_sign() {
        // RFC 4231, test case 2.
        let signed = signature(&Secret::new("Jefe"), b"what do ya want for nothing?");
        assert_eq!(signed, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_wrong_address_in_a_file_is_not_repeated() {
        assert!(!address("hooks.example/SECRET", "k").unwrap_err().to_string().contains("SECRET"));
    }

    #[test]
    fn waiting_times_are_read_and_nonsense_is_not() {
        assert_eq!(seconds("1.5"), Some(Duration::from_millis(1_500)));
        assert_eq!((seconds("-1"), seconds("Wed, 21 Oct 2026 07:28:00 GMT")), (None, None));
    }
}
