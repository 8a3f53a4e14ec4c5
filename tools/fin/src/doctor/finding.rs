//! What a check finds, and how it is told.

use std::fmt::Write as _;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// The suite runs, but not as well as it could.
    Warn,
    /// The suite does not trade with this.
    Fail,
}

/// One check's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check.
    pub name: &'static str,
    /// How bad it is.
    pub status: Status,
    /// What was seen, with its numbers; no secrets.
    pub detail: String,
    /// What to do about it; empty when nothing.
    pub fix: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) status: Status,
    pub(super) detail: String,
    pub(super) fix: String,
}

impl Complaint {
    pub(super) fn warn(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Warn, detail: detail.into(), fix: fix.into() }
    }

    pub(super) fn fail(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Fail, detail: detail.into(), fix: fix.into() }
    }
}

impl Finding {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, detail, Vec::new())
    }

    pub(super) fn fail(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, status: Status::Fail, detail: detail.into(), fix: fix.into() }
    }

    /// As bad as the worst of `complaints`, told before `detail`.
    pub(super) fn new(name: &'static str, detail: impl Into<String>, complaints: Vec<Complaint>) -> Self {
        let status = complaints.iter().map(|complaint| complaint.status).max().unwrap_or(Status::Ok);
        let (mut details, mut fixes): (Vec<_>, Vec<_>) =
            complaints.into_iter().map(|complaint| (complaint.detail, complaint.fix)).unzip();
        details.push(detail.into());
        details.retain(|text| !text.is_empty());
        fixes.dedup();
        Self { name, status, detail: details.join("; "), fix: fixes.join("; ") }
    }

    /// The same without `secrets`, which a vendor may have repeated in its answer.
    pub(super) fn without(mut self, secrets: &[String]) -> Self {
        for secret in secrets.iter().filter(|secret| secret.len() >= SECRET_LEN_MIN) {
            self.detail = self.detail.replace(secret.as_str(), "***");
            self.fix = self.fix.replace(secret.as_str(), "***");
        }
        self
    }
}

/// Shorter ones are the simulator's, and parts of words.
const SECRET_LEN_MIN: usize = 8;

/// One line a finding, its fix below it.
pub(super) fn table(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { name, status, detail, fix } in findings {
        let word = match status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{word:<5} {name:<14} {detail}");
        if !fix.is_empty() {
            let _ = writeln!(text, "{:<20} fix: {fix}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_as_bad_as_its_worst_part_and_shows_no_secret() {
        let complaints = vec![Complaint::warn("slow", "wait"), Complaint::fail("key topsecret1 refused", "replace it")];
        let finding =
            Finding::new("alpaca", "HTTP 401", complaints).without(&["topsecret1".to_owned(), "sim".to_owned()]);
        assert_eq!(finding.status, Status::Fail);
        assert_eq!(finding.detail, "slow; key *** refused; HTTP 401");
        assert_eq!(finding.fix, "wait; replace it");
        assert_eq!(Finding::ok("simple", "simulated").without(&["sim".to_owned()]).detail, "simulated");
    }
}
