//! The whole suite on real servers: seven processes, nats-server, a simulated market, SQLite.

mod chaos;
mod fault_day;
mod secrets;
mod sessions;
mod shadow;
