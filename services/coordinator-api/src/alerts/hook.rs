//! Hooks and chats: a message in each one's form, by HTTP. An address, or the token in it, may be the secret: it shows in
//! no error, log or answer.

use std::time::Duration;

use chassis::{Fault, Secret};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};
use sha2::Sha256;

use super::config::{Kind, Target, is_this_machine, needed, secret};
use super::endpoint::Failure;
use super::text::{Message, cut};

/// Header with the HMAC-SHA256 of the body in hexadecimal digits, after `sha256=`.
const SIGNATURE: &str = "x-fin-signature-256";
/// Header with the id of what happened; the same when a message comes twice.
const ID: &str = "x-fin-id";

const TELEGRAM: &str = "https://api.telegram.org";
/// Most characters that the services take in one message.
const DISCORD_MAX: usize = 2_000;
const TELEGRAM_MAX: usize = 4_096;
const SLACK_MAX: usize = 4_000;
/// Shorter parts of an address are words such as `hooks` and `services`.
const SECRET_PART_MIN: usize = 9;

/// A way to a hook or a chat.
pub(super) struct Hook {
    http: Client,
    url: Url,
    form: Form,
}

/// What is posted.
enum Form {
    Webhook { key: Option<Secret> },
    Slack,
    Discord,
    Telegram { chat_id: String },
}

impl Hook {
    /// The way to `target`, whose keys stand under `key`; an attempt takes at most `timeout`. `None`: it is no hook.
    ///
    /// # Errors
    /// Names the key that is missing, and a file or address that cannot be used.
    pub(super) fn of(target: &Target, key: &str, timeout: Duration) -> Result<Option<Self>, Fault> {
        let kind = target.kind;
        let (url, form) = match kind {
            Kind::Email => return Ok(None),
            Kind::Webhook => {
                let url = match &target.url {
                    Some(text) => public(text, &format!("{key}.url"))?,
                    None => hidden(target, key)?,
                };
                let signs = target.secret_file.is_some();
                let secret = signs.then(|| secret(target.secret_file.as_ref(), key, "secret", kind)).transpose()?;
                (url, Form::Webhook { key: secret })
            }
            Kind::Slack => (hidden(target, key)?, Form::Slack),
            Kind::Discord => (hidden(target, key)?, Form::Discord),
            Kind::Telegram => {
                let token = secret(target.token_file.as_ref(), key, "token", kind)?;
                let base = target.api_url.as_deref().unwrap_or(TELEGRAM);
                let base = protected(public(base, &format!("{key}.api_url"))?, &format!("{key}.api_url"))?;
                let path = format!("{}/bot{}/sendMessage", base.as_str().trim_end_matches('/'), token.expose());
                let chat_id = needed(target.chat_id.as_deref(), key, "chat_id", kind)?.to_owned();
                (address(&path, &format!("{key}.token_file"))?, Form::Telegram { chat_id })
            }
        };
        chassis::tls::install_provider();
        // A redirect would carry the message, and its signature, to where nobody meant it to go.
        let http = Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| Fault::new(key, format!("cannot be connected to: {error}")))?;
        Ok(Some(Self { http, url, form }))
    }

    /// Sends `message` once; returns what came back.
    ///
    /// # Errors
    /// Says what came back instead, and whether another attempt makes sense.
    pub(super) async fn send(&self, message: &Message) -> Result<String, Failure> {
        let request = self.request(message)?;
        answered(request.send().await)
            .await
            .map_err(|failure| Failure { detail: self.hush(&failure.detail), ..failure })
    }

    fn request(&self, message: &Message) -> Result<RequestBuilder, Failure> {
        let post = self.http.post(self.url.clone());
        Ok(match &self.form {
            Form::Webhook { key } => {
                let body = serde_json::to_vec(message).map_err(|error| Failure::passing(error.to_string()))?;
                let request = post.header("content-type", "application/json").header(ID, &message.notice.id);
                let signed = match key {
                    Some(key) => request.header(SIGNATURE, signature(key, &body)),
                    None => request,
                };
                signed.body(body)
            }
            Form::Slack => post.json(&json!({ "text": for_slack(&cut(&message.text, SLACK_MAX)) })),
            Form::Discord => {
                let text = cut(&message.text, DISCORD_MAX);
                post.json(&json!({ "content": text, "allowed_mentions": { "parse": [] } }))
            }
            Form::Telegram { chat_id } => {
                let text = cut(&message.text, TELEGRAM_MAX);
                let link = json!({ "is_disabled": true });
                post.json(&json!({ "chat_id": chat_id, "text": text, "link_preview_options": link }))
            }
        })
    }

    /// `text` without what the address keeps: servers like to repeat the path that they do not know.
    fn hush(&self, text: &str) -> String {
        let parts = self.url.path_segments().into_iter().flatten().chain(self.url.query());
        let parts = parts.filter(|part| part.len() >= SECRET_PART_MIN);
        let whole = Some(self.url.path()).filter(|path| path.len() > 1);
        [self.url.as_str()]
            .into_iter()
            .chain(whole)
            .chain(parts)
            .fold(text.to_owned(), |t, part| t.replace(part, "***"))
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

/// An address from a file: a secret.
fn hidden(target: &Target, key: &str) -> Result<Url, Fault> {
    let url = secret(target.url_file.as_ref(), key, "url", target.kind)?;
    let key = format!("{key}.url_file");
    protected(address(url.expose(), &key)?, &key)
}

/// An address that everybody may see.
fn public(text: &str, key: &str) -> Result<Url, Fault> {
    let url = address(text, key)?;
    if url.username().is_empty() && url.password().is_none() {
        return Ok(url);
    }
    Err(Fault::new(key, "holds a password").fix("put the whole address into a file and name it by `url_file`"))
}

/// An address; what is wrong is said without it, since it may be the secret.
fn address(text: &str, key: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    url.ok_or_else(|| Fault::new(key, "is not an address that begins with http:// or https://"))
}

/// `url`, over which a secret travels.
fn protected(url: Url, key: &str) -> Result<Url, Fault> {
    if url.scheme() == "https" || url.host_str().is_some_and(is_this_machine) {
        return Ok(url);
    }
    Err(Fault::new(key, "begins with http://, over which a secret must not travel").fix("use https://"))
}

/// Slack reads three characters as its own.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

async fn answered(outcome: reqwest::Result<Response>) -> Result<String, Failure> {
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
    let retry = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
    let said: String = body.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let detail = format!("HTTP {status}: {}", said.trim());
    Err(Failure { detail: detail.trim_end_matches([':', ' ']).to_owned(), retry, after })
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
    fn secrets_travel_over_tls_or_stay_on_this_machine() {
        let check = |text: &str, holds: bool| {
            assert_eq!(protected(address(text, "k").unwrap(), "k").is_ok(), holds, "{text}");
        };
        check("https://hooks.example/x", true);
        check("http://127.0.0.1:9/x", true);
        check("http://[::1]:9/x", true);
        check("http://localhost/x", true);
        check("http://hooks.example/x", false);
        check("http://localhost.example/x", false);
        assert!(public("https://ann:PASS@hooks.example/", "k").is_err_and(|fault| !fault.to_string().contains("PASS")));
    }

    #[test]
    fn what_a_server_repeats_of_the_address_is_hushed() {
        chassis::tls::install_provider();
        let url = Url::parse("https://hooks.example/services/T000/abcdefghi123?key=zyxwvutsr").unwrap();
        let hook = Hook { http: Client::new(), url, form: Form::Slack };
        let check = |text: &str, expected: &str| assert_eq!(hook.hush(text), expected);
        check("Cannot POST /services/T000/abcdefghi123", "Cannot POST ***");
        check("unknown abcdefghi123 in services", "unknown *** in services");
        check("bad key=zyxwvutsr", "bad ***");
    }

    #[test]
    fn waiting_times_are_read_and_nonsense_is_not() {
        assert_eq!(seconds("1.5"), Some(Duration::from_millis(1_500)));
        assert_eq!((seconds("-1"), seconds("Wed, 21 Oct 2026 07:28:00 GMT")), (None, None));
    }
}
