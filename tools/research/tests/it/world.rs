//! A small market: three stocks, sixteen quiet sessions, and one day on which one of them gaps.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use chrono::NaiveTime;
use clap::Parser;
use domain::{SessionDate, calendar};
use research::backtest::{self, Arguments};
use serde_json::Value;
use tempfile::TempDir;

/// The symbol that gaps.
pub(crate) const GAPPER: &str = "GAPS";
const QUIET: [&str; 2] = ["CALM", "IDLE"];

/// One print of the tape.
#[derive(Debug, Clone)]
pub(crate) struct Tick {
    pub(crate) ts_event: i64,
    pub(crate) symbol: &'static str,
    pub(crate) cents: i64,
    pub(crate) size: u32,
    pub(crate) conditions: &'static str,
}

/// A folder of files, and the day that is traded.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) day: SessionDate,
    /// The gapper's prints from 09:35 on.
    pub(crate) after_open: Vec<Tick>,
    strategy: String,
}

impl World {
    /// The break at 09:40 in prints of `size` shares, ten seconds apart, and then `rest` as `(hour, minute, cents)`.
    pub(crate) fn new(breakout: &[u32], rest: &[(u32, u32, i64)]) -> Self {
        let day = SessionDate::from_ymd(2026, 3, 10).expect("a date");
        let mut after_open = Vec::new();
        for (place, size) in (0_u32..).zip(breakout) {
            after_open.push(tick(day, (9, 40, place * 10), GAPPER, 10_706, *size));
        }
        after_open.extend(rest.iter().map(|(h, m, cents)| tick(day, (*h, *m, 0), GAPPER, *cents, 50_000)));
        Self { folder: TempDir::new().expect("a folder"), day, after_open, strategy: strategy_file() }
    }

    /// Prints of the gapper every half minute from 09:41 until `minute` after nine, all at `cents`.
    pub(crate) fn trade_until(&mut self, minute: u32, cents: i64) {
        let half = |h: u32| tick(self.day, (9 + h / 120, h / 2 % 60, h % 2 * 30), GAPPER, cents, 5_000);
        self.after_open.extend((82..minute * 2).map(half));
        self.after_open.sort_by_key(|tick| tick.ts_event);
    }

    /// The shipped strategy with `lines`, each `key: value`, in the place of the plan's lines of these keys.
    pub(crate) fn plan_with(&mut self, lines: &[&str]) {
        let mut text = read_strategy();
        for line in lines {
            let key = line.split(':').next().expect("a key");
            let old =
                text.lines().find(|old| old.trim_start().starts_with(&format!("{key}:"))).expect("the key").to_owned();
            text = text.replace(&old, &format!("  {line}"));
        }
        let path = self.folder.path().join("strategy.yaml");
        std::fs::write(&path, text).expect("a file");
        self.strategy = path.display().to_string();
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Sessions with history, oldest first, and the traded one last.
    pub(crate) fn sessions(&self) -> Vec<SessionDate> {
        let mut sessions = vec![self.day];
        while sessions.len() < 17 {
            sessions.push(calendar::previous_session(*sessions.last().expect("not empty")).date);
        }
        sessions.reverse();
        sessions
    }

    /// The tape of one session, by time.
    pub(crate) fn tape(&self, date: SessionDate) -> Vec<Tick> {
        let mut tape = Vec::new();
        for symbol in QUIET.into_iter().chain([GAPPER]) {
            let gaps = date == self.day && symbol == GAPPER;
            let (base, size) = if gaps { (10_600, 8_000) } else { (10_000, 2_000) };
            for step in 0..30_i64 {
                let second = u32::try_from(step).expect("small") * 10;
                let cents = base + if gaps { step * 100 / 29 } else { step % 7 - 3 };
                tape.push(tick(date, (9, 30 + second / 60, second % 60), symbol, cents, size));
            }
            if !gaps {
                tape.push(tick(date, (15, 59, 0), symbol, 10_000, 2_000));
            }
        }
        if date == self.day {
            tape.extend(self.after_open.iter().cloned());
        }
        tape.sort_by_key(|tick| tick.ts_event);
        tape
    }

    /// Writes trades as CSV, a file a session, and daily bars.
    pub(crate) fn write_csv(&self) -> &Self {
        self.write_daily();
        for date in self.sessions() {
            let mut text = String::from("ts_event,symbol,price,size,conditions\n");
            for t in self.tape(date) {
                let dollars = format!("{}.{:02}", t.cents / 100, t.cents % 100);
                writeln!(text, "{},{},{dollars},{},{}", t.ts_event, t.symbol, t.size, t.conditions).expect("text");
            }
            self.write(&format!("trades/{date}.csv"), &text);
        }
        self
    }

    /// Daily bars of 30 sessions before the day: a true range of 4.00, a volume of two million.
    pub(crate) fn write_daily(&self) {
        let mut text = String::from("date,symbol,open,high,low,close,volume\n");
        let mut date = self.day;
        for _ in 0..30 {
            date = calendar::previous_session(date).date;
            for symbol in QUIET.into_iter().chain([GAPPER]) {
                writeln!(text, "{date},{symbol},100.00,102.00,98.00,100.00,2000000").expect("text");
            }
        }
        self.write("daily.csv", &text);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.write_bytes(name, text.as_bytes());
    }

    pub(crate) fn write_bytes(&self, name: &str, bytes: &[u8]) {
        let path = self.data().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Runs the day, with more of the command line, and reads what it came to.
    pub(crate) fn run(&self, more: &[&str]) -> Run {
        self.try_run(more).unwrap_or_else(|error| panic!("{error:#}"))
    }

    pub(crate) fn try_run(&self, more: &[&str]) -> anyhow::Result<Run> {
        let day = self.day.to_string();
        let (data, out) = (self.data(), self.out());
        let mut line = vec!["backtest".to_owned()];
        for (name, value) in [("data", data.display().to_string()), ("out", out.display().to_string())] {
            line.extend([format!("--{name}"), value]);
        }
        if !more.contains(&"--strategy") {
            line.extend(["--strategy".to_owned(), self.strategy.clone()]);
        }
        line.extend(["--from", &day, "--to", &day].map(str::to_owned));
        line.extend(more.iter().map(|word| (*word).to_owned()));
        backtest::run(&Cli::parse_from(line).arguments)?;
        Ok(Run {
            document: serde_json::from_str(&read(&out, "backtest.json"))?,
            decisions: read(&out, "decisions.log"),
        })
    }
}

/// The strategy that the suite ships.
pub(crate) fn strategy_file() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/strategy.yaml").to_owned()
}

/// What a run wrote.
pub(crate) struct Run {
    pub(crate) document: Value,
    pub(crate) decisions: String,
}

impl Run {
    pub(crate) fn sha256(&self) -> &str {
        self.document["decisions_sha256"].as_str().expect("a hash")
    }

    /// The only trade.
    pub(crate) fn trade(&self) -> &Value {
        let trades = self.document["trades"].as_array().expect("trades");
        assert_eq!(trades.len(), 1, "{}", self.document["plans"]);
        &trades[0]
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

fn read_strategy() -> String {
    std::fs::read_to_string(strategy_file()).expect("the strategy")
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("a result")
}

fn tick(date: SessionDate, (h, m, s): (u32, u32, u32), symbol: &'static str, cents: i64, size: u32) -> Tick {
    let time = NaiveTime::from_hms_opt(h, m, s).expect("a time");
    Tick { ts_event: date.at(time).nanos(), symbol, cents, size, conditions: "1" }
}
