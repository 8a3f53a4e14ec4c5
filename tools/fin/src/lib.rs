//! The operator's and strategist's command.
