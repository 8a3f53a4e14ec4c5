//! The report, as the API answers it, or in a few lines.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use chassis::Sources;
use coordinator_api::shadow::{Difference, Report};

use crate::api::Api;

pub(super) fn run(json: bool, api: Option<&str>, token_file: Option<&Path>) -> anyhow::Result<()> {
    let address = match api {
        Some(address) => address.to_owned(),
        None => configured()?,
    };
    let api = Api::at(&address, token_file)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report: Report = runtime.block_on(api.get("shadow/report", &[]))?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{:#}", serde_json::to_value(&report)?)?;
    } else {
        write!(out, "{}", lines(&report))?;
    }
    out.flush()?;
    Ok(())
}

/// Where the API of this machine listens.
fn configured() -> anyhow::Result<String> {
    let api: coordinator_api::Config = Sources::process().load()?.section("api")?;
    let SocketAddr::V4(listen) = api.listen else { return Ok(format!("http://{}", api.listen)) };
    let ip = if listen.ip().is_unspecified() { Ipv4Addr::LOCALHOST } else { *listen.ip() };
    Ok(format!("http://{}", SocketAddr::new(IpAddr::V4(ip), listen.port())))
}

fn lines(report: &Report) -> String {
    let Some(shadow) = &report.shadow else { return "nothing was decided on trial yet\n".to_owned() };
    let active = report.active.as_deref().unwrap_or("nothing yet");
    let mut text = format!("{shadow} on trial beside {active}: {} of {} rounds agree\n", report.agree, report.rounds);
    for Difference { round_id, symbol, field, active, shadow, why } in &report.differ {
        let what = if symbol.is_empty() { String::new() } else { format!(" {symbol}") };
        // Writing to a text does not fail.
        let _ = writeln!(text, "  {round_id}{what} {field}: {active}, on trial {shadow} ({why})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_one_line_with_both_words_and_why() {
        let none = Report { active: Some("a".into()), shadow: None, rounds: 0, agree: 0, differ: vec![] };
        assert_eq!(lines(&none), "nothing was decided on trial yet\n");
        let of = |symbol: &str, field: &str| Difference {
            round_id: "r1".into(),
            symbol: symbol.into(),
            field: field.into(),
            active: "100".into(),
            shadow: "90".into(),
            why: "cap".into(),
        };
        let differ = vec![of("GME", "quantity"), of("", "round")];
        let report = Report { active: Some("a".into()), shadow: Some("b".into()), rounds: 3, agree: 2, differ };
        assert_eq!(
            lines(&report),
            "b on trial beside a: 2 of 3 rounds agree\n  r1 GME quantity: 100, on trial 90 (cap)\n  r1 round: 100, on \
             trial 90 (cap)\n"
        );
    }
}
