//! What a plan does to the frames of one direction: rates, limits, patterns, and exact faults.
//!
//! Layer: `fault`. Only says what is planned; `decide` and `lane` do it.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use super::exact::FrameFault;
use super::pattern::Pattern;
use crate::packet::IntoPacket;

/// How long a held frame waits for those that shall pass it, unless the plan says otherwise: longer than a burst takes,
/// shorter than any retransmission timer (RFC 6298 section 2.4: one second; Linux: 200 ms).
pub(super) const HOLD_AT_MOST: Duration = Duration::from_millis(10);

/// From how long to how long a delay may be. Made from a duration, from `min..=max` or from `min..max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayRange {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl From<Duration> for DelayRange {
    fn from(always: Duration) -> Self {
        Self { min: always, max: always }
    }
}

impl From<RangeInclusive<Duration>> for DelayRange {
    /// The shorter end first; the other way round means the same.
    fn from(range: RangeInclusive<Duration>) -> Self {
        let (one, other) = range.into_inner();
        Self { min: one.min(other), max: one.max(other) }
    }
}

impl From<Range<Duration>> for DelayRange {
    /// All but the end itself, which is a nanosecond later; an empty range means its start.
    fn from(range: Range<Duration>) -> Self {
        let last = range.end.saturating_sub(Duration::from_nanos(1));
        Self { min: range.start, max: last.max(range.start) }
    }
}

impl fmt::Display for DelayRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { write!(f, "{:?}", self.min) } else { write!(f, "{:?}..={:?}", self.min, self.max) }
    }
}

/// A fault for the n-th frame that matches.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Nth {
    pub(super) n: u64,
    pub(super) pattern: Pattern,
    pub(super) fault: FrameFault,
}

impl Nth {
    /// As the builder's method is called.
    pub(super) const fn name(&self) -> &'static str {
        match self.fault {
            FrameFault::Drop => "drop_nth",
            FrameFault::Duplicate { .. } => "duplicate_nth",
            _ => "nth",
        }
    }
}

/// What is done to the frames of one direction. Given to the closures of [`FaultPlan`](super::FaultPlan).
///
/// A frame goes through the faults in this order: it is dropped (exact faults, black holes, MTU, loss), or else
/// corrupted, truncated, duplicated, held behind others, sent at the rate, delayed.
///
/// Probabilities are from 0 to 1. Frames are counted from 1, octets from 0.
#[derive(Clone, PartialEq)]
#[must_use]
pub struct FrameFaults {
    pub(super) loss: f64,
    pub(super) duplicate: f64,
    pub(super) duplicate_after: Option<(f64, DelayRange)>,
    pub(super) reorder: Option<(f64, u64)>,
    pub(super) hold_at_most: Duration,
    pub(super) delay: Option<DelayRange>,
    pub(super) in_order: bool,
    pub(super) corrupt: f64,
    pub(super) corrupt_and_repair: f64,
    pub(super) truncate: f64,
    pub(super) rate: Option<u64>,
    pub(super) queue: Option<usize>,
    pub(super) mtu: Option<usize>,
    pub(super) black_holes: Vec<Pattern>,
    pub(super) only: Option<Pattern>,
    pub(super) nth: Vec<Nth>,
    /// By the frame's number; those of one frame as they were given.
    pub(super) exact: Vec<(u64, FrameFault)>,
}

impl Default for FrameFaults {
    fn default() -> Self {
        Self {
            loss: 0.0,
            duplicate: 0.0,
            duplicate_after: None,
            reorder: None,
            hold_at_most: HOLD_AT_MOST,
            delay: None,
            in_order: false,
            corrupt: 0.0,
            corrupt_and_repair: 0.0,
            truncate: 0.0,
            rate: None,
            queue: None,
            mtu: None,
            black_holes: Vec::new(),
            only: None,
            nth: Vec::new(),
            exact: Vec::new(),
        }
    }
}

#[track_caller]
fn probability(p: f64, of: &str) -> f64 {
    assert!((0.0..=1.0).contains(&p), "{of}({p}): a probability is from 0 to 1");
    p
}

#[track_caller]
fn counted(n: u64, of: &str) -> u64 {
    assert!(n > 0, "{of}(0, …): frames are counted from 1");
    n
}

/// At random. What happens to a frame depends on the seed, the fault and the frame's number, and on nothing else.
impl FrameFaults {
    /// Drops a frame with that probability.
    ///
    /// # Panics
    /// When it is no probability.
    #[track_caller]
    pub fn loss(mut self, p: f64) -> Self {
        self.loss = probability(p, "loss");
        self
    }

    /// Sends a frame twice, one behind the other.
    ///
    /// # Panics
    /// When it is no probability.
    #[track_caller]
    pub fn duplicate(mut self, p: f64) -> Self {
        self.duplicate = probability(p, "duplicate");
        self
    }

    /// Sends a frame a second time, so long after the first.
    ///
    /// # Panics
    /// When it is no probability.
    #[track_caller]
    pub fn duplicate_after(mut self, p: f64, after: impl Into<DelayRange>) -> Self {
        self.duplicate_after = Some((probability(p, "duplicate_after"), after.into()));
        self
    }

    /// Holds a frame until from 1 to `depth` later ones have passed, or [`hold_at_most`](Self::hold_at_most) is over.
    ///
    /// # Panics
    /// When it is no probability, or nothing may pass.
    #[track_caller]
    pub fn reorder(mut self, p: f64, depth: u64) -> Self {
        assert!(depth > 0, "reorder({p}, 0): at least one frame must be let past");
        self.reorder = Some((probability(p, "reorder"), depth));
        self
    }

    /// How long a frame is held for others at most: by [`reorder`](Self::reorder), and by [`swap`](Self::swap) where it
    /// is called after this. 10 ms unless set.
    pub const fn hold_at_most(mut self, time: Duration) -> Self {
        self.hold_at_most = time;
        self
    }

    /// Delays each frame by that time, or by one from `min..=max`, so that frames overtake each other.
    pub fn delay(mut self, by: impl Into<DelayRange>) -> Self {
        (self.delay, self.in_order) = (Some(by.into()), false);
        self
    }

    /// The same, but no frame overtakes another: it waits for the one before it.
    pub fn delay_in_order(mut self, by: impl Into<DelayRange>) -> Self {
        (self.delay, self.in_order) = (Some(by.into()), true);
        self
    }

    /// Turns over one bit anywhere in the frame, and leaves checksums as they are.
    ///
    /// # Panics
    /// When it is no probability.
    #[track_caller]
    pub fn corrupt(mut self, p: f64) -> Self {
        self.corrupt = probability(p, "corrupt");
        self
    }

    /// Turns over one bit of what the innermost header carries, and computes the checksums anew: no checksum tells that
    /// the frame was changed. A frame that carries nothing is left alone.
    ///
    /// # Panics
    /// When it is no probability.
    #[track_caller]
    pub fn corrupt_and_repair(mut self, p: f64) -> Self {
        self.corrupt_and_repair = probability(p, "corrupt_and_repair");
        self
    }

    /// Cuts a frame off: at least one octet is left, at least one is lost.
    ///
    /// # Panics
    /// When it is no probability.
    #[track_caller]
    pub fn truncate(mut self, p: f64) -> Self {
        self.truncate = probability(p, "truncate");
        self
    }

    /// Lets what is random hit only frames that match; the limits and the exact faults are as before.
    pub fn only(mut self, pattern: impl IntoPacket) -> Self {
        self.only = Some(Pattern::new(pattern));
        self
    }
}

/// Limits, which hold for every frame.
impl FrameFaults {
    /// The link carries so many bits a second, one frame after the other: a frame arrives when its last bit does, and
    /// waits before for those ahead of it. What is counted are the frame's octets; copies made by a fault cost nothing.
    ///
    /// # Panics
    /// When it is 0: that is a [`black_hole`](Self::black_hole).
    #[track_caller]
    pub fn rate(mut self, bits_per_second: u64) -> Self {
        assert!(bits_per_second > 0, "rate(0): use black_hole(Packet::any().unverified())");
        self.rate = Some(bits_per_second);
        self
    }

    /// How many frames may wait for the [`rate`](Self::rate), the one being sent included: the next is dropped. Without
    /// this, any number.
    pub const fn queue(mut self, frames: usize) -> Self {
        self.queue = Some(frames);
        self
    }

    /// Drops each frame whose IP packet is longer than so many octets, without a word: a path MTU that nobody tells. On
    /// TAP the Ethernet header and one VLAN tag are not counted.
    pub const fn mtu(mut self, octets: usize) -> Self {
        self.mtu = Some(octets);
        self
    }

    /// Drops each frame that matches. `Packet::any().unverified()` is all of them.
    pub fn black_hole(mut self, pattern: impl IntoPacket) -> Self {
        self.black_holes.push(Pattern::new(pattern));
        self
    }
}

/// Exact faults.
impl FrameFaults {
    /// Drops the n-th frame that matches, counted from 1.
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    pub fn drop_nth(self, n: u64, pattern: impl IntoPacket) -> Self {
        counted(n, "drop_nth");
        self.nth(n, pattern, FrameFault::Drop)
    }

    /// Sends the n-th frame that matches twice.
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    pub fn duplicate_nth(self, n: u64, pattern: impl IntoPacket) -> Self {
        counted(n, "duplicate_nth");
        self.nth(n, pattern, FrameFault::Duplicate { after: Duration::ZERO })
    }

    /// Does anything to the n-th frame that matches.
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    pub fn nth(mut self, n: u64, pattern: impl IntoPacket, fault: FrameFault) -> Self {
        self.nth.push(Nth { n: counted(n, "nth"), pattern: Pattern::new(pattern), fault });
        self
    }

    /// Lets the two frames of those numbers change places, whichever is given first. Frames between them keep their
    /// order, and wait. When the later one does not come within [`hold_at_most`](Self::hold_at_most), the others go on.
    ///
    /// # Panics
    /// When the numbers are the same, or one is 0.
    #[track_caller]
    pub fn swap(self, one: u64, other: u64) -> Self {
        assert!(one != other, "swap({one}, {other}): a frame cannot be swapped with itself");
        counted(one.min(other), "swap");
        let fault = FrameFault::Swap { with: one.max(other), at_most: self.hold_at_most };
        self.frame(one.min(other), fault)
    }

    /// Turns over every bit of one octet, counted from 0, of frame `n`, and leaves checksums as they are.
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    pub fn corrupt_octet(self, n: u64, octet: usize) -> Self {
        counted(n, "corrupt_octet");
        self.frame(n, FrameFault::Corrupt { octet, xor: 0xff, repair: false })
    }

    /// The same, and computes the checksums anew. What a checksum does not cover is not found, and a checksum that is
    /// itself the octet is put right again.
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    pub fn corrupt_octet_and_repair(self, n: u64, octet: usize) -> Self {
        counted(n, "corrupt_octet_and_repair");
        self.frame(n, FrameFault::Corrupt { octet, xor: 0xff, repair: true })
    }

    /// Does anything to the frame of that number.
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    pub fn frame(mut self, n: u64, fault: FrameFault) -> Self {
        self.insert(counted(n, "frame"), fault);
        self
    }

    pub(super) fn insert(&mut self, frame: u64, fault: FrameFault) {
        let at = self.exact.partition_point(|(other, _)| *other <= frame);
        self.exact.insert(at, (frame, fault));
    }

    /// Whether nothing but exact faults by number is planned.
    pub(super) fn is_exact(&self) -> bool {
        let rest = Self { exact: Vec::new(), hold_at_most: HOLD_AT_MOST, only: None, ..self.clone() };
        rest == Self::default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.is_exact()
    }
}
