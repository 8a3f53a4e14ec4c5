//! The bus on a real nats-server.

mod consuming;
mod folding;
mod lanes;
mod publishing;
mod setting_up;
mod support;
