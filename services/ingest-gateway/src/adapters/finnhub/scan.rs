//! The fast way through a trade frame: one pass over the bytes, no tree, no floats, no allocation.
//!
//! It takes only frames in which every trade is clean; at the first surprise it gives up, and the caller reads the
//! whole frame again the thorough way, which judges each trade and names what is wrong.

use domain::market::Trade;
use domain::{Price, UnixNanos};
use ports::{Print, PrintBuffer};

use crate::universe::Universe;

/// Adds the trades of `frame` to `buffer`; `None`, and nothing added, when the frame holds anything unexpected.
pub(super) fn scan(frame: &str, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
    let (prints, updates) = (buffer.prints.len(), buffer.price_updates);
    let mut scanner = Scanner { text: frame, bytes: frame.as_bytes(), at: 0 };
    let done = scanner.frame(universe, joined, buffer);
    if done.is_none() {
        buffer.prints.truncate(prints);
        buffer.price_updates = updates;
    }
    done
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn frame(&mut self, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
        let (mut data, mut kind) = (false, false);
        self.must_be(b'{')?;
        loop {
            match self.key()? {
                "data" if !data => {
                    data = true;
                    self.trades(universe, joined, buffer)?;
                }
                "type" if !kind => {
                    kind = true;
                    (self.string()? == "trade").then_some(())?;
                }
                _ => return None,
            }
            match self.token()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.blanks();
        (data && kind && self.at == self.bytes.len()).then_some(())
    }

    fn trades(&mut self, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
        self.must_be(b'[')?;
        loop {
            self.trade(universe, joined, buffer)?;
            match self.token()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// One trade, or a price without a whole share, which is only counted.
    fn trade(&mut self, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
        let (mut price, mut symbol, mut millis, mut volume, mut conditions) = (None, None, None, None, None);
        self.must_be(b'{')?;
        loop {
            match self.letter()? {
                b'p' if price.is_none() => price = Some(self.decimal()?),
                b's' if symbol.is_none() => symbol = Some(universe.find(self.string()?)?),
                b't' if millis.is_none() => millis = Some(self.millis()?),
                b'v' if volume.is_none() => volume = Some(self.decimal()?),
                b'c' if conditions.is_none() => conditions = Some(self.conditions(joined, buffer)?),
                _ => return None,
            }
            match self.token()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        let (price, symbol, millis, volume) = (price?, symbol?, millis?, volume?);
        if price <= 0 {
            return None;
        }
        let size = u32::try_from(volume / 1_000_000_000).ok()?;
        if size == 0 {
            buffer.price_updates += 1;
            return Some(());
        }
        let trade = Trade { ts_event: UnixNanos::from_millis(millis), price: Price::from_nanos(price), size };
        buffer.prints.push(Print { symbol, conditions: conditions.unwrap_or(0), trade });
        Some(())
    }

    fn conditions(&mut self, joined: &mut String, buffer: &mut PrintBuffer) -> Option<u32> {
        match self.token()? {
            b'n' => {
                let rest = self.bytes.get(self.at..self.at + 3)?;
                self.at += 3;
                return (rest == b"ull").then_some(0);
            }
            b'[' => {}
            _ => return None,
        }
        self.blanks();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
            return Some(0);
        }
        let first = self.string()?;
        if self.token_is(b']') {
            return buffer.condition_sets.intern(first);
        }
        joined.clear();
        joined.push_str(first);
        loop {
            match self.token()? {
                b',' => {
                    joined.push(',');
                    joined.push_str(self.string()?);
                }
                b']' => return buffer.condition_sets.intern(joined),
                _ => return None,
            }
        }
    }

    /// A member's name and its colon.
    fn key(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.must_be(b':')?;
        Some(name)
    }

    /// A member's name of one letter, and its colon.
    fn letter(&mut self) -> Option<u8> {
        if let [b'"', name, b'"', b':', ..] = *self.bytes.get(self.at..)? {
            self.at += 4;
            return Some(name);
        }
        match *self.key()?.as_bytes() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.must_be(b'"')?;
        let start = self.at;
        let length = self.bytes.get(start..)?.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20))?;
        self.at += length + 1;
        (self.bytes.get(start + length) == Some(&b'"')).then_some(())?;
        self.text.get(start..start + length)
    }

    /// A number without sign and exponent, below a billion, with at most nine decimals: a count of 1e-9.
    fn decimal(&mut self) -> Option<i64> {
        let (whole, digits) = self.whole()?;
        (digits <= 9).then_some(())?;
        let mut nanos = whole.wrapping_mul(1_000_000_000);
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            let (fraction, decimals) = self.digits();
            let scale = *POWERS.get(9_usize.wrapping_sub(decimals))?;
            (decimals > 0).then_some(())?;
            nanos = nanos.wrapping_add(fraction.wrapping_mul(scale));
        }
        Some(nanos)
    }

    /// Unix milliseconds up to the year 2286.
    fn millis(&mut self) -> Option<i64> {
        self.blanks();
        let (value, digits) = match self.eight_digits() {
            Some(head) => {
                let (tail, digits) = self.digits();
                (head * POWERS.get(digits)? + tail, 8 + digits)
            }
            None => self.whole()?,
        };
        (digits <= 13 && value < 9_000_000_000_000).then_some(value)
    }

    /// Eight digits at once, the first of them not zero.
    fn eight_digits(&mut self) -> Option<i64> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let chunk = self.bytes.get(self.at..self.at + 8)?;
        let text = u64::from_le_bytes(chunk.try_into().ok()?);
        let all_digits = (text & (ONES * 0xF0)) | ((text.wrapping_add(ONES * 6) & (ONES * 0xF0)) >> 4) == ONES * 0x33;
        (all_digits && chunk[0] != b'0').then_some(())?;
        let pairs = (text & (ONES * 0x0F)).wrapping_mul(1 + (10 << 8)) >> 8;
        let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(1 + (100 << 16)) >> 16;
        let eight = (fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(1 + (10_000 << 32)) >> 32;
        self.at += 8;
        Some(eight as i64)
    }

    /// The integer part of a number: no needless zero before it.
    fn whole(&mut self) -> Option<(i64, usize)> {
        self.blanks();
        let zero = self.bytes.get(self.at) == Some(&b'0');
        let (value, digits) = self.digits();
        (digits > 0 && !(zero && digits > 1)).then_some((value, digits))
    }

    /// A run of digits and its length; the value wraps beyond 18 of them, which every caller refuses by the length.
    fn digits(&mut self) -> (i64, usize) {
        let start = self.at;
        let mut value = 0_i64;
        while let Some(digit) = self.bytes.get(self.at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            self.at += 1;
        }
        (value, self.at - start)
    }

    fn must_be(&mut self, wanted: u8) -> Option<()> {
        (self.token()? == wanted).then_some(())
    }

    fn token_is(&mut self, wanted: u8) -> bool {
        self.blanks();
        let found = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn token(&mut self) -> Option<u8> {
        let mut byte = *self.bytes.get(self.at)?;
        if byte <= b' ' {
            self.blanks();
            byte = *self.bytes.get(self.at)?;
        }
        self.at += 1;
        Some(byte)
    }

    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

const POWERS: [i64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
