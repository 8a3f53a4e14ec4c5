//! The gateway on a real bus, against a simulated market and against a peer that misbehaves.

mod bad_input;
mod bus_outage;
mod harness;
mod peer;
mod restart;
mod session;
