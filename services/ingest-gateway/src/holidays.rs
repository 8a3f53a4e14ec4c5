//! A third voice on the calendar: Finnhub's holidays against the built-in table. It warns; the broker's calendar blocks.

use std::time::Duration;

use domain::ops::Severity;
use domain::{SessionDate, calendar};
use tokio::time::sleep;

use crate::GatewayContext;
use crate::adapters::clock::MarketClock;
use crate::adapters::finnhub::{FinnhubClient, Holiday};
use crate::error::chain;

const LOOK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_secs(600);
/// Calendar days from the session on that are looked at.
const DAYS_AHEAD: usize = 14;

/// Compares once a session, for ever.
pub(crate) async fn run(context: &GatewayContext, finnhub: &FinnhubClient, clock: &MarketClock) {
    let exchange = &context.config.universe.exchange;
    let mut compared = None;
    loop {
        sleep(LOOK).await;
        let Some(session) = clock.reading().map(|r| calendar::trade_date(r.market)) else { continue };
        if compared == Some(session) {
            continue;
        }
        match finnhub.holidays(exchange).await {
            Ok(holidays) => {
                compared = Some(session);
                for difference in differences(session, &holidays) {
                    let message = format!("finnhub and the built-in calendar disagree on {}", difference.0);
                    let subject = difference.0.to_string();
                    context.errors.raise(Severity::Warning, "calendar_differs", message, difference.1, Some(&subject));
                }
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "finnhub's holidays cannot be read");
                sleep(RETRY).await;
            }
        }
    }
}

/// The days from `session` on that the two see differently, and how. The vendor lists exceptions only.
fn differences(session: SessionDate, holidays: &[Holiday]) -> Vec<(SessionDate, String)> {
    let days = std::iter::successors(Some(session), |date| Some(date.next_day())).take(DAYS_AHEAD);
    let difference = |date: SessionDate| {
        let ours = calendar::session(date);
        let told = holidays.iter().find(|holiday| holiday.date == date);
        let agreed = match (ours, told.map(|holiday| holiday.close)) {
            (Some(ours), Some(Some(close))) => ours.close == close,
            (Some(ours), None) => !ours.early_close,
            (None, Some(None)) => true,
            (None, None) => is_weekend(date),
            (Some(_), Some(None)) | (None, Some(Some(_))) => false,
        };
        let ends =
            |close: Option<domain::UnixNanos>| close.map_or_else(|| "closed".to_owned(), |c| format!("until {c}"));
        let theirs = told.map_or_else(|| "an ordinary day".to_owned(), |holiday| ends(holiday.close));
        (!agreed).then(|| (date, format!("built-in {}, finnhub {theirs}", ends(ours.map(|s| s.close)))))
    };
    days.filter_map(difference).collect()
}

fn is_weekend(date: SessionDate) -> bool {
    // 1970-01-01 was a Thursday.
    matches!(date.epoch_days().rem_euclid(7), 2 | 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> SessionDate {
        text.parse().unwrap()
    }

    #[test]
    fn only_days_that_differ_are_told() {
        let thanksgiving = Holiday { date: date("2026-11-26"), close: None };
        let friday = |hour| Holiday { date: date("2026-11-27"), close: Some(date("2026-11-27").at_hm(hour, 0)) };
        let check = |holidays: &[Holiday], expected: &[&str]| {
            let told: Vec<String> =
                differences(date("2026-11-24"), holidays).iter().map(|(date, _)| date.to_string()).collect();
            assert_eq!(told, expected, "{holidays:?}");
        };
        check(&[thanksgiving, friday(13)], &[]);
        check(&[thanksgiving, friday(14)], &["2026-11-27"]);
        check(&[friday(13)], &["2026-11-26"]);
        check(&[thanksgiving], &["2026-11-27"]);
        let tuesday = Holiday { date: date("2026-11-24"), close: None };
        check(&[thanksgiving, friday(13), tuesday], &["2026-11-24"]);
    }
}
