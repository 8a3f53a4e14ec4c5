//! The whole suite on real servers: seven processes, nats-server, a simulated market, SQLite.

mod chaos;
mod sessions;
