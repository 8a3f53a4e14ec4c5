//! Tests only: starts nats-server, manual clock, builders.
