//! Which faults a person should still see.

use domain::UnixNanos;
use serde::Serialize;

use super::{Fault, Reported};

/// A warning ends this long after its last repetition.
const WARNING_SECONDS: i64 = 60;
/// Information ends this long after it came.
const INFO_SECONDS: i64 = 30;
/// A critical fault ends when its service has been well for this long since.
const WELL_SECONDS: i64 = 60;

/// A fault on top of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Banner {
    /// The fault's id.
    pub id: String,
    /// `critical`, `warning` or `info`.
    pub severity: String,
    /// Who noticed.
    pub service: String,
    /// One sentence.
    pub message: String,
    /// More about it.
    pub detail: String,
    /// First time, RFC 3339.
    pub since: String,
    /// Last time, RFC 3339.
    pub last: String,
    /// How often.
    pub count: u64,
}

/// The faults that stand at `now`, worst first, then newest first.
///
/// Information expires, a warning ends a minute after its last repetition. A critical fault stays until the service that
/// raised it has reported that nothing is missing, and that a minute or more after the last repetition.
pub fn banners(faults: &[Fault], reported: &[Reported], now: UnixNanos) -> Vec<Banner> {
    let mut standing: Vec<(u8, &Fault)> = faults
        .iter()
        .filter_map(|fault| {
            let last: UnixNanos = fault.at.parse().unwrap_or_default();
            let younger_than = |seconds: i64| now.plus_seconds(-seconds) < last;
            let (rank, stands) = match fault.severity.as_str() {
                "critical" => {
                    let well = last.plus_seconds(WELL_SECONDS);
                    (0, !reported.iter().any(|r| r.service == fault.service && r.was_well_after(well)))
                }
                "warning" => (1, younger_than(WARNING_SECONDS)),
                _ => (2, younger_than(INFO_SECONDS)),
            };
            stands.then_some((rank, fault))
        })
        .collect();
    standing.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| y.at.cmp(&x.at)));
    standing.into_iter().map(|(_, fault)| fault.into()).collect()
}

impl From<&Fault> for Banner {
    fn from(fault: &Fault) -> Self {
        Self {
            id: fault.id.clone(),
            severity: fault.severity.clone(),
            service: fault.service.clone(),
            message: fault.message.clone(),
            detail: fault.detail.clone(),
            since: fault.since.clone(),
            last: fault.at.clone(),
            count: fault.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> String {
        UnixNanos::new(0).plus_seconds(second).to_string()
    }

    fn fault(severity: &str, second: i64) -> Fault {
        Fault {
            id: format!("{severity}{second}"),
            severity: severity.into(),
            service: "executor".into(),
            message: "m".into(),
            detail: "d".into(),
            since: at(0),
            at: at(second),
            count: 2,
        }
    }

    fn well(second: i64, ready: bool) -> Reported {
        Reported {
            service: "executor".into(),
            instance: "e".into(),
            version: "1".into(),
            ready,
            running: true,
            checks: vec![],
            at: at(second),
        }
    }

    #[test]
    fn each_severity_ends_by_its_own_rule() {
        let now = UnixNanos::new(0).plus_seconds(1_000);
        let check = |fault: Fault, reported: &[Reported], stands: bool| {
            assert_eq!(!banners(std::slice::from_ref(&fault), reported, now).is_empty(), stands, "{fault:?}");
        };
        check(fault("info", 980), &[], true);
        check(fault("info", 960), &[], false);
        check(fault("warning", 950), &[], true);
        check(fault("warning", 930), &[], false);
        check(fault("critical", 10), &[], true);
        check(fault("critical", 10), &[well(990, false)], true);
        check(fault("critical", 950), &[well(990, true)], true);
        check(fault("critical", 10), &[well(990, true)], false);
    }

    #[test]
    fn the_worst_comes_first() {
        let now = UnixNanos::new(0).plus_seconds(1_000);
        let all = [fault("info", 999), fault("critical", 5), fault("warning", 998), fault("critical", 7)];
        let ids: Vec<String> = banners(&all, &[], now).into_iter().map(|b| b.id).collect();
        assert_eq!(ids, ["critical7", "critical5", "warning998", "info999"]);
    }
}
