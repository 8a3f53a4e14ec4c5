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

/// What a trade says: price and volume in 1e-9, the symbol and the conditions by index.
struct Members {
    price: i64,
    symbol: u32,
    millis: i64,
    volume: i64,
    conditions: u32,
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
        let start = self.at;
        let members = self.usual_members(universe, joined, buffer).or_else(|| {
            self.at = start;
            self.members(universe, joined, buffer)
        });
        let Members { price, symbol, millis, volume, conditions } = members?;
        if price <= 0 {
            return None;
        }
        let size = u32::try_from(volume / 1_000_000_000).ok()?;
        if size == 0 {
            buffer.price_updates += 1;
            return Some(());
        }
        let trade = Trade { ts_event: UnixNanos::from_millis(millis), price: Price::from_nanos(price), size };
        buffer.prints.push(Print { symbol, conditions, trade });
        Some(())
    }

    /// The members as Finnhub writes them: in this order, without blanks.
    #[inline]
    fn usual_members(&mut self, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<Members> {
        self.next_is(b"{\"c\":")?;
        let conditions = self.conditions(joined, buffer)?;
        self.next_is(b",\"p\":")?;
        let price = self.decimal()?;
        self.next_is(b",\"s\":")?;
        let symbol = self.symbol(universe)?;
        self.next_is(b",\"t\":")?;
        let millis = self.millis()?;
        self.next_is(b",\"v\":")?;
        let volume = self.decimal()?;
        self.next_is(b"}")?;
        Some(Members { price, symbol, millis, volume, conditions })
    }

    /// The members in any order, each at most once.
    fn members(&mut self, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<Members> {
        let (mut price, mut symbol, mut millis, mut volume, mut conditions) = (None, None, None, None, None);
        self.must_be(b'{')?;
        loop {
            match *self.key()?.as_bytes() {
                [b'p'] if price.is_none() => price = Some(self.decimal()?),
                [b's'] if symbol.is_none() => symbol = Some(self.symbol(universe)?),
                [b't'] if millis.is_none() => millis = Some(self.millis()?),
                [b'v'] if volume.is_none() => volume = Some(self.decimal()?),
                [b'c'] if conditions.is_none() => conditions = Some(self.conditions(joined, buffer)?),
                _ => return None,
            }
            match self.token()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        let (price, symbol, millis, volume) = (price?, symbol?, millis?, volume?);
        Some(Members { price, symbol, millis, volume, conditions: conditions.unwrap_or(0) })
    }

    #[inline]
    fn next_is(&mut self, wanted: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(wanted).then(|| self.at += wanted.len())
    }

    /// The index of the symbol that is named here.
    #[inline]
    fn symbol(&mut self, universe: &Universe) -> Option<u32> {
        if let Some([b'"', ticker @ ..]) = self.chunk::<9>() {
            let text = u64::from_le_bytes(*ticker.first_chunk()?);
            if let Some(length) = first(text, b'"')
                && let Some(index) = universe.find_short(text, length)
            {
                self.at += length + 2;
                return Some(index);
            }
        }
        universe.find(self.string()?)
    }

    #[inline]
    fn conditions(&mut self, joined: &mut String, buffer: &mut PrintBuffer) -> Option<u32> {
        let written = self.written_list();
        if let Some((list, length)) = written
            && let Some(index) = buffer.condition_sets.recall(list)
        {
            self.at += length;
            return Some(index);
        }
        let start = self.at;
        let index = self.condition_list(joined, buffer)?;
        if let Some((list, _)) = written.filter(|(_, length)| self.at == start + length) {
            buffer.condition_sets.remember(list, index);
        }
        Some(index)
    }

    /// The next bytes through the first closing bracket as an integer, where they are 16 at most, and how many.
    #[inline]
    fn written_list(&self) -> Option<(u128, usize)> {
        let chunk = u128::from_le_bytes(*self.chunk()?);
        let (low, high) = (chunk as u64, (chunk >> 64) as u64);
        let end = first(low, b']').or_else(|| first(high, b']').map(|at| at + 8))?;
        Some((chunk & (u128::MAX >> (8 * (15 - end))), end + 1))
    }

    fn condition_list(&mut self, joined: &mut String, buffer: &mut PrintBuffer) -> Option<u32> {
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
    #[inline]
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
    #[inline]
    fn millis(&mut self) -> Option<i64> {
        let (value, digits) = match self.chunk().map(|chunk| (chunk[0], leading_digits(u64::from_le_bytes(*chunk)))) {
            Some((b'1'..=b'9', (head, 8))) => {
                self.at += 8;
                let (tail, digits) = self.digits();
                (head * POWERS.get(digits)? + tail, 8 + digits)
            }
            _ => self.whole()?,
        };
        (digits <= 13 && value < 9_000_000_000_000).then_some(value)
    }

    /// The integer part of a number: no needless zero before it.
    #[inline]
    fn whole(&mut self) -> Option<(i64, usize)> {
        self.blanks();
        let zero = self.bytes.get(self.at) == Some(&b'0');
        let (value, digits) = self.digits();
        (digits > 0 && !(zero && digits > 1)).then_some((value, digits))
    }

    /// A run of digits and its length; the value wraps beyond 18 of them, which every caller refuses by the length.
    ///
    /// How long a price or a size is follows no pattern that a processor could learn: up to eight digits are read without
    /// a branch on how many they are.
    #[inline]
    fn digits(&mut self) -> (i64, usize) {
        if let Some(chunk) = self.chunk() {
            let (value, digits) = leading_digits(u64::from_le_bytes(*chunk));
            self.at += digits;
            if digits < 8 {
                return (value, digits);
            }
            return self.digits_after(value, digits);
        }
        self.digits_after(0, 0)
    }

    fn digits_after(&mut self, mut value: i64, mut length: usize) -> (i64, usize) {
        while let Some(digit) = self.bytes.get(self.at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            length += 1;
            self.at += 1;
        }
        (value, length)
    }

    #[inline]
    fn chunk<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.bytes.get(self.at..)?.first_chunk()
    }

    #[inline]
    fn must_be(&mut self, wanted: u8) -> Option<()> {
        (self.token()? == wanted).then_some(())
    }

    fn token_is(&mut self, wanted: u8) -> bool {
        self.blanks();
        let found = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    #[inline]
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

const ONES: u64 = 0x0101_0101_0101_0101;

/// Where `byte` stands first among the bytes of `text`, little end first.
#[inline]
const fn first(text: u64, byte: u8) -> Option<usize> {
    let differing = text ^ (ONES * byte as u64);
    match differing.wrapping_sub(ONES) & !differing & (ONES * 0x80) {
        0 => None,
        found => Some(found.trailing_zeros() as usize / 8),
    }
}

/// The number that the digits at the little end of `text` write, and how many they are.
#[inline]
const fn leading_digits(text: u64) -> (i64, usize) {
    // A byte is a digit if its upper half is 3, and still is with 6 added. A carry can only come from a byte that is no
    // digit, and changes those behind it alone.
    let other = (text ^ (ONES * 0x30) | text.wrapping_add(ONES * 6) ^ (ONES * 0x30)) & (ONES * 0xF0);
    let digits = other.trailing_zeros() as usize / 8;
    // As if zeros stood before them: the last digit becomes the highest byte.
    let aligned = if digits == 0 { 0 } else { text << (64 - 8 * digits) };
    let pairs = (aligned & (ONES * 0x0F)).wrapping_mul(1 + (10 << 8)) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(1 + (100 << 16)) >> 16;
    let eight = (fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(1 + (10_000 << 32)) >> 32;
    (eight as i64, digits)
}

const POWERS: [i64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
