//! What to do about an error, by its code: the rows of `docs/operations.md`, which a test holds against these.

/// A person or another program has stopped trading.
pub(super) const STOPPED: &str =
    "If this was not you or a colleague, revoke the token that did it and look at the audit.";
/// A limit was reached.
pub(super) const LIMIT: &str =
    "Look at the trades of the day. The lock ends with the session; raising it is a person's decision.";
/// The day only observes.
pub(super) const OBSERVE_ONLY: &str =
    "Mend what the reasons name before 09:25 ET and restart risk-engine, or leave the day alone.";

/// `(code, what to do)` of every critical error.
pub(super) const CODES: &[(&str, &str)] = &[
    (
        "uncovered",
        "Look at the position and its orders at the broker. If no stop is working after a minute, set one there, then lower the state to reduce.",
    ),
    ("oversold", "Compare the position with the broker; the executor buys back. If it stays, close it at the broker."),
    (
        "late_fill",
        "Shares came after their plan was over; the executor closes them in market hours, else close them at the broker.",
    ),
    ("exit_refused", "Close the position at the broker by hand, then look at the broker's reason in the plan's story."),
    ("position_mismatch", "Compare positions with the broker. Nothing is opened in the symbol until they agree."),
    ("not_flat", "Close what is left at the broker in extended hours, or set a stop and hold it on purpose."),
    ("unknown_order", "Look the order up at the broker by its client order id. It is not sent again."),
    (
        "bad_approval",
        "An approval was not acceptable and was not traded. Compare the versions of risk-engine and executor.",
    ),
    ("conflicting_record", "Find a second executor on this account and stop it."),
    ("calendar_conflict", "Compare the broker's calendar with the exchange's. Nothing is entered on that session."),
    ("unreadable_event", "Entries have stopped. Find out why with `fin dlq`, then set the trading state to go on."),
    ("restless", "Lower the state to no_entry, watch the open positions, restart the executor."),
    ("executor_silent", "Start the executor. The watchdog has cancelled its entries and closes everything next."),
    ("closing_everything", "Watch the broker until it is flat, then find out why the executor fell silent."),
    ("broker_refuses", "Close the position at the broker by hand."),
    ("broker_unreachable", "Look at the broker's status page. Stops at the broker still stand."),
    (
        "feed_disconnected",
        "Check that nothing else uses the vendor's key and look at its status page. Nothing new is planned meanwhile.",
    ),
    (
        "feed_stale",
        "Look at the vendor's status page. Nothing new is planned meanwhile; stops at the broker still stand.",
    ),
    ("universe_unknown", "Check the vendor's key, or name the symbols in gateway.universe.symbols."),
    ("spool_full", "Trades are lost. Bring the bus back; give the gateway a larger volume."),
    ("spool_torn", "The machine lost power or its disk. Trades of the last second may be missing; look at the disk."),
    ("spool_not_synced", "Look at the gateway's disk: full, read-only or failing."),
    ("spool_not_written", "Trades are lost. Look at the gateway's disk, then at the bus."),
    ("spool_superseded", "Another gateway went on meanwhile. Check that only one runs at a time; the gap is reported."),
    ("spool_unreadable", "Nothing now: records of another version were dropped and the gap is reported."),
    ("strategy_unknown", "Upgrade the planner, or activate a version that it knows; the round is lost."),
    ("strategy_unusable", "Put the model's file where the scanner looks for it; the round is lost."),
    ("store_refused", "Look at the recorder's volume: full or read-only. Trading goes on."),
    ("stream_gap", "The recorder was away longer than the stream is kept. Give the stream more room."),
    ("undecodable", "Upgrade the recorder: the bytes are kept, and read after it."),
    (
        "archive_gap",
        "The recorder was away longer than MARKET is kept. Give it more room; the archive lacks those trades.",
    ),
    ("service_stopped", "Its last log line says why it ended. Start it: it goes on where it was."),
    ("dead_letter", "`fin dlq list`: discard what nobody can decode, redrive what met a mended fault."),
];

/// What to do about errors of this code.
pub(super) fn of(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, todo)| *todo)
}

/// True for errors whose subject is a plan's id.
pub(super) fn is_about_a_plan(code: &str) -> bool {
    matches!(code, "uncovered" | "oversold" | "late_fill" | "exit_refused")
}

/// True for errors about one plan, symbol or order: one like it about another is no repetition.
pub(super) fn is_about_a_position(code: &str) -> bool {
    is_about_a_plan(code) || matches!(code, "position_mismatch" | "not_flat" | "unknown_order" | "broker_refuses")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !matches!(name.as_str(), "tests" | "target" | "node_modules") {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") && !name.contains("tests") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
            }
        }
    }

    /// The codes, and no titles, that stand right behind a critical severity in the sources.
    fn raised() -> BTreeSet<String> {
        let mut files = Vec::new();
        for folder in ["services", "shared/chassis/src", "shared/domain/src/execution", "tools/fin/src"] {
            sources(&root().join(folder), &mut files);
        }
        let after = |text: &str| {
            let rest = text.trim_start().strip_prefix(',')?.trim_start().strip_prefix('"')?;
            let code = rest.split('"').next()?;
            code.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| code.to_owned())
        };
        files.iter().flat_map(|text| text.split("Severity::Critical").skip(1)).filter_map(after).collect()
    }

    #[test]
    fn every_critical_error_has_its_row_here_and_in_the_operators_guide() {
        let raised = raised();
        assert!(raised.len() > 20, "the sources are not read as they are written: {raised:?}");
        let missing: Vec<_> = raised.iter().filter(|code| of(code).is_none()).collect();
        assert!(missing.is_empty(), "no row for {missing:?}");
        let guide = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
        for (code, todo) in CODES {
            let row = format!("| `{code}` | {todo} |");
            assert!(guide.contains(&row), "docs/operations.md lacks\n{row}");
        }
    }
}
