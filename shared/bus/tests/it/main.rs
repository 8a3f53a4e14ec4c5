//! The bus on a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

mod consuming;
mod dead_letters;
mod folding;
mod lanes;
mod leasing;
mod publishing;
mod security;
mod setting_up;
mod shadow;
mod snapshots;
mod support;
mod tokens;
