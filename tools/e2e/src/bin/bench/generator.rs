//! A feed without a market: made trade frames over a real WebSocket, as fast as the other side reads or at a rate.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use tokio_tungstenite::tungstenite;

const POOL_FRAMES: usize = 4_096;
const CHUNK_BYTES: usize = 256 << 10;
const STAMP_DIGITS: usize = 13;
/// Most frames of one paced run; each has its own send time.
pub(crate) const PACED_FRAMES_MAX: usize = 1 << 20;
/// A paced frame's number stands in its prices, in steps of this many 1e-9 dollars.
pub(crate) const NUMBER_UNIT: i64 = 1_000;
/// Whole dollars of every price of a paced frame.
pub(crate) const PACED_PRICE: i64 = 100;

/// What to send.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// Frames of 1 to 99 trades, as many as the socket takes.
    Flood(Duration),
    /// So many trades a second in frames of ten.
    Paced(Duration, u64),
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) trades: u64,
    pub(crate) shares: u64,
    /// Sum of price (in 1e-5 dollars) times size.
    pub(crate) checksum: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, price_nanos: i64, size: u32) {
        self.trades += 1;
        self.shares += u64::from(size);
        self.checksum = self.checksum.wrapping_add((price_nanos as u64 / 10_000).wrapping_mul(u64::from(size)));
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.trades += other.trades;
        self.shares += other.shares;
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }
}

/// The listening end; any other request than the WebSocket's is answered with 404.
pub(crate) struct Generator {
    pub(crate) addr: SocketAddr,
    pub(crate) symbols: Vec<String>,
    /// When each paced frame was sent, nanoseconds since `origin`.
    pub(crate) sent_at: Arc<Vec<AtomicU64>>,
    pub(crate) origin: Instant,
    plans: SyncSender<Plan>,
    results: Receiver<anyhow::Result<Tally>>,
}

impl Generator {
    pub(crate) fn start(symbols: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let symbols: Vec<String> = (0..symbols).map(ticker).collect();
        let sent_at: Arc<Vec<AtomicU64>> = Arc::new((0..PACED_FRAMES_MAX).map(|_| AtomicU64::new(0)).collect());
        let (plans, wanted) = sync_channel(1);
        let (done, results) = sync_channel(1);
        let (accepted, sockets) = sync_channel(1);
        thread::Builder::new().name("acceptor".into()).spawn(move || accept(&listener, &accepted))?;
        let origin = Instant::now();
        let mut sender =
            Sender { pool: pool(&symbols), symbols: symbols.clone(), sent_at: sent_at.clone(), origin, paced: 0 };
        thread::Builder::new().name("generator".into()).spawn(move || {
            while let Ok(mut socket) = sockets.recv() {
                while let Ok(plan) = wanted.recv() {
                    let result = sender.send(&mut socket, &plan);
                    let broken = result.is_err();
                    if done.send(result).is_err() {
                        return;
                    }
                    if broken {
                        break;
                    }
                }
            }
        })?;
        Ok(Self { addr, symbols, sent_at, origin, plans, results })
    }

    /// Carries the plan out on the connection that is open, and says what was sent.
    pub(crate) fn run(&self, plan: Plan) -> anyhow::Result<Tally> {
        self.plans.send(plan).context("the generator has ended")?;
        self.results.recv().context("the generator has ended")?
    }
}

/// `AAAA`, `BAAA`, … so that symbols spread over the partitions.
fn ticker(n: usize) -> String {
    (0..4).scan(n, |rest, _| Some(char::from(b'A' + (std::mem::replace(rest, *rest / 26) % 26) as u8))).collect()
}

fn accept(listener: &TcpListener, sockets: &SyncSender<TcpStream>) {
    while let Ok((mut stream, _)) = listener.accept() {
        let mut start = [0; 7];
        let websocket = matches!(stream.peek(&mut start), Ok(7) if &start == b"GET /ws");
        if !websocket {
            thread::spawn(move || {
                let mut request = [0; 4_096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            });
            continue;
        }
        let Ok(accepted) = tungstenite::accept(stream) else { continue };
        let stream = accepted.into_inner();
        // Small frames would wait for the reader's delayed acknowledgement of the ones before.
        let _ = stream.set_nodelay(true);
        let Ok(mut subscriptions) = stream.try_clone() else { continue };
        thread::spawn(move || {
            let mut sink = [0; 16_384];
            while subscriptions.read(&mut sink).is_ok_and(|n| n > 0) {}
        });
        if sockets.send(stream).is_err() {
            return;
        }
    }
}

/// A ready-made WebSocket frame whose times are written when it is sent.
struct Frame {
    bytes: Vec<u8>,
    stamps: Vec<Range<usize>>,
    tally: Tally,
}

struct Sender {
    pool: Vec<Frame>,
    symbols: Vec<String>,
    sent_at: Arc<Vec<AtomicU64>>,
    origin: Instant,
    paced: usize,
}

impl Sender {
    fn send(&mut self, socket: &mut TcpStream, plan: &Plan) -> anyhow::Result<Tally> {
        match *plan {
            Plan::Flood(duration) => self.flood(socket, duration),
            Plan::Paced(duration, rate) => self.paced(socket, duration, rate),
        }
    }

    fn flood(&mut self, socket: &mut TcpStream, duration: Duration) -> anyhow::Result<Tally> {
        let (begun, mut tally, mut chunk) = (Instant::now(), Tally::default(), Vec::with_capacity(2 * CHUNK_BYTES));
        let mut stamp = unix_millis();
        loop {
            for frame in &self.pool {
                if chunk.is_empty() {
                    stamp = unix_millis();
                }
                let at = chunk.len();
                chunk.extend_from_slice(&frame.bytes);
                for range in &frame.stamps {
                    chunk[at + range.start..at + range.end].copy_from_slice(&stamp);
                }
                tally.join(&frame.tally);
                if chunk.len() > CHUNK_BYTES {
                    socket.write_all(&chunk)?;
                    chunk.clear();
                    if begun.elapsed() >= duration {
                        return Ok(tally);
                    }
                }
            }
        }
    }

    fn paced(&mut self, socket: &mut TcpStream, duration: Duration, rate: u64) -> anyhow::Result<Tally> {
        const TRADES: usize = 10;
        let (begun, mut tally, mut sent) = (Instant::now(), Tally::default(), 0_u64);
        while begun.elapsed() < duration {
            let due = Duration::from_secs_f64(sent as f64 / rate as f64);
            if let Some(wait) = due.checked_sub(begun.elapsed()) {
                thread::sleep(wait);
            }
            anyhow::ensure!(self.paced < PACED_FRAMES_MAX, "too many paced frames");
            let price = PACED_PRICE * 1_000_000_000 + self.paced as i64 * NUMBER_UNIT;
            let trades = (0..TRADES)
                .map(|n| (self.symbols[(self.paced * 7 + n * 131) % self.symbols.len()].as_str(), price, 100));
            let mut frame = frame(trades.collect::<Vec<_>>().as_slice(), |_| "[\"1\"]");
            let stamp = unix_millis();
            for range in &frame.stamps {
                frame.bytes[range.clone()].copy_from_slice(&stamp);
            }
            self.sent_at[self.paced].store(self.origin.elapsed().as_nanos() as u64, Ordering::Relaxed);
            socket.write_all(&frame.bytes)?;
            tally.join(&frame.tally);
            self.paced += 1;
            sent += TRADES as u64;
        }
        Ok(tally)
    }
}

fn unix_millis() -> [u8; STAMP_DIGITS] {
    let mut millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let mut digits = [b'0'; STAMP_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (millis % 10) as u8;
        millis /= 10;
    }
    digits
}

fn frame<'a>(trades: &[(&str, i64, u32)], conditions: impl Fn(usize) -> &'a str) -> Frame {
    let mut text = String::from("{\"data\":[");
    let (mut stamps, mut tally) = (Vec::new(), Tally::default());
    for (n, (symbol, price, size)) in trades.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        let dollars = domain::Price::from_nanos(*price);
        let _ = write!(text, "{comma}{{\"c\":{},\"p\":{dollars},\"s\":\"{symbol}\",\"t\":", conditions(n));
        stamps.push(text.len()..text.len() + STAMP_DIGITS);
        let _ = write!(text, "{:0>STAMP_DIGITS$},\"v\":{size}}}", 0);
        tally.add(*price, *size);
    }
    text.push_str("],\"type\":\"trade\"}");
    let mut bytes = vec![0x81];
    match text.len() {
        short @ ..126 => bytes.push(short as u8),
        medium @ 126..65_536 => {
            bytes.push(126);
            bytes.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let header = bytes.len();
    bytes.extend_from_slice(text.as_bytes());
    let stamps = stamps.into_iter().map(|range| range.start + header..range.end + header).collect();
    Frame { bytes, stamps, tally }
}

/// Frames of 1 to 99 trades; symbols traded unevenly, prices walking in cents, four kinds of conditions.
fn pool(symbols: &[String]) -> Vec<Frame> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut cents: Vec<i64> = symbols.iter().map(|_| 500 + random.below(40_000) as i64).collect();
    let kinds = ["[\"1\"]", "[\"1\",\"12\"]", "null", "[\"1\",\"8\",\"24\"]"];
    let mut one = || {
        let count = 1 + random.below(99) as usize;
        let mut trades = Vec::with_capacity(count);
        let mut conditions = Vec::with_capacity(count);
        for _ in 0..count {
            // the smaller of two draws: a symbol early in the list trades more often
            let symbol = random.below(symbols.len() as u64).min(random.below(symbols.len() as u64)) as usize;
            cents[symbol] = (cents[symbol] + random.below(5) as i64 - 2).max(100);
            trades.push((symbols[symbol].as_str(), cents[symbol] * 10_000_000, 1 + random.below(400) as u32));
            conditions.push(kinds[random.below(8).saturating_sub(4) as usize]);
        }
        frame(&trades, |n| conditions[n])
    };
    (0..POOL_FRAMES).map(|_| one()).collect()
}

/// Xorshift: good enough to make trades, and the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
