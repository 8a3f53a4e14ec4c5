//! A record on disk: length, checksum, number (all little-endian), then its bytes.

/// Longest record, bytes.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

/// Bytes in front of a record.
pub(crate) const HEADER: usize = 16;

/// What stands in front of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) seq: u64,
    pub(crate) len: u32,
    checksum: u32,
}

impl Frame {
    /// The frame of record `seq`, whose bytes are `parts` one after the other; `None` when they are too many.
    pub(crate) fn of(seq: u64, parts: &[&[u8]]) -> Option<Self> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let len = u32::try_from(len).ok().filter(|len| *len as usize <= RECORD_BYTES_MAX)?;
        Some(Self { seq, len, checksum: checksum(seq, len, parts) })
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.len.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[8..].copy_from_slice(&self.seq.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; HEADER]) -> Self {
        let [l0, l1, l2, l3, c0, c1, c2, c3, seq @ ..] = *bytes;
        Self {
            seq: u64::from_le_bytes(seq),
            len: u32::from_le_bytes([l0, l1, l2, l3]),
            checksum: u32::from_le_bytes([c0, c1, c2, c3]),
        }
    }

    /// Whether `bytes` are the record that this frame was made for.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.len as usize && checksum(self.seq, self.len, &[bytes]) == self.checksum
    }

    /// Bytes of the frame and its record.
    pub(crate) const fn total(self) -> u64 {
        HEADER as u64 + self.len as u64
    }
}

fn checksum(seq: u64, len: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&seq.to_le_bytes());
    hasher.update(&len.to_le_bytes());
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_fits_its_own_record_only() {
        let frame = Frame::of(7, &[b"ab", b"c"]).unwrap();
        assert_eq!(Frame::from_bytes(&frame.to_bytes()), frame);
        assert_eq!(frame.total(), 19);
        assert!(frame.fits(b"abc"));
        assert!(!frame.fits(b"abx") && !frame.fits(b"ab"));
        assert!(!Frame { seq: 8, ..frame }.fits(b"abc"), "a record in another's place");
    }
}
