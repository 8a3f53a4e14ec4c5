//! Who may use the API: bucket `tokens` keeps a name, a scope and the hash of a random token, never the token.

use async_nats::jetstream::kv::{CreateErrorKind, Operation};
use async_nats::jetstream::stream::RawMessageErrorKind;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use domain::UnixNanos;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::connect::Bus;
use crate::error::BusError;

/// What a token opens; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Looking.
    Read,
    /// Commands to the running suite.
    Operate,
    /// Changing what it runs.
    Admin,
}

impl Scope {
    /// Every scope, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// The name on the command line and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its name: the author of every command that comes with it.
    pub name: String,
    /// What it opens.
    pub scope: Scope,
    /// When it was made, UTC nanoseconds.
    pub created_at: i64,
    /// SHA-256 of the token, in hexadecimal digits.
    pub hash: String,
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name cannot be one.
    #[error("a token's name is 1 to 40 of a-z, 0-9, `-` and `_`, and not `local`; `{0}` is none")]
    Name(String),
    /// The name is taken.
    #[error("there is a token `{0}` already; revoke it first")]
    Taken(String),
    /// The operating system gave no randomness.
    #[error("no random numbers: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The bus did not store it.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Makes a token of 256 random bits and keeps its hash. The answer is the only place where it ever stands.
pub async fn create(bus: &Bus, name: &str, scope: Scope, at: UnixNanos) -> Result<String, TokenError> {
    if !is_name(name) {
        return Err(TokenError::Name(name.to_owned()));
    }
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random)?;
    let secret = format!("fin_{}", BASE64URL_NOPAD.encode(&random));
    let token = Token { name: name.to_owned(), scope, created_at: at.nanos(), hash: hash(&secret) };
    let value = serde_json::to_vec(&token).map_err(|e| BusError::request("writing a token", e))?;
    match bucket(bus).await?.create(name, value.into()).await {
        Ok(_) => Ok(secret),
        Err(e) if e.kind() == CreateErrorKind::AlreadyExists => Err(TokenError::Taken(name.to_owned())),
        Err(e) => Err(BusError::request(format!("storing token {name}"), e).into()),
    }
}

/// Every token that is valid, oldest first; an entry that is none is passed over with a warning.
pub async fn list(bus: &Bus) -> Result<Vec<Token>, BusError> {
    let what = "reading the tokens";
    let stream = bus.context().get_stream_no_info("KV_tokens").await.map_err(|e| BusError::request(what, e))?;
    let (mut tokens, mut next) = (Vec::new(), 1);
    loop {
        match stream.raw_message_builder().sequence(next).next_by_subject("$KV.tokens.>").send().await {
            Ok(found) => {
                next = found.sequence + 1;
                // A revoked one leaves an empty message with an operation.
                if found.headers.get("KV-Operation").is_some() {
                    continue;
                }
                match serde_json::from_slice(&found.payload) {
                    Ok(token) => tokens.push(token),
                    Err(error) => {
                        tracing::warn!(key = %found.subject, %error, "an entry that is no token opens nothing");
                    }
                }
            }
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => return Ok(tokens),
            Err(e) => return Err(BusError::request(what, e)),
        }
    }
}

/// Makes the token `name` worthless; false if there is none.
pub async fn revoke(bus: &Bus, name: &str) -> Result<bool, BusError> {
    if !is_name(name) {
        return Ok(false);
    }
    let bucket = bucket(bus).await?;
    let what = || format!("revoking token {name}");
    let entry = bucket.entry(name).await.map_err(|e| BusError::request(what(), e))?;
    if entry.is_none_or(|entry| entry.operation != Operation::Put) {
        return Ok(false);
    }
    bucket.delete(name).await.map_err(|e| BusError::request(what(), e))?;
    Ok(true)
}

/// What is kept of a token in its place.
pub fn hash(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=40).contains(&name.len()) && name.bytes().all(plain) && name != "local"
}

async fn bucket(bus: &Bus) -> Result<async_nats::jetstream::kv::Store, BusError> {
    let found = bus.context().get_key_value("tokens").await;
    found.map_err(|_| BusError::Missing { what: "bucket tokens".to_owned() })
}
