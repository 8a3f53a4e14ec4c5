//! `finagent.risk.v1`.

use domain::risk::{
    Cap, DayOpened, DenialReason, MissingInput, PlanApproved, PlanDenied, RiskLimit, SizingTerm, TradingState,
    TradingStateLowered,
};
use domain::{Micro, PlanId, SignalId, UnixNanos, Usd};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire, WireEnum, wire_enum, wires};
use crate::wire::risk::v1 as wire;
use crate::wire::risk::v1::denial_reason as denial;

wire_enum! {
    TradingState = wire::TradingState { Normal, NoEntry, Reduce, Flatten, Halt }
    Cap = wire::Cap { Risk, Notional, Gross, BuyingPower, Liquidity, Sector, FatFinger, Margin, BrokerPosition }
    RiskLimit = wire::RiskLimit {
        OpenPlans, PlansPerSession, DailyLossSoft, DailyLossHard, ConsecutiveStopOuts, OrderRate, CancelRate, EntryRate,
        StrategyKill
    }
    MissingInput = wire::MissingInput { Account, Day }
}

impl Wire for SizingTerm {
    type Message = wire::SizingTerm;
    const NAME: &'static str = "risk.v1.SizingTerm";

    fn to_wire(&self) -> Self::Message {
        wire::SizingTerm { cap: self.cap.to_wire(), quantity: self.quantity, detail: self.detail.clone() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { cap: f.one_of("cap", wire.cap)?, quantity: wire.quantity, detail: wire.detail })
    }
}

impl Wire for DenialReason {
    type Message = wire::DenialReason;
    const NAME: &'static str = "risk.v1.DenialReason";

    fn to_wire(&self) -> Self::Message {
        use denial::Kind;
        let kind = match self {
            Self::TradingState { state } => Kind::TradingState(denial::TradingStateForbids { state: state.to_wire() }),
            Self::ObserveOnly { reasons } => Kind::ObserveOnly(denial::ObserveOnly { reasons: reasons.clone() }),
            Self::LimitReached { limit, value, threshold } => Kind::LimitReached(denial::LimitReached {
                limit: limit.to_wire(),
                value: value.micros(),
                threshold: threshold.micros(),
            }),
            Self::NoQuantity { cap, detail } => {
                Kind::NoQuantity(denial::NoQuantity { cap: cap.to_wire(), detail: detail.clone() })
            }
            Self::RiskTooSmall { risk, minimum } => {
                Kind::RiskTooSmall(denial::RiskTooSmall { risk: risk.nanos(), minimum: minimum.nanos() })
            }
            Self::AlreadyTraded => Kind::AlreadyTraded(denial::AlreadyTraded {}),
            Self::Expired { valid_until, watermark } => {
                Kind::Expired(denial::Expired { valid_until: valid_until.nanos(), watermark: watermark.nanos() })
            }
            Self::Missing { input } => Kind::Missing(denial::Missing { input: input.to_wire() }),
            Self::BadPlan { detail } => Kind::BadPlan(denial::BadPlan { detail: detail.clone() }),
            Self::SymbolLocked { slippage, threshold } => {
                Kind::SymbolLocked(denial::SymbolLocked { slippage: slippage.micros(), threshold: threshold.micros() })
            }
            Self::PriceCollar { price, reference, collar_pct } => Kind::PriceCollar(denial::PriceCollar {
                price: price.nanos(),
                reference: reference.nanos(),
                collar_pct: collar_pct.micros(),
            }),
            Self::DayTradeLimit { count, limit, equity, minimum } => Kind::DayTradeLimit(denial::DayTradeLimit {
                count: *count,
                limit: *limit,
                equity: equity.nanos(),
                minimum: minimum.nanos(),
            }),
        };
        wire::DenialReason { kind: Some(kind) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        use denial::Kind;
        let f = Fields(Self::NAME);
        Ok(match wire.kind {
            None => return Err(DecodeError::field(Self::NAME, "kind", None::<()>, "one of the reasons")),
            Some(Kind::TradingState(r)) => Self::TradingState { state: f.one_of("trading_state.state", r.state)? },
            Some(Kind::ObserveOnly(r)) => Self::ObserveOnly { reasons: f.all_text("observe_only.reasons", r.reasons)? },
            Some(Kind::LimitReached(r)) => Self::LimitReached {
                limit: f.one_of("limit_reached.limit", r.limit)?,
                value: Micro::from_micros(r.value),
                threshold: Micro::from_micros(r.threshold),
            },
            Some(Kind::NoQuantity(r)) => {
                Self::NoQuantity { cap: f.one_of("no_quantity.cap", r.cap)?, detail: r.detail }
            }
            Some(Kind::RiskTooSmall(r)) => {
                Self::RiskTooSmall { risk: Usd::from_nanos(r.risk), minimum: Usd::from_nanos(r.minimum) }
            }
            Some(Kind::AlreadyTraded(_)) => Self::AlreadyTraded,
            Some(Kind::Expired(r)) => {
                Self::Expired { valid_until: UnixNanos::new(r.valid_until), watermark: UnixNanos::new(r.watermark) }
            }
            Some(Kind::Missing(r)) => Self::Missing { input: f.one_of("missing.input", r.input)? },
            Some(Kind::BadPlan(r)) => Self::BadPlan { detail: r.detail },
            Some(Kind::SymbolLocked(r)) => Self::SymbolLocked {
                slippage: Micro::from_micros(r.slippage),
                threshold: Micro::from_micros(r.threshold),
            },
            Some(Kind::PriceCollar(r)) => Self::PriceCollar {
                price: f.price("price_collar.price", r.price)?,
                reference: f.price("price_collar.reference", r.reference)?,
                collar_pct: Micro::from_micros(r.collar_pct),
            },
            Some(Kind::DayTradeLimit(r)) => Self::DayTradeLimit {
                count: r.count,
                limit: r.limit,
                equity: Usd::from_nanos(r.equity),
                minimum: Usd::from_nanos(r.minimum),
            },
        })
    }
}

impl Wire for DayOpened {
    type Message = wire::DayOpened;
    const NAME: &'static str = "risk.v1.DayOpened";

    fn to_wire(&self) -> Self::Message {
        wire::DayOpened {
            session_date: self.session_date.epoch_days(),
            account: self.account.clone(),
            start_equity: self.start_equity.nanos(),
            buying_power: self.buying_power.nanos(),
            observe_only: self.observe_only.clone(),
            day_trade_count: self.day_trade_count,
            pattern_day_trader: self.pattern_day_trader,
            at: self.at.nanos(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            session_date: f.date("session_date", wire.session_date)?,
            account: f.text("account", wire.account)?,
            start_equity: Usd::from_nanos(wire.start_equity),
            buying_power: Usd::from_nanos(wire.buying_power),
            observe_only: f.all_text("observe_only", wire.observe_only)?,
            day_trade_count: wire.day_trade_count,
            pattern_day_trader: wire.pattern_day_trader,
            at: UnixNanos::new(wire.at),
        })
    }
}

impl Wire for PlanApproved {
    type Message = wire::PlanApproved;
    const NAME: &'static str = "risk.v1.PlanApproved";

    fn to_wire(&self) -> Self::Message {
        wire::PlanApproved {
            plan: Some(self.plan.to_wire()),
            account: self.account.clone(),
            quantity: self.quantity,
            binding_cap: self.binding_cap.to_wire(),
            terms: wires(&self.terms),
            risk: self.risk.nanos(),
            notional: self.notional.nanos(),
            equity: self.equity.nanos(),
            decided_at: self.decided_at.nanos(),
            inputs: wires(&self.inputs),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            plan: f.message("plan", wire.plan)?,
            account: f.text("account", wire.account)?,
            quantity: f.shares("quantity", wire.quantity)?,
            binding_cap: f.one_of("binding_cap", wire.binding_cap)?,
            terms: f.messages("terms", wire.terms)?,
            risk: f.positive_usd("risk", wire.risk)?,
            notional: f.positive_usd("notional", wire.notional)?,
            equity: Usd::from_nanos(wire.equity),
            decided_at: UnixNanos::new(wire.decided_at),
            inputs: f.messages("inputs", wire.inputs)?,
        })
    }
}

impl Wire for PlanDenied {
    type Message = wire::PlanDenied;
    const NAME: &'static str = "risk.v1.PlanDenied";

    fn to_wire(&self) -> Self::Message {
        wire::PlanDenied {
            plan_id: self.plan_id.to_string(),
            signal_id: self.signal_id.to_string(),
            symbol: self.symbol.to_string(),
            session_date: self.session_date.epoch_days(),
            reason: Some(self.reason.to_wire()),
            terms: wires(&self.terms),
            equity: self.equity.map(Usd::nanos),
            decided_at: self.decided_at.nanos(),
            inputs: wires(&self.inputs),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            plan_id: PlanId::from_wire(f.text("plan_id", wire.plan_id)?),
            signal_id: SignalId::from_wire(f.text("signal_id", wire.signal_id)?),
            symbol: f.symbol("symbol", &wire.symbol)?,
            session_date: f.date("session_date", wire.session_date)?,
            reason: f.message("reason", wire.reason)?,
            terms: f.messages("terms", wire.terms)?,
            equity: wire.equity.map(Usd::from_nanos),
            decided_at: UnixNanos::new(wire.decided_at),
            inputs: f.messages("inputs", wire.inputs)?,
        })
    }
}

impl Wire for TradingStateLowered {
    type Message = wire::TradingStateLowered;
    const NAME: &'static str = "risk.v1.TradingStateLowered";

    fn to_wire(&self) -> Self::Message {
        wire::TradingStateLowered {
            session_date: self.session_date.epoch_days(),
            state: self.state.to_wire(),
            limit: self.limit.to_wire(),
            value: self.value.micros(),
            threshold: self.threshold.micros(),
            at: self.at.nanos(),
            inputs: wires(&self.inputs),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            session_date: f.date("session_date", wire.session_date)?,
            state: f.one_of("state", wire.state)?,
            limit: f.one_of("limit", wire.limit)?,
            value: Micro::from_micros(wire.value),
            threshold: Micro::from_micros(wire.threshold),
            at: UnixNanos::new(wire.at),
            inputs: f.messages("inputs", wire.inputs)?,
        })
    }
}
