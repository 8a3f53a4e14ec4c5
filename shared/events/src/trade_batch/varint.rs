//! Protobuf's variable-length integers.

const MAX_LEN: usize = 10;

/// Small for numbers near zero of either sign.
#[inline]
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
#[inline]
pub(super) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends `value`.
pub(super) fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A packed column while it is written; its memory is kept when it is cleared.
#[derive(Debug, Default)]
pub(super) struct Column {
    bytes: Vec<u8>,
    len: usize,
}

impl Column {
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    pub(super) fn put(&mut self, value: u64) {
        let end = self.len + MAX_LEN;
        if end > self.bytes.len() {
            self.grow();
        }
        let room = &mut self.bytes[self.len..end];
        if value < 1 << 56 {
            let (word, len) = spread(value);
            room[..8].copy_from_slice(&word.to_le_bytes());
            self.len += len;
        } else {
            self.len += put_long(room, value);
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.bytes.resize((self.bytes.len() * 2).max(1024), 0);
    }
}

/// The encoding of a value below 2^56 in a word's low bytes, and how many of them it takes: without a branch, since
/// lengths follow no pattern that a processor could learn.
#[inline]
const fn spread(value: u64) -> (u64, usize) {
    let x = value & 0x0fff_ffff | (value & 0x00ff_ffff_f000_0000) << 4;
    let x = x & 0x0000_3fff_0000_3fff | (x & 0x0fff_c000_0fff_c000) << 2;
    let x = x & 0x007f_007f_007f_007f | (x & 0x3f80_3f80_3f80_3f80) << 1;
    let last_byte = 7 - (x | 1).leading_zeros() / 8;
    let more = 0x8080_8080_8080_8080 & ((1 << (8 * last_byte)) - 1);
    (x | more, last_byte as usize + 1)
}

/// Undoes [`spread`]; `None` when the encoding takes more than the word.
#[inline]
const fn gather(word: u64) -> Option<(u64, usize)> {
    let ends = !word & 0x8080_8080_8080_8080;
    if ends == 0 {
        return None;
    }
    let x = word & (ends ^ (ends - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
    let x = x & 0x007f_007f_007f_007f | (x & 0x7f00_7f00_7f00_7f00) >> 1;
    let x = x & 0x0000_3fff_0000_3fff | (x & 0x3fff_0000_3fff_0000) >> 2;
    let x = x & 0x0fff_ffff | (x & 0x0fff_ffff_0000_0000) >> 4;
    Some((x, ends.trailing_zeros() as usize / 8 + 1))
}

#[cold]
fn put_long(room: &mut [u8], mut value: u64) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        room[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    room[at] = value as u8;
    at + 1
}

/// Bytes that are read from the front; every `take` gives `None` when they end too early.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// `None` also for an integer of more than 64 bits.
    #[inline]
    pub(super) fn take_varint(&mut self) -> Option<u64> {
        if let Some(word) = self.0.first_chunk()
            && let Some((value, len)) = gather(u64::from_le_bytes(*word))
        {
            self.0 = &self.0[len..];
            return Some(value);
        }
        self.take_varint_slowly()
    }

    #[cold]
    fn take_varint_slowly(&mut self) -> Option<u64> {
        let mut value = 0;
        for (i, byte) in self.0.iter().take(MAX_LEN).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if i == MAX_LEN - 1 && bits > 1 {
                return None;
            }
            value |= bits << (7 * i);
            if *byte < 0x80 {
                self.0 = &self.0[i + 1..];
                return Some(value);
            }
        }
        None
    }
}

/// How many integers a packed column holds; `None` when the last one is cut off.
pub(super) fn count(column: &[u8]) -> Option<usize> {
    match column.last() {
        Some(last) if *last >= 0x80 => None,
        Some(_) | None => Some(column.iter().map(|b| usize::from(*b < 0x80)).sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_length_come_back() {
        for value in (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, !0 << bit]) {
            let mut column = Column::default();
            column.put(value);
            column.put(value);
            let mut pushed = Vec::new();
            push(&mut pushed, value);
            assert_eq!(column.as_bytes(), [pushed.as_slice(), pushed.as_slice()].concat());
            assert_eq!(count(column.as_bytes()), Some(2));
            let mut bytes = Bytes(column.as_bytes());
            assert_eq!((bytes.take_varint(), bytes.take_varint()), (Some(value), Some(value)));
            assert!(bytes.is_empty() && bytes.take_varint().is_none());
            assert_eq!(unzigzag(zigzag(value as i64)), value as i64);
        }
    }

    #[test]
    fn integers_that_are_cut_off_or_too_long_are_refused() {
        for bytes in
            [&[0x80][..], &[0xff, 0xff], &[0xff; 11], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]]
        {
            assert_eq!(Bytes(bytes).take_varint(), None, "{bytes:x?}");
        }
        assert_eq!(count(&[0x01, 0x80]), None);
    }
}
