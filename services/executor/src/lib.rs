//! RISK, CONTROL and the market's clock to the broker, and the broker's answers to ORDER.
//!
//! - **Does** what `domain::execution::decide` says: writes the intent behind the account's fence, sends the order under an id of its own making,
//!   records every answer and fill, keeps every open share under one stop, and is flat by the close.
//! - **Reads** RISK (approvals, locks), CONTROL (trading state, flatten), MARKET (watermark, last price of open plans)
//!   and the broker. **Writes** ORDER.
//! - **Remembers** nothing of its own: its state is folded from RISK, CONTROL and ORDER at start, then held against
//!   the broker's book before anything is sent.
//! - **Never** chooses a symbol, side, size or level, and never repeats a request to send blindly.

pub mod adapters;
mod app;
mod calendar_check;
mod config;
mod desk;
mod error;
mod ids;
mod metrics;
mod ownership;

pub use app::Executor;
pub use config::Config;
pub use error::ExecutorError;
