//! The parts of `finagent.market.v1.ReferenceUpdated` that tell how comparable a symbol's history is, and of
//! `NewsPublished`.

use domain::Micro;
use domain::market::{ActionKind, CorporateAction, FloatSource, Lending, Mention, SecondClose};

use crate::error::DecodeError;
use crate::fields::{Fields, Wire};
use crate::wire::market::v1 as wire;

impl Wire for CorporateAction {
    type Message = wire::CorporateAction;
    const NAME: &'static str = "market.v1.CorporateAction";

    fn to_wire(&self) -> Self::Message {
        let (kind, split, cash) = match self.kind {
            ActionKind::Split { old, new } => (wire::ActionKind::Split, Some((old, new)), None),
            ActionKind::Dividend(cash) => (wire::ActionKind::Dividend, None, Some(cash)),
            ActionKind::SpecialDividend(cash) => (wire::ActionKind::SpecialDividend, None, Some(cash)),
            ActionKind::SymbolChange => (wire::ActionKind::SymbolChange, None, None),
            ActionKind::Merger => (wire::ActionKind::Merger, None, None),
            ActionKind::SpinOff => (wire::ActionKind::SpinOff, None, None),
        };
        wire::CorporateAction {
            ex_date: self.ex_date.epoch_days(),
            kind: kind as i32,
            applied: self.applied,
            old_shares: split.map(|(old, _)| old),
            new_shares: split.map(|(_, new)| new),
            cash: cash.map(domain::Price::nanos),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let shares = |field, shares: Option<u32>| f.ordinal(field, shares.unwrap_or_default());
        let cash = || f.price("cash", wire.cash.unwrap_or_default());
        let kind = match wire::ActionKind::try_from(wire.kind) {
            Ok(wire::ActionKind::Split) => ActionKind::Split {
                old: shares("old_shares", wire.old_shares)?,
                new: shares("new_shares", wire.new_shares)?,
            },
            Ok(wire::ActionKind::Dividend) => ActionKind::Dividend(cash()?),
            Ok(wire::ActionKind::SpecialDividend) => ActionKind::SpecialDividend(cash()?),
            Ok(wire::ActionKind::SymbolChange) => ActionKind::SymbolChange,
            Ok(wire::ActionKind::Merger) => ActionKind::Merger,
            Ok(wire::ActionKind::SpinOff) => ActionKind::SpinOff,
            Ok(wire::ActionKind::Unspecified) | Err(_) => {
                let expected = "one of Split, Dividend, SpecialDividend, SymbolChange, Merger, SpinOff";
                return Err(DecodeError::field(Self::NAME, "kind", wire.kind, expected));
            }
        };
        Ok(Self { ex_date: f.date("ex_date", wire.ex_date)?, kind, applied: wire.applied })
    }
}

impl Wire for SecondClose {
    type Message = wire::SecondClose;
    const NAME: &'static str = "market.v1.SecondClose";

    fn to_wire(&self) -> Self::Message {
        wire::SecondClose { source: self.source.clone(), price: self.price.nanos() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { source: f.text("source", wire.source)?, price: f.price("price", wire.price)? })
    }
}

impl Wire for FloatSource {
    type Message = wire::FloatSource;
    const NAME: &'static str = "market.v1.FloatSource";

    fn to_wire(&self) -> Self::Message {
        wire::FloatSource { source: self.source.clone(), date: self.date.epoch_days() }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        Ok(Self { source: f.text("source", wire.source)?, date: f.date("date", wire.date)? })
    }
}

impl Wire for Lending {
    type Message = wire::Lending;
    const NAME: &'static str = "market.v1.Lending";

    fn to_wire(&self) -> Self::Message {
        wire::Lending { shortable: self.shortable, easy_to_borrow: self.easy_to_borrow }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        Ok(Self { shortable: wire.shortable, easy_to_borrow: wire.easy_to_borrow })
    }
}

impl Wire for Mention {
    type Message = wire::Mention;
    const NAME: &'static str = "market.v1.Mention";

    fn to_wire(&self) -> Self::Message {
        wire::Mention {
            symbol: self.symbol.to_string(),
            relevance: self.relevance.map(Micro::micros),
            sentiment: self.sentiment.map(Micro::micros),
        }
    }

    fn from_wire(wire: Self::Message) -> Result<Self, DecodeError> {
        let f = Fields(Self::NAME);
        let part = |field, micros: Option<i64>, least: i64, expected| {
            let checked = micros.map(|m| f.check(field, m, |m| (least..=1_000_000).contains(m), expected));
            Ok::<_, DecodeError>(checked.transpose()?.map(Micro::from_micros))
        };
        Ok(Self {
            symbol: f.symbol("symbol", &wire.symbol)?,
            relevance: part("relevance", wire.relevance, 0, "0 to 1000000")?,
            sentiment: part("sentiment", wire.sentiment, -1_000_000, "-1000000 to 1000000")?,
        })
    }
}
