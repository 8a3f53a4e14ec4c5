//! The operator's and strategist's command.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 token or scope,
//! 7 faults found, 130 interrupted.

pub mod alerts;
mod api;
pub mod config;
mod connection;
pub mod dlq;
pub mod doctor;
pub mod exit;
pub mod export;
pub mod keys;
pub mod migrate;
pub mod replay;
pub mod report;
mod running;
pub mod shadow;
mod store_access;
pub mod strategy;
mod suite;
pub mod token;
pub mod topology;
pub mod up;
pub mod watchdog;
