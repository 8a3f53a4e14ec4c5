//! `finagent.plan.v1`.

use domain::plan::{
    Entry, ExitRules, NotSelected, PlanProposed, RankedSignal, RoundClosed, Side, Target, TimeStop, TradePlan, Trail,
};
use domain::{Micro, PlanId, SignalId, UnixNanos};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire, WireEnum, wire_enum, wires};
use crate::wire::plan::v1 as wire;

wire_enum! {
    Side = wire::Side { Buy, Sell }
    NotSelected = wire::NotSelected {
        BelowTop, ShortsDisabled, StopTooTight, AlreadyPlanned, WatchOnly, StrategyPaused, NoLevels, NoOpeningRange,
        FlatRange, NoPremarketHigh, NoAtr, NoAverageVolume, NoMinuteAtr, NotShortable, ShortSaleRestricted,
        TooLate
    }
}

impl Wire for Entry {
    type Message = wire::Entry;
    const NAME: &'static str = "plan.v1.Entry";

    fn to_wire(&self) -> Self::Message {
        wire::Entry { trigger: self.trigger.nanos(), limit: self.limit.nanos() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { trigger: f.price("trigger", wire.trigger)?, limit: f.price("limit", wire.limit)? })
    }
}

impl Wire for Target {
    type Message = wire::Target;
    const NAME: &'static str = "plan.v1.Target";

    fn to_wire(&self) -> Self::Message {
        wire::Target { distance: self.distance.nanos(), fraction_bps: self.fraction_bps }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let allowed = |bps: &u32| (1..=10_000).contains(bps);
        Ok(Self {
            distance: f.price("distance", wire.distance)?,
            fraction_bps: f.check("fraction_bps", wire.fraction_bps, allowed, "1 to 10000 basis points")?,
        })
    }
}

impl Wire for Trail {
    type Message = wire::Trail;
    const NAME: &'static str = "plan.v1.Trail";

    fn to_wire(&self) -> Self::Message {
        wire::Trail { after: self.after.nanos(), distance: self.distance.nanos() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { after: f.distance("after", wire.after)?, distance: f.price("distance", wire.distance)? })
    }
}

impl Wire for TimeStop {
    type Message = wire::TimeStop;
    const NAME: &'static str = "plan.v1.TimeStop";

    fn to_wire(&self) -> Self::Message {
        wire::TimeStop { after_seconds: self.after_seconds, gain: self.gain.nanos() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            after_seconds: f.ordinal("after_seconds", wire.after_seconds)?,
            gain: f.distance("gain", wire.gain)?,
        })
    }
}

impl Wire for ExitRules {
    type Message = wire::ExitRules;
    const NAME: &'static str = "plan.v1.ExitRules";

    fn to_wire(&self) -> Self::Message {
        wire::ExitRules {
            trail: self.trail.as_ref().map(Wire::to_wire),
            time_stop: self.time_stop.as_ref().map(Wire::to_wire),
            halt_resume_seconds: self.halt_resume_seconds,
            halt_silence_seconds: self.halt_silence_seconds,
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            trail: f.optional_message("trail", wire.trail)?,
            time_stop: f.optional_message("time_stop", wire.time_stop)?,
            halt_resume_seconds: wire.halt_resume_seconds,
            halt_silence_seconds: wire.halt_silence_seconds,
        })
    }
}

impl Wire for TradePlan {
    type Message = wire::TradePlan;
    const NAME: &'static str = "plan.v1.TradePlan";

    fn to_wire(&self) -> Self::Message {
        wire::TradePlan {
            plan_id: self.plan_id.to_string(),
            signal_id: self.signal_id.to_string(),
            round: Some(self.round.to_wire()),
            symbol: self.symbol.to_string(),
            side: self.side.to_wire(),
            rank: self.rank,
            score: self.score.micros(),
            entry: Some(self.entry.to_wire()),
            stop_distance: self.stop_distance.nanos(),
            targets: wires(&self.targets),
            valid_until: self.valid_until.nanos(),
            exit_by: self.exit_by.nanos(),
            atr_14: self.atr_14.nanos(),
            adv_14: self.adv_14,
            or_volume: self.or_volume,
            sector: self.sector.clone(),
            exits: Some(self.exits.to_wire()),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            plan_id: PlanId::from_wire(f.text("plan_id", wire.plan_id)?),
            signal_id: SignalId::from_wire(f.text("signal_id", wire.signal_id)?),
            round: f.message("round", wire.round)?,
            symbol: f.symbol("symbol", &wire.symbol)?,
            side: f.one_of("side", wire.side)?,
            rank: f.ordinal("rank", wire.rank)?,
            score: Micro::from_micros(wire.score),
            entry: f.message("entry", wire.entry)?,
            stop_distance: f.price("stop_distance", wire.stop_distance)?,
            targets: f.messages("targets", wire.targets)?,
            valid_until: UnixNanos::new(wire.valid_until),
            exit_by: UnixNanos::new(wire.exit_by),
            atr_14: f.price("atr_14", wire.atr_14)?,
            adv_14: wire.adv_14,
            or_volume: wire.or_volume,
            sector: wire.sector,
            exits: f.optional_message("exits", wire.exits)?.unwrap_or_default(),
        })
    }
}

impl Wire for RankedSignal {
    type Message = wire::RankedSignal;
    const NAME: &'static str = "plan.v1.RankedSignal";

    fn to_wire(&self) -> Self::Message {
        wire::RankedSignal {
            rank: self.rank,
            signal_id: self.signal_id.to_string(),
            symbol: self.symbol.to_string(),
            score: self.score.micros(),
            not_selected: self.not_selected.map(WireEnum::to_wire),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            rank: f.ordinal("rank", wire.rank)?,
            signal_id: SignalId::from_wire(f.text("signal_id", wire.signal_id)?),
            symbol: f.symbol("symbol", &wire.symbol)?,
            score: Micro::from_micros(wire.score),
            not_selected: f.optional_one_of("not_selected", wire.not_selected)?,
        })
    }
}

impl Wire for RoundClosed {
    type Message = wire::RoundClosed;
    const NAME: &'static str = "plan.v1.RoundClosed";

    fn to_wire(&self) -> Self::Message {
        wire::RoundClosed {
            round: Some(self.round.to_wire()),
            partitions: self.partitions.clone(),
            missing: self.missing.clone(),
            ranking: wires(&self.ranking),
            plans: wires(&self.plans),
            inputs: wires(&self.inputs),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            round: f.message("round", wire.round)?,
            partitions: wire.partitions,
            missing: wire.missing,
            ranking: f.messages("ranking", wire.ranking)?,
            plans: f.messages("plans", wire.plans)?,
            inputs: f.messages("inputs", wire.inputs)?,
        })
    }
}

impl Wire for PlanProposed {
    type Message = wire::PlanProposed;
    const NAME: &'static str = "plan.v1.PlanProposed";

    fn to_wire(&self) -> Self::Message {
        wire::PlanProposed { plan: Some(self.plan.to_wire()) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        Ok(Self { plan: Fields(Self::NAME).message("plan", wire.plan)? })
    }
}
