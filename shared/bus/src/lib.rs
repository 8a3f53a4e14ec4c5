//! JetStream: topology, publish, consume, dead letters, fold.
//!
//! The only crate that knows the bus. What is published here is acknowledged by a server that has it on disk; what is
//! consumed is acknowledged after its effect; what cannot be read lands in DEAD; and every reader and writer comes
//! back by itself after the server or the network was away.

pub mod dead_letter;
pub mod diagnosis;
pub mod export;
pub mod lease;
pub mod permissions;
pub mod signature;
pub mod subject;
pub mod tokens;
pub mod topology;

mod connect;
mod consume;
mod envelope;
mod error;
mod fence;
mod fold;
mod heartbeat;
mod key;
mod lane;
mod metrics;
mod publish;
mod reader;
mod snapshot;
mod world;

pub use connect::{Bus, BusConfig, Link};
pub use consume::{Consumer, DeadLettered, Delivery, Failed};
pub use error::{BusError, Class};
pub use fence::Fence;
pub use fold::{Fold, FoldSpec, Folded, Item, Poison, RawFold, RawItem, RawMessage};
pub use heartbeat::Heartbeats;
pub use key::Register;
pub use lane::{Lane, Stored};
pub use lease::{Holder, Lease};
pub use publish::{Appended, Created, InFlight, Outgoing, Pipeline, Publisher, Receipt};
pub use snapshot::{Place, Snapshots};
pub use subject::Kind;
