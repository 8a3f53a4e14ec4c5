//! The risk engine's table of the configuration. Its numbers stand in the strategy file.

use serde::{Deserialize, Serialize};

/// `risk:` in the configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {}
