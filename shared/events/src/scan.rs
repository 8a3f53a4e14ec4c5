//! `finagent.scan.v1`.

use domain::scan::{
    CandidatesEvaluated, Comparison, Criterion, CriterionName, Features, GapKind, Input, ModelIdentity, Outcome, Round,
    RoundOpened, ScanRoundCompleted, ScorePart, SignalGenerated, TradeCandidate, Unit,
};
use domain::{Micro, Price, RoundId, SignalId, UnixNanos, Usd};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire, WireEnum, texts, wire_enum, wires};
use crate::wire::scan::v1 as wire;

wire_enum! {
    Unit = wire::Unit { UsdPerShare, Usd, Shares, Percent, Ratio, Direction, YesNo, Sessions, Atr }
    Comparison = wire::Comparison { AtLeast, MoreThan, AtMost, Equal }
    Outcome = wire::Outcome { Pass, Fail, NotEvaluated }
    CriterionName = wire::CriterionName {
        Reference, FeedComplete, SecurityType, Price, AverageVolume, Atr, Gap, PremarketVolume, PremarketDollarVolume,
        RelativeVolume, OpeningRangeDirection, NotHalted, Float, GapKind, PrevCloseAgreement, History, NotLeveraged,
        NoCashMerger, PriceMax, Spread, SpreadOfStop, PremarketHighDistance, PremarketHighBroken, Scored,
        RelativeVolumeByTime, PremarketRelativeVolume
    }
    GapKind = wire::GapKind { FullUp, PartialUp, PartialDown, FullDown }
}

impl Wire for Criterion {
    type Message = wire::Criterion;
    const NAME: &'static str = "scan.v1.Criterion";

    fn to_wire(&self) -> Self::Message {
        wire::Criterion {
            name: self.name.to_wire(),
            value: self.value.map(Micro::micros),
            threshold: self.threshold.micros(),
            comparison: self.comparison.to_wire(),
            outcome: self.outcome.to_wire(),
            unit: self.unit.to_wire(),
            source: self.source.clone(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            name: f.one_of("name", wire.name)?,
            value: wire.value.map(Micro::from_micros),
            threshold: Micro::from_micros(wire.threshold),
            comparison: f.one_of("comparison", wire.comparison)?,
            outcome: f.one_of("outcome", wire.outcome)?,
            unit: f.one_of("unit", wire.unit)?,
            source: wire.source,
        })
    }
}

impl Wire for Features {
    type Message = wire::Features;
    const NAME: &'static str = "scan.v1.Features";

    fn to_wire(&self) -> Self::Message {
        wire::Features {
            last: self.last.map(Price::nanos),
            prev_close: self.prev_close.map(Price::nanos),
            open: self.open.map(Price::nanos),
            gap_pct: self.gap_pct.map(Micro::micros),
            gap_atr: self.gap_atr.map(Micro::micros),
            atr_14: self.atr_14.map(Price::nanos),
            adv_14: self.adv_14,
            premarket_high: self.premarket_high.map(Price::nanos),
            premarket_low: self.premarket_low.map(Price::nanos),
            premarket_volume: self.premarket_volume,
            premarket_dollar_volume: self.premarket_dollar_volume.nanos(),
            or_open: self.or_open.map(Price::nanos),
            or_high: self.or_high.map(Price::nanos),
            or_low: self.or_low.map(Price::nanos),
            or_close: self.or_close.map(Price::nanos),
            or_volume: self.or_volume,
            rvol: self.rvol.map(Micro::micros),
            vwap: self.vwap.map(Price::nanos),
            sector: self.sector.clone(),
            gap_kind: self.gap_kind.map(WireEnum::to_wire),
            prev_close_difference_pct: self.prev_close_difference_pct.map(Micro::micros),
            history_sessions: self.history_sessions,
            day_high: self.day_high.map(Price::nanos),
            day_low: self.day_low.map(Price::nanos),
            minute_atr_14: self.minute_atr_14.map(Price::nanos),
            spread: self.spread.map(Price::nanos),
            spread_pct: self.spread_pct.map(Micro::micros),
            float_shares: self.float_shares,
            float_rotation: self.float_rotation.map(Micro::micros),
            catalyst: self.catalyst.map(Micro::micros),
            cash_merger: self.cash_merger,
            halted: self.halted,
            leveraged: self.leveraged,
            shortable: self.shortable,
            easy_to_borrow: self.easy_to_borrow,
            short_restricted: self.short_restricted,
            rvol_by_time: self.rvol_by_time.map(Micro::micros),
            premarket_rvol: self.premarket_rvol.map(Micro::micros),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let not_negative = |field, nanos: i64| f.check(field, nanos, |n| *n >= 0, "0 or more in 1e-9 USD");
        let distance = |field, nanos: Option<i64>| nanos.map(|n| not_negative(field, n)).transpose();
        let micro = |micros: Option<i64>| micros.map(Micro::from_micros);
        Ok(Self {
            last: f.optional_price("last", wire.last)?,
            prev_close: f.optional_price("prev_close", wire.prev_close)?,
            open: f.optional_price("open", wire.open)?,
            gap_pct: micro(wire.gap_pct),
            gap_atr: micro(wire.gap_atr),
            atr_14: distance("atr_14", wire.atr_14)?.map(Price::from_nanos),
            adv_14: wire.adv_14,
            premarket_high: f.optional_price("premarket_high", wire.premarket_high)?,
            premarket_low: f.optional_price("premarket_low", wire.premarket_low)?,
            premarket_volume: wire.premarket_volume,
            premarket_dollar_volume: Usd::from_nanos(not_negative(
                "premarket_dollar_volume",
                wire.premarket_dollar_volume,
            )?),
            or_open: f.optional_price("or_open", wire.or_open)?,
            or_high: f.optional_price("or_high", wire.or_high)?,
            or_low: f.optional_price("or_low", wire.or_low)?,
            or_close: f.optional_price("or_close", wire.or_close)?,
            or_volume: wire.or_volume,
            rvol: micro(wire.rvol),
            vwap: f.optional_price("vwap", wire.vwap)?,
            sector: wire.sector,
            gap_kind: f.optional_one_of("gap_kind", wire.gap_kind)?,
            prev_close_difference_pct: micro(wire.prev_close_difference_pct),
            history_sessions: wire.history_sessions,
            day_high: f.optional_price("day_high", wire.day_high)?,
            day_low: f.optional_price("day_low", wire.day_low)?,
            minute_atr_14: distance("minute_atr_14", wire.minute_atr_14)?.map(Price::from_nanos),
            spread: distance("spread", wire.spread)?.map(Price::from_nanos),
            spread_pct: micro(wire.spread_pct),
            float_shares: wire.float_shares,
            float_rotation: micro(wire.float_rotation),
            catalyst: micro(wire.catalyst),
            cash_merger: wire.cash_merger,
            halted: wire.halted,
            leveraged: wire.leveraged,
            shortable: wire.shortable,
            easy_to_borrow: wire.easy_to_borrow,
            short_restricted: wire.short_restricted,
            rvol_by_time: micro(wire.rvol_by_time),
            premarket_rvol: micro(wire.premarket_rvol),
        })
    }
}

impl Wire for ScorePart {
    type Message = wire::ScorePart;
    const NAME: &'static str = "scan.v1.ScorePart";

    fn to_wire(&self) -> Self::Message {
        wire::ScorePart { name: self.name.clone(), value: self.value.micros() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { name: f.text("name", wire.name)?, value: Micro::from_micros(wire.value) })
    }
}

impl Wire for TradeCandidate {
    type Message = wire::TradeCandidate;
    const NAME: &'static str = "scan.v1.TradeCandidate";

    fn to_wire(&self) -> Self::Message {
        wire::TradeCandidate {
            symbol: self.symbol.to_string(),
            features: Some(self.features.to_wire()),
            criteria: wires(&self.criteria),
            refused_by: self.refused_by.map(WireEnum::to_wire),
            score: self.score.map(Micro::micros),
            score_parts: wires(&self.score_parts),
            news_ids: self.news_ids.clone(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            symbol: f.symbol("symbol", &wire.symbol)?,
            features: f.message("features", wire.features)?,
            criteria: f.messages("criteria", wire.criteria)?,
            refused_by: f.optional_one_of("refused_by", wire.refused_by)?,
            score: wire.score.map(Micro::from_micros),
            score_parts: f.messages("score_parts", wire.score_parts)?,
            news_ids: f.all_text("news_ids", wire.news_ids)?,
        })
    }
}

impl Wire for Input {
    type Message = wire::Input;
    const NAME: &'static str = "scan.v1.Input";

    fn to_wire(&self) -> Self::Message {
        wire::Input { stream: self.stream.clone(), last_seq: self.last_seq }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        Ok(Self { stream: Fields(Self::NAME).text("stream", wire.stream)?, last_seq: wire.last_seq })
    }
}

impl Wire for Round {
    type Message = wire::Round;
    const NAME: &'static str = "scan.v1.Round";

    fn to_wire(&self) -> Self::Message {
        wire::Round {
            round_id: self.round_id.to_string(),
            session_date: self.session_date.epoch_days(),
            schedule: self.schedule.clone(),
            due: self.due.nanos(),
            config_version: self.config_version.clone(),
            strategy: self.strategy.clone(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            round_id: RoundId::from_wire(f.text("round_id", wire.round_id)?),
            session_date: f.date("session_date", wire.session_date)?,
            schedule: f.text("schedule", wire.schedule)?,
            due: UnixNanos::new(wire.due),
            config_version: f.text("config_version", wire.config_version)?,
            strategy: f.text("strategy", wire.strategy)?,
        })
    }
}

impl Wire for ModelIdentity {
    type Message = wire::ModelIdentity;
    const NAME: &'static str = "scan.v1.ModelIdentity";

    fn to_wire(&self) -> Self::Message {
        wire::ModelIdentity { name: self.name.clone(), version: self.version.clone(), hash: self.hash.clone() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            name: f.text("name", wire.name)?,
            version: f.text("version", wire.version)?,
            hash: f.text("hash", wire.hash)?,
        })
    }
}

impl Wire for SignalGenerated {
    type Message = wire::SignalGenerated;
    const NAME: &'static str = "scan.v1.SignalGenerated";

    fn to_wire(&self) -> Self::Message {
        wire::SignalGenerated {
            signal_id: self.signal_id.to_string(),
            round: Some(self.round.to_wire()),
            partition: self.partition,
            candidate: Some(self.candidate.to_wire()),
            model: self.model.as_ref().map(Wire::to_wire),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            signal_id: SignalId::from_wire(f.text("signal_id", wire.signal_id)?),
            round: f.message("round", wire.round)?,
            partition: wire.partition,
            candidate: f.message("candidate", wire.candidate)?,
            model: f.optional_message("model", wire.model)?,
        })
    }
}

impl Wire for CandidatesEvaluated {
    type Message = wire::CandidatesEvaluated;
    const NAME: &'static str = "scan.v1.CandidatesEvaluated";

    fn to_wire(&self) -> Self::Message {
        wire::CandidatesEvaluated {
            round: Some(self.round.to_wire()),
            partition: self.partition,
            chunk: self.chunk,
            chunks: self.chunks,
            candidates: wires(&self.candidates),
            inputs: wires(&self.inputs),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            round: f.message("round", wire.round)?,
            partition: wire.partition,
            chunk: f.below("chunk", wire.chunk, wire.chunks)?,
            chunks: wire.chunks,
            candidates: f.messages("candidates", wire.candidates)?,
            inputs: f.messages("inputs", wire.inputs)?,
        })
    }
}

impl Wire for ScanRoundCompleted {
    type Message = wire::ScanRoundCompleted;
    const NAME: &'static str = "scan.v1.ScanRoundCompleted";

    fn to_wire(&self) -> Self::Message {
        wire::ScanRoundCompleted {
            round: Some(self.round.to_wire()),
            partition: self.partition,
            partitions: self.partitions,
            evaluated: self.evaluated,
            signal_ids: texts(&self.signal_ids),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let signal_ids = f.all_text("signal_ids", wire.signal_ids)?;
        Ok(Self {
            round: f.message("round", wire.round)?,
            partition: f.below("partition", wire.partition, wire.partitions)?,
            partitions: wire.partitions,
            evaluated: wire.evaluated,
            signal_ids: signal_ids.into_iter().map(SignalId::from_wire).collect(),
        })
    }
}

impl Wire for RoundOpened {
    type Message = wire::RoundOpened;
    const NAME: &'static str = "scan.v1.RoundOpened";

    fn to_wire(&self) -> Self::Message {
        wire::RoundOpened { round: Some(self.round.to_wire()), inputs: wires(&self.inputs) }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { round: f.message("round", wire.round)?, inputs: f.messages("inputs", wire.inputs)? })
    }
}
