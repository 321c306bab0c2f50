//! Bit strings, most significant bit first.

/// Appends bit fields to a byte vector.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Unused bits of the last byte.
    free: u32,
}

impl BitWriter {
    /// Writes the `bits` lowest bits of `value`.
    pub(crate) fn write(&mut self, value: u64, bits: u32) {
        let mut left = bits;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let field = (value >> (left - take)) & ((1 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                // The field is at most `free` ≤ 8 bits wide.
                *last |= (field << (self.free - take)) as u8;
            }
            self.free -= take;
            left -= take;
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Box<[u8]> {
        self.bytes.into_boxed_slice()
    }
}

/// Reads bit fields; past the end it reads zeros, so that a caller's count is the only bound it needs.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Reads up to 64 bits.
    #[inline]
    pub(crate) fn read(&mut self, bits: u32) -> u64 {
        // One aligned load yields at least 57 bits past any bit offset.
        if bits > 57 {
            let high = self.read(bits - 32);
            return (high << 32) | self.read(32);
        }
        if bits == 0 {
            return 0;
        }
        let window = self.peek();
        self.position += bits as usize;
        window >> (64 - bits)
    }

    /// The next 57 bits or more, left-aligned.
    #[inline]
    pub(crate) fn peek(&self) -> u64 {
        let (byte, bit) = (self.position >> 3, self.position & 7);
        let word = match self.bytes.get(byte..byte + 8).and_then(|b| <[u8; 8]>::try_from(b).ok()) {
            Some(word) => u64::from_be_bytes(word),
            None => self.tail(byte),
        };
        word << bit
    }

    /// Skips bits that were looked at with [`Self::peek`].
    #[inline]
    pub(crate) fn skip(&mut self, bits: u32) {
        self.position += bits as usize;
    }

    /// Whether everything was read, but for the unused bits of the last byte, and nothing past the end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.position.div_ceil(8) == self.bytes.len()
    }

    /// Number of bytes.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    #[cold]
    fn tail(&self, byte: usize) -> u64 {
        let mut word = [0; 8];
        let rest = self.bytes.get(byte..).unwrap_or_default();
        word[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_packed_without_gaps() {
        let mut writer = BitWriter::default();
        writer.write(0b1, 1);
        writer.write(0b0110, 4);
        writer.write(0b101, 3);
        writer.write(0b1, 1);
        assert_eq!(writer.bytes(), [0b1011_0101, 0b1000_0000]);
    }

    #[test]
    fn past_the_end_come_zeros() {
        let mut reader = BitReader::new(&[0xff]);
        assert_eq!(reader.read(12), 0xff0);
        assert_eq!(reader.read(64), 0);
        assert_eq!(reader.read(0), 0);
    }

    proptest! {
        #[test]
        fn reads_what_was_written(fields in prop::collection::vec((any::<u64>(), 0u32..=64), 0..50)) {
            let mut writer = BitWriter::default();
            for (value, bits) in &fields {
                writer.write(*value, *bits);
            }
            let bytes = writer.into_bytes();
            let mut reader = BitReader::new(&bytes);
            for (value, bits) in fields {
                let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
                prop_assert_eq!(reader.read(bits), value & mask);
            }
            prop_assert!(reader.is_at_end());
            reader.skip(8);
            prop_assert!(!reader.is_at_end());
        }
    }
}
