//! Ports for servers that must come back on the same one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::TcpListener;
use std::ops::Range;

/// Below what the kernel hands out for port 0 and for outgoing connections, so that nothing else takes a port between
/// its choice and its use, or while its server is down.
const PORTS: Range<u64> = 12_000..32_000;

/// A port of the loopback interface that nobody listens on.
pub fn free_port() -> u16 {
    let random = RandomState::new();
    (0_u64..1_000)
        .map(|n| (PORTS.start + random.hash_one((std::process::id(), n)) % (PORTS.end - PORTS.start)) as u16)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}
