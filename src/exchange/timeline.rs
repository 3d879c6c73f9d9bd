//! The record of an exchange: every frame in order, its time, its direction, and what became of it.
//!
//! Layer: `exchange`. The link's reader writes what it reads and what machines reply ([`Observer`]); the verbs write
//! what the test sends and what they make of a frame. Bounded: the last 10,000 frames or 16 MiB are kept, the rest is
//! counted.

use std::collections::VecDeque;
use std::io;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::accounting::{Accounting, Fate};
use super::far_end::FarEnd;
use super::fence::Fences;
use super::handed_over::HandedOver;
use super::monitor::{Monitors, Violation};
use super::recorder::Track;
use crate::device::dispatch::Observer;
use crate::device::{Clock, Direction, Frame, FrameRef, Mode, Seen};
use crate::packet::Dissection;

/// The frames kept at most.
const MOST_FRAMES: usize = 10_000;
/// The octets of frames kept at most.
const MOST_OCTETS: usize = 16 << 20;

/// Where in a test a verb was called.
pub(crate) type Line = &'static Location<'static>;

/// One frame of the record.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) at: Instant,
    /// Orders what happened at one virtual instant.
    pub(crate) round: u64,
    pub(crate) octets: Arc<[u8]>,
    pub(crate) fate: Fate,
}

impl Entry {
    /// Which way it went, as seen from the end that the test holds.
    pub(crate) const fn direction(&self) -> Direction {
        match self.fate {
            Fate::Sent { .. }
            | Fate::Refused { .. }
            | Fate::Replied { .. }
            | Fate::ReplyRefused { .. }
            | Fate::FromProgram
            | Fate::WriteRefused { .. } => Direction::Sent,
            _ => Direction::Received,
        }
    }
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    octets: usize,
    /// How many entries are no longer kept.
    forgotten: u64,
    last: u64,
    /// The last before the present case: what becomes of those is counted no more.
    before: u64,
    tally: Accounting,
    /// What the last failing case left, which is proptest's minimal one.
    failed_case: Option<(Vec<Entry>, u64)>,
    violations: VecDeque<Violation>,
    handed_over: Option<HandedOver>,
    /// What became of machines that panicked: each does so once.
    panics: Vec<String>,
}

/// The record of one end of one link.
pub(crate) struct Timeline {
    mode: Mode,
    started: Instant,
    pub(crate) clock: Clock,
    pub(crate) monitors: Monitors,
    /// The exchange holds it: a record that outlives its link must not hold the device.
    far_end: Weak<dyn FarEnd>,
    /// The link's part of the test's recording, and whether something of it waits to be written.
    track: Option<Track>,
    unwritten: AtomicBool,
    state: Mutex<State>,
    pub(super) fences: Fences,
}

impl Timeline {
    pub(crate) fn new(
        mode: Mode,
        clock: Clock,
        monitors: Monitors,
        far_end: Weak<dyn FarEnd>,
        track: Option<Track>,
    ) -> Self {
        let (state, fences) = (Mutex::default(), Fences::default());
        Self {
            mode,
            started: clock.now(),
            clock,
            monitors,
            far_end,
            track,
            unwritten: AtomicBool::new(false),
            state,
            fences,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machines that panicked, at which frame, and why.
    pub(super) fn panics(&self) -> Vec<String> {
        self.state().panics.clone()
    }

    pub(super) const fn track(&self) -> Option<&Track> {
        self.track.as_ref()
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.mode
    }

    /// When the link was made.
    #[cfg(feature = "smoltcp")]
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// How long after the link was made.
    pub(crate) fn after(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.started)
    }

    fn push(&self, state: &mut State, octets: &[u8], at: Instant, fate: Fate) -> u64 {
        while state.entries.len() >= MOST_FRAMES || state.octets + octets.len() > MOST_OCTETS {
            let Some(oldest) = state.entries.pop_front() else { break };
            state.octets -= oldest.octets.len();
            state.forgotten += 1;
        }
        state.last += 1;
        state.octets += octets.len();
        let entry = Entry { number: state.last, at, round: self.clock.round(), octets: octets.into(), fate };
        if let Some(track) = &self.track {
            track.frame(octets, at, entry.direction());
            self.unwritten.store(true, Ordering::Release);
        }
        state.entries.push_back(entry);
        state.last
    }

    /// A frame is about to be sent; if the device refuses it, say so with [`refused`](Self::refused).
    pub(crate) fn sending(&self, octets: &[u8], line: Line) -> u64 {
        let mut state = self.state();
        state.tally.sent += 1;
        self.push(&mut state, octets, self.clock.now(), Fate::Sent { line })
    }

    pub(crate) fn refused(&self, number: u64, line: Line, error: &io::Error) {
        let mut state = self.state();
        state.tally.sent -= u64::from(number > state.before);
        if let Some(entry) = state.entry(number) {
            entry.fate = Fate::Refused { line, error: error.to_string() };
        }
    }

    /// Says what became of a frame. A frame that was looked at and put back may be judged again.
    pub(crate) fn mark(&self, number: u64, fate: Fate) {
        let mut state = self.state();
        let before = state.entry(number).map(|entry| std::mem::replace(&mut entry.fate, fate.clone()));
        if let Some(count) = before.and_then(|before| state.tally.class(&before)) {
            *count -= 1;
        }
        if let Some(count) = state.tally.class(&fate) {
            *count += 1;
        }
    }

    /// The link is handed over; so many frames were not seen since then, or none is for that reason.
    pub(super) fn handed_over(&self, lost: Result<u64, String>) {
        self.state().handed_over.get_or_insert_default().lost = lost;
    }

    /// What was seen since the link was handed over, if it was.
    pub(super) fn hand_over(&self) -> Option<HandedOver> {
        self.state().handed_over.clone()
    }

    /// A frame passed after the hand-over.
    pub(super) fn seen(&self, seen: &Seen<'_>) {
        let mut state = self.state();
        let handed_over = state.handed_over.get_or_insert_default();
        let (count, fate) = match seen.from_host {
            true => (&mut handed_over.to_program, Fate::ToProgram),
            false => (&mut handed_over.from_program, Fate::FromProgram),
        };
        *count += 1;
        self.push(&mut state, seen.octets, seen.at, fate);
    }

    /// The code under test has read a frame through the device itself, without the reader.
    pub(super) fn read_directly(&self, octets: &[u8]) {
        let mut state = self.state();
        state.tally.received += 1;
        state.tally.delivered += 1;
        self.push(&mut state, octets, self.clock.now(), Fate::Delivered);
    }

    /// The code under test is about to write a frame through the device itself; if the device refuses it, say so with
    /// [`write_refused`](Self::write_refused).
    pub(super) fn writing_directly(&self, octets: &[u8]) -> u64 {
        let mut state = self.state();
        state.tally.written += 1;
        self.push(&mut state, octets, self.clock.now(), Fate::FromProgram)
    }

    pub(super) fn write_refused(&self, number: u64, error: &io::Error) {
        let mut state = self.state();
        state.tally.written -= u64::from(number > state.before);
        if let Some(entry) = state.entry(number) {
            entry.fate = Fate::WriteRefused { error: error.to_string() };
        }
    }

    pub(crate) fn note_violation(&self, violation: Violation) {
        self.state().violations.push_back(violation);
    }

    pub(crate) fn take_violation(&self) -> Option<Violation> {
        self.state().violations.pop_front()
    }

    /// Sets up a fence: its answer will be kept from everybody else.
    pub(super) fn begin_fence(&self, nonce: u64) {
        self.state().tally.fences += 1;
        self.fences.begin(nonce);
    }

    /// What was counted; what waits is left over.
    pub(crate) fn accounting(&self) -> Accounting {
        let mut accounting = self.state().tally;
        let decided = accounting.matched
            + accounting.answered
            + accounting.ignored
            + accounting.skipped
            + accounting.unexpected
            + accounting.delivered
            + accounting.drained
            + accounting.dropped;
        accounting.left_over = accounting.received.saturating_sub(decided);
        accounting
    }

    /// The frames that are kept, oldest first, and how many came before them: of the last failing case, if there is
    /// one.
    pub(crate) fn entries(&self) -> (Vec<Entry>, u64) {
        let state = self.state();
        match &state.failed_case {
            Some((entries, forgotten)) => (entries.clone(), *forgotten),
            None => (state.entries.iter().cloned().collect(), state.forgotten),
        }
    }

    /// The frames that are kept, oldest first.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let state = self.state();
        let frame = |entry: &Entry| {
            let make = match entry.direction() {
                Direction::Sent => Frame::sent,
                Direction::Received => Frame::new,
            };
            make(self.mode, entry.octets.to_vec(), entry.at)
        };
        state.entries.iter().map(frame).collect()
    }

    /// Whether the test itself sent these octets at this end. What the code under test wrote there is its own.
    pub(crate) fn has_sent(&self, octets: &[u8]) -> bool {
        let by_test = |entry: &Entry| entry.direction() == Direction::Sent && entry.fate != Fate::FromProgram;
        self.state().entries.iter().any(|entry| by_test(entry) && *entry.octets == *octets)
    }

    /// A new case begins: what was noted so far is none of its business.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        state.entries.clear();
        state.violations.clear();
        (state.octets, state.forgotten) = (0, 0);
        state.before = state.last;
        state.tally = Accounting::default();
    }

    /// The case failed: its exchange is the one to show, unless a later, smaller case fails too.
    pub(crate) fn case_failed(&self) {
        let mut state = self.state();
        state.failed_case = Some((state.entries.iter().cloned().collect(), state.forgotten));
    }
}

impl State {
    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let first = self.entries.front()?.number;
        self.entries.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }
}

impl Timeline {
    /// Before somebody sees a frame, or acts on one: what the recording holds back is written.
    pub(crate) fn flush(&self) {
        if let Some(track) = &self.track
            && self.unwritten.swap(false, Ordering::AcqRel)
        {
            track.flush();
        }
    }
}

impl Observer for Timeline {
    fn received(&self, frame: FrameRef<'_>, at: Instant) -> Option<u64> {
        let far_end = self.far_end.upgrade();
        if let Some(far_end) = far_end.as_deref().filter(|far_end| far_end.is_own(frame)) {
            self.fences.answer(at, |nonce| far_end.answers_fence(nonce, frame));
            return None;
        }
        let mut state = self.state();
        state.tally.received += 1;
        let number = self.push(&mut state, frame.octets, at, Fate::Waiting);
        drop(state);
        if let Some(far_end) = far_end.as_deref().filter(|_| self.monitors.any()) {
            self.monitors.look(number, &Dissection::new(frame), far_end, |violation| {
                // What the test itself put in at the other end is not the code under test's.
                if !far_end.has_sent(frame.octets) {
                    self.note_violation(violation);
                }
            });
        }
        Some(number)
    }

    fn replied(&self, _: u64, by: &str, reply: FrameRef<'_>, refused: Option<&io::Error>) {
        let mut state = self.state();
        let fate = match refused {
            None => Fate::Replied { by: by.into() },
            Some(error) => Fate::ReplyRefused { by: by.into(), error: error.to_string() },
        };
        state.tally.replies += u64::from(refused.is_none());
        self.push(&mut state, reply.octets, self.clock.now(), fate);
    }

    fn panicked(&self, number: u64, by: &str, message: &str) {
        self.state().panics.push(format!("the machine \"{by}\" panicked at #{number}: {message}"));
    }

    fn taken(&self, number: u64, by: &str) {
        self.mark(number, Fate::Answered { by: by.into() });
    }

    fn dropped(&self, number: u64) {
        self.mark(number, Fate::Dropped);
    }

    fn idle(&self) {
        self.flush();
    }
}
