//! How many trades a second one core reads out of each vendor's frames.
//!
//! `cargo run --release --example frame_speed`

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::market::SecurityType;
use ingest_gateway::adapters::{alpaca, finnhub};
use ingest_gateway::universe::Universe;
use ports::{Listing, PrintBuffer};

const SYMBOLS: usize = 500;
const FRAMES: usize = 200;
const FOR: Duration = Duration::from_secs(2);

fn main() {
    let tickers: Vec<String> = (0..SYMBOLS).map(|n| format!("S{n}")).collect();
    let listing =
        |ticker: &String| Listing { symbol: ticker.parse().expect("a symbol"), security_type: SecurityType::Common };
    let universe = Arc::new(Universe::new(tickers.iter().map(listing), 4));
    for trades in [1, 10, 50] {
        let frames: Vec<String> = (0..FRAMES).map(|n| finnhub_frame(&tickers, n, trades)).collect();
        let mut parser = finnhub::FrameParser::new(universe.clone());
        measure("finnhub", trades, &frames, |frame, buffer| parser.parse(frame, buffer));
        let frames: Vec<String> = (0..FRAMES).map(|n| alpaca_frame(&tickers, n, trades)).collect();
        let mut parser = alpaca::FrameParser::new(universe.clone());
        measure("alpaca", trades, &frames, |frame, buffer| assert!(parser.parse(frame, buffer).is_none()));
    }
}

fn measure(vendor: &str, per_frame: usize, frames: &[String], mut parse: impl FnMut(&str, &mut PrintBuffer)) {
    let mut buffer = PrintBuffer::default();
    let (begun, mut trades) = (Instant::now(), 0_usize);
    while begun.elapsed() < FOR {
        for frame in frames {
            parse(frame, &mut buffer);
            trades += buffer.prints.len();
            assert!(buffer.prints.len() == per_frame && buffer.refused.is_empty(), "{:?}", buffer.refused);
            buffer.clear();
        }
    }
    let bytes = frames.iter().map(String::len).sum::<usize>() / (frames.len() * per_frame);
    let rate = trades as f64 / begun.elapsed().as_secs_f64() / 1e6;
    println!("{vendor:8} {per_frame:3} trades a frame, {bytes} bytes a trade: {rate:.2} million trades/s");
}

fn finnhub_frame(tickers: &[String], seed: usize, trades: usize) -> String {
    let mut frame = String::from("{\"data\":[");
    for n in 0..trades {
        let (ticker, cents) = pick(tickers, seed, n);
        let comma = if n == 0 { "" } else { "," };
        let time = 1_795_531_200_000_u64 + (seed * trades + n) as u64;
        let _ = write!(
            frame,
            "{comma}{{\"c\":[\"1\",\"12\"],\"p\":{}.{:02},\"s\":\"{ticker}\",\"t\":{time},\"v\":{}}}",
            cents / 100,
            cents % 100,
            1 + n % 300
        );
    }
    frame + "],\"type\":\"trade\"}"
}

fn alpaca_frame(tickers: &[String], seed: usize, trades: usize) -> String {
    let mut frame = String::from("[");
    for n in 0..trades {
        let (ticker, cents) = pick(tickers, seed, n);
        let comma = if n == 0 { "" } else { "," };
        let nanos = (seed * trades + n) % 1_000 * 1_000_003;
        let _ = write!(
            frame,
            "{comma}{{\"T\":\"t\",\"S\":\"{ticker}\",\"i\":{},\"x\":\"D\",\"p\":{}.{:02},\"s\":{},\"t\":\"2026-11-24T15:51:44.{nanos:09}Z\",\"c\":[\"@\",\"I\"],\"z\":\"C\"}}",
            seed * trades + n,
            cents / 100,
            cents % 100,
            1 + n % 300
        );
    }
    frame + "]"
}

fn pick(tickers: &[String], seed: usize, n: usize) -> (&String, usize) {
    (&tickers[(seed * 31 + n * 7) % tickers.len()], 1_000 + (seed * 17 + n * 13) % 90_000)
}
