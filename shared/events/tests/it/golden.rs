//! Bytes of every event as they were once written. They decode for ever, to the same values.
//!
//! `UPDATE_GOLDEN=1` writes what is missing and never touches what is there: delete a `.txt` by hand when a type gets
//! a new field, and never a `.bin`.

use std::path::PathBuf;
use std::{env, fs};

use domain::{Event, risk::PlanDenied};

use crate::arbitrary::{DENIALS, MAKERS, Source};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/golden");

fn file(name: &str, extension: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{name}.{extension}"))
}

/// Messages that got fields after their first bytes were written, and what the newer bytes are called.
const GROWN: [(&str, &str); 11] = [
    ("market.v1.ReferenceUpdated", "with_actions"),
    ("market.v1.ReferenceUpdated", "with_lending"),
    ("market.v1.NewsPublished", "with_mentions"),
    ("scan.v1.SignalGenerated", "with_model"),
    ("scan.v1.CandidatesEvaluated", "with_spread"),
    ("plan.v1.PlanProposed", "with_exits"),
    ("plan.v1.PlanProposed", "with_halts"),
    ("order.v1.OrderIntended", "with_reason"),
    ("order.v1.AccountObserved", "with_calendar"),
    ("risk.v1.TradingStateLowered", "with_inputs"),
    ("control.v1.ConfigActivated", "with_file"),
];

/// Type, file name and a value with every field set, for what has no file yet.
fn samples() -> Vec<(&'static str, String, Event)> {
    let mut samples = Vec::new();
    for (seed, (type_name, make)) in (1..).zip(MAKERS) {
        let name = type_name.trim_start_matches("finagent.");
        let event = make(&mut Source::plain(seed));
        if let Event::PlanDenied(denied) = event {
            for reason in DENIALS.iter().map(|make| make(&mut Source::plain(seed))) {
                let name = format!("{name}.{}", reason.code());
                samples.push((*type_name, name, PlanDenied { reason, ..denied.clone() }.into()));
            }
        } else {
            let grown = GROWN.iter().filter(|(grown, _)| *grown == name);
            samples.extend(grown.map(|(name, with)| (*type_name, format!("{name}.{with}"), event.clone())));
            samples.push((*type_name, name.to_owned(), event));
        }
    }
    samples
}

#[test]
fn golden_bytes_of_every_event_decode_to_the_same_values_for_ever() {
    let update = env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1");
    for (type_name, name, event) in samples() {
        let (bin, txt) = (file(&name, "bin"), file(&name, "txt"));
        if update && !bin.exists() {
            fs::write(&bin, events::encode(&event)).unwrap();
        }
        let bytes = fs::read(&bin).unwrap_or_else(|e| panic!("{e}: {name}.bin; UPDATE_GOLDEN=1 writes it"));
        let decoded = events::decode(type_name, &bytes).unwrap_or_else(|e| panic!("{name}.bin: {e}"));
        let shown = format!("{decoded:#?}\n");
        if update && !txt.exists() {
            fs::write(&txt, &shown).unwrap();
        }
        let expected =
            fs::read_to_string(&txt).unwrap_or_else(|e| panic!("{e}: {name}.txt; UPDATE_GOLDEN=1 writes it"));
        assert_eq!(shown, expected, "{name}");
    }
}

#[test]
fn no_golden_file_is_left_unread() {
    let samples = samples();
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(samples.iter().any(|(_, name, _)| name == stem), "{} belongs to no event", path.display());
    }
}
