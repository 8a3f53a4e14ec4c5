//! Finnhub subscribers and the frames they get.

use std::fmt::Write;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::decimal;
use crate::queue::{Queue, Room};
use crate::session::{Listing, Trade};

/// Most trades in one frame.
const FRAME_TRADES: usize = 50;
const QUEUE_FRAMES: usize = 1024;
/// Frames that one tick may add to a queue at most; with less room the market waits for the reader.
const HEADROOM: usize = 256;

/// One connected subscriber.
#[derive(Debug)]
struct Feed {
    id: u64,
    wanted: Vec<bool>,
    frame: String,
    trades: usize,
    queue: Queue,
}

/// All connected subscribers.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    connected: Vec<Feed>,
    next_id: u64,
    last_subscription: Option<Instant>,
}

impl Feeds {
    /// A new connection, with the frames it shall send.
    pub(crate) fn connect(&mut self, symbols: usize) -> (u64, mpsc::Receiver<String>) {
        let (queue, frames) = Queue::new(QUEUE_FRAMES, HEADROOM);
        self.next_id += 1;
        let wanted = vec![false; symbols];
        self.connected.push(Feed { id: self.next_id, wanted, frame: String::new(), trades: 0, queue });
        (self.next_id, frames)
    }

    pub(crate) fn disconnect(&mut self, id: u64) {
        self.connected.retain(|feed| feed.id != id);
    }

    pub(crate) fn subscribe(&mut self, id: u64, symbol: u16, wanted: bool) {
        if let Some(feed) = self.connected.iter_mut().find(|feed| feed.id == id) {
            feed.wanted[usize::from(symbol)] = wanted;
            self.last_subscription = Some(Instant::now());
        }
    }

    /// Whether somebody has subscribed and nothing was added for a moment.
    pub(crate) fn settled(&self, wall: Instant) -> bool {
        let quiet = |at| wall.saturating_duration_since(at) > Duration::from_millis(300);
        self.connected.iter().any(|feed| feed.wanted.contains(&true)) && self.last_subscription.is_some_and(quiet)
    }

    /// Whether every reader has room; one that has none for too long is dropped.
    pub(crate) fn have_room(&mut self, wall: Instant) -> bool {
        let mut room = true;
        self.connected.retain_mut(|feed| {
            let found = feed.queue.room(wall);
            room &= found != Room::None;
            found != Room::Over
        });
        room
    }

    /// Prints that one tick may play at most without overrunning a queue.
    pub(crate) const fn prints_per_tick() -> usize {
        HEADROOM * FRAME_TRADES - FRAME_TRADES
    }

    pub(crate) fn push(&mut self, trade: &Trade, listing: &Listing) {
        for feed in &mut self.connected {
            if !feed.wanted[usize::from(trade.symbol)] {
                continue;
            }
            write_trade(&mut feed.frame, trade, &listing.ticker);
            feed.trades += 1;
            if feed.trades == FRAME_TRADES {
                feed.flush();
            }
        }
    }

    pub(crate) fn flush(&mut self) {
        self.connected.iter_mut().for_each(Feed::flush);
    }
}

impl Feed {
    fn flush(&mut self) {
        if self.trades > 0 {
            self.frame.push_str("],\"type\":\"trade\"}");
            self.trades = 0;
            self.queue.push(std::mem::take(&mut self.frame));
        }
    }
}

/// Appends one element of a trade frame, opening the frame before the first.
pub(crate) fn write_trade(frame: &mut String, trade: &Trade, ticker: &str) {
    frame.push_str(if frame.is_empty() { "{\"data\":[{\"c\":" } else { ",{\"c\":" });
    let mut separator = '[';
    for code in trade.conditions.codes() {
        let _ = write!(frame, "{separator}\"{code}\"");
        separator = ',';
    }
    frame.push_str(if separator == '[' { "null" } else { "]" });
    frame.push_str(",\"p\":");
    decimal::write(frame, trade.price);
    let _ = write!(frame, ",\"s\":\"{ticker}\",\"t\":{},\"v\":{}}}", trade.ts_ms, trade.size);
}
