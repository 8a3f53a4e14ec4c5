//! The rules, run on files and on nothing else: calendar, schedules, indicators, backtest, features.
//!
//! Everything that decides stands in `domain`; here files are read, and what the rules say is printed or written. Each
//! module is one subcommand of `fin`: `Arguments` is its command line, `run` carries it out. Data goes to stdout, the
//! rest to stderr.

pub mod backtest;
pub mod calendar;
pub mod features;
pub mod files;
pub mod indicators;
mod output;
pub mod page;
pub mod progress;
pub mod schedule;
pub mod usage;
