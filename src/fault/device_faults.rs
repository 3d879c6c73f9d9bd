//! What a plan does to the device itself: calls that fail, and what happens to the link.
//!
//! Layer: `fault`. Only says what is planned; `calls` does it.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeInclusive};
use std::time::Duration;

use super::exact::{Call, CallFault, ExactFault, LinkFault, When};

/// Which calls: one (`3`), some (`3..=5`, `3..6`), all from one on (`3..`), each so manyth ([`Calls::every`]); at all
/// times or [within](Calls::within) some. Counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Calls {
    first: u64,
    last: u64,
    step: u64,
    from: Duration,
    until: Duration,
}

impl Calls {
    const fn between(first: u64, last: u64) -> Self {
        Self { first, last, step: 1, from: Duration::ZERO, until: Duration::MAX }
    }

    /// Each n-th call: calls 3, 6, 9 and so on.
    ///
    /// # Panics
    /// When `n` is 0.
    #[track_caller]
    pub fn every(n: u64) -> Self {
        assert!(n > 0, "Calls::every(0): each call is Calls::every(1)");
        Self { step: n, ..Self::between(n, u64::MAX) }
    }

    /// Of those, the calls from one time to another, the latter excluded, counted from the start of the link's clock.
    pub const fn within(mut self, times: Range<Duration>) -> Self {
        (self.from, self.until) = (times.start, times.end);
        self
    }

    pub(super) fn contains(&self, number: u64, now: Duration) -> bool {
        (self.first..=self.last).contains(&number)
            && (number - self.first).is_multiple_of(self.step)
            && self.from <= now
            && (now < self.until || self.until == Duration::MAX)
    }

    const fn one(self) -> Option<u64> {
        let always = self.from.is_zero() && self.until.as_nanos() == Duration::MAX.as_nanos();
        if self.first == self.last && always { Some(self.first) } else { None }
    }
}

impl From<u64> for Calls {
    fn from(number: u64) -> Self {
        Self::between(number, number)
    }
}

impl From<RangeInclusive<u64>> for Calls {
    fn from(numbers: RangeInclusive<u64>) -> Self {
        Self::between(*numbers.start(), *numbers.end())
    }
}

impl From<Range<u64>> for Calls {
    /// An empty range is no call: calls are counted from 1.
    fn from(numbers: Range<u64>) -> Self {
        if numbers.is_empty() { Self::between(0, 0) } else { Self::between(numbers.start, numbers.end - 1) }
    }
}

impl From<RangeFrom<u64>> for Calls {
    fn from(numbers: RangeFrom<u64>) -> Self {
        Self::between(numbers.start, u64::MAX)
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { step, .. } if step > 1 => write!(f, "every {step}")?,
            Self { first, last, .. } if first == last => write!(f, "{first}")?,
            Self { first, last: u64::MAX, .. } => write!(f, "{first}..")?,
            Self { first, last, .. } => write!(f, "{first}..={last}")?,
        }
        match (self.from, self.until) {
            (Duration::ZERO, Duration::MAX) => Ok(()),
            (from, until) => write!(f, " within {from:?}..{until:?}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CallRule {
    pub(super) call: Call,
    pub(super) calls: Calls,
    pub(super) fault: CallFault,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sometimes {
    pub(super) call: Call,
    pub(super) p: f64,
    pub(super) fault: CallFault,
}

/// What is done to the device itself. Given to the closure of [`FaultPlan::device`](super::FaultPlan::device).
///
/// Calls are counted from 1, transmit and receive apart. Where several faults are planned for one call, it gives the
/// first of them. On a link a receive counts when it gives something, a frame or a fault: one that finds nothing, or is
/// interrupted, is the same call as the next, so that nobody's haste decides which frame a fault meets.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::fault::{Call, CallFault, Calls, FaultPlan, LinkFault};
///
/// let ms = Duration::from_millis;
/// let plan = FaultPlan::new().device(|device| {
///     device
///         .on(Call::Receive, 2..=4, CallFault::Eagain)
///         .on(Call::Transmit, Calls::every(3).within(ms(10)..ms(15)), CallFault::Eagain)
///         .sometimes(Call::Receive, 0.1, CallFault::Eintr)
///         .at(ms(20), LinkFault::Down)
///         .at(ms(30), LinkFault::Up)
///         .before(Call::Transmit, 9, LinkFault::Removed)
/// });
/// assert!(plan.to_string().contains("receive 2..=4 EAGAIN"), "{plan}");
/// ```
#[derive(Clone, Default, PartialEq)]
#[must_use]
pub struct DeviceFaults {
    pub(super) calls: Vec<CallRule>,
    pub(super) sometimes: Vec<Sometimes>,
    pub(super) link: Vec<(When, LinkFault)>,
}

#[track_caller]
fn possible(call: Call, fault: CallFault) {
    assert!(
        call == Call::Receive || !fault.is_of_receive(),
        "{call} cannot give `{fault}`: that is what Call::Receive gives"
    );
}

impl DeviceFaults {
    /// Lets those calls fail, or give something wrong.
    ///
    /// # Panics
    /// When a transmit shall give what only a receive can.
    #[track_caller]
    pub fn on(mut self, call: Call, calls: impl Into<Calls>, fault: CallFault) -> Self {
        possible(call, fault);
        self.calls.push(CallRule { call, calls: calls.into(), fault });
        self
    }

    /// Lets a call fail, or give something wrong, with that probability from 0 to 1.
    ///
    /// # Panics
    /// When it is no probability, or a transmit shall give what only a receive can.
    #[track_caller]
    pub fn sometimes(mut self, call: Call, p: f64, fault: CallFault) -> Self {
        possible(call, fault);
        assert!((0.0..=1.0).contains(&p), "sometimes({call}, {p}, …): a probability is from 0 to 1");
        self.sometimes.push(Sometimes { call, p, fault });
        self
    }

    /// Does something to the link at that time, counted from the start of the link's clock.
    pub fn at(mut self, time: Duration, fault: LinkFault) -> Self {
        self.link.push((When::At(time), fault));
        self
    }

    /// Does something to the link just before that call.
    ///
    /// # Panics
    /// When the number is 0: calls are counted from 1.
    #[track_caller]
    pub fn before(mut self, call: Call, number: u64, fault: LinkFault) -> Self {
        assert!(number > 0, "before({call}, 0, …): calls are counted from 1");
        self.link.push((When::Before(call, number), fault));
        self
    }

    pub(super) fn insert(&mut self, fault: ExactFault) {
        match fault {
            ExactFault::Call { call, number, fault } => {
                self.calls.push(CallRule { call, calls: number.into(), fault });
            }
            ExactFault::Link { when, fault } => self.link.push((when, fault)),
            ExactFault::Frame { .. } => {}
        }
    }

    /// The exact faults; `None` when there are others.
    pub(super) fn exact(&self) -> Option<Vec<ExactFault>> {
        if !self.sometimes.is_empty() {
            return None;
        }
        let calls = self.calls.iter().map(|CallRule { call, calls, fault }| {
            Some(ExactFault::Call { call: *call, number: calls.one()?, fault: *fault })
        });
        let link = self.link.iter().map(|(when, fault)| Some(ExactFault::Link { when: *when, fault: *fault }));
        calls.chain(link).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.sometimes.is_empty() && self.link.is_empty()
    }
}
