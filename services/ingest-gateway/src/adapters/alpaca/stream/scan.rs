//! The fast way through a frame of trades: one pass over the bytes, no tree, no floats, no allocation.
//!
//! It takes only frames in which every message is a clean trade; at the first surprise it gives up, and the caller reads
//! the whole frame again the thorough way, which judges each message and names what is wrong.

use domain::market::Trade;
use domain::{Price, UnixNanos};
use ports::{Print, PrintBuffer};

use super::minutes::Minutes;
use crate::adapters::json::{POWERS, Scanner};
use crate::universe::Universe;

/// Adds the trades of `frame` to `buffer` and `minutes`; `None`, and nothing added, when the frame holds anything
/// unexpected.
pub(super) fn scan(
    frame: &str,
    universe: &Universe,
    minutes: &mut Minutes,
    joined: &mut String,
    buffer: &mut PrintBuffer,
) -> Option<()> {
    let known = buffer.prints.len();
    if read(&mut Scanner::new(frame), universe, joined, buffer).is_none() {
        buffer.prints.truncate(known);
        return None;
    }
    for print in &buffer.prints[known..] {
        minutes.trade(print.symbol, print.trade.ts_event);
    }
    Some(())
}

fn read(json: &mut Scanner<'_>, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
    json.must_be(b'[')?;
    loop {
        trade(json, universe, joined, buffer)?;
        match json.token()? {
            b',' => {}
            b']' => break,
            _ => return None,
        }
    }
    json.is_at_end().then_some(())
}

/// One trade of a whole share at least.
fn trade(json: &mut Scanner<'_>, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
    let (mut is_trade, mut symbol, mut price, mut size, mut at) = (false, None, None, None, None);
    let (mut codes, mut tape) = (None, None);
    json.must_be(b'{')?;
    loop {
        match json.key()? {
            "T" if !is_trade => {
                (json.string()? == "t").then_some(())?;
                is_trade = true;
            }
            "S" if symbol.is_none() => symbol = Some(json.symbol(universe)?),
            "p" if price.is_none() => price = Some(json.decimal()?),
            "s" if size.is_none() => size = Some(json.decimal()?),
            "t" if at.is_none() => at = Some(instant(json.string()?)?),
            "c" if codes.is_none() => codes = Some(code_list(json)?),
            "z" if tape.is_none() => tape = Some(json.string()?),
            "T" | "S" | "p" | "s" | "t" | "c" | "z" => return None,
            _ => json.skip_scalar()?,
        }
        match json.token()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    let (symbol, price, size, at) = (symbol?, price?, size?, at?);
    if !is_trade || price <= 0 {
        return None;
    }
    let conditions = match codes {
        None | Some([None, ..]) => 0,
        Some(codes) => {
            joined.clear();
            joined.push_str(tape.unwrap_or_default());
            for (n, code) in codes.into_iter().flatten().enumerate() {
                joined.push(if n == 0 { ':' } else { ',' });
                joined.push_str(code);
            }
            buffer.condition_sets.intern(joined)?
        }
    };
    let size = u32::try_from(size / 1_000_000_000).ok().filter(|size| *size > 0)?;
    let trade = Trade { ts_event: UnixNanos::new(at), price: Price::from_nanos(price), size };
    buffer.prints.push(Print { symbol, conditions, trade });
    Some(())
}

/// Up to four codes, the most that the tapes give a trade.
fn code_list<'a>(json: &mut Scanner<'a>) -> Option<[Option<&'a str>; 4]> {
    let mut codes = [None; 4];
    json.must_be(b'[')?;
    if json.token_is(b']') {
        return Some(codes);
    }
    for code in &mut codes {
        *code = Some(json.string()?);
        match json.token()? {
            b',' => {}
            b']' => return Some(codes),
            _ => return None,
        }
    }
    None
}

/// `2021-02-22T15:51:44.208123456Z` as UTC nanoseconds: any number of decimals up to nine, no offset, from 1970 on.
fn instant(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let rest = match bytes.get(..19)? {
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _] => bytes.get(19..)?,
        _ => return None,
    };
    let number = |from: usize, digits: usize| {
        bytes[from..from + digits]
            .iter()
            .try_fold(0_i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    // A 29th of February and a leap second are judged by the thorough way.
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28,
        _ => return None,
    };
    let sound = (1970..2262).contains(&year) && (1..=last).contains(&day) && hour < 24 && minute < 60 && second < 60;
    sound.then_some(())?;
    let nanos = match rest {
        [b'Z'] => 0,
        [b'.', fraction @ .., b'Z'] if (1..=9).contains(&fraction.len()) => {
            let digits = fraction
                .iter()
                .try_fold(0_i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))?;
            digits * POWERS[9 - fraction.len()]
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000_000 + nanos)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
///
/// # Source
/// Years are counted from March, so that the leap day is the last of its year: 365 days, and one more every fourth year
/// but three of four centuries.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_the_thorough_way_reads() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2021-02-22T15:51:44.208Z",
            "2021-02-22T15:51:45.335689322Z",
            "2024-02-28T23:59:59.9Z",
            "2024-03-01T00:00:00.000000001Z",
            "2026-11-30T14:30:00Z",
            "2026-12-31T23:59:59.999Z",
            "2100-03-01T12:00:00Z",
            "2261-12-30T00:00:00Z",
        ] {
            let exact: UnixNanos = text.parse().unwrap();
            assert_eq!(instant(text), Some(exact.nanos()), "{text}");
        }
        let mut day = UnixNanos::new(0);
        for _ in 0..60_000 {
            let text = day.to_string();
            if let Some(nanos) = instant(&text) {
                assert_eq!(nanos, day.nanos(), "{text}");
            }
            day = day.plus_seconds(86_400 + 7_919);
        }
        for text in ["2021-02-22", "2021-02-30T00:00:00Z", "2021-02-22T24:00:00Z", "2021-02-22T10:00:00+01:00", ""] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
