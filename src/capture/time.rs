//! What a timestamp of an interface means: `if_tsresol` and `if_tsoffset`.

use std::time::Duration;

/// Nanoseconds, as `if_tsresol`.
pub(super) const NANOSECONDS: u8 = 9;
/// Microseconds, which is what an interface without `if_tsresol` counts in.
const MICROSECONDS: u8 = 6;
/// The bit of `if_tsresol` that makes the rest a power of two.
const POWER_OF_TWO: u8 = 0x80;

const NANOSECONDS_A_SECOND: u128 = 1_000_000_000;

/// The unit and the origin of an interface's timestamps.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeScale {
    /// `if_tsresol`: a negative power of ten, or of two when the highest bit is set.
    pub(super) resolution: u8,
    /// `if_tsoffset`: seconds to be added.
    pub(super) offset: i64,
}

impl Default for TimeScale {
    fn default() -> Self {
        Self { resolution: MICROSECONDS, offset: 0 }
    }
}

impl TimeScale {
    /// The time since the epoch, to the nanosecond below. None when it lies before the epoch or beyond a `Duration`.
    pub(super) fn time(self, units: u64) -> Option<Duration> {
        let exponent = u32::from(self.resolution & !POWER_OF_TWO);
        let units = u128::from(units);
        let nanoseconds = if self.resolution & POWER_OF_TWO != 0 {
            // Below 2^64 · 2^30, and a shift of at most 127.
            (units * NANOSECONDS_A_SECOND) >> exponent
        } else {
            match exponent.checked_sub(u32::from(NANOSECONDS)) {
                None => units * 10_u128.pow(u32::from(NANOSECONDS) - exponent),
                // 10^39 overflows, and is more than any number of units.
                Some(finer) => 10_u128.checked_pow(finer).map_or(0, |unit| units / unit),
            }
        };
        let seconds = u64::try_from(nanoseconds / NANOSECONDS_A_SECOND).ok()?;
        let fraction = u32::try_from(nanoseconds % NANOSECONDS_A_SECOND).ok()?;
        Some(Duration::new(seconds.checked_add_signed(self.offset)?, fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: u8, offset: i64, units: u64) -> Option<Duration> {
        TimeScale { resolution, offset }.time(units)
    }

    #[test]
    fn a_power_of_ten_counts_decimal_parts_of_a_second() {
        assert_eq!(TimeScale::default().time(1_500_000), Some(Duration::from_millis(1_500)));
        assert_eq!(time(0, 0, u64::MAX), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(time(3, 0, 1_001), Some(Duration::from_millis(1_001)));
        assert_eq!(time(9, 0, 1_000_000_001), Some(Duration::new(1, 1)));
        assert_eq!(time(12, 0, 1_999), Some(Duration::from_nanos(1)), "picoseconds are cut");
        assert_eq!(time(127, 0, u64::MAX), Some(Duration::ZERO));
    }

    #[test]
    fn a_power_of_two_counts_binary_parts_of_a_second() {
        assert_eq!(time(POWER_OF_TWO, 0, 7), Some(Duration::from_secs(7)));
        assert_eq!(time(POWER_OF_TWO | 10, 0, 1_536), Some(Duration::from_millis(1_500)));
        assert_eq!(time(POWER_OF_TWO | 32, 0, (5 << 32) + (1 << 31)), Some(Duration::from_millis(5_500)));
        assert_eq!(time(POWER_OF_TWO | 64, 0, 1 << 63), Some(Duration::from_millis(500)));
        assert_eq!(time(0xff, 0, u64::MAX), Some(Duration::ZERO));
    }

    #[test]
    fn the_offset_is_added_in_seconds() {
        assert_eq!(time(6, 1_000, 1_500_000), Some(Duration::from_millis(1_001_500)));
        assert_eq!(time(6, -1, 1_500_000), Some(Duration::from_millis(500)));
        assert_eq!(time(6, -2, 1_500_000), None, "before the epoch");
        assert_eq!(time(0, 1, u64::MAX), None, "beyond a Duration");
        assert_eq!(time(6, i64::MIN, u64::MAX), None);
    }
}
