//! Where the vendors and the broker are, and what opens their doors: table `vendors`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Fault;
use crate::secret::Secret;

/// Every vendor's table.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Vendors {
    /// Trades, news, quotes.
    pub finnhub: Finnhub,
    /// Daily and five-minute bars.
    pub yahoo: Yahoo,
    /// Fundamentals.
    pub alphavantage: AlphaVantage,
    /// The broker.
    pub alpaca: Alpaca,
    /// The simulator, where the vendors are simulated.
    pub sim: Sim,
}

/// Finnhub.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Finnhub {
    /// WebSocket address, without the token.
    pub ws_url: String,
    /// REST address, what stands before `/api/v1`.
    pub rest_url: String,
    /// API token; environment only.
    #[cfg_attr(feature = "schema", schemars(skip))] // never in a file
    pub token: Option<Secret>,
    /// File that holds the API token.
    pub token_file: Option<PathBuf>,
}

impl Finnhub {
    /// True when a token is named somewhere.
    pub const fn has_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    /// The API token.
    ///
    /// # Errors
    /// Names the key and the file.
    pub fn token(&self) -> Result<Secret, Fault> {
        Secret::resolve("vendors.finnhub.token", self.token.as_ref(), self.token_file.as_deref())
    }
}

/// Yahoo's chart service; needs no key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Yahoo {
    /// REST address, what stands before `/v8`.
    pub rest_url: String,
}

/// Alpha Vantage.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AlphaVantage {
    /// REST address, what stands before `/query`.
    pub rest_url: String,
    /// API key; environment only.
    #[cfg_attr(feature = "schema", schemars(skip))] // never in a file
    pub key: Option<Secret>,
    /// File that holds the API key.
    pub key_file: Option<PathBuf>,
}

impl AlphaVantage {
    /// True when a key is named somewhere.
    pub const fn has_key(&self) -> bool {
        self.key.is_some() || self.key_file.is_some()
    }

    /// The API key.
    ///
    /// # Errors
    /// Names the key and the file.
    pub fn key(&self) -> Result<Secret, Fault> {
        Secret::resolve("vendors.alphavantage.key", self.key.as_ref(), self.key_file.as_deref())
    }
}

/// Alpaca's trading and market-data services.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Alpaca {
    /// REST address, what stands before `/v2`.
    pub rest_url: String,
    /// REST address of market data and news, what stands before `/v2`; empty: the same as `rest_url`.
    pub data_url: String,
    /// Address of the trade-updates stream.
    pub stream_url: String,
    /// Address of the market-data stream, what stands before `/sip` or `/iex`.
    pub data_stream_url: String,
    /// Key id; environment only.
    #[cfg_attr(feature = "schema", schemars(skip))] // never in a file
    pub key: Option<Secret>,
    /// File that holds the key id.
    pub key_file: Option<PathBuf>,
    /// Secret key; environment only.
    #[cfg_attr(feature = "schema", schemars(skip))] // never in a file
    pub secret: Option<Secret>,
    /// File that holds the secret key.
    pub secret_file: Option<PathBuf>,
}

impl Alpaca {
    /// REST address of market data and news.
    pub fn data_url(&self) -> &str {
        if self.data_url.is_empty() { &self.rest_url } else { &self.data_url }
    }

    /// True when key and secret are named somewhere.
    pub const fn has_keys(&self) -> bool {
        (self.key.is_some() || self.key_file.is_some()) && (self.secret.is_some() || self.secret_file.is_some())
    }

    /// The key id.
    ///
    /// # Errors
    /// Names the key and the file.
    pub fn key(&self) -> Result<Secret, Fault> {
        Secret::resolve("vendors.alpaca.key", self.key.as_ref(), self.key_file.as_deref())
    }

    /// The secret key.
    ///
    /// # Errors
    /// Names the key and the file.
    pub fn secret(&self) -> Result<Secret, Fault> {
        Secret::resolve("vendors.alpaca.secret", self.secret.as_ref(), self.secret_file.as_deref())
    }
}

/// vendor-sim's own service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Sim {
    /// Its control address, what stands before `/clock`; empty where vendors are real.
    pub rest_url: String,
}

/// Keys that must not stand in a file.
pub(crate) const SECRET_KEYS: [&str; 5] = [
    "vendors.finnhub.token",
    "vendors.alphavantage.key",
    "vendors.alpaca.key",
    "vendors.alpaca.secret",
    "recorder.store_password",
];
