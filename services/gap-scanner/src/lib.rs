//! MARKET to SCAN.
