//! A cursor over JSON text for the fast ways through trade frames: no tree, no floats, no allocation.
//!
//! Every method gives `None` at anything unexpected, also at what is valid JSON but rare; the caller then reads the
//! whole frame again the thorough way.

/// Where a fast way stands.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
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
        self.word(b"ull")
    }

    /// A member's name and its colon.
    pub(super) fn key(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.must_be(b':')?;
        Some(name)
    }

    /// A member's name of one letter, and its colon.
    pub(super) fn letter(&mut self) -> Option<u8> {
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
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.must_be(b'"')?;
        let start = self.at;
        let length = self.bytes.get(start..)?.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20))?;
        self.at += length + 1;
        (self.bytes.get(start + length) == Some(&b'"')).then_some(())?;
        self.text.get(start..start + length)
    }

    /// A number without sign and exponent, below a billion, with at most nine decimals: a count of 1e-9.
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

    /// Eight digits at once, the first of them not zero.
    pub(super) fn eight_digits(&mut self) -> Option<i64> {
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
    pub(super) fn whole(&mut self) -> Option<(i64, usize)> {
        self.blanks();
        let zero = self.bytes.get(self.at) == Some(&b'0');
        let (value, digits) = self.digits();
        (digits > 0 && !(zero && digits > 1)).then_some((value, digits))
    }

    /// A run of digits and its length; the value wraps beyond 18 of them, which every caller refuses by the length.
    pub(super) fn digits(&mut self) -> (i64, usize) {
        let start = self.at;
        let mut value = 0_i64;
        while let Some(digit) = self.bytes.get(self.at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d <= 9) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            self.at += 1;
        }
        (value, self.at - start)
    }

    /// A string, a number without sign and exponent, `true`, `false` or `null`, whatever it is.
    pub(super) fn skip_scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
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

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then_some(())?;
        self.at += word.len();
        Some(())
    }

    pub(super) fn must_be(&mut self, wanted: u8) -> Option<()> {
        (self.token()? == wanted).then_some(())
    }

    pub(super) fn token_is(&mut self, wanted: u8) -> bool {
        self.blanks();
        let found = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

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

pub(super) const POWERS: [i64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
