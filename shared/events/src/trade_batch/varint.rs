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
    pub(super) fn put(&mut self, mut value: u64) {
        let end = self.len + MAX_LEN;
        if end > self.bytes.len() {
            self.grow();
        }
        let room = &mut self.bytes[self.len..end];
        let mut at = 0;
        while value >= 0x80 && at < MAX_LEN - 1 {
            room[at] = value as u8 | 0x80;
            value >>= 7;
            at += 1;
        }
        room[at] = value as u8;
        self.len += at + 1;
    }

    #[cold]
    fn grow(&mut self) {
        self.bytes.resize((self.bytes.len() * 2).max(1024), 0);
    }
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
        match *self.0 {
            [a, ref rest @ ..] if a < 0x80 => {
                self.0 = rest;
                Some(u64::from(a))
            }
            [a, b, ref rest @ ..] if b < 0x80 => {
                self.0 = rest;
                Some(u64::from(a & 0x7f) | u64::from(b) << 7)
            }
            _ => self.take_long_varint(),
        }
    }

    fn take_long_varint(&mut self) -> Option<u64> {
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
