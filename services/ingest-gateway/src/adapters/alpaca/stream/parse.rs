//! The stream's messages to domain types. What cannot be converted is refused by field and value.

use std::sync::Arc;

use domain::market::Trade;
use domain::{Price, UnixNanos};
use ports::{Notice, NoticeKind, Print, PrintBuffer, Refusal};
use serde_json::value::RawValue;

use super::minutes::Minutes;
use super::{scan, wire};
use crate::adapters::decimal;
use crate::universe::Universe;

pub(super) use super::wire::Control;

/// Reads frames of the symbols it was made for.
#[derive(Debug)]
pub struct FrameParser {
    pub(super) universe: Arc<Universe>,
    pub(super) minutes: Minutes,
    joined: String,
}

/// What the vendor reports about the connection itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamError {
    /// The vendor's number; absent where it gives none.
    pub code: Option<u32>,
    /// The vendor's own words.
    pub msg: String,
}

impl FrameParser {
    /// A parser that knows the symbols of `universe`, .
    pub fn new(universe: Arc<Universe>) -> Self {
        let minutes = Minutes::new(universe.len());
        Self { universe, minutes, joined: String::new() }
    }

    /// Adds what `frame` holds to `buffer`: its trades and notices, and a refusal for each message that is wrong. A
    /// frame that is no JSON array is refused whole; kinds that are not known add nothing. Gives the last error that
    /// the vendor reports in it.
    pub fn parse(&mut self, frame: &str, buffer: &mut PrintBuffer) -> Option<StreamError> {
        buffer.frames += 1;
        if scan::scan(frame, &self.universe, &mut self.minutes, &mut self.joined, buffer).is_some() {
            self.minutes.judge(&mut buffer.notices);
            return None;
        }
        let error = self.read_thoroughly(frame, buffer);
        self.minutes.judge(&mut buffer.notices);
        error
    }

    pub(super) fn read_thoroughly(&mut self, text: &str, buffer: &mut PrintBuffer) -> Option<StreamError> {
        let messages: Vec<&RawValue> = match serde_json::from_str(text) {
            Ok(messages) => messages,
            Err(error) => {
                buffer.refused.push(malformed(&error, text));
                return None;
            }
        };
        let mut failure = None;
        for message in messages {
            match self.message(message.get(), buffer) {
                Ok(None) => {}
                Ok(error) => failure = error,
                Err(refused) => buffer.refused.push(refused),
            }
        }
        failure
    }

    fn message(&mut self, text: &str, buffer: &mut PrintBuffer) -> Result<Option<StreamError>, Refusal> {
        let kind: wire::Kind<'_> = read(text)?;
        match &*kind.kind {
            "t" => {
                let trade: wire::Trade<'_> = read(text)?;
                match self.trade(&trade, buffer)? {
                    Some(print) => buffer.prints.push(print),
                    None => buffer.price_updates += 1,
                }
            }
            "b" => {
                let bar: wire::Bar<'_> = read(text)?;
                let (symbol, start) = (self.symbol(&bar.symbol)?, time(&bar.t, &bar.symbol)?);
                if let Some(trades) = bar.n {
                    self.minutes.bar(symbol, start, trades);
                }
            }
            "s" => buffer.notices.extend(self.status(&read(text)?)?),
            "c" => buffer.notices.push(self.correction(&read(text)?)?),
            "x" => buffer.notices.push(self.cancel(&read(text)?)?),
            "error" => {
                let error: wire::Control<'_> = read(text)?;
                return Ok(Some(StreamError { code: error.code, msg: error.msg.unwrap_or_default() }));
            }
            // Said while connecting, or not asked for.
            _ => {}
        }
        Ok(None)
    }

    /// The print, or `None` for a price without a whole share.
    fn trade(&mut self, trade: &wire::Trade<'_>, buffer: &mut PrintBuffer) -> Result<Option<Print>, Refusal> {
        let symbol = self.symbol(&trade.symbol)?;
        let ts_event = time(&trade.t, &trade.symbol)?;
        self.minutes.trade(symbol, ts_event);
        let refused = |code, detail: String| refusal(code, Some(&*trade.symbol), detail);
        let number = |code, field: &str, value: &RawValue| {
            let text = value.get();
            decimal::nanos(text).map_err(|error| refused(code, format!("{field} = `{text}` {error}")))
        };
        let price = number("bad_price", "p", trade.p)?;
        if price <= 0 {
            return Err(refused("bad_price", format!("p = `{}` is not positive", trade.p.get())));
        }
        let volume = number("bad_size", "s", trade.s)?;
        let size = u32::try_from(volume / 1_000_000_000)
            .ok()
            .filter(|_| volume >= 0)
            .ok_or_else(|| refused("bad_size", format!("s = `{}` is not a number of shares", trade.s.get())))?;
        self.joined.clear();
        for (n, condition) in trade.c.iter().flatten().enumerate() {
            if n == 0 {
                self.joined.push_str(trade.z.as_deref().unwrap_or_default());
            }
            self.joined.push(if n == 0 { ':' } else { ',' });
            self.joined.push_str(condition);
        }
        let conditions = buffer
            .condition_sets
            .intern(&self.joined)
            .ok_or_else(|| refused("bad_conditions", format!("c = `{}` is one list too many", self.joined)))?;
        let trade = Trade { ts_event, price: Price::from_nanos(price), size };
        Ok((size > 0).then_some(Print { symbol, conditions, trade }))
    }

    /// The notice; `None` for a status that neither stops trading nor lets it go on.
    fn status(&self, status: &wire::Status<'_>) -> Result<Option<Notice>, Refusal> {
        let (symbol, at) = (self.symbol(&status.symbol)?, time(&status.t, &status.symbol)?);
        let (halts, resumes): (&[&str], &[&str]) = match &*status.z {
            "C" => (&["H", "P"], &["T"]),
            "A" | "B" => (&["2"], &["3"]),
            // A tape that is not named, or not known: by either plan's letters.
            _ => (&["H", "P", "2"], &["T", "3"]),
        };
        let code = &*status.sc;
        let what = if halts.contains(&code) {
            NoticeKind::Halted
        } else if resumes.contains(&code) {
            NoticeKind::Resumed
        } else {
            return Ok(None);
        };
        let words = [&status.sc, &status.sm, &status.rc, &status.rm].map(|word| word.trim());
        let detail = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        Ok(Some(Notice { symbol, at, what, detail }))
    }

    fn correction(&self, c: &wire::Correction<'_>) -> Result<Notice, Refusal> {
        let (symbol, at) = (self.symbol(&c.symbol)?, time(&c.t, &c.symbol)?);
        let [id, price, size, right_price, right_size] = [c.oi, c.op, c.os, c.cp, c.cs].map(RawValue::get);
        let detail = format!("trade {id}: {size} at {price} were {right_size} at {right_price}");
        Ok(Notice { symbol, at, what: NoticeKind::Corrected, detail })
    }

    fn cancel(&self, x: &wire::Cancel<'_>) -> Result<Notice, Refusal> {
        let (symbol, at) = (self.symbol(&x.symbol)?, time(&x.t, &x.symbol)?);
        let detail = format!("trade {}: {} at {} never were ({})", x.i.get(), x.s.get(), x.p.get(), x.a);
        Ok(Notice { symbol, at, what: NoticeKind::Cancelled, detail })
    }

    fn symbol(&self, ticker: &str) -> Result<u32, Refusal> {
        self.universe
            .find(ticker)
            .ok_or_else(|| refusal("unknown_symbol", Some(ticker), format!("S = `{ticker}` is not one we asked for")))
    }
}

/// The kind, text and symbols of the messages in a frame of the handshake.
pub(super) fn controls(frame: &str) -> Result<Vec<Control<'_>>, serde_json::Error> {
    serde_json::from_str(frame)
}

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| malformed(&error, text))
}

fn time(text: &str, symbol: &str) -> Result<UnixNanos, Refusal> {
    let parsed: Option<UnixNanos> = text.parse().ok();
    parsed
        .filter(|at| at.nanos() >= 0)
        .ok_or_else(|| refusal("bad_time", Some(symbol), format!("t = `{text}` is not a time since 1970 (RFC 3339)")))
}

fn malformed(error: &serde_json::Error, text: &str) -> Refusal {
    let shown: String = text.chars().take(200).collect();
    refusal("malformed_frame", None, format!("{error} in `{shown}`"))
}

fn refusal(code: &'static str, subject: Option<&str>, detail: String) -> Refusal {
    Refusal { code, subject: subject.map(|s| s.chars().take(24).collect()), detail }
}

#[cfg(test)]
mod tests;
