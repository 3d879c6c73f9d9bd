//! The numbers that a mutator draws: SplitMix64, one after the other.

use crate::fault::random::splitmix;

/// A stream of numbers, wholly told by its seed.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    seed: u64,
    drawn: u64,
}

impl Draw {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(super) const fn number(&mut self) -> u64 {
        let number = splitmix(self.seed, self.drawn);
        self.drawn += 1;
        number
    }

    /// A number below `limit`; 0 when there is none.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let limit = u128::try_from(limit).unwrap_or(u128::MAX);
        usize::try_from(u128::from(self.number()).wrapping_mul(limit) >> 64).unwrap_or(0)
    }

    /// A number from 1 to `limit`, small ones more often: each bit length is equally likely.
    pub(super) fn small(&mut self, limit: usize) -> usize {
        let limit = limit.max(1);
        let bits = self.below(usize::try_from(limit.ilog2()).unwrap_or(0) + 1);
        let least = 1 << bits;
        (least + self.below(least)).min(limit)
    }

    /// True once in so many times; never for 0, always for 1.
    pub(super) fn one_in(&mut self, times: u32) -> bool {
        times > 0 && self.below(usize::try_from(times).unwrap_or(usize::MAX)) == 0
    }

    pub(super) fn octet(&mut self) -> u8 {
        let [.., octet] = self.number().to_be_bytes();
        octet
    }

    /// One of those.
    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len())).copied()
    }

    /// A range within one of so many octets, of at least one octet where there is any.
    pub(super) fn within(&mut self, octets: usize) -> std::ops::Range<usize> {
        if octets == 0 {
            return 0..0;
        }
        let start = self.below(octets);
        start..start + self.small(octets - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_within_their_limits() {
        let mut draw = Draw::new(1);
        for limit in [1, 2, 3, 255, 65_536] {
            for _ in 0..200 {
                assert!(draw.below(limit) < limit);
                assert!((1..=limit).contains(&draw.small(limit)));
                let range = draw.within(limit);
                assert!(range.start < range.end && range.end <= limit);
            }
        }
        assert_eq!((draw.below(0), draw.small(0), draw.within(0)), (0, 1, 0..0));
        assert!(draw.one_in(1) && !draw.one_in(0));
        assert_eq!(draw.of::<u8>(&[]), None);
    }
}
