//! Where decisions live: in the suite's own streams, or in SHADOW, where a strategy on trial decides beside it.
//!
//! On trial the streams of decisions and reports share SHADOW, under `shadow.` and the subject that they have otherwise;
//! everything else is the suite's own, to be read and never to be written.

use domain::StreamName;

/// Name of the stream of a strategy on trial.
pub(crate) const SHADOW: &str = "SHADOW";
/// First token of its subjects.
pub(crate) const PREFIX: &str = "shadow";

/// Which of the two a connection decides in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum World {
    /// The suite that trades.
    #[default]
    Live,
    /// A strategy on trial.
    Shadow,
}

impl World {
    /// True where `stream` is another one than the suite's.
    pub(crate) const fn moves(self, stream: StreamName) -> bool {
        match self {
            Self::Live => false,
            Self::Shadow => {
                matches!(stream, StreamName::Scan | StreamName::Plan | StreamName::Risk | StreamName::Ops)
            }
        }
    }

    /// True where this world may write events of `stream`.
    pub(crate) const fn writes(self, stream: StreamName) -> bool {
        matches!(self, Self::Live) || self.moves(stream)
    }

    /// The stream on the server that holds `stream`.
    pub(crate) const fn server_stream(self, stream: StreamName) -> &'static str {
        if self.moves(stream) { SHADOW } else { stream.as_str() }
    }

    /// Where what lies on `subject` (or wildcard) of `stream` lies in this world.
    pub(crate) fn subject(self, stream: StreamName, subject: &str) -> String {
        if self.moves(stream) { format!("{PREFIX}.{subject}") } else { subject.to_owned() }
    }

    /// The subject of `stream` that lies on `subject` in this world; `None` where none does.
    pub(crate) fn plain(self, stream: StreamName, subject: &str) -> Option<&str> {
        if self.moves(stream) { subject.strip_prefix(PREFIX)?.strip_prefix('.') } else { Some(subject) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_on_trial_lie_in_shadow_and_what_they_rest_on_does_not() {
        let check = |stream: StreamName, server: &str, subject: &str| {
            assert_eq!(World::Shadow.server_stream(stream), server);
            let moved = World::Shadow.subject(stream, "x.v1.y");
            assert_eq!(moved, subject);
            assert_eq!(World::Shadow.plain(stream, &moved), Some("x.v1.y"));
            assert_eq!(World::Live.subject(stream, "x.v1.y"), "x.v1.y");
            assert_eq!(World::Live.server_stream(stream), stream.as_str());
            assert_eq!(World::Shadow.writes(stream), server == "SHADOW");
        };
        check(StreamName::Scan, "SHADOW", "shadow.x.v1.y");
        check(StreamName::Plan, "SHADOW", "shadow.x.v1.y");
        check(StreamName::Risk, "SHADOW", "shadow.x.v1.y");
        check(StreamName::Ops, "SHADOW", "shadow.x.v1.y");
        check(StreamName::Market, "MARKET", "x.v1.y");
        check(StreamName::Order, "ORDER", "x.v1.y");
        check(StreamName::Control, "CONTROL", "x.v1.y");
        assert_eq!(World::Shadow.plain(StreamName::Risk, "risk.v1.plan_approved.x"), None);
        assert_eq!(World::Shadow.plain(StreamName::Risk, "shadows.v1"), None);
    }
}
