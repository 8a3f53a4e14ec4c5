//! Whole-suite tests and benchmarks on real servers.

pub mod disturbance;
pub mod http;
pub mod oracle;
pub mod process;
pub mod session;
pub mod suite;

pub use suite::Suite;
