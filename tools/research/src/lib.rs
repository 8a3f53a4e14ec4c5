//! The rules, run on files and on nothing else: `fin calendar`, `fin schedule`, `fin indicators`, `fin backtest`.
//!
//! Everything that decides stands in `domain`; here files are read, and what the rules say is printed or written. Each
//! module is one subcommand: `Arguments` is its command line, `run` carries it out. Data goes to stdout, the rest to
//! stderr.

pub mod backtest;
pub mod features;
pub mod files;
mod progress;
pub mod statistics;
