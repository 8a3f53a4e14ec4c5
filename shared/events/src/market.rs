//! `finagent.market.v1` but for the columns of a `TradeBatch`.

use domain::UnixNanos;
use domain::market::{
    ConditionScheme, DailyBar, FeedGapDetected, FeedGapReason, NewsPublished, OpeningVolume, ReferenceUpdated,
    SecurityType, SessionVolumes, Tape, TradingStatus, TradingStatusChanged,
};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire, WireEnum, texts, wire_enum, wires};
use crate::wire::market::v1 as wire;

wire_enum! {
    Tape = wire::Tape { Consolidated, Iex, Simulated }
    ConditionScheme = wire::ConditionScheme { Finnhub, Cta, Utp, Sip }
    SecurityType = wire::SecurityType { Common, Fund, Other, Unknown }
    TradingStatus = wire::TradingStatus { Halted, Resumed }
    FeedGapReason = wire::FeedGapReason { Disconnected, GatewayDown, SpoolFull, Stale, Incomplete }
}

impl Wire for DailyBar {
    type Message = wire::DailyBar;
    const NAME: &'static str = "market.v1.DailyBar";

    fn to_wire(&self) -> Self::Message {
        wire::DailyBar {
            date: self.date.epoch_days(),
            open: self.open.nanos(),
            high: self.high.nanos(),
            low: self.low.nanos(),
            close: self.close.nanos(),
            volume: self.volume,
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            date: f.date("date", wire.date)?,
            open: f.price("open", wire.open)?,
            high: f.price("high", wire.high)?,
            low: f.price("low", wire.low)?,
            close: f.price("close", wire.close)?,
            volume: wire.volume,
        })
    }
}

impl Wire for OpeningVolume {
    type Message = wire::OpeningVolume;
    const NAME: &'static str = "market.v1.OpeningVolume";

    fn to_wire(&self) -> Self::Message {
        wire::OpeningVolume { date: self.date.epoch_days(), volume: self.volume }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        Ok(Self { date: Fields(Self::NAME).date("date", wire.date)?, volume: wire.volume })
    }
}

impl Wire for SessionVolumes {
    type Message = wire::SessionVolumes;
    const NAME: &'static str = "market.v1.SessionVolumes";

    fn to_wire(&self) -> Self::Message {
        wire::SessionVolumes {
            date: self.date.epoch_days(),
            premarket: self.premarket.clone(),
            regular: self.regular.clone(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let date = Fields(Self::NAME).date("date", wire.date)?;
        Ok(Self { date, premarket: wire.premarket, regular: wire.regular })
    }
}

impl Wire for ReferenceUpdated {
    type Message = wire::ReferenceUpdated;
    const NAME: &'static str = "market.v1.ReferenceUpdated";

    fn to_wire(&self) -> Self::Message {
        wire::ReferenceUpdated {
            symbol: self.symbol.to_string(),
            session_date: self.session_date.epoch_days(),
            source: self.source.clone(),
            tape: self.tape.to_wire(),
            prev_close: self.prev_close.nanos(),
            daily_bars: wires(&self.daily_bars),
            opening_volumes: wires(&self.opening_volumes),
            opening_minutes: self.opening_minutes,
            float_shares: self.float_shares,
            sector: self.sector.clone(),
            security_type: self.security_type.to_wire(),
            as_of: self.as_of.nanos(),
            actions: wires(&self.actions),
            second_close: self.second_close.as_ref().map(Wire::to_wire),
            float_source: self.float_source.as_ref().map(Wire::to_wire),
            session_volumes: wires(&self.session_volumes),
            volume_step_minutes: self.volume_step_minutes,
            lending: self.lending.as_ref().map(Wire::to_wire),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            symbol: f.symbol("symbol", &wire.symbol)?,
            session_date: f.date("session_date", wire.session_date)?,
            source: f.text("source", wire.source)?,
            tape: f.one_of("tape", wire.tape)?,
            prev_close: f.price("prev_close", wire.prev_close)?,
            daily_bars: f.messages("daily_bars", wire.daily_bars)?,
            opening_volumes: f.messages("opening_volumes", wire.opening_volumes)?,
            opening_minutes: f.ordinal("opening_minutes", wire.opening_minutes)?,
            float_shares: wire.float_shares,
            sector: wire.sector,
            security_type: f.one_of("security_type", wire.security_type)?,
            as_of: UnixNanos::new(wire.as_of),
            actions: f.messages("actions", wire.actions)?,
            second_close: f.optional_message("second_close", wire.second_close)?,
            float_source: f.optional_message("float_source", wire.float_source)?,
            volume_step_minutes: f.check(
                "volume_step_minutes",
                wire.volume_step_minutes,
                |minutes| *minutes > 0 || wire.session_volumes.is_empty(),
                "a number from 1, where there are session_volumes",
            )?,
            session_volumes: f.messages("session_volumes", wire.session_volumes)?,
            lending: f.optional_message("lending", wire.lending)?,
        })
    }
}

impl Wire for NewsPublished {
    type Message = wire::NewsPublished;
    const NAME: &'static str = "market.v1.NewsPublished";

    fn to_wire(&self) -> Self::Message {
        wire::NewsPublished {
            news_id: self.news_id.clone(),
            symbols: texts(&self.symbols),
            headline: self.headline.clone(),
            summary: self.summary.clone(),
            source: self.source.clone(),
            url: self.url.clone(),
            published_at: self.published_at.nanos(),
            mentions: wires(&self.mentions),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            news_id: f.text("news_id", wire.news_id)?,
            symbols: f.symbols("symbols", &wire.symbols)?,
            headline: wire.headline,
            summary: wire.summary,
            source: wire.source,
            url: wire.url,
            published_at: UnixNanos::new(wire.published_at),
            mentions: f.messages("mentions", wire.mentions)?,
        })
    }
}

impl Wire for FeedGapDetected {
    type Message = wire::FeedGapDetected;
    const NAME: &'static str = "market.v1.FeedGapDetected";

    fn to_wire(&self) -> Self::Message {
        wire::FeedGapDetected {
            source: self.source.clone(),
            epoch: self.epoch,
            from: self.from.nanos(),
            until: self.until.nanos(),
            dropped_trades: self.dropped_trades,
            reason: self.reason.to_wire(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            source: f.text("source", wire.source)?,
            epoch: wire.epoch,
            from: UnixNanos::new(wire.from),
            until: UnixNanos::new(f.check("until", wire.until, |t| *t >= wire.from, "an instant not before `from`")?),
            dropped_trades: wire.dropped_trades,
            reason: f.one_of("reason", wire.reason)?,
        })
    }
}

impl Wire for TradingStatusChanged {
    type Message = wire::TradingStatusChanged;
    const NAME: &'static str = "market.v1.TradingStatusChanged";

    fn to_wire(&self) -> Self::Message {
        wire::TradingStatusChanged {
            symbol: self.symbol.to_string(),
            status: self.status.to_wire(),
            at: self.at.nanos(),
            source: self.source.clone(),
            detail: self.detail.clone(),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self {
            symbol: f.symbol("symbol", &wire.symbol)?,
            status: f.one_of("status", wire.status)?,
            at: UnixNanos::new(wire.at),
            source: f.text("source", wire.source)?,
            detail: wire.detail,
        })
    }
}
