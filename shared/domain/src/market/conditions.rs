//! What a print may change, by its sale conditions.

use super::ConditionScheme;

/// What one print may change. A list of conditions allows only what each of them allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eligibility {
    /// Sets the last price.
    pub last: bool,
    /// Sets highs and lows.
    pub high_low: bool,
    /// Counts as volume.
    pub volume: bool,
    /// Fewer shares than a round lot: never sets a level that is traded against.
    pub odd_lot: bool,
    /// Form T: counts for price only outside regular hours.
    pub extended: bool,
    /// A condition that is not in the table: counts as volume only.
    pub unknown: bool,
}

impl Eligibility {
    /// A regular trade.
    pub const REGULAR: Self =
        Self { last: true, high_low: true, volume: true, odd_lot: false, extended: false, unknown: false };

    /// The eligibility of a comma-joined condition list as written by a vendor of `scheme`.
    ///
    /// # Source
    /// CTA and UTP consolidated-tape guidance; stricter than the tape for late, out-of-sequence and derivatively priced
    /// prints, which must never set a level.
    pub fn of(scheme: ConditionScheme, conditions: &str) -> Self {
        conditions
            .split(',')
            .map(str::trim)
            .filter(|c| !c.is_empty())
            .map(|code| match scheme {
                ConditionScheme::Finnhub => finnhub(code),
                ConditionScheme::Cta => sip(code, false),
                ConditionScheme::Utp => sip(code, true),
            })
            .fold(Self::REGULAR, Self::and)
    }

    /// True when the print may set pre-market or opening-range levels, at a time inside or outside regular hours.
    pub const fn sets_levels(self, regular_hours: bool) -> bool {
        self.high_low && !self.odd_lot && !(regular_hours && self.extended)
    }

    const fn and(self, other: Self) -> Self {
        Self {
            last: self.last && other.last,
            high_low: self.high_low && other.high_low,
            volume: self.volume && other.volume,
            odd_lot: self.odd_lot || other.odd_lot,
            extended: self.extended || other.extended,
            unknown: self.unknown || other.unknown,
        }
    }
}

const HIGH_LOW: Eligibility = Eligibility { last: false, ..Eligibility::REGULAR };
const VOLUME: Eligibility = Eligibility { high_low: false, ..HIGH_LOW };
const NOTHING: Eligibility = Eligibility { volume: false, ..VOLUME };
const ODD_LOT: Eligibility = Eligibility { odd_lot: true, last: false, ..Eligibility::REGULAR };
const EXTENDED: Eligibility = Eligibility { extended: true, ..Eligibility::REGULAR };
const UNKNOWN: Eligibility = Eligibility { unknown: true, ..VOLUME };

fn finnhub(code: &str) -> Eligibility {
    match code {
        "1" | "2" | "4" | "6" | "7" | "8" | "13" | "14" | "18" | "19" | "23" | "28" | "29" | "31" | "33" | "34"
        | "35" | "36" | "38" | "41" => Eligibility::REGULAR,
        "9" => HIGH_LOW,
        "12" => ODD_LOT,
        "24" => EXTENDED,
        "3" | "5" | "10" | "11" | "15" | "17" | "21" | "22" | "25" | "26" | "27" | "30" | "32" | "37" | "40" => VOLUME,
        "16" | "20" | "39" => NOTHING,
        _ => UNKNOWN,
    }
}

fn sip(letter: &str, utp: bool) -> Eligibility {
    match letter {
        "@" | "A" | "D" | "E" | "F" | "K" | "O" | "S" | "X" | "Y" | "1" | "5" | "6" | "8" => Eligibility::REGULAR,
        "B" if utp => Eligibility::REGULAR,
        "B" | "W" | "C" | "N" | "H" | "L" | "P" | "R" | "U" | "V" | "Z" | "4" | "7" => VOLUME,
        "G" => HIGH_LOW,
        "I" => ODD_LOT,
        "T" => EXTENDED,
        "M" | "Q" | "9" => NOTHING,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_must_allow_a_change() {
        let check = |scheme, text: &str, last, levels_premarket, levels_regular, volume| {
            let e = Eligibility::of(scheme, text);
            assert_eq!(
                (e.last, e.sets_levels(false), e.sets_levels(true), e.volume),
                (last, levels_premarket, levels_regular, volume),
                "{text}"
            );
        };
        use ConditionScheme::{Cta, Finnhub, Utp};
        check(Finnhub, "", true, true, true, true);
        check(Finnhub, "1", true, true, true, true);
        check(Finnhub, "8,12", false, false, false, true);
        check(Finnhub, "24", true, true, false, true);
        check(Finnhub, "24,12", false, false, false, true);
        check(Finnhub, "16", false, false, false, false);
        check(Finnhub, "999", false, false, false, true);
        check(Cta, "F,T,I", false, false, false, true);
        check(Cta, "B", false, false, false, true);
        check(Utp, "B", true, true, true, true);
        check(Cta, "P", false, false, false, true);
    }
}
