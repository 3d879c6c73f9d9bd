//! The order of the octets of an integer, as a value.

/// In which order the octets of an integer stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "no machine that runs this crate has a third order")]
pub enum ByteOrder {
    /// The most significant octet first: network order, and the host order of s390x.
    Big,
    /// The least significant octet first: the host order of x86-64 and nearly all else.
    Little,
}

impl ByteOrder {
    /// The order of the machine that this was compiled for.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    /// Reads an integer.
    ///
    /// ```
    /// use tuntap_test::codec::ByteOrder;
    ///
    /// assert_eq!(ByteOrder::Big.decode_u16([0x08, 0x06]), 0x0806);
    /// assert_eq!(ByteOrder::Little.decode_u16([0x08, 0x06]), 0x0608);
    /// ```
    #[must_use]
    #[inline]
    pub const fn decode_u16(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(octets),
            Self::Little => u16::from_le_bytes(octets),
        }
    }

    /// Writes an integer.
    #[must_use]
    #[inline]
    pub const fn encode_u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_order_is_the_machines() {
        assert_eq!(ByteOrder::NATIVE.decode_u16([1, 2]), u16::from_ne_bytes([1, 2]));
        assert_eq!(ByteOrder::NATIVE.encode_u16(0x0102), 0x0102_u16.to_ne_bytes());
    }
}
