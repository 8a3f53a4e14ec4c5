use domain::control::{
    AlertAcknowledged, Authorship, ConfigActivated, DeadLetterAction, DeadLetterHandled, FlattenCancelled,
    FlattenRequested, StrategyPaused, TradingStateChanged,
};

use super::Source;
use super::risk::trading_state;

fn by(s: &mut Source) -> Authorship {
    Authorship { author: s.name(), reason: s.words(), requested_at: s.time(), request_id: s.name() }
}

pub(super) fn trading_state_changed(s: &mut Source) -> TradingStateChanged {
    TradingStateChanged { state: trading_state(s), by: by(s) }
}

pub(super) fn flatten_requested(s: &mut Source) -> FlattenRequested {
    FlattenRequested { by: by(s) }
}

pub(super) fn flatten_cancelled(s: &mut Source) -> FlattenCancelled {
    FlattenCancelled { by: by(s) }
}

pub(super) fn strategy_paused(s: &mut Source) -> StrategyPaused {
    StrategyPaused { strategy: s.name(), paused: s.flag(), by: by(s) }
}

pub(super) fn config_activated(s: &mut Source) -> ConfigActivated {
    ConfigActivated {
        config_version: s.name(),
        strategy_yaml: s.name(),
        effective_from: s.time(),
        by: by(s),
        file: s.option(Source::name),
    }
}

pub(super) fn alert_acknowledged(s: &mut Source) -> AlertAcknowledged {
    AlertAcknowledged { error_id: s.name(), by: by(s) }
}

pub(super) fn dead_letter_handled(s: &mut Source) -> DeadLetterHandled {
    DeadLetterHandled {
        subject: s.name(),
        sequence: s.shares(),
        action: s.pick(&[DeadLetterAction::Redriven, DeadLetterAction::Discarded]),
        by: by(s),
    }
}
