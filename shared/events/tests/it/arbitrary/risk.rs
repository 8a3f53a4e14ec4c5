use domain::risk::{
    Cap, DayOpened, DenialReason, MissingInput, PlanApproved, PlanDenied, RiskLimit, SizingTerm, TradingState,
    TradingStateLowered,
};
use domain::{PlanId, SignalId};

use super::Source;
use super::plan::plan;
use super::scan::inputs;

pub(super) fn trading_state(s: &mut Source) -> TradingState {
    s.pick(&[
        TradingState::Normal,
        TradingState::NoEntry,
        TradingState::Reduce,
        TradingState::Flatten,
        TradingState::Halt,
    ])
}

fn cap(s: &mut Source) -> Cap {
    s.pick(&[
        Cap::Risk,
        Cap::Notional,
        Cap::Gross,
        Cap::BuyingPower,
        Cap::Liquidity,
        Cap::Sector,
        Cap::FatFinger,
        Cap::Margin,
        Cap::BrokerPosition,
    ])
}

fn limit(s: &mut Source) -> RiskLimit {
    s.pick(&[
        RiskLimit::OpenPlans,
        RiskLimit::PlansPerSession,
        RiskLimit::DailyLossSoft,
        RiskLimit::DailyLossHard,
        RiskLimit::ConsecutiveStopOuts,
        RiskLimit::OrderRate,
        RiskLimit::CancelRate,
        RiskLimit::EntryRate,
        RiskLimit::StrategyKill,
    ])
}

fn terms(s: &mut Source) -> Vec<SizingTerm> {
    s.list(|s| SizingTerm { cap: cap(s), quantity: s.option(Source::number), detail: s.words() })
}

/// A maker for every reason.
pub(crate) const DENIALS: &[fn(&mut Source) -> DenialReason] = &[
    |s| DenialReason::TradingState { state: trading_state(s) },
    |s| DenialReason::ObserveOnly { reasons: s.list(Source::name) },
    |s| DenialReason::LimitReached { limit: limit(s), value: s.micro(), threshold: s.micro() },
    |s| DenialReason::NoQuantity { cap: cap(s), detail: s.words() },
    |s| DenialReason::RiskTooSmall { risk: s.usd(), minimum: s.usd() },
    |_| DenialReason::AlreadyTraded,
    |s| DenialReason::Expired { valid_until: s.time(), watermark: s.time() },
    |s| DenialReason::Missing { input: s.pick(&[MissingInput::Account, MissingInput::Day]) },
    |s| DenialReason::BadPlan { detail: s.words() },
    |s| DenialReason::SymbolLocked { slippage: s.micro(), threshold: s.micro() },
    |s| DenialReason::PriceCollar { price: s.price(), reference: s.price(), collar_pct: s.micro() },
    |s| DenialReason::DayTradeLimit {
        count: s.below(100) as u32,
        limit: s.below(4) as u32,
        equity: s.usd(),
        minimum: s.usd(),
    },
];

pub(super) fn day_opened(s: &mut Source) -> DayOpened {
    DayOpened {
        session_date: s.date(),
        account: s.name(),
        start_equity: s.usd(),
        buying_power: s.usd(),
        observe_only: s.list(Source::name),
        day_trade_count: s.option(|s| s.below(100) as u32),
        pattern_day_trader: s.option(Source::flag),
        at: s.time(),
    }
}

pub(super) fn plan_approved(s: &mut Source) -> PlanApproved {
    PlanApproved {
        plan: plan(s),
        account: s.name(),
        quantity: s.shares(),
        binding_cap: cap(s),
        terms: terms(s),
        risk: s.positive_usd(),
        notional: s.positive_usd(),
        equity: s.usd(),
        decided_at: s.time(),
        inputs: inputs(s),
    }
}

pub(super) fn plan_denied(s: &mut Source) -> PlanDenied {
    PlanDenied {
        plan_id: PlanId::from_wire(s.name()),
        signal_id: SignalId::from_wire(s.name()),
        symbol: s.symbol(),
        session_date: s.date(),
        reason: s.pick(DENIALS)(s),
        terms: terms(s),
        equity: s.option(Source::usd),
        decided_at: s.time(),
        inputs: inputs(s),
    }
}

pub(super) fn trading_state_lowered(s: &mut Source) -> TradingStateLowered {
    TradingStateLowered {
        session_date: s.date(),
        state: trading_state(s),
        limit: limit(s),
        value: s.micro(),
        threshold: s.micro(),
        at: s.time(),
        inputs: inputs(s),
    }
}
