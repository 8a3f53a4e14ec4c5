//! A message as people read it.

use domain::UnixNanos;
use domain::ops::Severity;
use serde::Serialize;

use super::gather::Group;
use super::notice::Notice;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    /// What happened, the newest of those alike.
    #[serde(flatten)]
    pub notice: Notice,
    /// How many like it came before it and are told with it.
    pub more_like_it: u64,
    /// When the first of them was.
    pub since: UnixNanos,
    /// How many other notices were left out since the last message.
    pub left_out: u64,
    /// SIM, PAPER or LIVE.
    pub mode: String,
    /// The dashboard's page about it.
    pub link: Option<String>,
    /// When it happened, on the exchange's clock.
    pub at_exchange: String,
    /// All of it as text.
    pub text: String,
}

impl Message {
    /// The message for `group` in `mode`; links begin with `public_url` unless that is empty.
    pub(super) fn of<T>(group: &Group<T>, mode: &str, public_url: &str) -> Self {
        Self::new(group.notice.clone(), (group.more, group.since, group.left_out), mode, public_url)
    }

    pub(super) fn single(notice: Notice, mode: &str, public_url: &str) -> Self {
        let since = notice.at;
        Self::new(notice, (0, since, 0), mode, public_url)
    }

    fn new(notice: Notice, (more, since, left_out): (u64, UnixNanos, u64), mode: &str, public_url: &str) -> Self {
        let base = public_url.trim_end_matches('/');
        let link = (!base.is_empty()).then(|| format!("{base}/{}", notice.place));
        let mut message = Self {
            more_like_it: more,
            since,
            left_out,
            mode: mode.to_owned(),
            link,
            at_exchange: exchange(notice.at),
            text: String::new(),
            notice,
        };
        message.text = message.lines().join("\n");
        message
    }

    /// The subject of a mail.
    pub(super) fn subject(&self) -> String {
        let more = if self.more_like_it > 0 { format!(" (and {} more)", self.more_like_it) } else { String::new() };
        format!("[{}] {}: {}{more}", self.mode, word(self.notice.severity), self.notice.title)
    }

    fn lines(&self) -> Vec<String> {
        let notice = &self.notice;
        let mut lines = vec![format!("{} {}", word(notice.severity), notice.title)];
        lines.extend(notice.body.lines().map(str::to_owned));
        if let Some(todo) = &notice.what_to_do {
            lines.push(format!("Do: {todo}"));
        }
        if self.more_like_it > 0 {
            lines.push(format!("And {} more like it since {}.", self.more_like_it, exchange(self.since)));
        }
        if self.left_out > 0 {
            lines.push(format!("{} other messages were left out; the dashboard lists them.", self.left_out));
        }
        let code = notice.code.iter().cloned();
        let plan = notice.plan_id.iter().map(|id| format!("plan {id}"));
        let foot = [self.mode.clone(), self.at_exchange.clone()].into_iter().chain(code).chain(plan);
        lines.push(foot.collect::<Vec<_>>().join(" | "));
        lines.extend(self.link.clone());
        lines
    }
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

fn exchange(at: UnixNanos) -> String {
    at.to_new_york().format("%Y-%m-%d %H:%M:%S ET").to_string()
}

/// `text`, cut to at most `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use testkit::build;

    use super::super::notice::{Told, told};
    use super::*;

    #[test]
    fn a_message_says_what_when_what_to_do_and_where_to_look() {
        let mut error = build::error_raised("executor", "not_flat");
        error.severity = Severity::Critical;
        error.message = "GME: 100 shares and 0 orders are left after the close of 2026-11-24".into();
        error.at = build::session().at_hm(16, 1);
        let Told::Notice(notice) = told(&error.into(), &build::meta(&["e"], "executor")) else { panic!() };
        let of = |more| {
            let since = build::session().at_hm(15, 59);
            Message::new((*notice).clone(), (more, since, 0), "PAPER", "https://desk.example/")
        };
        let expected = "CRITICAL executor: GME: 100 shares and 0 orders are left after the close of 2026-11-24\n\
                        Do: Close what is left at the broker in extended hours, or set a stop and hold it on purpose.\n\
                        PAPER | 2026-11-24 16:01:00 ET | not_flat\n\
                        https://desk.example/#/system";
        assert_eq!(of(0).text, expected);
        assert!(of(12).text.contains("\nAnd 12 more like it since 2026-11-24 15:59:00 ET.\n"));
        assert!(of(12).subject().starts_with("[PAPER] CRITICAL: executor: GME"));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((cut("añb", 3), cut("añbc", 3)), ("añb".into(), "añ…".into()));
    }
}
