//! The fast way through a trade frame: one pass over the bytes, no tree, no floats, no allocation.
//!
//! It takes only frames in which every trade is clean; at the first surprise it gives up, and the caller reads the
//! whole frame again the thorough way, which judges each trade and names what is wrong.

use domain::market::Trade;
use domain::{Price, UnixNanos};
use ports::{Print, PrintBuffer};

use crate::adapters::json::{POWERS, Scanner, leading_digits};
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

/// What a trade says: price and volume in 1e-9, the symbol and the conditions by index.
struct Members {
    price: i64,
    symbol: u32,
    millis: i64,
    volume: i64,
    conditions: u32,
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
    let start = json.at;
    let members = usual_members(json, universe, joined, buffer).or_else(|| {
        json.at = start;
        members(json, universe, joined, buffer)
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
fn usual_members(
    json: &mut Scanner<'_>,
    universe: &Universe,
    joined: &mut String,
    buffer: &mut PrintBuffer,
) -> Option<Members> {
    json.next_is(b"{\"c\":")?;
    let conditions = any_list(json, joined, buffer)?;
    json.next_is(b",\"p\":")?;
    let price = json.decimal()?;
    json.next_is(b",\"s\":")?;
    let symbol = json.symbol(universe)?;
    json.next_is(b",\"t\":")?;
    let millis = unix_millis(json)?;
    json.next_is(b",\"v\":")?;
    let volume = json.decimal()?;
    json.next_is(b"}")?;
    Some(Members { price, symbol, millis, volume, conditions })
}

/// The members in any order, each at most once.
fn members(
    json: &mut Scanner<'_>,
    universe: &Universe,
    joined: &mut String,
    buffer: &mut PrintBuffer,
) -> Option<Members> {
    let (mut price, mut symbol, mut millis, mut volume, mut conditions) = (None, None, None, None, None);
    json.must_be(b'{')?;
    loop {
        match *json.key()?.as_bytes() {
            [b'p'] if price.is_none() => price = Some(json.decimal()?),
            [b's'] if symbol.is_none() => symbol = Some(json.symbol(universe)?),
            [b't'] if millis.is_none() => millis = Some(unix_millis(json)?),
            [b'v'] if volume.is_none() => volume = Some(json.decimal()?),
            [b'c'] if conditions.is_none() => conditions = Some(any_list(json, joined, buffer)?),
            _ => return None,
        }
        match json.token()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    let (price, symbol, millis, volume) = (price?, symbol?, millis?, volume?);
    Some(Members { price, symbol, millis, volume, conditions: conditions.unwrap_or(0) })
}

#[inline]
fn any_list(json: &mut Scanner<'_>, joined: &mut String, buffer: &mut PrintBuffer) -> Option<u32> {
    let written = json.written_list();
    if let Some((list, length)) = written
        && let Some(index) = buffer.condition_sets.recall(list)
    {
        json.at += length;
        return Some(index);
    }
    let start = json.at;
    let index = condition_list(json, joined, buffer)?;
    if let Some((list, _)) = written.filter(|(_, length)| json.at == start + length) {
        buffer.condition_sets.remember(list, index);
    }
    Some(index)
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
#[inline]
fn unix_millis(json: &mut Scanner<'_>) -> Option<i64> {
    let (value, digits) = match json.chunk().map(|chunk| (chunk[0], leading_digits(u64::from_le_bytes(*chunk)))) {
        Some((b'1'..=b'9', (head, 8))) => {
            json.at += 8;
            let (tail, digits) = json.digits();
            (head * POWERS.get(digits)? + tail, 8 + digits)
        }
        _ => json.whole()?,
    };
    (digits <= 13 && value < 9_000_000_000_000).then_some(value)
}
