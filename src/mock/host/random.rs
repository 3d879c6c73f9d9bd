//! The host's dice: SplitMix64 (Steele, Lea and Flood, 2014), seeded.

/// A generator of numbers that only have to look random.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub(super) fn next_u32(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(0)
    }

    pub(super) fn next_u16(&mut self) -> u16 {
        u16::try_from(self.next() >> 48).unwrap_or(0)
    }
}

/// One step of the generator as a hash.
pub(super) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A number that depends on the seed and the octets only.
pub(super) fn hash(seed: u64, octets: impl IntoIterator<Item = u8>) -> u64 {
    octets.into_iter().fold(mix(seed ^ 0x9e37_79b9_7f4a_7c15), |sum, octet| mix(sum ^ u64::from(octet)))
}
