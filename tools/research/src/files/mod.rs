//! Recorded markets as files: found by folder and header, read in time order, refused row by row where they make no
//! sense. The layouts are documented in `docs/data-files.md`.

mod csv_table;
mod daily;
mod dataset;
mod discover;
mod lean;
mod names;
mod parquet_table;
mod path;
mod print;
mod refusal;
mod source;
mod table;
mod vendor;

pub use dataset::{DataSet, Facts, Options};
pub use discover::Layout;
pub use names::Names;
pub(crate) use path::Random;
pub use print::Print;
pub use refusal::Refusals;
