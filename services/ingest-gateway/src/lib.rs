//! Vendors to MARKET.
