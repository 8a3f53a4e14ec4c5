//! The operator's and strategist's command.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 130 interrupted.

pub mod up;
