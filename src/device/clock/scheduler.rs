//! Who waits, what is under way, and when the time moves.
//!
//! A wait is: look, and if there is nothing, block until something has happened since. Everything that may give somebody
//! who waits something new bumps the generation ([`Scheduler::bump`]), after its own lock is free. Who looked at an older
//! generation looks again, so no wake-up is lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::bell::Bell;
use super::blocked::{Sample, Strangers, all_tasks, this_task};
use super::parties::{Foreign, Grace, Party, Real, State, Step, Until, Wait};
use super::registration;
use super::waiting::{WaitError, What};
#[cfg(feature = "tokio")]
use crate::device::dispatch::Look;
use crate::device::dispatch::{Wakers, Woken};
use crate::device::{Deadline, timeout_scale};

/// How long somebody may wait in real time for those who do not: 2 s times `TUNTAP_TEST_TIMEOUT_SCALE`, and never less. A
/// busy machine stops a thread for some milliseconds.
pub(super) fn patience() -> Duration {
    Duration::from_secs(2).mul_f64(timeout_scale().max(1.0))
}

/// How long in real time those who do not wait have to be seen asleep before what is due is done without them.
const ASLEEP: Duration = Duration::from_millis(20);
/// How long a deadline is put off in real time while a thread runs that no clock knows, or while only one is known and
/// there is one that was not when the time began: it may have been given an end and not have begun. How often the second
/// is done in one test; how often the first, and how often that at one instant in any case.
const GRACE: Duration = Duration::from_millis(2);
const MOST_GRACES_FOR_NEW: u32 = 10;
const MOST_GRACES: u32 = 250;
const GRACES_AT_ONE_INSTANT: u32 = 50;
/// Rounds without any time passing, after which frames are taken to go round for ever.
const MOST_ROUNDS: u32 = 100_000;

/// Something that happens by itself when its time comes: a cable, a reader.
pub(crate) trait Source: Send + Sync {
    /// Does what is due, and says whether that was anything.
    fn run(&self, now: Instant) -> bool;

    /// When there will be something to do.
    fn next(&self) -> Option<Instant>;
}

/// One clock's inside.
pub(crate) struct Scheduler {
    state: Mutex<State>,
    changed: Bell,
}

impl Scheduler {
    pub(super) fn new(is_virtual: bool) -> Self {
        let now = Instant::now();
        let real = (!is_virtual).then_some(Real { by: Foreign::System { began: now }, at: now });
        let (sources, parties) = (Vec::new(), Vec::new());
        let state = State {
            generation: 0,
            now,
            real,
            running: None,
            sources,
            parties,
            announced: Vec::new(),
            graces: 0,
            graces_for_new: 0,
            tasks_before: if is_virtual { all_tasks().map(Arc::new) } else { None },
            grace: Grace::default(),
            round: 0,
            in_circles: false,
            wakers: Wakers::default(),
        };
        Self { state: Mutex::new(state), changed: Bell::default() }
    }

    /// The lock. Nothing foreign is called while it is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Instant {
        self.lock().now()
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.lock().real.is_none()
    }

    pub(super) fn round(&self) -> u64 {
        self.lock().round
    }

    pub(super) fn make_real(&self) {
        let mut state = self.lock();
        if state.real.is_none() {
            state.follow(Foreign::System { began: Instant::now() });
        }
        drop(state);
        self.work();
    }

    #[cfg(feature = "tokio")]
    pub(super) fn follow_tokio(&self) {
        let mut state = self.lock();
        if state.real.is_none() {
            state.follow(Foreign::Tokio { began: tokio::time::Instant::now() });
            drop(state);
            self.work();
        }
    }

    #[cfg(feature = "tokio")]
    pub(super) fn do_what_is_due(&self) -> Option<Instant> {
        self.settle();
        let sources = self.lock().sources();
        sources.iter().filter_map(|source| source.next()).min()
    }

    pub(super) fn add_source(&self, source: Weak<dyn Source>) {
        let mut state = self.lock();
        state.sources.retain(|source| source.strong_count() > 0);
        state.sources.push(source);
        drop(state);
        self.work();
    }

    /// This thread uses that end (none in particular for an empty name), and is waited for until it ends.
    pub(crate) fn touch(self: &Arc<Self>, end: &str) {
        let me = thread::current().id();
        let mut state = self.lock();
        if state.real.is_some() || state.running == Some(me) {
            return;
        }
        match state.parties.iter_mut().find(|party| party.thread == me) {
            Some(party) if party.end == end || end.is_empty() => {}
            Some(party) => end.clone_into(&mut party.end),
            None => {
                drop(state);
                let task = this_task();
                if registration::remember(self, me, task) {
                    let name = thread::current().name().unwrap_or("a thread without a name").to_owned();
                    let party = Party { thread: me, task, name, end: end.to_owned(), wait: None, outside: false };
                    self.lock().parties.push(party);
                }
            }
        }
    }

    /// A thread of that name is to come. Gives a number for it.
    pub(super) fn announce(&self, name: &str) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.lock().announced.push((number, name.to_owned()));
        number
    }

    /// This thread is the one that was announced under that number.
    pub(super) fn begin(self: &Arc<Self>, number: u64) {
        self.touch("");
        let me = thread::current().id();
        let mut state = self.lock();
        let announced = state.announced.iter().find(|(other, _)| *other == number).map(|(_, name)| name.clone());
        if let Some((party, name)) = state.parties.iter_mut().find(|party| party.thread == me).zip(announced) {
            party.name = name;
        }
        drop(state);
        self.retract(number);
    }

    /// The thread of that number has come, or will not.
    pub(super) fn retract(&self, number: u64) {
        self.lock().announced.retain(|(other, _)| *other != number);
        self.changed.notify_all();
    }

    /// A thread ended.
    pub(super) fn forget(&self, thread: ThreadId) {
        self.lock().parties.retain(|party| party.thread != thread);
        self.changed.notify_all();
    }

    /// Something new may be there for those who wait.
    pub(crate) fn bump(&self) {
        let mut state = self.lock();
        state.generation += 1;
        let woken = state.wakers.take();
        drop(state);
        self.changed.notify_all();
        woken.wake();
    }

    #[cfg(feature = "tokio")]
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Waits until the generation is another than `seen`.
    #[cfg(feature = "tokio")]
    pub(super) fn after(&self, seen: u64) -> impl Future<Output = ()> + Send + Sync {
        Look::new(&self.state, move |state: &mut State| (state.generation != seen).then_some(()))
    }

    /// There is something to do: in real time it is done before this returns, in virtual time when all wait.
    pub(crate) fn work(&self) {
        self.bump();
        if !self.is_virtual() {
            self.run_due(|_| true);
        }
    }

    /// Does what is due now, if everybody else waits.
    pub(crate) fn settle(&self) {
        let me = thread::current().id();
        self.run_due(|state| state.real.is_some() || state.all_wait(Some(me)));
    }

    /// Whether this thread is the one that does what is due.
    pub(super) fn is_running_here(&self) -> bool {
        self.lock().running == Some(thread::current().id())
    }

    /// Returns when no other thread is doing what is due.
    pub(crate) fn wait_until_idle(&self) {
        let me = thread::current().id();
        let mut state = self.lock();
        while state.running.is_some_and(|runner| runner != me) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets all sources do what is due, until nothing is. Says whether that was anything.
    ///
    /// Only if that is still allowed when this thread has the lock: of two that wait and find that all do, the first may have
    /// made a third run.
    fn run_due(&self, may: impl FnOnce(&State) -> bool) -> bool {
        /// Also when a source panics.
        struct Running<'a>(&'a Scheduler, bool);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                let mut state = self.0.lock();
                state.running = None;
                state.round += 1;
                state.generation += u64::from(self.1);
                let woken = if self.1 { state.wakers.take() } else { Woken::default() };
                drop(state);
                self.0.changed.notify_all();
                woken.wake();
            }
        }
        let me = thread::current().id();
        let mut state = self.lock();
        if state.running == Some(me) {
            // From within: the round goes on until nothing is left.
            return false;
        }
        while state.running.is_some() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !may(&state) {
            return false;
        }
        state.running = Some(me);
        let mut running = Running(self, false);
        for _ in 0..MOST_ROUNDS {
            let now = state.now();
            let sources = state.sources();
            state.round += 1;
            drop(state);
            let mut did = false;
            for source in &sources {
                did |= source.run(now);
            }
            if !did {
                return running.1;
            }
            running.1 = true;
            state = self.lock();
        }
        state.in_circles = true;
        drop(state);
        true
    }

    /// Looks with `attempt`, and waits for something new as long as it finds nothing.
    pub(crate) fn wait<T>(
        self: &Arc<Self>,
        deadline: Deadline,
        what: What<'_>,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Result<T, WaitError> {
        self.touch(what.end);
        let until = match deadline {
            Deadline::Now => {
                if let Some(found) = attempt() {
                    return Ok(found);
                }
                self.settle();
                return attempt().ok_or(WaitError::WouldBlock);
            }
            // A point that the clock cannot express never comes.
            Deadline::After(wait) => self.now().checked_add(wait).map_or(Until::Never, Until::At),
            Deadline::Never => Until::Never,
        };
        loop {
            if self.is_virtual() {
                // Who is woken while what is due is still being done looks when all of it is done: what it finds, and in
                // which round that was, does not depend on how fast it is.
                self.wait_until_idle();
            }
            let generation = self.lock().generation;
            if let Some(found) = attempt() {
                return Ok(found);
            }
            match self.block(generation, until, what) {
                Ok(()) => {}
                // What came at the very end is there.
                Err(error) => return attempt().ok_or(error),
            }
        }
    }

    /// Returns `Ok` when there is something new since `generation`.
    fn block(&self, generation: u64, until: Until, what: What<'_>) -> Result<(), WaitError> {
        let me = thread::current().id();
        let mut state = self.lock();
        if state.running == Some(me) {
            return Err(WaitError::Deadlock(
                "a machine or a host on the mock cannot wait for a frame: it runs while time stands still".into(),
            ));
        }
        if state.real.is_none() && !state.parties.iter().any(|party| party.thread == me) {
            // A thread that is ending, of which nobody could be told.
            return Err(WaitError::TimedOut);
        }
        let wait = Wait { until, end: what.end.to_owned(), verb: what.verb, generation, ended: None };
        state.set_wait(me, Some(wait));
        let begin = Instant::now();
        let at_most = match until {
            Until::At(point) => Some(point.saturating_duration_since(state.now())),
            Until::Never => None,
        };
        let mut stuck_since = begin;
        let mut seen = state.progress();
        let ended = loop {
            let (next, step) = self.step(state, me, generation, until);
            match step {
                Step::Again => break Ok(()),
                Step::Ended(error) => break Err(error),
                // Tokio's time may stand still while this thread is blocked.
                Step::Sleep(_) if next.real.is_some() && at_most.is_some_and(|most| begin.elapsed() >= most) => {
                    break Err(WaitError::TimedOut);
                }
                Step::Sleep(most) => {
                    if next.progress() != seen {
                        (seen, stuck_since) = (next.progress(), Instant::now());
                    }
                    let is_virtual = next.real.is_none();
                    if is_virtual && stuck_since.elapsed() >= patience() {
                        break Err(WaitError::Stuck(next.who_does_not_wait(me).into()));
                    }
                    state = match most {
                        // A wait of no time takes a system call, and with the timer's slack 50 µs.
                        Some(Duration::ZERO) => next,
                        Some(most) => self.changed.wait_timeout(next, most).unwrap_or_else(PoisonError::into_inner).0,
                        None if is_virtual => self.wait_for_others(next, me),
                        None => self.changed.wait(next).unwrap_or_else(PoisonError::into_inner),
                    };
                }
            }
        };
        self.lock().set_wait(me, None);
        ended
    }

    /// Waits in real time for those who do not wait in virtual time. When all of them are asleep meanwhile, what they
    /// have sent is delivered.
    fn wait_for_others<'a>(&'a self, state: MutexGuard<'a, State>, me: ThreadId) -> MutexGuard<'a, State> {
        let idle = |state: &State| {
            let idle = state.parties.iter().filter(|party| party.thread != me && !state.waits(party));
            idle.map(|party| party.task).collect::<Vec<_>>()
        };
        let (tasks, seen) = (idle(&state), state.progress());
        drop(state);
        let before: Vec<_> = tasks.iter().map(|task| Sample::of(*task)).collect();
        let state = self.lock();
        if state.progress() != seen {
            return state;
        }
        let (state, over) = self.changed.wait_timeout(state, ASLEEP).unwrap_or_else(PoisonError::into_inner);
        if !over.timed_out() || state.progress() != seen || idle(&state) != tasks || state.running.is_some() {
            return state;
        }
        drop(state);
        let asleep = tasks
            .iter()
            .zip(before)
            .all(|(task, before)| before.zip(Sample::of(*task)).is_some_and(|(before, now)| now.slept_since(&before)));
        if asleep {
            self.run_due(|state| state.announced.is_empty() && state.progress() == seen);
        }
        self.lock()
    }

    /// One look at the whole by one who waits. Gives the lock back.
    fn step<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        me: ThreadId,
        generation: u64,
        until: Until,
    ) -> (MutexGuard<'a, State>, Step) {
        if let Some(error) = state.ended(me) {
            return (state, Step::Ended(error));
        }
        if state.generation != generation {
            return (state, Step::Again);
        }
        let is_real = state.real.is_some();
        if !is_real && !state.all_wait(None) {
            return (state, Step::Sleep(None));
        }
        let sources = state.sources();
        drop(state);
        let did = self.run_due(|state| is_real || (state.generation == generation && state.all_wait(None)));
        // The sources are asked without the lock; what they say holds if nothing has happened meanwhile.
        let next = sources.iter().filter_map(|source| source.next()).min();
        state = self.lock();
        if !is_real && std::mem::take(&mut state.in_circles) {
            let text =
                format!("frames go round on the links without any time passing ({MOST_ROUNDS} times): {}", *state);
            let step = state.end_all(&WaitError::Deadlock(text.into()), &self.changed);
            return (state, step);
        }
        if did || state.generation != generation {
            return (state, Step::Again);
        }
        if is_real {
            let now = state.now();
            let own = if let Until::At(point) = until { Some(point) } else { None };
            if own.is_some_and(|point| point <= now) {
                return (state, Step::Ended(WaitError::TimedOut));
            }
            let first = own.into_iter().chain(next).min();
            return (state, Step::Sleep(first.map(|point| point.saturating_duration_since(now))));
        }
        if let Some(error) = state.ended(me) {
            return (state, Step::Ended(error));
        }
        if !state.all_wait(None) {
            return (state, Step::Sleep(None));
        }
        let instant = Some((generation, state.now));
        if state.would_end_a_wait(next) && !state.grace.is_over(instant) {
            let alone = state.parties.len() == 1 && state.graces_for_new < MOST_GRACES_FOR_NEW;
            let before = state.tasks_before.clone();
            drop(state);
            let strangers = Strangers::since(before.as_deref());
            state = self.lock();
            if Some((state.generation, state.now)) != instant {
                return (state, Step::Sleep(Some(Duration::ZERO)));
            }
            let others_run = strangers == Strangers::Run;
            let new = alone && matches!(strangers, Strangers::AreNew | Strangers::Untold);
            let count = if state.grace.at == instant { state.grace.count + 1 } else { 1 };
            let more = state.graces < MOST_GRACES || count < GRACES_AT_ONE_INSTANT;
            state.grace = Grace { at: instant, count, over: !(others_run && more) };
            state.graces += u32::from(others_run);
            state.graces_for_new += u32::from(new);
            return (state, Step::Sleep(Some(if new || others_run { GRACE } else { Duration::ZERO })));
        }
        let step = state.move_on(next, &self.changed);
        (state, step)
    }

    /// Until the guard is dropped this thread is not waited for.
    pub(super) fn step_outside(self: &Arc<Self>) -> Outside<'_> {
        self.touch("");
        Outside(self, self.set_outside(true))
    }

    /// Gives what it was before.
    fn set_outside(&self, outside: bool) -> bool {
        let me = thread::current().id();
        let mut state = self.lock();
        let party = state.parties.iter_mut().find(|party| party.thread == me);
        let before = party.is_some_and(|party| std::mem::replace(&mut party.outside, outside));
        drop(state);
        self.changed.notify_all();
        before
    }
}

/// A thread that waits for something else, and whether it did so before.
pub(super) struct Outside<'a>(&'a Scheduler, bool);

impl Drop for Outside<'_> {
    fn drop(&mut self) {
        self.0.set_outside(self.1);
    }
}
