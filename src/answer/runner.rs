//! Runs a machine on a link: the guard that a test holds, its counts and its end.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::AnsweringMachine;
use crate::device::dispatch::{Detached, Dispatcher, Replies, Responder, ResponderId, Verdict};
use crate::device::{Deadline, Device, FrameRef, Scheduler, WaitError, What};

/// When to stop waiting: after a number of replies, after a time, or at whichever comes first.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::answer::Until;
///
/// let _ = Until::from(Duration::from_secs(2));
/// let _ = Until::from(5);
/// let _ = Until::replies(5).within(Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    replies: Option<u64>,
    time: Option<Duration>,
}

impl Until {
    /// Until this many replies were sent. Without [`within`](Self::within) there is no other end than that of the
    /// device.
    #[must_use]
    pub const fn replies(count: u64) -> Self {
        Self { replies: Some(count), time: None }
    }

    /// Until so much real time has passed.
    #[must_use]
    pub const fn time(time: Duration) -> Self {
        Self { replies: None, time: Some(time) }
    }

    pub(crate) const fn wanted_replies(self) -> Option<u64> {
        self.replies
    }

    pub(crate) const fn has_time(self) -> bool {
        self.time.is_some()
    }

    /// The same, but no longer than this.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }
}

impl From<Duration> for Until {
    fn from(time: Duration) -> Self {
        Self::time(time)
    }
}

impl From<u64> for Until {
    fn from(replies: u64) -> Self {
        Self::replies(replies)
    }
}

/// What a machine did, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Requests that it took.
    pub requests: u64,
    /// Replies that the device took.
    pub replies: u64,
    /// Replies that the device refused, for example because the interface is down.
    pub failed_replies: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests, {} replies", self.requests, self.replies)?;
        if self.failed_replies != 0 {
            write!(f, ", {} replies refused by the device", self.failed_replies)?;
        }
        Ok(())
    }
}

/// The machine answers no more, because it panicked or the link's reader ended, before what was waited for came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// What it did before.
    pub tally: Tally,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answering machine ended early, after {}", self.tally)
    }
}

impl Error for Ended {}

/// The counts, and a way to wait for them that costs the reader one load while nobody waits.
#[derive(Default)]
struct Progress {
    requests: AtomicU64,
    replies: AtomicU64,
    failed_replies: AtomicU64,
    ended: AtomicBool,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Progress {
    /// Call after a change of `replies` or `ended`. Those stores, this load and the waiter's counterparts are all
    /// `SeqCst`: either this sees the waiter, or the waiter sees the change.
    fn announce(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Through the lock: the waiter is before its check or in its wait, never between.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify_all();
        }
    }

    fn tally(&self) -> Tally {
        Tally {
            // In this order, so that a reply is never counted before its request.
            failed_replies: self.failed_replies.load(Ordering::SeqCst),
            replies: self.replies.load(Ordering::SeqCst),
            requests: self.requests.load(Ordering::SeqCst),
        }
    }

    /// What `until` waits for, if it is there.
    fn outcome(&self, until: Until) -> Option<Result<u64, Ended>> {
        let ended = self.ended.load(Ordering::SeqCst);
        let replies = self.replies.load(Ordering::SeqCst);
        if until.replies.is_some_and(|wanted| replies >= wanted) {
            return Some(Ok(replies));
        }
        ended.then(|| Err(Ended { tally: self.tally() }))
    }

    /// The same wait on the clock of a link in memory.
    fn wait_on(&self, clock: &Arc<Scheduler>, name: &str, until: Until) -> Result<u64, Ended> {
        let deadline = until.time.map_or(Deadline::Never, Deadline::After);
        match clock.wait(deadline, What::new(name, "see replies"), || self.outcome(until)) {
            Ok(outcome) => outcome,
            Err(WaitError::TimedOut | WaitError::WouldBlock) => Ok(self.replies.load(Ordering::SeqCst)),
            Err(WaitError::Stuck(why) | WaitError::Deadlock(why)) => panic!("{why}"),
        }
    }

    fn wait(&self, until: Until) -> Result<u64, Ended> {
        // A point that the clock cannot express never comes.
        let end = until.time.and_then(|time| Instant::now().checked_add(time));
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let outcome = loop {
            if let Some(outcome) = self.outcome(until) {
                break outcome;
            }
            guard = match end {
                None => self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break Ok(self.replies.load(Ordering::SeqCst));
                    }
                    self.changed.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

/// The machine as the dispatcher sees it.
struct Running<M> {
    machine: M,
    progress: Arc<Progress>,
}

impl<M: AnsweringMachine> Responder for Running<M> {
    fn name(&self) -> &str {
        self.machine.name()
    }

    fn respond(&mut self, request: FrameRef<'_>, replies: &mut Replies) -> Verdict {
        let verdict = self.machine.answer(request, replies);
        if verdict == Verdict::Taken {
            self.progress.requests.fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }

    fn transmitted(&mut self, taken: u64, refused: u64) {
        if refused != 0 {
            self.progress.failed_replies.fetch_add(refused, Ordering::SeqCst);
        }
        if taken != 0 {
            self.progress.replies.fetch_add(taken, Ordering::SeqCst);
            self.progress.announce();
        }
    }

    fn reader_ended(&mut self) {
        self.progress.ended.store(true, Ordering::SeqCst);
        self.progress.announce();
    }
}

/// Dropped by the dispatcher after a panic, by the guard otherwise: in both cases nothing follows.
impl<M> Drop for Running<M> {
    fn drop(&mut self) {
        self.progress.ended.store(true, Ordering::SeqCst);
        self.progress.announce();
    }
}

/// A machine that answers on a link, until this guard is dropped.
///
/// Dropping is synchronous: afterwards the machine is not running and its replies are written. If the machine
/// panicked, dropping the guard panics with the machine's message and the request in hexadecimal, so that the test
/// fails (unless it is panicking already).
#[must_use = "the machine answers only as long as this guard lives"]
pub struct Answering {
    dispatcher: Arc<Dispatcher>,
    id: ResponderId,
    name: String,
    progress: Arc<Progress>,
}

impl Answering {
    pub(super) fn attach(dispatcher: Arc<Dispatcher>, machine: impl AnsweringMachine + 'static) -> Self {
        let (name, progress, running) = Self::running(machine);
        let id = dispatcher.attach(running);
        Self { dispatcher, id, name, progress }
    }

    /// On the reader that `attach` puts the machine on.
    pub(crate) fn on_reader(
        machine: impl AnsweringMachine + 'static,
        attach: impl FnOnce(Box<dyn Responder>) -> io::Result<(Arc<Dispatcher>, ResponderId)>,
    ) -> io::Result<Self> {
        let (name, progress, running) = Self::running(machine);
        let (dispatcher, id) = attach(running)?;
        Ok(Self { dispatcher, id, name, progress })
    }

    /// The machine is attached before the reader starts, so that it misses nothing.
    pub(super) fn start(device: Arc<dyn Device>, machine: impl AnsweringMachine + 'static) -> io::Result<Self> {
        let (name, progress, running) = Self::running(machine);
        let (dispatcher, id) = Dispatcher::start_discarding(device, running)?;
        Ok(Self { dispatcher: Arc::new(dispatcher), id, name, progress })
    }

    /// The machine as a responder that counts, with its name and its counts.
    fn running(machine: impl AnsweringMachine + 'static) -> (String, Arc<Progress>, Box<dyn Responder>) {
        let name = machine.name().to_owned();
        let progress = Arc::<Progress>::default();
        let running = Box::new(Running { machine, progress: Arc::clone(&progress) });
        (name, progress, running)
    }

    /// The machine's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many requests the machine took.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.tally().requests
    }

    /// How many of its replies the device took.
    #[must_use]
    pub fn replies(&self) -> u64 {
        self.tally().replies
    }

    /// What the machine did so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.progress.tally()
    }

    /// Blocks until so many replies were sent since the machine was attached, or until the time is over; gives the
    /// number of replies. A count counts what the machine sent, not the other packets on the link.
    ///
    /// # Panics
    /// When the machine ended early: it panicked, or the link's reader ended because the device failed.
    #[track_caller]
    pub fn wait_for(&self, until: impl Into<Until>) -> u64 {
        match self.try_wait_for(until) {
            Ok(replies) => replies,
            Err(ended) => panic!("{}: {ended}", self.name),
        }
    }

    /// As [`wait_for`](Self::wait_for).
    ///
    /// # Errors
    /// When the machine ended early: it panicked, or the link's reader ended.
    pub fn try_wait_for(&self, until: impl Into<Until>) -> Result<u64, Ended> {
        match self.dispatcher.device().clock().scheduler() {
            Some(clock) => self.progress.wait_on(clock, &self.name, until.into()),
            None => self.progress.wait(until.into()),
        }
    }

    /// Stops the machine, as dropping does, and says what it did.
    ///
    /// # Panics
    /// When the machine panicked, with its message.
    #[track_caller]
    pub fn stop(mut self) -> Tally {
        self.detach();
        self.tally()
    }

    /// The link's reader, for its statistics and the frames that nobody took.
    #[must_use]
    pub fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }

    /// Once only: the second time the dispatcher knows the id no more.
    #[track_caller]
    fn detach(&mut self) {
        if let Some(Detached::Panicked { name, message, request }) = self.dispatcher.detach(self.id)
            && !thread::panicking()
        {
            let octets = request.len();
            let hex = request.iter().fold(String::with_capacity(2 * octets), |mut hex, octet| {
                // Writing into a `String` does not fail.
                let _ = write!(hex, "{octet:02x}");
                hex
            });
            panic!("the answering machine `{name}` panicked: {message}\nrequest ({octets} octets): {hex}");
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.detach();
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").field("name", &self.name).field("tally", &self.tally()).finish_non_exhaustive()
    }
}
