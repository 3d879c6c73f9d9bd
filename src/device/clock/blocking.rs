//! One thread's wait: it looks, and if there is nothing blocks until something has happened since, its deadline has come, or
//! the time cannot move.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::asleep::{Sample, Strangers};
use super::parties::{Grace, State, Step, Until, Wait};
use super::scheduler::{MOST_ROUNDS, Scheduler};
use super::waiting::{WaitError, What};
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
impl Scheduler {
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
}
