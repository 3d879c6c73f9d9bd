//! The random numbers of a plan: SplitMix64, read at any place.
//!
//! Layer: `fault`. SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014;
//! Vigna's `splitmix64.c`) adds a constant to its state and mixes: its n-th number is a function of seed and n. So each
//! fault of each direction has a stream of its own, and what a stream gives for frame n depends on nothing else: no
//! fault that is switched on or off moves the numbers of another.

/// 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The n-th number, from 0, of SplitMix64 with that seed.
pub(crate) const fn splitmix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(GOLDEN.wrapping_mul(n.wrapping_add(1)));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a stream is for. The numbers are part of what a seed means: never change one, only add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Loss = 1,
    Duplicate = 2,
    Reorder = 3,
    Delay = 4,
    Corrupt = 5,
    CorruptAndRepair = 6,
    Truncate = 7,
    DuplicateAfter = 8,
    /// The first of the device's; each rule has the next.
    Sometimes = 1000,
}

/// The numbers of one fault in one direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of that seed; `place` tells directions and rules apart.
    pub(super) const fn new(seed: u64, kind: Kind, place: u64) -> Self {
        Self { key: splitmix(splitmix(seed, kind as u64), place) }
    }

    /// The `draw`-th number for frame or call `n`: it, too, has a stream of its own.
    const fn number(self, n: u64, draw: u64) -> u64 {
        splitmix(splitmix(self.key, n), draw)
    }

    /// Whether something of probability `p` happens to frame or call `n`; uses draw 0.
    pub(super) fn happens(self, n: u64, p: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        (self.number(n, 0) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0) < p
    }

    /// A number below `limit`, each equally likely but for one part in 2^64; 0 when there is none.
    pub(super) fn below(self, n: u64, draw: u64, limit: u64) -> u64 {
        let product = u128::from(self.number(n, draw)) * u128::from(limit);
        u64::try_from(product >> 64).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `splitmix64.c` gives, as its other implementations publish it.
    #[test]
    fn the_numbers_are_splitmix64_s() {
        let first = |seed: u64| [0, 1, 2, 3].map(|n| splitmix(seed, n));
        assert_eq!(
            first(1_234_567),
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431
            ]
        );
        assert_eq!(
            first(0),
            [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f, 0xf88b_b8a8_724c_81ec]
        );
    }

    #[test]
    fn a_certainty_happens_and_an_impossibility_does_not() {
        let stream = Stream::new(7, Kind::Loss, 0);
        assert!((0..10_000).all(|n| stream.happens(n, 1.0)));
        assert!(!(0..10_000).any(|n| stream.happens(n, 0.0)));
    }

    #[test]
    fn numbers_below_a_limit_are_evenly_spread() {
        let stream = Stream::new(7, Kind::Delay, 1);
        let mut counts = [0_u32; 10];
        for n in 0..10_000 {
            counts[usize::try_from(stream.below(n, 1, 10)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        assert_eq!(stream.below(3, 1, 0), 0);
        assert_eq!(stream.below(3, 1, 1), 0);
    }

    /// A seed means the same for ever: plans in bug reports depend on it.
    #[test]
    fn the_streams_of_a_seed_do_not_change() {
        let of = |kind, place| Stream::new(7, kind, place).number(1, 0);
        assert_ne!(of(Kind::Loss, 0), of(Kind::Loss, 1));
        assert_ne!(of(Kind::Loss, 0), of(Kind::Delay, 0));
        let lost: Vec<u64> = (1..=30).filter(|n| Stream::new(7, Kind::Loss, 0).happens(*n, 0.3)).collect();
        assert_eq!(lost, [1, 6, 8, 11, 16, 20, 26, 27]);
    }
}
