//! `finagent.control.v1`.

use domain::UnixNanos;
use domain::control::{
    AlertAcknowledged, Authorship, ConfigActivated, DeadLetterAction, DeadLetterHandled, FlattenCancelled,
    FlattenRequested, StrategyPaused, TradingStateChanged,
};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire, WireEnum, wire_enum};
use crate::wire::control::v1 as wire;

wire_enum! {
    DeadLetterAction = wire::DeadLetterAction { Redriven, Discarded }
}

impl Wire for Authorship {
    type Message = wire::Authorship;
    const NAME: &'static str = "control.v1.Authorship";

    fn to_wire(&self) -> Self::Message {
        wire::Authorship {
            author: self.author.clone(),
            reason: self.reason.clone(),
            requested_at: self.requested_at.nanos(),
            request_id: self.request_id.clone(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            author: f.text("author", wire.author)?,
            reason: wire.reason,
            requested_at: UnixNanos::new(wire.requested_at),
            request_id: f.text("request_id", wire.request_id)?,
        })
    }
}

impl Wire for TradingStateChanged {
    type Message = wire::TradingStateChanged;
    const NAME: &'static str = "control.v1.TradingStateChanged";

    fn to_wire(&self) -> Self::Message {
        wire::TradingStateChanged { state: self.state.to_wire(), by: Some(self.by.to_wire()) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { state: f.one_of("state", wire.state)?, by: f.message("by", wire.by)? })
    }
}

impl Wire for FlattenRequested {
    type Message = wire::FlattenRequested;
    const NAME: &'static str = "control.v1.FlattenRequested";

    fn to_wire(&self) -> Self::Message {
        wire::FlattenRequested { by: Some(self.by.to_wire()) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        Ok(Self { by: Fields(Self::NAME).message("by", wire.by)? })
    }
}

impl Wire for FlattenCancelled {
    type Message = wire::FlattenCancelled;
    const NAME: &'static str = "control.v1.FlattenCancelled";

    fn to_wire(&self) -> Self::Message {
        wire::FlattenCancelled { by: Some(self.by.to_wire()) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        Ok(Self { by: Fields(Self::NAME).message("by", wire.by)? })
    }
}

impl Wire for StrategyPaused {
    type Message = wire::StrategyPaused;
    const NAME: &'static str = "control.v1.StrategyPaused";

    fn to_wire(&self) -> Self::Message {
        wire::StrategyPaused { strategy: self.strategy.clone(), paused: self.paused, by: Some(self.by.to_wire()) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { strategy: f.text("strategy", wire.strategy)?, paused: wire.paused, by: f.message("by", wire.by)? })
    }
}

impl Wire for ConfigActivated {
    type Message = wire::ConfigActivated;
    const NAME: &'static str = "control.v1.ConfigActivated";

    fn to_wire(&self) -> Self::Message {
        wire::ConfigActivated {
            config_version: self.config_version.clone(),
            strategy_yaml: self.strategy_yaml.clone(),
            effective_from: self.effective_from.nanos(),
            by: Some(self.by.to_wire()),
            file: self.file.clone().unwrap_or_default(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            config_version: f.text("config_version", wire.config_version)?,
            strategy_yaml: f.text("strategy_yaml", wire.strategy_yaml)?,
            effective_from: UnixNanos::new(wire.effective_from),
            by: f.message("by", wire.by)?,
            file: Some(wire.file).filter(|file| !file.is_empty()),
        })
    }
}

impl Wire for AlertAcknowledged {
    type Message = wire::AlertAcknowledged;
    const NAME: &'static str = "control.v1.AlertAcknowledged";

    fn to_wire(&self) -> Self::Message {
        wire::AlertAcknowledged { error_id: self.error_id.clone(), by: Some(self.by.to_wire()) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { error_id: f.text("error_id", wire.error_id)?, by: f.message("by", wire.by)? })
    }
}

impl Wire for DeadLetterHandled {
    type Message = wire::DeadLetterHandled;
    const NAME: &'static str = "control.v1.DeadLetterHandled";

    fn to_wire(&self) -> Self::Message {
        wire::DeadLetterHandled {
            subject: self.subject.clone(),
            sequence: self.sequence,
            action: self.action.to_wire(),
            by: Some(self.by.to_wire()),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            subject: f.text("subject", wire.subject)?,
            sequence: f.ordinal("sequence", wire.sequence)?,
            action: f.one_of("action", wire.action)?,
            by: f.message("by", wire.by)?,
        })
    }
}
