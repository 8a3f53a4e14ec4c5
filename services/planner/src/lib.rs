//! SCAN to PLAN.
