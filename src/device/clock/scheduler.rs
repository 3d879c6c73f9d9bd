//! Who waits, what is under way, and when the time moves.
//!
//! A wait is: look, and if there is nothing, block until something has happened since. Everything that may give somebody
//! who waits something new bumps the generation ([`Scheduler::bump`]), after its own lock is free. Who looked at an older
//! generation looks again, so no wake-up is lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Instant;

use super::asleep::{all_tasks, this_task};
use super::bell::Bell;
use super::parties::{Foreign, Grace, Party, Real, State};
use super::registration;
#[cfg(feature = "tokio")]
use crate::device::dispatch::Look;
use crate::device::dispatch::{Wakers, Woken};

/// Rounds without any time passing, after which frames are taken to go round for ever.
pub(super) const MOST_ROUNDS: u32 = 100_000;

/// Something that happens by itself when its time comes: a cable, a reader.
pub(crate) trait Source: Send + Sync {
    /// Does what is due, and says whether that was anything.
    fn run(&self, now: Instant) -> bool;

    /// When there will be something to do.
    fn next(&self) -> Option<Instant>;
}

/// One clock's inside.
pub(crate) struct Scheduler {
    pub(super) state: Mutex<State>,
    pub(super) changed: Bell,
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
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
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

    /// Does what is due, and says when the next thing will be.
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
    pub(super) fn run_due(&self, may: impl FnOnce(&State) -> bool) -> bool {
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
