//! A cursor over JSON text for the fast ways through trade frames: no tree, no floats, no allocation.
//!
//! Every method gives `None` at anything unexpected, also at what is valid JSON but rare; the caller then reads the
//! whole frame again the thorough way.

use crate::universe::Universe;

/// Where a fast way stands.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    /// True when nothing but blanks is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.blanks();
        self.at == self.bytes.len()
    }

    /// What comes next, blanks left out.
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.bytes.get(self.at).copied()
    }

    /// `null`, of which the first letter is read already.
    pub(super) fn rest_of_null(&mut self) -> Option<()> {
        self.next_is(b"ull")
    }

    #[inline]
    pub(super) fn next_is(&mut self, wanted: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(wanted).then(|| self.at += wanted.len())
    }

    /// The index of the symbol that is named here.
    #[inline]
    pub(super) fn symbol(&mut self, universe: &Universe) -> Option<u32> {
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

    /// The next bytes through the first closing bracket as an integer, where they are 16 at most, and how many.
    #[inline]
    pub(super) fn written_list(&self) -> Option<(u128, usize)> {
        let chunk = u128::from_le_bytes(*self.chunk()?);
        let (low, high) = (chunk as u64, (chunk >> 64) as u64);
        let end = first(low, b']').or_else(|| first(high, b']').map(|at| at + 8))?;
        Some((chunk & (u128::MAX >> (8 * (15 - end))), end + 1))
    }

    /// A member's name and its colon.
    pub(super) fn key(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.must_be(b':')?;
        Some(name)
    }

    /// A string without escapes.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.must_be(b'"')?;
        let start = self.at;
        let length = self.bytes.get(start..)?.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20))?;
        self.at += length + 1;
        (self.bytes.get(start + length) == Some(&b'"')).then_some(())?;
        self.text.get(start..start + length)
    }

    /// A number without sign and exponent, below a billion, with at most nine decimals: a count of 1e-9.
    #[inline]
    pub(super) fn decimal(&mut self) -> Option<i64> {
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

    /// A string, a number without sign and exponent, `true`, `false` or `null`, whatever it is.
    pub(super) fn skip_scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b't' => self.next_is(b"true"),
            b'f' => self.next_is(b"false"),
            b'n' => self.next_is(b"null"),
            _ => {
                self.whole()?;
                if self.bytes.get(self.at) == Some(&b'.') {
                    self.at += 1;
                    (self.digits().1 > 0).then_some(())?;
                }
                Some(())
            }
        }
    }

    /// The integer part of a number: no needless zero before it.
    #[inline]
    pub(super) fn whole(&mut self) -> Option<(i64, usize)> {
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
    pub(super) fn digits(&mut self) -> (i64, usize) {
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
    pub(super) fn chunk<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.bytes.get(self.at..)?.first_chunk()
    }

    #[inline]
    pub(super) fn must_be(&mut self, wanted: u8) -> Option<()> {
        (self.token()? == wanted).then_some(())
    }

    pub(super) fn token_is(&mut self, wanted: u8) -> bool {
        self.blanks();
        let found = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn token(&mut self) -> Option<u8> {
        let mut byte = *self.bytes.get(self.at)?;
        if byte <= b' ' {
            self.blanks();
            byte = *self.bytes.get(self.at)?;
        }
        self.at += 1;
        Some(byte)
    }

    pub(super) fn blanks(&mut self) {
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
pub(super) const fn leading_digits(text: u64) -> (i64, usize) {
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

pub(super) const POWERS: [i64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
