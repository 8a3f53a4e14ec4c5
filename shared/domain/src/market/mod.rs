//! The market as the suite sees it: events of the gateway, trade conditions, per-symbol state, indicators.

mod bars;
mod close;
mod conditions;
mod event;
pub mod indicators;
mod minutes;
mod outliers;
mod quotes;
mod range;
mod state;
mod volume;

pub use bars::*;
pub use close::{CloseRefusal, adjusted_bars, at_new_terms, closes_differ, previous_close};
pub(crate) use close::{adjusted_volume, difference_pct, split_adjusted_close};
pub use conditions::*;
pub use event::*;
pub use minutes::MinuteBars;
pub use outliers::OutlierRule;
pub use quotes::{Quote, Spread};
pub use range::Range;
pub use state::*;
pub use volume::UsualVolume;
