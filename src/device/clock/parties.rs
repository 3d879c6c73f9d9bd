//! Who has used an end of a link and who of them waits, and where the time stands.
//!
//! All of it is behind the scheduler's lock; nothing here waits.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::asleep::Task;
use super::bell::Bell;
use super::blocking::patience;
use super::scheduler::Source;
use super::waiting::WaitError;
use crate::device::dispatch::Wakers;

/// The end of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    At(Instant),
    Never,
}

pub(super) struct Wait {
    pub(super) until: Until,
    pub(super) end: String,
    pub(super) verb: &'static str,
    /// What it has seen: something new makes it run again.
    pub(super) generation: u64,
    /// How it ended, when another thread found that.
    pub(super) ended: Option<WaitError>,
}

/// A thread that has used an end.
pub(super) struct Party {
    pub(super) thread: ThreadId,
    pub(super) task: Task,
    pub(super) name: String,
    pub(super) end: String,
    pub(super) wait: Option<Wait>,
    pub(super) outside: bool,
}

/// Where the time comes from that is not virtual.
#[derive(Clone, Copy)]
pub(super) enum Foreign {
    System {
        began: Instant,
    },
    #[cfg(feature = "tokio")]
    Tokio {
        began: tokio::time::Instant,
    },
}

impl Foreign {
    /// How long it has gone on.
    pub(super) fn elapsed(self) -> Duration {
        match self {
            Self::System { began } => began.elapsed(),
            #[cfg(feature = "tokio")]
            Self::Tokio { began } => began.elapsed(),
        }
    }
}

/// How virtual time became another's, and when.
#[derive(Clone, Copy)]
pub(super) struct Real {
    pub(super) by: Foreign,
    pub(super) at: Instant,
}

/// Why a deadline is put off, or not any more: at which generation and instant, how often, and whether that is over.
#[derive(Clone, Copy, Default)]
pub(super) struct Grace {
    pub(super) at: Option<(u64, Instant)>,
    pub(super) count: u32,
    pub(super) over: bool,
}

impl Grace {
    pub(super) fn is_over(&self, at: Option<(u64, Instant)>) -> bool {
        self.over && self.at == at
    }
}

pub(super) struct State {
    pub(super) generation: u64,
    pub(super) now: Instant,
    pub(super) real: Option<Real>,
    pub(super) running: Option<ThreadId>,
    pub(super) sources: Vec<Weak<dyn Source>>,
    pub(super) parties: Vec<Party>,
    /// The threads that were there when the time began, as far as that can be told.
    pub(super) tasks_before: Option<Arc<BTreeSet<u32>>>,
    /// Threads that are to come, by number and name.
    pub(super) announced: Vec<(u64, String)>,
    /// How often a deadline was put off in this test for a thread that ran, and because there was one that was new.
    pub(super) graces: u32,
    pub(super) graces_for_new: u32,
    pub(super) grace: Grace,
    /// How often it was looked whether something is due: what is recorded in one round is of one instant and has no order.
    pub(super) round: u64,
    /// Frames were seen to go round without time passing.
    pub(super) in_circles: bool,
    /// Tasks that wait for the next generation.
    pub(super) wakers: Wakers,
}

/// What a look at the whole gave to one who waits.
pub(super) enum Step {
    /// Look again.
    Again,
    Ended(WaitError),
    /// For so long nothing can happen unless somebody does it.
    Sleep(Option<Duration>),
}

impl State {
    pub(super) fn now(&self) -> Instant {
        self.real.map_or(self.now, |real| real.at + real.by.elapsed())
    }

    pub(super) fn follow(&mut self, by: Foreign) {
        self.real = Some(Real { by, at: self.now() });
    }

    pub(super) fn sources(&self) -> Vec<Arc<dyn Source>> {
        self.sources.iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether it waits and has seen all there is.
    pub(super) fn waits(&self, party: &Party) -> bool {
        let has_seen_all = |wait: &Wait| wait.generation == self.generation && wait.ended.is_none();
        party.outside || party.wait.as_ref().is_some_and(has_seen_all)
    }

    /// Whether all wait who have used an end, `except` that one.
    pub(super) fn all_wait(&self, except: Option<ThreadId>) -> bool {
        let all_are_there = self.announced.is_empty() && self.running.is_none();
        all_are_there && self.parties.iter().all(|party| Some(party.thread) == except || self.waits(party))
    }

    pub(super) fn set_wait(&mut self, thread: ThreadId, wait: Option<Wait>) {
        if let Some(party) = self.parties.iter_mut().find(|party| party.thread == thread) {
            party.wait = wait;
        }
    }

    pub(super) fn ended(&self, thread: ThreadId) -> Option<WaitError> {
        let party = self.parties.iter().find(|party| party.thread == thread)?;
        party.wait.as_ref()?.ended.clone()
    }

    /// Changes when anything does.
    pub(super) fn progress(&self) -> (u64, Instant, usize, usize) {
        let waiting = self.parties.iter().filter(|party| party.wait.is_some() || party.outside).count();
        (self.generation, self.now, waiting, self.announced.len())
    }

    /// Whether nothing but a deadline, or nothing at all, comes next: another thread that was given an end may be about to
    /// use it.
    pub(super) fn would_end_a_wait(&self, next: Option<Instant>) -> bool {
        let waits = self.parties.iter().filter(|party| !party.outside).filter_map(|party| party.wait.as_ref());
        let first = waits.filter_map(|wait| if let Until::At(point) = wait.until { Some(point) } else { None }).min();
        match first {
            Some(point) => point > self.now && next.is_none_or(|next| next > point),
            None => next.is_none(),
        }
    }

    /// Everybody waits and nothing is due: ends the waits that are over, or moves the time.
    pub(super) fn move_on(&mut self, next: Option<Instant>, changed: &Bell) -> Step {
        let now = self.now;
        let waits = || self.parties.iter().filter(|party| !party.outside).filter_map(|party| party.wait.as_ref());
        let until = |wait: &Wait| if let Until::At(point) = wait.until { Some(point) } else { None };
        let first = waits().filter_map(until).min();
        if first.is_some_and(|first| first <= now) {
            let over = |party: &&mut Party| {
                !party.outside && party.wait.as_ref().and_then(until).is_some_and(|point| point <= now)
            };
            for party in self.parties.iter_mut().filter(over) {
                if let Some(wait) = &mut party.wait {
                    wait.ended = Some(WaitError::TimedOut);
                }
            }
            changed.notify_all();
            return Step::Sleep(Some(Duration::ZERO));
        }
        let Some(point) = first.into_iter().chain(next).min() else {
            let text = format!("everybody waits and nothing is under way: {self}");
            return self.end_all(&WaitError::Deadlock(text.into()), changed);
        };
        self.now = self.now.max(point);
        Step::Sleep(Some(Duration::ZERO))
    }

    pub(super) fn end_all(&mut self, error: &WaitError, changed: &Bell) -> Step {
        for wait in self.parties.iter_mut().filter_map(|party| party.wait.as_mut()) {
            wait.ended = Some(error.clone());
        }
        changed.notify_all();
        Step::Sleep(Some(Duration::ZERO))
    }

    pub(super) fn who_does_not_wait(&self, me: ThreadId) -> String {
        let idle = self.parties.iter().filter(|party| party.thread != me && party.wait.is_none() && !party.outside);
        let idle = idle.map(|Party { name, end, .. }| match end.as_str() {
            "" => format!("thread `{name}`, which has used no link yet,"),
            end => format!("thread `{name}`, which used {end} last,"),
        });
        let announced =
            self.announced.iter().map(|(_, name)| format!("thread `{name}`, which was announced and has not begun,"));
        let names: Vec<_> = idle.chain(announced).collect();
        format!(
            "virtual time stands still: for {:?} of real time {} did not wait on a link ({self}). Let it wait \
             there, wrap what it does (a join, a channel, a lock) in `clock.outside(|| …)`, or write \
             #[tuntap_test(time = real)]",
            patience(),
            names.join("; ")
        )
    }
}

/// Who waits for what.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (_, name)) in self.announced.iter().enumerate() {
            write!(f, "{}thread `{name}` is to come", if index == 0 { "" } else { "; " })?;
        }
        let before = self.announced.len();
        for (index, party) in self.parties.iter().enumerate() {
            f.write_str(if before + index == 0 { "" } else { "; " })?;
            match &party.wait {
                _ if party.outside => write!(f, "thread `{}` is outside", party.name)?,
                None => write!(f, "thread `{}` runs", party.name)?,
                Some(Wait { end, verb, .. }) => write!(f, "thread `{}` waits at {end} to {verb}", party.name)?,
            }
        }
        Ok(())
    }
}
