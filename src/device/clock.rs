//! The time of a link: the system's on the kernel backend, virtual on the mock.
//!
//! Layer: `device`. Whoever waits for a frame, or stamps one, asks the link's clock ([`Device::clock`]); all links of one
//! test share one.
//!
//! ```text
//!  thread A ── wait ──┐                        ┌── a frame that is on its way     (cable)
//!  thread B ── wait ──┼──► nobody runs: now ───┼── what a host does later         (retransmission, delayed ack)
//!  machine … runs inside                       └── the deadline of a wait
//! ```
//!
//! Virtual time stands still while any thread that has used an end of a link runs. When all of them wait, whatever is due
//! is done, in the order of the links; then the clock jumps to what comes next, and a minute of back-off has taken some
//! microseconds. Who was never seen at an end is not waited for, unless it was announced
//! ([`Clock::spawn`], [`Clock::scope`], [`Clock::announce`]); who ends is forgotten.
//!
//! * A thread that waits while another one, which has used an end, does something else (a `join`, a channel, a real sleep)
//!   is given what is due by then, but no time passes; after two seconds of real time its wait fails and names the other.
//!   [`Clock::outside`] is the cure.
//! * When everybody waits, for ever, and nothing is under way, all waits fail at once and say who waits for what.
//!
//! [`Device::clock`]: super::Device::clock

mod asleep;
mod bell;
mod blocking;
mod parties;
mod registration;
mod scheduler;
#[cfg(feature = "tokio")]
mod tasks;
#[cfg(test)]
mod tests;
mod threads;
mod waiting;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

pub(crate) use scheduler::{Scheduler, Source};
pub use threads::{Announcement, ClockScope, ClockThread, ScopedClockThread};
pub(crate) use waiting::{WaitError, What};

use super::Deadline;

/// A clock. Clones are the same one.
#[derive(Clone)]
pub struct Clock(Option<Arc<Scheduler>>);

impl Clock {
    /// The system's monotonic clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A virtual clock of its own, which stands at the present instant.
    #[must_use]
    pub fn new_virtual() -> Self {
        Self(Some(Arc::new(Scheduler::new(true))))
    }

    /// The system's time for a link in memory: what is due is done by whoever uses the link.
    pub(crate) fn real_for_mock() -> Self {
        Self(Some(Arc::new(Scheduler::new(false))))
    }

    /// The present instant. Virtual ones are comparable with each other only.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.as_ref().map_or_else(Instant::now, |scheduler| scheduler.now())
    }

    /// Whether it is virtual.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.0.as_ref().is_some_and(|scheduler| scheduler.is_virtual())
    }

    /// Waits for that long on this thread: what is due on the way is done. On the system's clock this sleeps.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntap_test::device::Clock;
    ///
    /// let clock = Clock::new_virtual();
    /// let begin = clock.now();
    /// clock.advance(Duration::from_secs(3600));
    /// assert_eq!(clock.now() - begin, Duration::from_secs(3600));
    /// ```
    ///
    /// # Panics
    /// When another thread that has used an end of a link does not wait for two seconds of real time.
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            None => std::thread::sleep(by),
            Some(scheduler) => {
                let what = What::new("the clock", "advance");
                let waited = scheduler.wait(Deadline::After(by), what, || None::<()>);
                if let Err(WaitError::Stuck(why) | WaitError::Deadlock(why)) = waited {
                    panic!("{why}");
                }
            }
        }
    }

    /// Runs a closure in which this thread waits for something that is none of the clock's: a thread to join, a channel.
    /// Meanwhile the time goes on without it; it must not use an end of a link there.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tuntap_test::device::Clock;
    /// # let clock = Clock::new_virtual();
    /// let other = { let clock = clock.clone(); std::thread::spawn(move || clock.advance(Duration::from_secs(60))) };
    /// clock.outside(|| other.join()).unwrap();
    /// ```
    pub fn outside<T>(&self, body: impl FnOnce() -> T) -> T {
        let _back = self.0.as_ref().map(|scheduler| scheduler.step_outside());
        body()
    }

    /// Does what is due, if everybody else waits, and says when the next thing will be due on the links of this clock.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.0.as_ref().and_then(|scheduler| scheduler.do_what_is_due())
    }

    /// From now on it goes with the system's: a link's device end was handed over as a descriptor.
    pub(crate) fn make_real(&self) {
        if let Some(scheduler) = &self.0 {
            scheduler.make_real();
        }
    }

    /// From now on a virtual clock is tokio's, of the runtime that this thread runs: paused and moved as that is. A test
    /// has one time.
    #[cfg(feature = "tokio")]
    pub(crate) fn follow_tokio(&self) {
        if let Some(scheduler) = &self.0 {
            scheduler.follow_tokio();
        }
    }

    /// For a task, which does not block: what is due now is done. Gives when there is something to do next.
    #[cfg(feature = "tokio")]
    pub(crate) fn do_what_is_due(&self) -> Option<Instant> {
        self.0.as_ref()?.do_what_is_due()
    }

    pub(crate) const fn scheduler(&self) -> Option<&Arc<Scheduler>> {
        self.0.as_ref()
    }

    /// What is due now is done, unless another thread that uses the links runs.
    pub(crate) fn settle(&self) {
        if let Some(scheduler) = &self.0 {
            scheduler.settle();
        }
    }

    /// Orders what happens at one virtual instant: what follows from something else is of a later round.
    pub(crate) fn round(&self) -> u64 {
        self.0.as_ref().map_or(0, |scheduler| scheduler.round())
    }

    /// Whether this thread does what is due, right now.
    pub(crate) fn is_running_here(&self) -> bool {
        self.0.as_ref().is_some_and(|scheduler| scheduler.is_running_here())
    }

    /// Something that has to be asked when time passes. It is forgotten when it is dropped.
    pub(crate) fn add_source(&self, source: Weak<dyn Source>) {
        if let Some(scheduler) = &self.0 {
            scheduler.add_source(source);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_virtual() { "Clock(virtual)" } else { "Clock(real)" })
    }
}
