//! What a print may change, by its sale conditions.

use serde::{Deserialize, Serialize};

use super::ConditionScheme;

/// What one print may change. A list of conditions allows only what each of them allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// An exchange's opening auction.
    pub opening: bool,
    /// An exchange's closing auction, or its message of the official close.
    pub closing: bool,
}

impl Eligibility {
    /// A regular trade.
    pub const REGULAR: Self = Self {
        last: true,
        high_low: true,
        volume: true,
        odd_lot: false,
        extended: false,
        unknown: false,
        opening: false,
        closing: false,
    };

    /// The eligibility of a condition list as written by a vendor of `scheme`: Finnhub's numbers joined by commas, or
    /// SIP letters, which may also stand together or be apart by blanks. Where every list names its tape, letters that the
    /// plans read differently are read as strictly as either does unless the tape is known.
    ///
    /// # Source
    /// CTA and UTP consolidated-tape guidance; stricter than the tape for late, out-of-sequence and derivatively priced
    /// prints, which must never set a level.
    pub fn of(scheme: ConditionScheme, conditions: &str) -> Self {
        let read = |codes: &str, plan| {
            let codes = codes.chars().filter(|c| *c != ',' && !c.is_whitespace());
            codes.map(|letter| sip(letter, plan)).fold(Self::REGULAR, Self::and)
        };
        let letters = |plan| read(conditions, plan);
        match scheme {
            ConditionScheme::Finnhub => {
                let codes = conditions.split(',').map(str::trim).filter(|code| !code.is_empty());
                codes.map(finnhub).fold(Self::REGULAR, Self::and)
            }
            ConditionScheme::Cta => letters(Plan::Cta),
            ConditionScheme::Utp => letters(Plan::Utp),
            ConditionScheme::Sip => {
                let (tape, codes) = conditions.split_once(':').unwrap_or(("", conditions));
                // CTA's reading of `B` and `W` is the stricter one.
                read(codes, if tape == "C" { Plan::Utp } else { Plan::Cta })
            }
        }
    }

    /// True when the print may set pre-market or opening-range levels, at a time inside or outside regular hours.
    pub const fn sets_levels(self, regular_hours: bool) -> bool {
        !self.odd_lot && self.sets_prices(regular_hours)
    }

    /// The same with odd lots, of which most pre-market trading consists.
    pub const fn sets_prices(self, regular_hours: bool) -> bool {
        self.high_low && !(regular_hours && self.extended)
    }

    const fn and(self, other: Self) -> Self {
        Self {
            last: self.last && other.last,
            high_low: self.high_low && other.high_low,
            volume: self.volume && other.volume,
            odd_lot: self.odd_lot || other.odd_lot,
            extended: self.extended || other.extended,
            unknown: self.unknown || other.unknown,
            opening: self.opening || other.opening,
            closing: self.closing || other.closing,
        }
    }
}

/// The plans give two letters different meanings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Tapes A and B.
    Cta,
    /// Tape C.
    Utp,
}

const HIGH_LOW: Eligibility = Eligibility { last: false, ..Eligibility::REGULAR };
const VOLUME: Eligibility = Eligibility { high_low: false, ..HIGH_LOW };
const NOTHING: Eligibility = Eligibility { volume: false, ..VOLUME };
const ODD_LOT: Eligibility = Eligibility { odd_lot: true, last: false, ..Eligibility::REGULAR };
const EXTENDED: Eligibility = Eligibility { extended: true, ..Eligibility::REGULAR };
const UNKNOWN: Eligibility = Eligibility { unknown: true, ..VOLUME };
const OPENING: Eligibility = Eligibility { opening: true, ..Eligibility::REGULAR };
const CLOSING: Eligibility = Eligibility { closing: true, ..Eligibility::REGULAR };
const OFFICIAL_CLOSE: Eligibility = Eligibility { closing: true, ..NOTHING };

fn finnhub(code: &str) -> Eligibility {
    match code {
        "1" | "2" | "4" | "6" | "7" | "8" | "13" | "14" | "23" | "28" | "29" | "31" | "33" | "34" | "38" | "41" => {
            Eligibility::REGULAR
        }
        "18" | "19" => OPENING,
        "35" | "36" => CLOSING,
        "9" => HIGH_LOW,
        "12" => ODD_LOT,
        "24" => EXTENDED,
        "3" | "5" | "10" | "11" | "15" | "17" | "21" | "22" | "25" | "26" | "27" | "30" | "32" | "37" | "40" => VOLUME,
        "16" => OFFICIAL_CLOSE,
        "20" | "39" => NOTHING,
        _ => UNKNOWN,
    }
}

fn sip(letter: char, plan: Plan) -> Eligibility {
    match letter {
        '@' | 'A' | 'D' | 'E' | 'F' | 'K' | 'S' | 'X' | 'Y' | '1' | '5' | '8' => Eligibility::REGULAR,
        'B' if plan == Plan::Utp => Eligibility::REGULAR,
        'B' | 'C' | 'N' | 'H' | 'L' | 'P' | 'R' | 'U' | 'V' | 'Z' | '4' | '7' => VOLUME,
        'W' if plan == Plan::Utp => VOLUME,
        'O' => OPENING,
        '6' => CLOSING,
        'G' => HIGH_LOW,
        'I' => ODD_LOT,
        'T' => EXTENDED,
        'M' => OFFICIAL_CLOSE,
        'Q' | '9' => NOTHING,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use ConditionScheme::{Cta, Finnhub, Sip, Utp};

    /// Last, high and low, and volume as the table of conditions has them, in its order and outside regular hours.
    fn allows(scheme: ConditionScheme, text: &str) -> (bool, bool, bool) {
        let e = Eligibility::of(scheme, text);
        (e.last, e.high_low, e.volume)
    }

    #[test]
    fn every_code_allows_what_the_table_says() {
        let all = (true, true, true);
        let levels = (false, true, true);
        let volume = (false, false, true);
        let nothing = (false, false, false);
        type Row = (&'static [&'static str], &'static str, (bool, bool, bool));
        let table: &[Row] = &[
            (&["1"], "@", all),
            (&["2", "4", "6", "23"], "ADS", all),
            (&["5", "17"], "CN", volume),
            (&["7", "8"], "EF", all),
            (&["9"], "G", levels),
            (&["10"], "H", volume),
            (&["11"], "", volume),
            (&["12"], "I", levels),
            (&["13", "14"], "K", all),
            (&["15"], "L", volume),
            (&["16"], "M", nothing),
            (&["18", "19"], "O", all),
            (&["20"], "Q", nothing),
            (&["21"], "P", volume),
            (&["22"], "R", volume),
            (&["24"], "T", all),
            (&["25"], "U", volume),
            (&["26", "27"], "V", volume),
            (&["28", "29"], "XY", all),
            (&["30"], "Z", volume),
            (&["31"], "1", all),
            (&["32"], "4", volume),
            (&["33", "34"], "5", all),
            (&["35", "36"], "6", all),
            (&["37"], "7", volume),
            (&["38", "41"], "8", all),
            (&["39"], "9", nothing),
            (&["40"], "", volume),
            (&["3"], "", volume),
            (&["42", "999", "x"], "!", volume),
        ];
        for (codes, letters, expected) in table {
            for code in *codes {
                assert_eq!(allows(Finnhub, code), *expected, "Finnhub {code}");
            }
            for letter in letters.chars().map(String::from) {
                assert_eq!(allows(Cta, &letter), *expected, "CTA {letter}");
                assert_eq!(allows(Utp, &letter), *expected, "UTP {letter}");
            }
        }
        assert_eq!((allows(Cta, "B"), allows(Utp, "B"), allows(Utp, "W")), (volume, all, volume));
        assert!(Eligibility::of(Finnhub, "42").unknown && Eligibility::of(Cta, "W").unknown);
        assert!(!Eligibility::of(Utp, "W").unknown && !Eligibility::of(Cta, "").unknown);
    }

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
        check(Finnhub, "", true, true, true, true);
        check(Finnhub, "8,12", false, false, false, true);
        check(Finnhub, "24", true, true, false, true);
        check(Finnhub, "24,12", false, false, false, true);
        check(Finnhub, "1,16", false, false, false, false);
        check(Cta, "F,T,I", false, false, false, true);
        check(Cta, "@F I", false, false, false, true);
        check(Cta, "FT", true, true, false, true);
        check(Utp, "@ T4", false, false, false, true);
    }

    #[test]
    fn a_list_that_names_its_tape_is_read_by_that_tapes_plan() {
        for (text, scheme, letters) in [
            ("", Cta, ""),
            ("A:B", Cta, "B"),
            ("B:F,T,I", Cta, "F,T,I"),
            ("C:B", Utp, "B"),
            ("C:@,W", Utp, "@,W"),
            ("A: ", Cta, ""),
            ("O:B", Cta, "B"),
            (":B", Cta, "B"),
            ("@,T", Cta, "@,T"),
        ] {
            assert_eq!(Eligibility::of(Sip, text), Eligibility::of(scheme, letters), "{text}");
        }
    }

    #[test]
    fn auctions_are_known_by_their_conditions() {
        let auctions = |scheme, text| {
            let e = Eligibility::of(scheme, text);
            (e.opening, e.closing)
        };
        for (finnhub, letter, expected) in [
            ("18", "O", (true, false)),
            ("35", "6", (false, true)),
            ("16", "M", (false, true)),
            ("1", "@", (false, false)),
        ] {
            assert_eq!((auctions(Finnhub, finnhub), auctions(Cta, letter)), (expected, expected), "{letter}");
        }
    }
}
