//! The recorder against real stores and a real nats-server.

mod day;
mod running;
mod storing;
mod support;
