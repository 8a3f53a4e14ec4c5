//! MessagePack, as the stream writes it, to and from the JSON that says the same.
//!
//! A frame becomes JSON text and goes the way of every frame from there: floats as their shortest decimal, which is the
//! price that the vendor has written, and timestamps as RFC 3339.

use std::fmt::Write;

use domain::UnixNanos;

/// Arrays and maps within each other; the stream has two.
const DEPTH_MAX: usize = 8;

/// Why a frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum MsgpackError {
    /// It ends within a value.
    #[error("it is cut short")]
    CutShort,
    /// Something stands behind its value.
    #[error("{0} bytes are left over")]
    LeftOver(usize),
    /// A value of a kind that the stream does not have.
    #[error("no value begins with byte {0:#04x}")]
    Unexpected(u8),
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    NotText,
    /// A map's key that is no text.
    #[error("a key is no text")]
    NotAKey,
    /// More values within each other than the stream has.
    #[error("it is nested too deeply")]
    TooDeep,
    /// A float that is no price or size, or a time out of range.
    #[error("a number is out of range")]
    OutOfRange,
}

/// Writes the one value in `bytes` to `out` as JSON.
pub(super) fn to_json(bytes: &[u8], out: &mut String) -> Result<(), MsgpackError> {
    let mut reader = Reader { rest: bytes };
    reader.value(out, 0)?;
    if reader.rest.is_empty() { Ok(()) } else { Err(MsgpackError::LeftOver(reader.rest.len())) }
}

/// What the client says: a map of texts and lists of texts.
pub(super) fn from_request(fields: &[(&str, Field<'_>)]) -> Vec<u8> {
    let mut out = vec![0x80 | (fields.len() & 0x0F) as u8];
    for (name, field) in fields {
        text(&mut out, name);
        match field {
            Field::Text(value) => text(&mut out, value),
            Field::List(values) => {
                out.push(0xDD);
                out.extend_from_slice(&(values.len() as u32).to_be_bytes());
                values.iter().for_each(|value| text(&mut out, value));
            }
        }
    }
    out
}

/// A value of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    Text(&'a str),
    List(&'a [&'a str]),
}

fn text(out: &mut Vec<u8>, value: &str) {
    out.push(0xDB);
    out.extend_from_slice(&(value.len() as u32).to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, out: &mut String, depth: usize) -> Result<(), MsgpackError> {
        if depth > DEPTH_MAX {
            return Err(MsgpackError::TooDeep);
        }
        let [kind] = self.array()?;
        match kind {
            0x00..=0x7F => number(out, kind),
            0x80..=0x8F => self.map(out, usize::from(kind & 0x0F), depth)?,
            0x90..=0x9F => self.list(out, usize::from(kind & 0x0F), depth)?,
            0xA0..=0xBF => self.text(out, usize::from(kind & 0x1F))?,
            0xC0 => out.push_str("null"),
            0xC2 => out.push_str("false"),
            0xC3 => out.push_str("true"),
            0xC7 => {
                let length = usize::from(u8::from_be_bytes(self.array()?));
                self.timestamp(out, length)?;
            }
            0xCA => float(out, f32::from_be_bytes(self.array()?))?,
            0xCB => float(out, f64::from_be_bytes(self.array()?))?,
            0xCC => number(out, u8::from_be_bytes(self.array()?)),
            0xCD => number(out, u16::from_be_bytes(self.array()?)),
            0xCE => number(out, u32::from_be_bytes(self.array()?)),
            0xCF => number(out, u64::from_be_bytes(self.array()?)),
            0xD0 => number(out, i8::from_be_bytes(self.array()?)),
            0xD1 => number(out, i16::from_be_bytes(self.array()?)),
            0xD2 => number(out, i32::from_be_bytes(self.array()?)),
            0xD3 => number(out, i64::from_be_bytes(self.array()?)),
            0xD6 => self.timestamp(out, 4)?,
            0xD7 => self.timestamp(out, 8)?,
            0xD9..=0xDB => {
                let length = self.length(kind - 0xD9)?;
                self.text(out, length)?;
            }
            0xDC | 0xDD => {
                let length = self.length(kind - 0xDC + 1)?;
                self.list(out, length, depth)?;
            }
            0xDE | 0xDF => {
                let length = self.length(kind - 0xDE + 1)?;
                self.map(out, length, depth)?;
            }
            0xE0..=0xFF => number(out, kind as i8),
            0xC1 | 0xC4..=0xC6 | 0xC8 | 0xC9 | 0xD4 | 0xD5 | 0xD8 => return Err(MsgpackError::Unexpected(kind)),
        }
        Ok(())
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, size: u8) -> Result<usize, MsgpackError> {
        Ok(match size {
            0 => usize::from(u8::from_be_bytes(self.array()?)),
            1 => usize::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    fn list(&mut self, out: &mut String, length: usize, depth: usize) -> Result<(), MsgpackError> {
        out.push('[');
        for n in 0..length {
            if n > 0 {
                out.push(',');
            }
            self.value(out, depth + 1)?;
        }
        out.push(']');
        Ok(())
    }

    fn map(&mut self, out: &mut String, length: usize, depth: usize) -> Result<(), MsgpackError> {
        out.push('{');
        for n in 0..length {
            if n > 0 {
                out.push(',');
            }
            if !matches!(self.rest.first(), Some(0xA0..=0xBF | 0xD9..=0xDB)) {
                return Err(if self.rest.is_empty() { MsgpackError::CutShort } else { MsgpackError::NotAKey });
            }
            self.value(out, depth + 1)?;
            out.push(':');
            self.value(out, depth + 1)?;
        }
        out.push('}');
        Ok(())
    }

    fn text(&mut self, out: &mut String, length: usize) -> Result<(), MsgpackError> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| MsgpackError::NotText)?;
        if text.bytes().any(|b| matches!(b, b'"' | b'\\' | 0..0x20)) {
            let _ = write!(out, "{}", serde_json::Value::from(text));
        } else {
            out.push('"');
            out.push_str(text);
            out.push('"');
        }
        Ok(())
    }

    /// An extension of type −1: seconds, nanoseconds and seconds in one number, or both.
    fn timestamp(&mut self, out: &mut String, length: usize) -> Result<(), MsgpackError> {
        let [kind] = self.array()?;
        if kind != 0xFF {
            return Err(MsgpackError::Unexpected(kind));
        }
        let (seconds, nanos) = match length {
            4 => (i64::from(u32::from_be_bytes(self.array()?)), 0),
            8 => {
                let both = u64::from_be_bytes(self.array()?);
                ((both & 0x3_FFFF_FFFF) as i64, (both >> 34) as i64)
            }
            12 => {
                let nanos = i64::from(u32::from_be_bytes(self.array()?));
                (i64::from_be_bytes(self.array()?), nanos)
            }
            _ => return Err(MsgpackError::Unexpected(length as u8)),
        };
        let nanos = seconds.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(nanos));
        let at = UnixNanos::new(nanos.ok_or(MsgpackError::OutOfRange)?);
        let _ = write!(out, "\"{at}\"");
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(MsgpackError::CutShort)?;
        self.rest = rest;
        Ok(*head)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MsgpackError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(MsgpackError::CutShort)?;
        self.rest = rest;
        Ok(head)
    }
}

fn number(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

/// As JSON without an exponent. What is no price or size at all is refused, since it may take hundreds of digits.
fn float<F: std::fmt::Display + Copy + Into<f64>>(out: &mut String, value: F) -> Result<(), MsgpackError> {
    let size = value.into().abs();
    if size != 0.0 && !(1e-12..1e18).contains(&size) {
        return Err(MsgpackError::OutOfRange);
    }
    number(out, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(bytes: &[u8]) -> Result<String, MsgpackError> {
        let mut out = String::new();
        to_json(bytes, &mut out).map(|()| out)
    }

    #[test]
    fn every_kind_of_value_becomes_its_json() {
        let price = [&[0xCB][..], &126.55_f64.to_be_bytes()].concat();
        let small = [&[0xCA][..], &0.1_f32.to_be_bytes()].concat();
        let seconds = 1_614_009_104_u64;
        let stamp = [&[0xD7, 0xFF][..], &(208_000_000_u64 << 34 | seconds).to_be_bytes()].concat();
        let long = [&[0xC7, 12, 0xFF][..], &7_u32.to_be_bytes(), &(seconds as i64).to_be_bytes()].concat();
        let cases: &[(&[u8], &str)] = &[
            (&[0x07], "7"),
            (&[0xE0], "-32"),
            (&[0xC0], "null"),
            (&[0xC2], "false"),
            (&[0xC3], "true"),
            (&[0xCC, 0xFF], "255"),
            (&[0xCD, 0x01, 0x00], "256"),
            (&[0xCE, 0, 1, 0, 0], "65536"),
            (&[0xCF, 0, 0, 0, 1, 0, 0, 0, 0], "4294967296"),
            (&[0xD0, 0x80], "-128"),
            (&[0xD1, 0xFF, 0x00], "-256"),
            (&[0xD2, 0xFF, 0xFF, 0, 0], "-65536"),
            (&[0xD3, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], "-4294967296"),
            (&price, "126.55"),
            (&small, "0.1"),
            (&[0xA2, b'"', b'x'], r#""\"x""#),
            (&[0xD9, 1, b'A'], r#""A""#),
            (&[0xDA, 0, 1, b'A'], r#""A""#),
            (&[0xDB, 0, 0, 0, 1, b'A'], r#""A""#),
            (&[0x92, 0x01, 0xA0], r#"[1,""]"#),
            (&[0xDC, 0, 1, 0x01], "[1]"),
            (&[0xDD, 0, 0, 0, 1, 0x01], "[1]"),
            (&[0x82, 0xA1, b'T', 0x01, 0xA1, b'S', 0x90], r#"{"T":1,"S":[]}"#),
            (&[0xDE, 0, 1, 0xA1, b'T', 0xC0], r#"{"T":null}"#),
            (&[0xDF, 0, 0, 0, 1, 0xA1, b'T', 0xC0], r#"{"T":null}"#),
            (&stamp, r#""2021-02-22T15:51:44.208Z""#),
            (&long, r#""2021-02-22T15:51:44.000000007Z""#),
            (&[0xD6, 0xFF, 0, 0, 0, 0], r#""1970-01-01T00:00:00Z""#),
        ];
        for (bytes, expected) in cases {
            assert_eq!(json(bytes).as_deref(), Ok(*expected), "{bytes:x?}");
            serde_json::from_str::<serde_json::Value>(expected).unwrap();
        }
    }

    #[test]
    fn what_the_stream_does_not_have_is_refused() {
        use MsgpackError::{CutShort, LeftOver, NotAKey, NotText, OutOfRange, TooDeep, Unexpected};
        let nan = [&[0xCB][..], &f64::NAN.to_be_bytes()].concat();
        let tiny = [&[0xCB][..], &5e-324_f64.to_be_bytes()].concat();
        let far = [&[0xC7, 12, 0xFF][..], &0_u32.to_be_bytes(), &i64::MAX.to_be_bytes()].concat();
        let cases: &[(&[u8], MsgpackError)] = &[
            (&[], CutShort),
            (&[0xDB, 0xFF, 0xFF, 0xFF, 0xFF, b'A'], CutShort),
            (&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF], CutShort),
            (&[0x81], CutShort),
            (&[0x01, 0x02], LeftOver(1)),
            (&[0xC1], Unexpected(0xC1)),
            (&[0xC4, 1, 0], Unexpected(0xC4)),
            (&[0xD6, 5, 0, 0, 0, 0], Unexpected(5)),
            (&[0xA1, 0xFF], NotText),
            (&[0x81, 0x01, 0x01], NotAKey),
            (&[0x91; 40], TooDeep),
            (&nan, OutOfRange),
            (&tiny, OutOfRange),
            (&far, OutOfRange),
        ];
        for (bytes, expected) in cases {
            assert_eq!(json(bytes), Err(*expected), "{bytes:x?}");
        }
    }

    #[test]
    fn a_request_reads_back() {
        let request = from_request(&[("action", Field::Text("subscribe")), ("trades", Field::List(&["A", "BRK.B"]))]);
        assert_eq!(json(&request).as_deref(), Ok(r#"{"action":"subscribe","trades":["A","BRK.B"]}"#));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn whatever_arrives_is_refused_or_becomes_json(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(text) = json(&bytes) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }

        #[test]
        fn a_price_comes_out_as_it_was_written(cents in 1_i64..100_000_000_000) {
            let text = format!("{}.{:04}", cents / 10_000, cents % 10_000);
            let written = [&[0xCB][..], &text.parse::<f64>().unwrap().to_be_bytes()].concat();
            let read = json(&written).unwrap();
            let nanos = |text: &str| crate::adapters::decimal::nanos(text);
            prop_assert_eq!(nanos(&read), nanos(&text));
        }
    }
}
