//! Subscribers of Alpaca's market data, and the messages they get.

use std::fmt::Write;
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::decimal;
use crate::queue::{Queue, Room};
use crate::session::conditions::Conditions;
use crate::session::{Listing, Trade};

/// Most messages in one frame.
const FRAME_MESSAGES: usize = 50;
const QUEUE_FRAMES: usize = 2_048;
/// Frames that one tick may add to a queue at most: its prints, and the bars of the minutes that end in it.
const HEADROOM: usize = 1_024;
const MINUTE_MS: i64 = 60_000;

/// The symbols of one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// `*` was asked for.
    pub(crate) all: bool,
    pub(crate) tickers: Vec<String>,
    by_symbol: Vec<bool>,
}

impl Wanted {
    fn has(&self, symbol: usize) -> bool {
        self.all || self.by_symbol.get(symbol).copied().unwrap_or(false)
    }

    fn names(&self, ticker: &str) -> bool {
        self.all || self.tickers.iter().any(|known| known == ticker)
    }

    /// Takes `tickers` up, or lets them go; `index` gives a known one's number.
    pub(crate) fn change(&mut self, tickers: &[String], wanted: bool, index: impl Fn(&str) -> Option<u16>) {
        for ticker in tickers {
            if ticker == "*" {
                self.all = wanted;
                continue;
            }
            self.tickers.retain(|known| known != ticker);
            if wanted {
                self.tickers.push(ticker.clone());
            }
            if let Some(symbol) = index(ticker).map(usize::from) {
                if self.by_symbol.len() <= symbol {
                    self.by_symbol.resize(symbol + 1, false);
                }
                self.by_symbol[symbol] = wanted;
            }
        }
    }

    /// As the vendor lists it.
    pub(crate) fn listed(&self) -> Vec<&str> {
        let all = self.all.then_some("*");
        all.into_iter().chain(self.tickers.iter().map(String::as_str)).collect()
    }
}

/// What a connection has asked for; channels that carry nothing here are listed all the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Channels {
    pub(crate) trades: Wanted,
    pub(crate) quotes: Wanted,
    pub(crate) bars: Wanted,
    pub(crate) updated_bars: Wanted,
    pub(crate) daily_bars: Wanted,
    pub(crate) statuses: Wanted,
    pub(crate) lulds: Wanted,
    pub(crate) imbalances: Wanted,
}

#[derive(Debug)]
struct Subscriber {
    id: u64,
    key: String,
    channels: Channels,
    frame: String,
    messages: usize,
    queue: Queue,
}

/// The minute that is being traded in, of one symbol.
#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    trades: u32,
    dollars: i128,
}

/// All logged-in connections.
#[derive(Debug, Default)]
pub(crate) struct AlpacaFeeds {
    connected: Vec<Subscriber>,
    next_id: u64,
    last_subscription: Option<Instant>,
    /// Minutes since 1970 of the bars that are being made.
    minute: i64,
    minutes: Vec<Minute>,
}

impl AlpacaFeeds {
    /// A new connection of `key`, with the frames it shall send; `None` while another one holds the key.
    pub(crate) fn connect(&mut self, key: &str) -> Option<(u64, mpsc::Receiver<String>)> {
        if self.connected.iter().any(|subscriber| subscriber.key == key) {
            return None;
        }
        let (queue, frames) = Queue::new(QUEUE_FRAMES, HEADROOM);
        self.next_id += 1;
        let (id, key, channels) = (self.next_id, key.to_owned(), Channels::default());
        self.connected.push(Subscriber { id, key, channels, frame: String::new(), messages: 0, queue });
        Some((id, frames))
    }

    pub(crate) fn disconnect(&mut self, id: u64) {
        self.connected.retain(|subscriber| subscriber.id != id);
    }

    /// Cuts every connection.
    pub(crate) fn cut(&mut self) {
        self.connected.clear();
    }

    pub(crate) fn subscribe(&mut self, id: u64, channels: Channels) {
        if let Some(subscriber) = self.connected.iter_mut().find(|subscriber| subscriber.id == id) {
            subscriber.channels = channels;
            self.last_subscription = Some(Instant::now());
        }
    }

    /// Whether somebody has asked for trades and nothing was added for a moment.
    pub(crate) fn settled(&self, wall: Instant) -> bool {
        let quiet = |at| wall.saturating_duration_since(at) > Duration::from_millis(300);
        let reads = |s: &Subscriber| s.channels.trades.all || !s.channels.trades.tickers.is_empty();
        self.connected.iter().any(reads) && self.last_subscription.is_some_and(quiet)
    }

    /// Whether every reader has room; one that has none for too long is dropped.
    pub(crate) fn have_room(&mut self, wall: Instant) -> bool {
        let mut room = true;
        self.connected.retain_mut(|subscriber| {
            let found = subscriber.queue.room(wall);
            room &= found != Room::None;
            found != Room::Over
        });
        room
    }

    /// Takes print number `id` of the session.
    pub(crate) fn push(&mut self, trade: &Trade, id: usize, listings: &[Listing]) {
        self.end_minutes(trade.ts_ms, listings);
        let symbol = usize::from(trade.symbol);
        if self.minutes.len() <= symbol {
            self.minutes.resize(listings.len().max(symbol + 1), Minute::default());
        }
        self.minutes[symbol].add(trade);
        let reads = |s: &&mut Subscriber| s.channels.trades.has(symbol);
        for subscriber in self.connected.iter_mut().filter(reads) {
            write_trade(subscriber.next(), trade, id, &listings[symbol]);
            subscriber.taken();
        }
    }

    /// Hands everything over, with the bars of the minutes that are over at `now_ms`.
    pub(crate) fn flush(&mut self, now_ms: i64, listings: &[Listing]) {
        self.end_minutes(now_ms, listings);
        self.connected.iter_mut().for_each(Subscriber::flush);
    }

    /// Sends `messages` to everyone who has asked for their kind and symbol, errors to everyone.
    pub(crate) fn inject(&mut self, messages: &[Value]) {
        for message in messages {
            let (kind, ticker) = (message["T"].as_str().unwrap_or_default(), message["S"].as_str().unwrap_or_default());
            for subscriber in &mut self.connected {
                let channels = &subscriber.channels;
                let wanted = match kind {
                    "t" | "c" | "x" => channels.trades.names(ticker),
                    "s" => channels.statuses.names(ticker),
                    "l" => channels.lulds.names(ticker),
                    "b" => channels.bars.names(ticker),
                    "u" => channels.updated_bars.names(ticker),
                    "d" => channels.daily_bars.names(ticker),
                    "q" => channels.quotes.names(ticker),
                    "i" => channels.imbalances.names(ticker),
                    _ => true,
                };
                if wanted {
                    let _ = write!(subscriber.next(), "{message}");
                    subscriber.taken();
                }
            }
        }
        self.connected.iter_mut().for_each(Subscriber::flush);
    }

    fn end_minutes(&mut self, now_ms: i64, listings: &[Listing]) {
        let minute = now_ms.div_euclid(MINUTE_MS);
        if minute <= self.minute {
            return;
        }
        let over = std::mem::replace(&mut self.minute, minute);
        for (symbol, bar) in self.minutes.iter_mut().enumerate() {
            let bar = std::mem::take(bar);
            if bar.open == 0 {
                continue;
            }
            for subscriber in self.connected.iter_mut().filter(|s| s.channels.bars.has(symbol)) {
                bar.write(subscriber.next(), over * MINUTE_MS, &listings[symbol].ticker);
                subscriber.taken();
            }
        }
    }
}

impl Subscriber {
    /// The frame, ready for the next message.
    fn next(&mut self) -> &mut String {
        self.frame.push(if self.messages == 0 { '[' } else { ',' });
        &mut self.frame
    }

    fn taken(&mut self) {
        self.messages += 1;
        if self.messages == FRAME_MESSAGES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.messages > 0 {
            self.frame.push(']');
            self.messages = 0;
            self.queue.push(std::mem::take(&mut self.frame));
        }
    }
}

impl Minute {
    fn add(&mut self, trade: &Trade) {
        self.trades += 1;
        if trade.conditions.counts_volume() {
            self.volume += u64::from(trade.size);
            self.dollars += i128::from(trade.price) * i128::from(trade.size);
        }
        if trade.conditions.without_form_t().sets_last() {
            if self.open == 0 {
                (self.open, self.high, self.low) = (trade.price, trade.price, trade.price);
            }
            (self.high, self.low) = (self.high.max(trade.price), self.low.min(trade.price));
            self.close = trade.price;
        }
    }

    fn write(&self, out: &mut String, start_ms: i64, ticker: &str) {
        let _ = write!(out, "{{\"T\":\"b\",\"S\":\"{ticker}\"");
        for (field, value) in [("o", self.open), ("h", self.high), ("l", self.low), ("c", self.close)] {
            let _ = write!(out, ",\"{field}\":");
            decimal::write(out, value);
        }
        let vwap = self.dollars / i128::from(self.volume.max(1));
        let _ = write!(out, ",\"v\":{},\"vw\":", self.volume);
        decimal::write(out, i64::try_from(vwap).unwrap_or(self.close));
        let _ = write!(out, ",\"n\":{},\"t\":\"{}\"}}", self.trades, time(start_ms));
    }
}

fn write_trade(out: &mut String, trade: &Trade, id: usize, listing: &Listing) {
    let _ = write!(out, "{{\"T\":\"t\",\"S\":\"{}\",", listing.ticker);
    write_trade_fields(out, trade, id, listing);
}

/// What a trade is in the stream and in REST alike, with the closing brace.
pub(crate) fn write_trade_fields(out: &mut String, trade: &Trade, id: usize, listing: &Listing) {
    let tape = if listing.exchange == "NASDAQ" { 'C' } else { 'A' };
    let _ = write!(out, "\"i\":{},\"x\":\"V\",\"p\":", id + 1);
    decimal::write(out, trade.price);
    let _ = write!(out, ",\"s\":{},\"t\":\"{}\",\"c\":[", trade.size, time(trade.ts_ms));
    for (n, letter) in letters(trade.conditions, tape).into_iter().enumerate() {
        let _ = write!(out, "{}\"{letter}\"", if n == 0 { "" } else { "," });
    }
    let _ = write!(out, "],\"z\":\"{tape}\"}}");
}

/// RFC 3339 with as many decimals as it takes.
fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string())
}

/// The SIP letters of a trade on tape A or C: first the kind of settlement, `@` on C and a blank on A, then the others.
fn letters(conditions: Conditions, tape: char) -> Vec<char> {
    let regular = if tape == 'C' { '@' } else { ' ' };
    let other = conditions.codes().filter(|code| *code != 1).map(|code| match code {
        2 => 'A',
        3 if tape == 'C' => 'W',
        3 => 'B',
        4 if tape == 'C' => 'B',
        5 => 'C',
        6 => 'D',
        7 => 'E',
        8 => 'F',
        9 => 'G',
        10 => 'H',
        12 => 'I',
        13 | 14 => 'K',
        15 => 'L',
        16 => 'M',
        17 => 'N',
        18 | 19 => 'O',
        20 => 'Q',
        21 => 'P',
        22 => 'R',
        23 => 'S',
        24 => 'T',
        25 => 'U',
        26 | 27 => 'V',
        28 => 'X',
        29 => 'Y',
        30 => 'Z',
        31 => '1',
        32 => '4',
        33 | 34 => '5',
        35 | 36 => '6',
        37 => '7',
        38 | 41 => '8',
        39 => '9',
        // Bunched trades of tape A, and what has no letter.
        _ => regular,
    });
    let mut letters = vec![regular];
    letters.extend(other.filter(|letter| *letter != regular));
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_depend_on_the_tape() {
        let check = |codes: &[u8], tape, expected: &str| {
            assert_eq!(letters(Conditions::of(codes), tape).into_iter().collect::<String>(), expected, "{codes:?}");
        };
        check(&[], 'C', "@");
        check(&[1], 'A', " ");
        check(&[8, 12, 24], 'C', "@FIT");
        check(&[3], 'C', "@W");
        check(&[3], 'A', " B");
    }

    #[test]
    fn a_minute_ends_with_a_bar_that_counts_its_trades() {
        let listing = |ticker: &str| Listing {
            ticker: ticker.to_owned(),
            name: String::new(),
            exchange: "NASDAQ",
            shares_outstanding: 1,
        };
        let listings = [listing("AAA"), listing("BBB")];
        let mut feeds = AlpacaFeeds::default();
        let (id, mut frames) = feeds.connect("sim").unwrap();
        assert!(feeds.connect("sim").is_none(), "one connection a key");
        let mut channels = Channels::default();
        channels.bars.change(&["AAA".to_owned()], true, |_| Some(0));
        channels.trades.change(&["BBB".to_owned()], true, |_| Some(1));
        feeds.subscribe(id, channels);
        let trade = |symbol, ts_ms, price, size, codes: &[u8]| Trade {
            ts_ms,
            price,
            conditions: Conditions::of(codes),
            size,
            symbol,
        };
        for print in [
            trade(0, 60_000, 10_000_000_000, 100, &[1]),
            trade(0, 60_500, 12_000_000_000, 300, &[8]),
            trade(0, 119_999, 99_000_000_000, 1, &[12]),
            trade(1, 61_208, 5_500_000_000, 7, &[24]),
        ] {
            feeds.push(&print, 41, &listings);
        }
        feeds.flush(120_000, &listings);
        let sent: Value = serde_json::from_str(&frames.try_recv().unwrap()).unwrap();
        let expected = serde_json::json!([
            {"T": "t", "S": "BBB", "i": 42, "x": "V", "p": 5.5, "s": 7, "t": "1970-01-01T00:01:01.208Z", "c": ["@", "T"], "z": "C"},
            {"T": "b", "S": "AAA", "o": 10, "h": 12, "l": 10, "c": 12, "v": 401, "vw": 11.718_204_488, "n": 3,
             "t": "1970-01-01T00:01:00Z"},
        ]);
        assert_eq!(sent, expected);
    }
}
