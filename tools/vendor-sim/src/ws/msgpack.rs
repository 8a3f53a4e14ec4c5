//! The stream's MessagePack: frames from their JSON, requests to it.

use chrono::DateTime;
use serde_json::{Map, Number, Value};

/// Fields that are floats also where they are whole.
const PRICES: [&str; 8] = ["p", "o", "h", "l", "c", "vw", "op", "cp"];

/// A frame of JSON text in MessagePack, times as the format's own timestamps.
pub(super) fn pack(frame: &str) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(frame.len());
    write(&mut out, "", &serde_json::from_str(frame)?);
    Ok(out)
}

fn write(out: &mut Vec<u8>, key: &str, value: &Value) {
    match value {
        Value::Null => out.push(0xC0),
        Value::Bool(value) => out.push(if *value { 0xC3 } else { 0xC2 }),
        Value::Number(number) => match number.as_u64().filter(|_| !PRICES.contains(&key)) {
            Some(whole) => {
                out.push(0xCF);
                out.extend_from_slice(&whole.to_be_bytes());
            }
            None => {
                out.push(0xCB);
                out.extend_from_slice(&number.as_f64().unwrap_or_default().to_be_bytes());
            }
        },
        Value::String(text) => match DateTime::parse_from_rfc3339(text).ok().filter(|_| key == "t") {
            Some(at) => {
                out.extend_from_slice(&[0xC7, 12, 0xFF]);
                out.extend_from_slice(&at.timestamp_subsec_nanos().to_be_bytes());
                out.extend_from_slice(&at.timestamp().to_be_bytes());
            }
            None => write_text(out, text),
        },
        Value::Array(items) => {
            out.push(0xDC);
            out.extend_from_slice(&(items.len() as u16).to_be_bytes());
            items.iter().for_each(|item| write(out, "", item));
        }
        Value::Object(fields) => {
            out.push(0xDE);
            out.extend_from_slice(&(fields.len() as u16).to_be_bytes());
            for (key, value) in fields {
                write_text(out, key);
                write(out, key, value);
            }
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..32 => out.push(0xA0 | length as u8),
        length => {
            out.push(0xDA);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// A client's request; `None` for what requests do not hold.
pub(super) fn unpack(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = read(&mut rest)?;
    rest.is_empty().then_some(value)
}

fn read(rest: &mut &[u8]) -> Option<Value> {
    let kind = u8::from_be_bytes(chunk(rest)?);
    Some(match kind {
        0x00..=0x7F => Value::Number(Number::from(kind)),
        0xC0 => Value::Null,
        0xC2 | 0xC3 => Value::Bool(kind == 0xC3),
        0xA0..=0xBF => read_text(rest, usize::from(kind & 0x1F))?,
        0xD9..=0xDB => {
            let length = length(rest, kind - 0xD9)?;
            read_text(rest, length)?
        }
        0x90..=0x9F => read_list(rest, usize::from(kind & 0x0F))?,
        0xDC | 0xDD => {
            let length = length(rest, kind - 0xDC + 1)?;
            read_list(rest, length)?
        }
        0x80..=0x8F => read_map(rest, usize::from(kind & 0x0F))?,
        0xDE | 0xDF => {
            let length = length(rest, kind - 0xDE + 1)?;
            read_map(rest, length)?
        }
        _ => return None,
    })
}

fn length(rest: &mut &[u8], size: u8) -> Option<usize> {
    Some(match size {
        0 => usize::from(u8::from_be_bytes(chunk(rest)?)),
        1 => usize::from(u16::from_be_bytes(chunk(rest)?)),
        _ => u32::from_be_bytes(chunk(rest)?) as usize,
    })
}

fn read_text(rest: &mut &[u8], length: usize) -> Option<Value> {
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    std::str::from_utf8(text).ok().map(Value::from)
}

fn read_list(rest: &mut &[u8], length: usize) -> Option<Value> {
    let mut items = Vec::new();
    for _ in 0..length {
        items.push(read(rest)?);
    }
    Some(Value::Array(items))
}

fn read_map(rest: &mut &[u8], length: usize) -> Option<Value> {
    let mut fields = Map::new();
    for _ in 0..length {
        let Value::String(key) = read(rest)? else { return None };
        fields.insert(key, read(rest)?);
    }
    Some(Value::Object(fields))
}

fn chunk<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trade_is_packed_byte_for_byte_as_the_format_says() {
        let packed = pack(r#"[{"T":"t","p":2,"s":7,"t":"1970-01-01T00:00:01.5Z","c":["@"]}]"#).unwrap();
        let mut expected = vec![0xDC, 0, 1, 0xDE, 0, 5];
        // Object keys come in alphabetical order.
        expected.extend([0xA1, b'T', 0xA1, b't']);
        expected.extend([0xA1, b'c', 0xDC, 0, 1, 0xA1, b'@']);
        expected.extend([0xA1, b'p', 0xCB, 0x40, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0xA1, b's', 0xCF, 0, 0, 0, 0, 0, 0, 0, 7]);
        expected.extend([0xA1, b't', 0xC7, 12, 0xFF, 0x1D, 0xCD, 0x65, 0x00, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(packed, expected);
    }

    #[test]
    fn requests_are_read_and_nonsense_is_not() {
        let request = [0x82, 0xA6, b'a', b'c', b't', b'i', b'o', b'n', 0xA1, b'x', 0xA1, b't', 0x91, 0xD9, 1, b'A'];
        assert_eq!(unpack(&request), Some(json!({"action": "x", "t": ["A"]})));
        for nonsense in [&[][..], &[0xA2, b'x'], &[0x81, 1, 1], &[0xC1], &[0x01, 0x01]] {
            assert_eq!(unpack(nonsense), None, "{nonsense:x?}");
        }
    }
}
