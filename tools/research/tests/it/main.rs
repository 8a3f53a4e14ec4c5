//! The strategist's commands on files made here.

mod backtest;
mod inputs;
mod world;
