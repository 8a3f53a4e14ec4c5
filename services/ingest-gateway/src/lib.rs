//! Vendors to MARKET.

pub mod adapters;
pub mod config;
pub mod universe;
