//! Faults of the REST calls, of the streams and of the market that can be asked for.

mod fault;
mod line;
mod scenario;
mod yaml;

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;

pub(crate) use fault::{After, Fault, Frame};
pub(crate) use line::{Line, Part};
pub(crate) use scenario::read;

use crate::calendar;

/// What faults can wait for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// UTC nanoseconds of the market clock.
    pub(crate) now: i64,
    pub(crate) date: NaiveDate,
    /// Orders that the broker has taken, and fills.
    pub(crate) orders: usize,
    pub(crate) fills: usize,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    since: Seen,
    skipped: u32,
    left: u32,
}

#[derive(Debug, Default)]
struct State {
    seen: Seen,
    armed: Vec<Armed>,
}

/// The faults still to come, in the order they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<State>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        let mut state = self.lock();
        let since = state.seen;
        state.armed.push(Armed { since, skipped: 0, left: fault.times(), fault });
    }

    pub(crate) fn clear(&self) {
        self.lock().armed.clear();
    }

    /// With how often each may still happen.
    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().armed.iter().map(|armed| armed.fault.with_left(armed.left)).collect()
    }

    /// Takes note of where the market stands.
    pub(crate) fn observe(&self, seen: Seen) {
        self.lock().seen = seen;
    }

    /// The fault that hits this call, used up by it. `said` is the rest of the call: its query and body.
    pub(crate) fn hit(&self, method: &str, path: &str, said: &str) -> Option<Fault> {
        self.take(method, path, said, |_| true)
    }

    /// What happens to the next frame of `stream`; a swap only hits a frame with another one behind it.
    pub(crate) fn frame(&self, stream: &str, frame: &str, followed: bool) -> Option<Fault> {
        self.take("SEND", stream, frame, |fault| followed || fault.frame != Some(Frame::Swap))
    }

    fn take(&self, method: &str, path: &str, said: &str, also: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut state = self.lock();
        let (seen, armed) = (state.seen, &mut state.armed);
        let below = path.strip_prefix("/alpaca").unwrap_or(path);
        let meant = |wanted: &str| path.starts_with(wanted) || below.starts_with(wanted);
        let hits = |armed: &Armed| {
            let fault = &armed.fault;
            fault.place().is_some_and(|(verb, wanted)| verb == method && meant(wanted))
                && fault.containing.as_ref().is_none_or(|text| path.contains(text) || said.contains(text))
                && armed.is_due(seen)
                && also(fault)
        };
        let at = armed.iter_mut().position(|armed| hits(armed) && armed.skipped_enough())?;
        armed[at].left = armed[at].left.saturating_sub(1);
        Some(if armed[at].left == 0 { armed.remove(at).fault } else { armed[at].fault.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn is_due(&self, seen: Seen) -> bool {
        let After { orders, fills } = self.fault.after;
        let time = |time| calendar::instant(seen.date, time);
        self.fault.at.is_none_or(|at| seen.now >= time(at))
            && self.fault.until.is_none_or(|until| seen.now < time(until))
            && seen.orders >= self.since.orders + orders
            && seen.fills >= self.since.fills + fills
    }

    /// Counts an occasion that is let pass.
    fn skipped_enough(&mut self) -> bool {
        let enough = self.skipped >= self.fault.skip;
        self.skipped += u32::from(!enough);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(faults: &[&str]) -> Faults {
        let all = Faults::default();
        faults.iter().flat_map(|text| read(text).unwrap()).for_each(|fault| all.add(fault));
        all
    }

    #[test]
    fn a_fault_hits_its_calls_and_is_used_up() {
        let faults = asked(&[r#"{"on": "POST /v2/orders", "delay_ms": 5, "count": 2}"#]);
        assert!(faults.hit("GET", "/v2/orders", "").is_none());
        assert!(faults.hit("POST", "/v2/orders", "").is_some_and(|f| !f.is_before()));
        assert!(faults.hit("POST", "/v2/orders", "").is_some());
        assert!(faults.hit("POST", "/v2/orders", "").is_none());
        let faults = asked(&[r#"{"on": "GET /v2/calendar", "body": []}"#]);
        assert!(faults.hit("GET", "/finnhub/v2/calendar", "").is_none());
        assert!(faults.hit("GET", "/alpaca/v2/calendar", "").is_some());
    }

    #[test]
    fn a_fault_waits_for_its_words_its_turn_and_its_hour() {
        let faults = asked(&["{on: POST /v2/orders, status: 503, containing: GME, skip: 1}"]);
        assert!(faults.hit("POST", "/v2/orders", "AMC").is_none());
        assert!(faults.hit("POST", "/v2/orders", "GME").is_none(), "the first is let pass");
        assert!(faults.hit("POST", "/v2/orders", "AMC").is_none());
        assert!(faults.hit("POST", "/v2/orders", "GME").is_some());

        let faults = asked(&["{on: GET /v2/clock, status: 503, at: '10:00', until: '10:05', after: {fills: 2}}"]);
        let date = "2026-11-24".parse().unwrap();
        let seen =
            |time: &str, fills| Seen { now: calendar::instant(date, time.parse().unwrap()), date, orders: 0, fills };
        for (time, fills, hit) in [
            ("09:59:59", 2, false),
            ("10:00:00", 1, false),
            ("10:00:00", 2, true),
            ("10:04:59", 3, true),
            ("10:05:00", 3, false),
        ] {
            faults.observe(seen(time, fills));
            assert_eq!(faults.hit("GET", "/v2/clock", "").is_some(), hit, "{time} {fills}");
        }
    }

    #[test]
    fn a_swap_waits_for_a_frame_with_another_behind_it() {
        let faults = asked(&[r#"{"on": "SEND /finnhub", "frame": "swap"}"#]);
        let frame = |stream: &str, followed| faults.frame(stream, "", followed).and_then(|fault| fault.frame);
        assert_eq!(frame("/finnhub", false), None);
        assert_eq!(frame("/alpaca/stream", true), None);
        assert_eq!(frame("/finnhub", true), Some(Frame::Swap));
        assert_eq!(frame("/finnhub", true), None);
    }
}
