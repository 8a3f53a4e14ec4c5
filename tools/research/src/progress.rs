//! A line that says how far a long run is; on a terminal only.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// The line.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    started: Instant,
    last: Option<Instant>,
}

/// Least time between two writings of the line.
const EVERY: Duration = Duration::from_millis(200);

impl Default for Progress {
    /// Shown when stderr is a terminal.
    fn default() -> Self {
        Self { shown: stderr().is_terminal(), started: Instant::now(), last: None }
    }
}

impl Progress {
    /// Says that the run is at `what`, `done` of `all` parts, after `rows` rows.
    pub fn at(&mut self, what: &dyn std::fmt::Display, done: usize, all: usize, rows: u64) {
        if !self.shown || self.last.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.last = Some(Instant::now());
        let seconds = self.started.elapsed().as_secs_f64();
        let (millions, rate) = (rows as f64 / 1e6, rows as f64 / 1e6 / seconds.max(1e-3));
        let left = seconds / done.max(1) as f64 * all.saturating_sub(done) as f64;
        // A terminal that has gone away is no reason to stop.
        let _ =
            write!(stderr(), "\r\x1b[K{what}  {done}/{all}  {millions:.1} M trades  {rate:.1} M/s  {left:.0} s left");
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if self.shown && self.last.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
