//! The frames that nobody took, and the end of the reader.

#[cfg(feature = "tokio")]
mod futures;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wakers::Wakers;
use crate::device::{Clock, Deadline, Frame, FrameRef, Mode, WaitError, What};

/// What the queue holds at most: a slow test loses nothing, a forgotten one does not eat the machine.
pub(super) const MOST_OCTETS: usize = 64 << 20;

/// What a queued frame costs beside its octets, in octets, so that empty frames are bounded too.
const OVERHEAD: usize = 64;

/// What one read gave: the header, if the device keeps packet information, and the frame; and when it was read.
#[derive(Clone, Debug)]
pub struct Received {
    mode: Mode,
    header_len: usize,
    octets: Vec<u8>,
    at: Instant,
    number: u64,
}

impl Received {
    /// All octets of the read, with the header in front where packet information is kept.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The same, owned.
    #[must_use]
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// The header's octets; empty without packet information.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        self.octets.split_at_checked(self.header_len).map_or(&[], |(header, _)| header)
    }

    /// The frame without its header.
    #[must_use]
    pub fn frame(&self) -> FrameRef<'_> {
        FrameRef::new(self.mode, self.octets.get(self.header_len..).unwrap_or_default())
    }

    /// The frame without its header, owned.
    #[must_use]
    pub fn into_frame(mut self) -> Frame {
        self.octets.drain(..self.header_len.min(self.octets.len()));
        Frame::new(self.mode, self.octets, self.at)
    }

    /// When the reader took it off the device (monotonic).
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// The number that the link's [`Observer`](super::Observer) gave it; 0 without one.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

/// Why the reader ended: an `io::Error` that can be given more than once.
struct End {
    errno: Option<i32>,
    kind: ErrorKind,
    text: String,
}

impl End {
    fn new(error: &io::Error) -> Self {
        Self { errno: error.raw_os_error(), kind: error.kind(), text: error.to_string() }
    }

    fn to_error(&self) -> io::Error {
        self.errno.map_or_else(|| io::Error::new(self.kind, self.text.clone()), io::Error::from_raw_os_error)
    }
}

#[derive(Default)]
struct State {
    frames: VecDeque<Received>,
    octets: usize,
    interrupted: bool,
    end: Option<End>,
    /// How often the reader found nothing more to read and was told to look up.
    passes: u64,
    wakers: Wakers,
}

impl State {
    /// What a caller that waits is given now, if there is something.
    fn next(&mut self) -> Option<io::Result<Received>> {
        let there = self.there();
        if there.is_none() && std::mem::take(&mut self.interrupted) {
            return Some(Err(refusal(ErrorKind::Interrupted)));
        }
        there
    }

    /// What a caller that does not wait is given.
    fn there(&mut self) -> Option<io::Result<Received>> {
        if let Some(received) = self.frames.pop_front() {
            self.octets -= received.octets.len() + OVERHEAD;
            return Some(Ok(received));
        }
        self.end.as_ref().map(|end| Err(end.to_error()))
    }

    /// Whether the reader has passed since, or will never.
    const fn has_passed(&self, passes: u64) -> bool {
        self.passes != passes || self.end.is_some()
    }
}

/// A bounded queue with one writer, the reader's thread.
pub(super) struct Queue {
    mode: Mode,
    header_len: usize,
    most_octets: usize,
    /// The interface's, for who waits for what.
    name: String,
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
    passed: Condvar,
}

impl Queue {
    pub(super) fn new(mode: Mode, header_len: usize, most_octets: usize, name: String, clock: Clock) -> Self {
        let (state, changed, passed) = (Mutex::default(), Condvar::new(), Condvar::new());
        Self { mode, header_len, most_octets, name, clock, state, changed, passed }
    }

    /// The present instant on the link's clock.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Wakes all threads that wait for `condition`, or on the clock.
    fn notify(&self, condition: &Condvar) {
        match self.clock.scheduler() {
            Some(scheduler) => scheduler.bump(),
            None => condition.notify_all(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a copy; `false` when there is no room for it.
    pub(super) fn push(&self, octets: &[u8], at: Instant, number: u64) -> bool {
        if self.most_octets == 0 {
            return false;
        }
        let received = Received { mode: self.mode, header_len: self.header_len, octets: octets.to_vec(), at, number };
        let cost = octets.len() + OVERHEAD;
        let mut state = self.lock();
        if state.octets + cost > self.most_octets {
            return false;
        }
        state.octets += cost;
        state.frames.push_back(received);
        let woken = state.wakers.take();
        drop(state);
        match self.clock.scheduler() {
            Some(scheduler) => scheduler.bump(),
            None => self.changed.notify_one(),
        }
        woken.wake();
        true
    }

    pub(super) fn next(&self, deadline: Deadline) -> io::Result<Received> {
        if let Some(scheduler) = self.clock.scheduler() {
            let waits = deadline != Deadline::Now;
            let look = || if waits { self.lock().next() } else { self.lock().there() };
            return scheduler
                .wait(deadline, What::new(&self.name, "receive"), look)
                .unwrap_or_else(|error| Err(error.into_io(refusal)));
        }
        let mut state = self.lock();
        if deadline == Deadline::Now {
            return state.there().unwrap_or_else(|| Err(refusal(ErrorKind::WouldBlock)));
        }
        let mut until = None;
        loop {
            if let Some(next) = state.next() {
                return next;
            }
            // The clock is asked when there is something to wait for.
            let until = *until.get_or_insert_with(|| match deadline {
                Deadline::Now | Deadline::Never => None,
                // A point that the clock cannot express never comes.
                Deadline::After(wait) => Instant::now().checked_add(wait),
            });
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(refusal(ErrorKind::TimedOut));
                    }
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// In front of all that was read later, in their order, whatever the room.
    pub(super) fn put_back(&self, frames: Vec<Received>) {
        let mut state = self.lock();
        for received in frames.into_iter().rev() {
            state.octets += received.octets.len() + OVERHEAD;
            // Another verb may have put frames back, too. Without an observer all numbers are the same.
            let at = state.frames.partition_point(|waiting| waiting.number < received.number);
            state.frames.insert(at, received);
        }
        let woken = state.wakers.take();
        drop(state);
        self.notify(&self.changed);
        woken.wake();
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.lock().frames.iter().map(Received::number).collect()
    }

    pub(super) fn drain(&self) -> usize {
        let mut state = self.lock();
        state.octets = 0;
        let frames = std::mem::take(&mut state.frames);
        drop(state);
        frames.len()
    }

    pub(super) fn passes(&self) -> u64 {
        self.lock().passes
    }

    /// The reader has read all there is and was interrupted.
    pub(super) fn pass(&self) {
        let mut state = self.lock();
        state.passes += 1;
        let woken = state.wakers.take();
        drop(state);
        self.notify(&self.passed);
        woken.wake();
    }

    /// Waits for the pass after `passes`, or for the reader's end.
    pub(super) fn wait_for_pass(&self, passes: u64, at_most: Duration) -> io::Result<()> {
        let waiting = |state: &mut State| !state.has_passed(passes);
        let waited = self.passed.wait_timeout_while(self.lock(), at_most, waiting);
        let (state, over) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        if over.timed_out() { Err(refusal(ErrorKind::TimedOut)) } else { Ok(()) }
    }

    /// Waits until all wait that use the links of this clock and nothing is due any more. No time passes.
    pub(super) fn quiesce(&self) -> io::Result<()> {
        let Some(scheduler) = self.clock.scheduler() else { return Ok(()) };
        match scheduler.wait(Deadline::After(Duration::ZERO), What::new(&self.name, "look"), || None::<()>) {
            Ok(()) | Err(WaitError::TimedOut | WaitError::WouldBlock) => Ok(()),
            Err(error) => Err(error.into_io(refusal)),
        }
    }

    /// Waits for a time, or for the reader's end.
    pub(super) fn pause(&self, deadline: Deadline) -> io::Result<()> {
        let at_most = match deadline {
            Deadline::Now => return Ok(()),
            Deadline::After(wait) => wait,
            Deadline::Never => Duration::MAX,
        };
        if let Some(scheduler) = self.clock.scheduler() {
            let ended = || self.lock().end.as_ref().map(End::to_error);
            return match scheduler.wait(deadline, What::new(&self.name, "let time pass"), ended) {
                Ok(error) => Err(error),
                Err(WaitError::TimedOut | WaitError::WouldBlock) => Ok(()),
                Err(error) => Err(error.into_io(refusal)),
            };
        }
        let running = |state: &mut State| state.end.is_none();
        let waited = self.passed.wait_timeout_while(self.lock(), at_most, running);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.end.as_ref().map_or(Ok(()), |end| Err(end.to_error()))
    }

    pub(super) fn len(&self) -> usize {
        self.lock().frames.len()
    }

    pub(super) fn interrupt(&self) {
        let mut state = self.lock();
        state.interrupted = true;
        let woken = state.wakers.take();
        drop(state);
        // All of them: whichever wakes first takes the interruption, and the others wait on.
        self.notify(&self.changed);
        woken.wake();
    }

    pub(super) fn end(&self, error: &io::Error) {
        let mut state = self.lock();
        state.end = Some(End::new(error));
        let woken = state.wakers.take();
        drop(state);
        self.notify(&self.changed);
        self.notify(&self.passed);
        woken.wake();
    }
}

/// An error with the errno that a kernel device gives for the same reason.
#[cfg(unix)]
fn refusal(kind: ErrorKind) -> io::Error {
    match kind {
        ErrorKind::WouldBlock => io::Error::from_raw_os_error(libc::EAGAIN),
        ErrorKind::TimedOut => io::Error::from_raw_os_error(libc::ETIMEDOUT),
        ErrorKind::Interrupted => io::Error::from_raw_os_error(libc::EINTR),
        kind => io::Error::from(kind),
    }
}

#[cfg(not(unix))]
fn refusal(kind: ErrorKind) -> io::Error {
    io::Error::from(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &Queue, octets: &[u8]) -> bool {
        queue.push(octets, Instant::now(), 0)
    }

    fn queue(most_octets: usize) -> Queue {
        Queue::new(Mode::Tun, 2, most_octets, "tun0".into(), Clock::system())
    }

    #[test]
    fn frames_come_out_in_order_with_their_header() {
        let queue = queue(1000);
        assert!(push(&queue, b"h1one"));
        assert!(push(&queue, b"h2two"));
        assert_eq!(queue.len(), 2);
        let first = queue.next(Deadline::Now).unwrap();
        assert_eq!((first.octets(), first.header(), first.frame().octets), (&b"h1one"[..], &b"h1"[..], &b"one"[..]));
        assert_eq!(&*queue.next(Deadline::Never).unwrap().into_frame(), b"two");
    }

    #[test]
    fn a_full_queue_refuses_the_newest_and_recovers() {
        let queue = queue(2 * (OVERHEAD + 3));
        assert!(push(&queue, b"abc"));
        assert!(push(&queue, b"def"));
        assert!(!push(&queue, b""));
        assert_eq!(queue.next(Deadline::Now).unwrap().octets(), b"abc");
        assert!(push(&queue, b"ghi"));
        assert_eq!(queue.drain(), 2);
        assert!(push(&queue, b"jkl"));
    }

    #[test]
    fn a_read_shorter_than_the_header_has_an_empty_frame() {
        let queue = queue(1000);
        assert!(push(&queue, b"x"));
        let received = queue.next(Deadline::Now).unwrap();
        assert!(received.frame().octets.is_empty());
        assert!(received.header().is_empty());
        assert!(received.into_frame().is_empty());
    }

    #[test]
    fn what_is_put_back_comes_out_first_and_in_order() {
        let queue = queue(1000);
        assert!(push(&queue, b"h1one") && push(&queue, b"h2two") && push(&queue, b"h3six"));
        let looked_at = vec![queue.next(Deadline::Now).unwrap(), queue.next(Deadline::Now).unwrap()];
        queue.put_back(looked_at);
        let order: Vec<_> = (0..3).map(|_| queue.next(Deadline::Now).unwrap().into_octets()).collect();
        assert_eq!(order, [b"h1one", b"h2two", b"h3six"]);
    }

    #[test]
    fn what_two_put_back_comes_out_in_the_order_in_which_it_was_read() {
        let queue = queue(1000);
        assert!((1..=4).all(|number| queue.push(b"h1", Instant::now(), number)));
        let mut taken: Vec<_> = (0..3).map(|_| queue.next(Deadline::Now).unwrap()).collect();
        let second = taken.remove(1);
        queue.put_back(vec![second]);
        queue.put_back(taken);
        assert_eq!(queue.numbers(), [1, 2, 3, 4]);
    }

    #[test]
    fn an_interruption_is_given_once_and_only_to_a_call_that_would_wait() {
        let queue = queue(1000);
        queue.interrupt();
        assert!(push(&queue, b"h1one"));
        assert!(queue.next(Deadline::Never).is_ok());
        assert_eq!(queue.next(Deadline::Now).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(queue.next(Deadline::Never).unwrap_err().kind(), ErrorKind::Interrupted);
        let wait = Deadline::After(Duration::from_millis(1));
        assert_eq!(queue.next(wait).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn the_end_comes_after_the_frames_and_stays() {
        let queue = queue(1000);
        assert!(push(&queue, b"h1one"));
        queue.end(&io::Error::from_raw_os_error(77));
        assert!(queue.next(Deadline::Never).is_ok());
        for _ in 0..2 {
            assert_eq!(queue.next(Deadline::Never).unwrap_err().raw_os_error(), Some(77));
        }
    }

    #[test]
    fn a_pause_lasts_its_time_or_until_the_end() {
        let queue = queue(1000);
        assert!(push(&queue, b"h1one"));
        queue.interrupt();
        let (begin, wait) = (Instant::now(), Duration::from_millis(2));
        queue.pause(Deadline::Now).unwrap();
        queue.pause(Deadline::After(wait)).unwrap();
        assert!(begin.elapsed() >= wait);
        queue.end(&io::Error::from_raw_os_error(77));
        assert_eq!(queue.pause(Deadline::Never).unwrap_err().raw_os_error(), Some(77));
        assert!(queue.next(Deadline::Now).is_ok(), "the frame is still there");
    }

    #[test]
    fn a_wait_beyond_the_clock_is_no_panic() {
        let queue = queue(1000);
        queue.interrupt();
        assert_eq!(queue.next(Deadline::After(Duration::MAX)).unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
