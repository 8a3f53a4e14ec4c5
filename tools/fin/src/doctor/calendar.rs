//! The built-in calendar against the broker's.

use std::time::Duration;

use domain::calendar::{self, Conflict};
use domain::{SessionDate, UnixNanos};
use executor::adapters::alpaca::{AlpacaClient, AlpacaConfig, Credentials};
use ports::{OrderPort, VendorError};

use super::Checked;
use super::finding::{Complaint, Finding};
use super::site::Site;
use crate::connection::wall_time;

/// Days after the session that are looked at.
const DAYS_AHEAD: usize = 14;
const CALL: Duration = Duration::from_secs(5);
const FIX: &str = "ask the exchange's own page; if the built-in table is wrong, correct shared/domain/src/calendar and \
                   release; nothing is entered on a day that differs";

pub(super) async fn check(site: &Site) -> Checked {
    let Ok((key_id, secret)) = &site.keys.alpaca else {
        let detail = "the broker cannot be asked without its key";
        return Finding::new("calendar", "", vec![Complaint::warn(detail, "give the broker's key first")]).into();
    };
    let alpaca = &site.settings().vendors.alpaca;
    let client = AlpacaClient::new(AlpacaConfig {
        rest_url: alpaca.rest_url.clone(),
        stream_url: alpaca.stream_url.clone(),
        credentials: Credentials { key_id: key_id.clone(), secret: secret.clone() },
        call_timeout: CALL,
        routine_calls_max: 0,
    });
    let outcome = match client {
        Ok(client) => compare(&client, site.settings().profile == chassis::Profile::Dev).await,
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(|error| unknown(&error)).into()
}

async fn compare(broker: &AlpacaClient, simulated: bool) -> Result<Finding, VendorError> {
    let now = if simulated { broker.clock().await?.now } else { wall_time().unwrap_or_default() };
    let (from, session, to) = span(now);
    let days = broker.calendar(from, to).await?;
    Ok(judge(session, to, &calendar::conflicts(from, to, &days)))
}

/// From the session before that of `now`, whose close gaps are measured from.
fn span(now: UnixNanos) -> (SessionDate, SessionDate, SessionDate) {
    let session = calendar::session_at(now).date;
    let to = (0..DAYS_AHEAD).fold(session, |date, _| date.next_day());
    (calendar::previous_session(session).date, session, to)
}

fn judge(session: SessionDate, to: SessionDate, conflicts: &[Conflict]) -> Finding {
    let complaints = conflicts.iter().map(|conflict| {
        if conflict.date <= session {
            Complaint::fail(conflict.to_string(), FIX)
        } else {
            Complaint::warn(conflict.to_string(), FIX)
        }
    });
    let detail = format!("compared for the session {session} and on to {to}");
    Finding::new("calendar", detail, complaints.collect())
}

fn unknown(error: &VendorError) -> Finding {
    let fix = "make the broker answer first: without its calendar nothing is entered";
    Finding::fail("calendar", format!("the broker's calendar cannot be read: {}", chassis::logs::chain(error)), fix)
}
