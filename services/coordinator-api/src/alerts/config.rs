//! The `alerts` table of the configuration.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chassis::Fault;
use domain::ops::Severity;
use serde::{Deserialize, Serialize};

/// Whom to tell, and how patiently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Address of the dashboard as people open it, for links; empty: no links.
    pub public_url: String,
    /// An error like one that was sent is held back for so long, s; what came meanwhile is told in one message.
    pub collapse_s: u64,
    /// A message that cannot be delivered for so long is given up, s.
    pub give_up_s: u64,
    /// One attempt, ms.
    pub timeout_ms: u64,
    /// What happened longer ago is not sent any more, s.
    pub age_max_s: u64,
    /// Where alerts go.
    pub targets: Vec<Target>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            collapse_s: 300,
            give_up_s: 600,
            timeout_ms: 10_000,
            age_max_s: 86_400,
            targets: Vec::new(),
        }
    }
}

/// One place where people are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name in logs, metrics and on the dashboard.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What is sent there.
    #[serde(default = "every_topic")]
    pub events: Vec<Topic>,
    /// The least severe error that is sent.
    #[serde(default = "critical")]
    #[cfg_attr(feature = "schema", schemars(with = "SeverityName"))]
    pub severity_min: Severity,
    /// Messages that may go out at once after a quiet time.
    #[serde(default = "burst")]
    pub burst: u32,
    /// Messages a minute in the long run.
    #[serde(default = "per_minute")]
    pub per_minute: u32,
    /// webhook: its address, where that is no secret.
    #[serde(default)]
    pub url: Option<String>,
    /// webhook, slack, discord: file with its address.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// webhook: file with the key that bodies are signed with.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// telegram: file with the bot's token.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// telegram: the chat, or a channel's @name.
    #[serde(default)]
    pub chat_id: Option<String>,
    /// telegram: address of the Bot API; Telegram's own unless given.
    #[serde(default)]
    pub api_url: Option<String>,
    /// email: the mail server that takes the messages.
    #[serde(default)]
    pub host: Option<String>,
    /// email: its port; 587 with starttls, 465 with tls, 25 with none.
    #[serde(default)]
    pub port: Option<u16>,
    /// email: how the connection is protected; starttls unless given.
    #[serde(default)]
    pub security: Option<Security>,
    /// email: PEM file of the authority that signed the server's certificate; public ones unless given.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// email: who logs in; nobody unless given.
    #[serde(default)]
    pub user: Option<String>,
    /// email: file with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// email: the sender.
    #[serde(default)]
    pub from: Option<String>,
    /// email: the receivers.
    #[serde(default)]
    pub to: Vec<String>,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Takes our JSON.
    Webhook,
    /// An incoming webhook of Slack, or one that understands the same.
    Slack,
    /// A webhook of Discord, or one that understands the same.
    Discord,
    /// A chat of a Telegram bot.
    Telegram,
    /// Mail by SMTP.
    Email,
}

impl Kind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Telegram => "telegram",
            Self::Email => "email",
        }
    }
}

/// What people are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// What went wrong, from `severity_min` on.
    Errors,
    /// What may be traded: by a person, by a limit, or a day that only observes.
    TradingState,
    /// Shares that changed hands.
    Fills,
    /// What a session came to, after its close.
    DaySummary,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Plain at first, then TLS; refused where the server offers none.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None: for a relay on this machine.
    None,
}

/// The names that a severity has in the configuration.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its form counts")]
enum SeverityName {
    Info,
    Warning,
    Critical,
}

fn every_topic() -> Vec<Topic> {
    vec![Topic::Errors, Topic::TradingState, Topic::Fills, Topic::DaySummary]
}

const fn critical() -> Severity {
    Severity::Critical
}

const fn burst() -> u32 {
    5
}

const fn per_minute() -> u32 {
    20
}

impl Alerts {
    /// The table's name.
    pub const SECTION: &'static str = "alerts";

    /// Everything that is wrong, files that cannot be read included.
    pub fn check(&self) -> Vec<Fault> {
        let ranges = [
            Fault::outside("alerts.collapse_s", self.collapse_s, 1..=86_400, "s"),
            Fault::outside("alerts.give_up_s", self.give_up_s, 1..=86_400, "s"),
            Fault::outside("alerts.timeout_ms", self.timeout_ms, 100..=120_000, "ms"),
            Fault::outside("alerts.age_max_s", self.age_max_s, 60..=2_592_000, "s"),
            Fault::outside("alerts.targets", self.targets.len() as u64, 0..=16, "targets"),
            Fault::unless(
                self.public_url.is_empty() || is_http(&self.public_url),
                "alerts.public_url",
                format!("`{}`", self.public_url),
                "an address such as https://desk.example",
            ),
        ];
        let mut faults: Vec<Fault> = ranges.into_iter().flatten().collect();
        let mut names = BTreeSet::new();
        for (i, target) in self.targets.iter().enumerate() {
            let key = format!("alerts.targets.{i}");
            if !names.insert(&target.name) {
                faults.push(Fault::new(format!("{key}.name"), format!("is `{}`, as another target's", target.name)));
            }
            faults.extend(target.faults(&key));
            if let Err(fault) = super::endpoint::Endpoint::of(target, &key, self.timeout()) {
                faults.push(fault);
            }
        }
        faults
    }

    /// `timeout_ms` as a duration.
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// `give_up_s` as a duration.
    pub const fn give_up(&self) -> Duration {
        Duration::from_secs(self.give_up_s)
    }

    /// `collapse_s` as a duration.
    pub const fn collapse(&self) -> Duration {
        Duration::from_secs(self.collapse_s)
    }
}

impl Target {
    /// What is wrong beyond what the endpoint itself needs.
    fn faults(&self, key: &str) -> Vec<Fault> {
        let at = |name: &str| format!("{key}.{name}");
        let name_holds = !self.name.is_empty()
            && self.name.len() <= 40
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let name = format!("`{}`", self.name);
        let mut faults: Vec<Fault> = [
            Fault::unless(name_holds, &at("name"), name, "1 to 40 letters, digits, - or _"),
            Fault::outside(&at("burst"), self.burst.into(), 1..=100, "messages"),
            Fault::outside(&at("per_minute"), self.per_minute.into(), 1..=600, "messages"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.events.is_empty() {
            faults.push(Fault::new(at("events"), "is empty: nothing would ever be sent"));
        }
        if self.url.is_some() && self.url_file.is_some() {
            faults.push(Fault::new(at("url_file"), "stands beside `url`: one of them"));
        }
        faults.extend(
            self.strangers().map(|name| Fault::new(at(name), format!("means nothing to kind {}", self.kind.as_str()))),
        );
        faults
    }

    /// Keys that are set and belong to another kind.
    fn strangers(&self) -> impl Iterator<Item = &'static str> {
        let kind = self.kind;
        let hooks: &[Kind] = &[Kind::Webhook, Kind::Slack, Kind::Discord];
        let (webhook, telegram, email): (&[Kind], &[Kind], &[Kind]) =
            (&[Kind::Webhook], &[Kind::Telegram], &[Kind::Email]);
        [
            ("url", self.url.is_some(), webhook),
            ("url_file", self.url_file.is_some(), hooks),
            ("secret_file", self.secret_file.is_some(), webhook),
            ("token_file", self.token_file.is_some(), telegram),
            ("chat_id", self.chat_id.is_some(), telegram),
            ("api_url", self.api_url.is_some(), telegram),
            ("host", self.host.is_some(), email),
            ("port", self.port.is_some(), email),
            ("security", self.security.is_some(), email),
            ("ca_file", self.ca_file.is_some(), email),
            ("user", self.user.is_some(), email),
            ("password_file", self.password_file.is_some(), email),
            ("from", self.from.is_some(), email),
            ("to", !self.to.is_empty(), email),
        ]
        .into_iter()
        .filter(move |(_, set, kinds)| *set && !kinds.contains(&kind))
        .map(|(name, ..)| name)
    }
}

/// True for a host that is reached without a network.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_http(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

pub(super) fn needed<'a, T: ?Sized>(value: Option<&'a T>, key: &str, name: &str, kind: Kind) -> Result<&'a T, Fault> {
    value.ok_or_else(|| Fault::new(format!("{key}.{name}"), format!("is missing, and kind {} needs it", kind.as_str())))
}

/// The file that holds a secret called `{key}.{name}`.
pub(super) fn secret(file: Option<&PathBuf>, key: &str, name: &str, kind: Kind) -> Result<chassis::Secret, Fault> {
    let file: &Path = needed(file, key, &format!("{name}_file"), kind)?;
    chassis::Secret::resolve(&format!("{key}.{name}"), None, Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(yaml: serde_json::Value) -> Vec<String> {
        let alerts: Alerts = serde_json::from_value(yaml).unwrap();
        alerts.check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_missing_or_strange_is_named_with_its_target() {
        let check = |target: serde_json::Value, expected: &[&str]| {
            let found = faults(serde_json::json!({ "targets": [target] }));
            assert_eq!(found, expected);
        };
        check(serde_json::json!({ "name": "a", "kind": "webhook", "url": "http://127.0.0.1:1/x" }), &[]);
        check(
            serde_json::json!({ "name": "a", "kind": "webhook", "url": "nowhere" }),
            &["`alerts.targets.0.url` is not an address that begins with http:// or https://"],
        );
        check(
            serde_json::json!({ "name": "a", "kind": "slack" }),
            &["`alerts.targets.0.url_file` is missing, and kind slack needs it"],
        );
        check(
            serde_json::json!({ "name": "a", "kind": "slack", "url_file": "/nowhere/slack" }),
            &[
                "`alerts.targets.0.url_file` names /nowhere/slack, which cannot be read: No such file or directory (os error 2)",
            ],
        );
        check(
            serde_json::json!({ "name": "a b", "kind": "webhook", "url": "http://x/", "chat_id": "1", "events": [] }),
            &[
                "`alerts.targets.0.name` is `a b`, must be 1 to 40 letters, digits, - or _",
                "`alerts.targets.0.events` is empty: nothing would ever be sent",
                "`alerts.targets.0.chat_id` means nothing to kind webhook",
            ],
        );
        check(
            serde_json::json!({ "name": "a", "kind": "email", "host": "mail.example", "from": "nobody", "to": ["a@b.example"] }),
            &["`alerts.targets.0.from` is `nobody`, must be an address such as ann@example.com"],
        );
        check(
            serde_json::json!({ "name": "a", "kind": "email", "host": "mail.example", "security": "none",
                                "from": "a@b.example", "to": ["a@b.example"] }),
            &["`alerts.targets.0.security` is none, which is for a relay on this machine alone"],
        );
    }

    #[test]
    fn two_targets_of_one_name_are_refused() {
        let target = serde_json::json!({ "name": "a", "kind": "webhook", "url": "http://127.0.0.1:1/x" });
        let found = faults(serde_json::json!({ "public_url": "desk", "targets": [target, target] }));
        assert_eq!(
            found,
            [
                "`alerts.public_url` is `desk`, must be an address such as https://desk.example",
                "`alerts.targets.1.name` is `a`, as another target's",
            ]
        );
    }
}
