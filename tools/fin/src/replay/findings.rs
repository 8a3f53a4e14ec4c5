//! What a replay found, and how two events differ.

use std::fmt;

use bus::subject::subject_of;
use domain::decision_log::DecisionLog;
use domain::{Event, StreamName};
use serde::Serialize;
use serde_json::{Value, json};

use super::recording::Recorded;

/// What a replay found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Messages read.
    pub(super) events: u64,
    /// The strategy's versions that the day was decided under.
    pub(super) versions: Vec<String>,
    /// Decisions made again, or recorded and not made again.
    pub(super) decisions: u64,
    /// The decisions made again.
    pub(super) log: DecisionLog,
    pub(super) differences: Vec<Difference>,
    /// Where the comparison of a stream ended early.
    pub(super) left_out: Vec<LeftOut>,
}

/// A recorded decision that rests on more than was read; neither it nor what comes after it in its stream is compared.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    stream: StreamName,
    /// Its sequence there.
    seq: u64,
}

/// A decision that was not made again as it is recorded.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    stream: StreamName,
    /// Its sequence in the stream; `None` when it is not recorded.
    seq: Option<u64>,
    /// The event's subject.
    subject: String,
    /// The first field that differs, such as `candidates[GME].criteria[gap].value`; empty for the event as a whole.
    field: String,
    /// What the stream holds there; null for nothing.
    recorded: Value,
    /// What comes out now; null for nothing.
    computed: Value,
}

impl Findings {
    /// Holds what was made again, if anything, against the record, byte for byte.
    pub(super) fn compare(&mut self, recorded: &Recorded, computed: Option<&Event>) {
        self.decisions += 1;
        computed.iter().for_each(|event| self.log.apply(event));
        let bytes = computed.map(events::encode);
        if bytes.as_ref() == Some(&recorded.payload) {
            return;
        }
        let (field, old, new) = match computed {
            None => (String::new(), json!(recorded.event.name()), Value::Null),
            Some(event) => first_difference(&json_of(&recorded.event), &json_of(event)).unwrap_or_else(|| {
                // Alike as far as this version reads them.
                let length = bytes.map_or(0, |bytes| bytes.len());
                ("bytes".to_owned(), json!(recorded.payload.len()), json!(length))
            }),
        };
        self.differences.push(Difference {
            stream: recorded.event.stream(),
            seq: Some(recorded.seq),
            subject: recorded.subject.clone(),
            field,
            recorded: old,
            computed: new,
        });
    }

    /// Takes the first decision that is not compared.
    pub(super) fn leave_out(&mut self, first: &Recorded) {
        self.left_out.push(LeftOut { stream: first.event.stream(), seq: first.seq });
    }

    /// Takes a decision that is not recorded.
    pub(super) fn unrecorded(&mut self, computed: &Event) {
        self.decisions += 1;
        self.log.apply(computed);
        self.differences.push(Difference {
            stream: computed.stream(),
            seq: None,
            subject: subject_of(computed),
            field: String::new(),
            recorded: Value::Null,
            computed: json!(computed.name()),
        });
    }
}

/// Differences shown to a person; `--json` has all.
const SHOWN: usize = 50;

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differences = self.differences.len();
        writeln!(f, "{} events, {} decisions, {differences} differ", self.events, self.decisions)?;
        writeln!(f, "decisions sha256  {}", self.log.sha256())?;
        for Difference { stream, seq, subject, field, recorded, computed } in self.differences.iter().take(SHOWN) {
            let seq = seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
            let at = if field.is_empty() { String::new() } else { format!(" {field}") };
            writeln!(f, "{} {seq} {subject}{at}: recorded {recorded}, computed {computed}", stream.as_str())?;
        }
        for LeftOut { stream, seq } in &self.left_out {
            let stream = stream.as_str();
            writeln!(f, "{stream} {seq} and later: not compared, they rest on more than was read")?;
        }
        if differences > SHOWN {
            writeln!(f, "... and {} more; --json has all", differences - SHOWN)?;
        }
        Ok(())
    }
}

fn json_of(event: &Event) -> Value {
    let value = match event {
        Event::SignalGenerated(event) => serde_json::to_value(event),
        Event::CandidatesEvaluated(event) => serde_json::to_value(event),
        Event::ScanRoundCompleted(event) => serde_json::to_value(event),
        Event::RoundOpened(event) => serde_json::to_value(event),
        Event::RoundClosed(event) => serde_json::to_value(event),
        Event::PlanProposed(event) => serde_json::to_value(event),
        Event::DayOpened(event) => serde_json::to_value(event),
        Event::PlanApproved(event) => serde_json::to_value(event),
        Event::PlanDenied(event) => serde_json::to_value(event),
        Event::TradingStateLowered(event) => serde_json::to_value(event),
        Event::OrderIntended(event) => serde_json::to_value(event),
        other => Ok(json!(format!("{other:?}"))),
    };
    value.unwrap_or_else(|error| json!(error.to_string()))
}

/// Path and both values of the first place in which `old` and `new` differ.
fn first_difference(old: &Value, new: &Value) -> Option<(String, Value, Value)> {
    let within = |step: String, old: &Value, new: &Value| {
        let (path, old, new) = first_difference(old, new)?;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Some((format!("{step}{dot}{path}"), old, new))
    };
    match (old, new) {
        _ if old == new => None,
        (Value::Object(o), Value::Object(n)) => {
            let fields = o.keys().chain(n.keys().filter(|key| !o.contains_key(*key)));
            fields.into_iter().find_map(|key| within(key.clone(), &old[key], &new[key]))
        }
        (Value::Array(o), Value::Array(n)) if o.len() == n.len() => {
            let elements = o.iter().zip(n).enumerate();
            elements.into_iter().find_map(|(i, (o, n))| within(format!("[{}]", label(i, o, n)), o, n))
        }
        _ => Some((String::new(), old.clone(), new.clone())),
    }
}

/// How an element of a list is called: by what both call themselves, else by its place.
fn label(place: usize, old: &Value, new: &Value) -> String {
    let named = ["symbol", "name", "cap", "stream"].into_iter().find_map(|key| old[key].as_str());
    let both = named.filter(|name| ["symbol", "name", "cap", "stream"].iter().any(|key| new[key] == **name));
    both.map_or_else(|| place.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let of = |gap: &str, symbol: &str| {
            json!({"round": 1, "candidates": [
                {"symbol": "AMC", "criteria": [{"name": "gap", "value": "1"}]},
                {"symbol": symbol, "criteria": [{"name": "price", "value": "9"}, {"name": "gap", "value": gap}]},
            ]})
        };
        let (old, new) = (of("5", "GME"), of("6", "GME"));
        let path = "candidates[GME].criteria[gap].value".to_owned();
        assert_eq!(first_difference(&old, &new), Some((path, json!("5"), json!("6"))));
        assert_eq!(first_difference(&old, &old), None);
        let (path, _, symbol) = first_difference(&old, &of("5", "TSLA")).unwrap();
        assert_eq!((path.as_str(), symbol), ("candidates[1].symbol", json!("TSLA")));
        let (path, o, n) = first_difference(&json!({"a": [1]}), &json!({"a": [1, 2], "b": 1})).unwrap();
        assert_eq!((path.as_str(), o, n), ("a", json!([1]), json!([1, 2])));
    }
}
