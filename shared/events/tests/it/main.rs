//! What every contract promises: golden bytes decode for ever, encode then decode is identity, spoiled bytes never panic.
#![allow(clippy::unwrap_used)]

mod arbitrary;
mod fuzz;
mod golden;
mod identity;
mod trade_batch;
