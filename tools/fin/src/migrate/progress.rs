//! How far it is: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Where a run stands.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    step: &'static str,
    table: &'static str,
    done: u64,
    all: u64,
    began: Instant,
    told: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        let now = Instant::now();
        Self { terminal: stderr().is_terminal(), step: "", table: "", done: 0, all: 0, began: now, told: now }
    }
}

impl Progress {
    /// Begins a step of `all` rows.
    pub(super) fn begin(&mut self, step: &'static str, all: u64) {
        let now = Instant::now();
        *self = Self { step, table: "", done: 0, all, began: now, told: now, terminal: self.terminal };
    }

    /// Goes on with this table.
    pub(super) const fn at(&mut self, table: &'static str) {
        self.table = table;
    }

    /// Counts rows.
    pub(super) fn step(&mut self, rows: u64) {
        const BAR_EVERY: Duration = Duration::from_millis(100);
        const LINE_EVERY: Duration = Duration::from_secs(10);
        self.done += rows;
        if self.told.elapsed() < if self.terminal { BAR_EVERY } else { LINE_EVERY } {
            return;
        }
        self.told = Instant::now();
        let text = self.bar();
        // Whoever has gone away is no reason to stop.
        let _ = if self.terminal { write!(stderr(), "\r\x1b[K{text}") } else { writeln!(stderr(), "{text}") };
    }

    /// Ends the step and says what it came to.
    pub(super) fn end(&self) {
        let away = if self.terminal { "\r\x1b[K" } else { "" };
        let seconds = self.began.elapsed().as_secs_f64();
        let _ = writeln!(stderr(), "{away}{}: {} rows in {seconds:.1} s", self.step, self.done);
    }

    fn bar(&self) -> String {
        const WIDTH: u64 = 24;
        let (done, all, seconds) = (self.done, self.all.max(self.done).max(1), self.began.elapsed().as_secs_f64());
        let (full, rate) = ((done * WIDTH / all) as usize, done as f64 / seconds.max(1e-3));
        let left = (all - done) as f64 / rate.max(1.0);
        format!(
            "{} [{}{}] {:>3} %  {}  {done} of {all} rows  {rate:.0}/s  {left:.0} s left",
            self.step,
            "#".repeat(full),
            ".".repeat(WIDTH as usize - full),
            done * 100 / all,
            self.table
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_never_fuller_than_full() {
        let mut progress = Progress::default();
        progress.begin("copying", 4);
        progress.at("events");
        progress.done = 1;
        let quarter = progress.bar();
        assert!(quarter.starts_with("copying [######..................]  25 %  events  1 of 4 rows"), "{quarter}");
        progress.done = 9;
        assert!(progress.bar().contains("[########################] 100 %"), "{}", progress.bar());
        progress.begin("checking", 0);
        assert!(progress.bar().contains("  0 %"), "{}", progress.bar());
    }
}
