//! The market's clock: this machine's, or the simulator's.

use std::sync::Arc;
use std::time::Duration;

use chassis::Clock;
use domain::UnixNanos;
use ports::VendorError;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::gate::Gate;
use super::http::Http;

/// What the market's clock showed, and when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Market time.
    pub market: UnixNanos,
    /// When the question was sent: the clock showed at least `market` after this moment.
    pub asked: Instant,
    /// Market seconds per wall second; 0 while the clock is stopped.
    pub speed: f64,
}

impl Reading {
    /// Where the clock stands at `now` if it went on at the same speed.
    pub fn estimate(&self, now: Instant) -> UnixNanos {
        let elapsed = now.saturating_duration_since(self.asked).as_nanos() as f64;
        self.market.plus_nanos((elapsed * self.speed) as i64)
    }
}

/// Reads the market's clock. The only one in the suite beside the broker's.
#[derive(Clone)]
pub enum MarketClock {
    /// Market time is this machine's time.
    System(Arc<dyn Clock>),
    /// Market time is what the simulator says.
    Simulated(watch::Receiver<Option<Reading>>),
}

impl MarketClock {
    /// The simulator's clock at `url`, looked at every `period` for as long as someone holds it.
    pub fn simulated(url: String, period: Duration) -> Result<Self, VendorError> {
        let http = Http::new("vendor-sim", HeaderMap::new(), Duration::from_secs(5), Gate::open("vendor-sim"))?;
        let (readings, clock) = watch::channel(None);
        tokio::spawn(poll(http, url, period, readings));
        Ok(Self::Simulated(clock))
    }

    /// The latest reading; `None` until the first.
    pub fn reading(&self) -> Option<Reading> {
        match self {
            Self::System(clock) => Some(Reading { market: clock.now(), asked: Instant::now(), speed: 1.0 }),
            Self::Simulated(readings) => *readings.borrow(),
        }
    }
}

async fn poll(http: Http, url: String, period: Duration, readings: watch::Sender<Option<Reading>>) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = readings.closed() => return,
            _ = ticks.tick() => {}
        }
        let asked = Instant::now();
        match http.get(&url, &[], "clock").await.and_then(|body| parsed(&body)) {
            Ok((market, speed)) => {
                readings.send_replace(Some(Reading { market, asked, speed }));
            }
            Err(error) => tracing::warn!(%error, "the simulator's clock cannot be read"),
        }
    }
}

fn parsed(body: &str) -> Result<(UnixNanos, f64), VendorError> {
    #[derive(Deserialize)]
    struct Wire {
        now: String,
        speed: f64,
        paused: bool,
    }
    let malformed = |reason: String| VendorError::Malformed { vendor: "vendor-sim", what: "clock".to_owned(), reason };
    let wire: Wire = serde_json::from_str(body).map_err(|error| malformed(error.to_string()))?;
    let market = wire.now.parse().map_err(|error: domain::time::TimeError| malformed(format!("now: {error}")))?;
    Ok((market, if wire.paused { 0.0 } else { wire.speed }))
}
