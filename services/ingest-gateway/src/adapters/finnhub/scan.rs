//! The fast way through a trade frame: one pass over the bytes, no tree, no floats, no allocation.
//!
//! It takes only frames in which every trade is clean; at the first surprise it gives up, and the caller reads the
//! whole frame again the thorough way, which judges each trade and names what is wrong.

use domain::market::Trade;
use domain::{Price, UnixNanos};
use ports::{Print, PrintBuffer};

use crate::adapters::json::{POWERS, Scanner};
use crate::universe::Universe;

/// Adds the trades of `frame` to `buffer`; `None`, and nothing added, when the frame holds anything unexpected.
pub(super) fn scan(frame: &str, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
    let (prints, updates) = (buffer.prints.len(), buffer.price_updates);
    let done = read(&mut Scanner::new(frame), universe, joined, buffer);
    if done.is_none() {
        buffer.prints.truncate(prints);
        buffer.price_updates = updates;
    }
    done
}

fn read(json: &mut Scanner<'_>, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
    let (mut data, mut kind) = (false, false);
    json.must_be(b'{')?;
    loop {
        match json.key()? {
            "data" if !data => {
                data = true;
                trades(json, universe, joined, buffer)?;
            }
            "type" if !kind => {
                kind = true;
                (json.string()? == "trade").then_some(())?;
            }
            _ => return None,
        }
        match json.token()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    (data && kind && json.is_at_end()).then_some(())
}

fn trades(json: &mut Scanner<'_>, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
    json.must_be(b'[')?;
    loop {
        trade(json, universe, joined, buffer)?;
        match json.token()? {
            b',' => {}
            b']' => return Some(()),
            _ => return None,
        }
    }
}

/// One trade, or a price without a whole share, which is only counted.
fn trade(json: &mut Scanner<'_>, universe: &Universe, joined: &mut String, buffer: &mut PrintBuffer) -> Option<()> {
    let (mut price, mut symbol, mut millis, mut volume, mut conditions) = (None, None, None, None, None);
    json.must_be(b'{')?;
    loop {
        match json.letter()? {
            b'p' if price.is_none() => price = Some(json.decimal()?),
            b's' if symbol.is_none() => symbol = Some(universe.find(json.string()?)?),
            b't' if millis.is_none() => millis = Some(unix_millis(json)?),
            b'v' if volume.is_none() => volume = Some(json.decimal()?),
            b'c' if conditions.is_none() => conditions = Some(condition_list(json, joined, buffer)?),
            _ => return None,
        }
        match json.token()? {
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

fn condition_list(json: &mut Scanner<'_>, joined: &mut String, buffer: &mut PrintBuffer) -> Option<u32> {
    match json.token()? {
        b'n' => {
            json.rest_of_null()?;
            return Some(0);
        }
        b'[' => {}
        _ => return None,
    }
    if json.token_is(b']') {
        return Some(0);
    }
    let first = json.string()?;
    if json.token_is(b']') {
        return buffer.condition_sets.intern(first);
    }
    joined.clear();
    joined.push_str(first);
    loop {
        match json.token()? {
            b',' => {
                joined.push(',');
                joined.push_str(json.string()?);
            }
            b']' => return buffer.condition_sets.intern(joined),
            _ => return None,
        }
    }
}

/// Unix milliseconds up to the year 2286.
fn unix_millis(json: &mut Scanner<'_>) -> Option<i64> {
    json.blanks();
    let (value, digits) = match json.eight_digits() {
        Some(head) => {
            let (tail, digits) = json.digits();
            (head * POWERS.get(digits)? + tail, 8 + digits)
        }
        None => json.whole()?,
    };
    (digits <= 13 && value < 9_000_000_000_000).then_some(value)
}
