//! Whole-suite tests and benchmarks on real servers.

pub mod http;
pub mod process;
pub mod suite;

pub use suite::Suite;
