//! What the server says of itself, for whoever looks for what is wrong.

use std::time::Duration;

use domain::UnixNanos;
use serde::Deserialize;
use tokio::time::timeout;

use crate::connect::Bus;

/// The oldest server that stores several messages together or not at all, which RISK and ORDER rely on.
pub const VERSION_MIN: (u32, u32) = (2, 12);

/// The server as this connection sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its version, as it writes it.
    pub version: String,
    /// True when JetStream is on.
    pub jetstream: bool,
    /// Its clock when it answered; `None` where this user may not ask.
    pub now: Option<UnixNanos>,
}

impl Server {
    /// True when its version is [`VERSION_MIN`] or newer.
    pub fn is_recent(&self) -> bool {
        let mut numbers = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= VERSION_MIN
    }
}

/// Asks the server that this connection leads to; waits at most `limit` for its clock.
pub async fn server(bus: &Bus, limit: Duration) -> Server {
    let info = bus.client().server_info();
    let request = bus.client().request("$SYS.REQ.USER.INFO", bytes::Bytes::new());
    let answer = timeout(limit, request).await.ok().and_then(Result::ok);
    let said = answer.and_then(|message| serde_json::from_slice::<UserInfo>(&message.payload).ok());
    let now = said.and_then(|said| said.server.time.parse().ok());
    Server { version: info.version, jetstream: info.jetstream, now }
}

#[derive(Deserialize)]
struct UserInfo {
    server: ServerTime,
}

#[derive(Deserialize)]
struct ServerTime {
    time: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let check = |version: &str, recent: bool| {
            let server = Server { version: version.to_owned(), jetstream: true, now: None };
            assert_eq!(server.is_recent(), recent, "{version}");
        };
        check("2.15.1", true);
        check("2.12.0-RC.3", true);
        check("3.0.0", true);
        check("2.9.25", false);
        check("", false);
    }
}
