//! The comparison of `make chaos` finds what was really lost or doubled.

use std::process::Command;

use anyhow::{Context, ensure};

/// The columns lost and doubled of one row of the closing table.
fn row(output: &str, what: &str) -> anyhow::Result<(usize, usize)> {
    let line = output.lines().find(|line| line.starts_with(what)).with_context(|| format!("no row {what}"))?;
    let numbers: Vec<usize> = line.split_whitespace().rev().take(4).filter_map(|n| n.parse().ok()).collect();
    ensure!(numbers.len() == 4, "{line}");
    Ok((numbers[2], numbers[1]))
}

#[test]
fn orders_and_trades_lost_or_doubled_from_outside_are_found() -> anyhow::Result<()> {
    let breaks = ["--break", "lose-order,double-order,lose-trades"];
    let bounds = ["--faults", "0", "--seconds", "35", "--nodes", "1", "--rate", "20000"];
    let output = Command::new(env!("CARGO_BIN_EXE_chaos")).args(breaks).args(bounds).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.code() == Some(1), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let found = |what| row(&text, what).with_context(|| text.to_string());
    ensure!(found("trades")?.0 > 0, "three frames of trades never came: {text}");
    ensure!(found("fills")?.0 > 0, "every entry was cancelled by a stranger: {text}");
    ensure!(found("broker's orders")?.1 > 0, "an order was sent twice: {text}");
    let last = text.lines().last().unwrap_or_default();
    ensure!(last.starts_with("chaos: faults=0 events="), "{last}");
    Ok(())
}
