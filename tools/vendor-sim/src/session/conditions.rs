//! Sale conditions as Finnhub numbers them.

/// A set of Finnhub condition codes 1 to 63; the empty set is a plain trade without codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Conditions(u64);

impl Conditions {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const REGULAR: Self = Self::of(&[1]);
    pub(crate) const SWEEP: Self = Self::of(&[8]);
    pub(crate) const ODD_LOT: Self = Self::of(&[12]);
    pub(crate) const OFFICIAL_CLOSE: Self = Self::of(&[16]);
    pub(crate) const OPENING: Self = Self::of(&[18]);
    pub(crate) const OFFICIAL_OPEN: Self = Self::of(&[20]);
    pub(crate) const FORM_T: Self = Self::of(&[24]);
    pub(crate) const CLOSING: Self = Self::of(&[35]);
    /// Codes that all may set the last price.
    const SETS_LAST: Self = Self::of(&[1, 2, 4, 6, 7, 8, 13, 14, 18, 19, 23, 28, 29, 31, 33, 34, 35, 36, 38, 41]);
    /// Official open and close messages and the corrected close repeat volume that was printed before.
    const NOT_VOLUME: Self = Self::of(&[16, 20, 39]);

    pub(crate) const fn of(codes: &[u8]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < codes.len() {
            bits |= 1 << codes[i];
            i += 1;
        }
        Self(bits)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the print may set last, high and low, elect a stop and fill an order.
    pub(crate) const fn sets_last(self) -> bool {
        self.0 & !Self::SETS_LAST.0 == 0
    }

    /// Whether the print counts as volume.
    pub(crate) const fn counts_volume(self) -> bool {
        self.0 & Self::NOT_VOLUME.0 == 0
    }

    /// The same without Form T, for statistics of an extended session.
    pub(crate) const fn without_form_t(self) -> Self {
        Self(self.0 & !Self::FORM_T.0)
    }

    /// Codes in ascending order.
    pub(crate) fn codes(self) -> impl Iterator<Item = u8> {
        (1..64).filter(move |code| self.0 & (1 << code) != 0)
    }

    /// From the letters of a SIP sale-condition field; blanks are skipped and no letter is a regular sale.
    pub(crate) fn from_sip(letters: &str) -> Self {
        let found = letters.chars().fold(Self::NONE, |set, letter| set.and(Self::of(sip_code(letter))));
        if found == Self::NONE { Self::REGULAR } else { found }
    }
}

fn sip_code(letter: char) -> &'static [u8] {
    match letter {
        '@' => &[1],
        'A' => &[2],
        'B' | 'W' => &[3],
        'C' => &[5],
        'D' => &[6],
        'E' => &[7],
        'F' => &[8],
        'G' => &[9],
        'H' => &[10],
        'I' => &[12],
        'K' => &[13],
        'L' => &[15],
        'M' => &[16],
        'N' => &[17],
        'O' => &[18],
        'P' => &[21],
        'Q' => &[20],
        'R' => &[22],
        'S' => &[23],
        'T' => &[24],
        'U' => &[25],
        'V' => &[26],
        'X' => &[28],
        'Y' => &[29],
        'Z' => &[30],
        '1' => &[31],
        '4' => &[32],
        '5' => &[33],
        '6' => &[35],
        '7' => &[37],
        '8' => &[38],
        '9' => &[39],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sip_letters_become_finnhub_numbers() {
        let check = |letters: &str, codes: &[u8], last: bool, volume: bool| {
            let set = Conditions::from_sip(letters);
            assert_eq!(set.codes().collect::<Vec<_>>(), codes, "{letters}");
            assert_eq!((set.sets_last(), set.counts_volume()), (last, volume), "{letters}");
        };
        check("", &[1], true, true);
        check("F I", &[8, 12], false, true);
        check(" FTI", &[8, 12, 24], false, true);
        check("6", &[35], true, true);
        check("M", &[16], false, false);
        check("4 B", &[3, 32], false, true);
    }
}
