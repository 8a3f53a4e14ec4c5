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

/// Memory for one packed column at a time.
#[derive(Debug, Default)]
pub(super) struct Column(Vec<u8>);

impl Column {
    /// The packed form of `values`.
    ///
    /// One or two bytes are written without a branch, since sizes and indexes follow no pattern that a processor
    /// could learn.
    #[inline]
    pub(super) fn pack(&mut self, values: impl ExactSizeIterator<Item = u64>) -> &[u8] {
        let most = values.len() * MAX_LEN;
        if self.0.len() < most {
            self.0.resize(most, 0);
        }
        let mut len = 0;
        for value in values {
            let room = &mut self.0[len..len + MAX_LEN];
            if value < 1 << 14 {
                let more = u64::from(value > 0x7f);
                room[0] = (value & 0x7f | more << 7) as u8;
                room[1] = (value >> 7) as u8;
                len += 1 + more as usize;
            } else {
                len += put_long(room, value);
            }
        }
        &self.0[..len]
    }
}

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
        if let [first, second, ..] = *self.0 {
            let more = first >> 7;
            if more & second >> 7 == 0 {
                self.0 = &self.0[1 + usize::from(more)..];
                return Some(u64::from(first & 0x7f) | u64::from(second & more.wrapping_neg()) << 7);
            }
        }
        self.take_varint_slowly()
    }

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
        // in bytes, so that many are counted at once
        Some(_) | None => Some(column.chunks(255).map(|part| usize::from(ends(part))).sum()),
    }
}

fn ends(part: &[u8]) -> u8 {
    part.iter().fold(0, |sum: u8, byte| sum.wrapping_add(u8::from(*byte < 0x80)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_length_come_back() {
        for value in (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, !0 << bit]) {
            let mut column = Column::default();
            let packed = column.pack([value, value].into_iter());
            let mut pushed = Vec::new();
            push(&mut pushed, value);
            assert_eq!(packed, [pushed.as_slice(), pushed.as_slice()].concat());
            assert_eq!(count(packed), Some(2));
            let mut bytes = Bytes(packed);
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
