//! What the suite asks of market-data vendors, news vendors and brokers, in domain types.
//!
//! An adapter lives in the service that needs it and is the only code there that knows the vendor.

pub mod error;
pub mod market_data;
pub mod news;
pub mod order;
pub mod reference;

pub use error::VendorError;
pub use market_data::{
    ConditionSets, FeedState, Listing, MarketDataPort, Notice, NoticeKind, Print, PrintBuffer, Refusal,
};
pub use news::NewsPort;
pub use order::{BrokerUpdate, OrderPort, OrderUpdates, Repricing};
pub use reference::{
    ActionsPort, Answer, Close, ClosePort, CompanyProfile, History, HistoryPort, LendingPort, ProfilePort,
};
