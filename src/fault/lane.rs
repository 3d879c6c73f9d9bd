//! One direction of a link: applies to each frame what was decided, and keeps what comes out later.
//!
//! Layer: `fault`.
//!
//! ```text
//!  frame ─► decide ─► dropped? ─► octets changed ─► held? ─► rate, delays ─► out now
//!                                                     │            └───────► waiting, by time ─► out when due
//!                                                     └─ until others have passed, or its time is over
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::decide::{Decider, Decision};
use super::event::{Cause, Event, Log};
use super::exact::{ExactFault, FrameFault, Towards};
use super::frame_faults::FrameFaults;
use super::injector::Delivery;
use super::repair;
use crate::device::{FrameRef, Mode};

/// Takes what comes out.
pub(super) type Out<'o> = dyn FnMut(Delivery<'_>) + 'o;

/// A frame on its way through a lane.
struct Parcel<'a> {
    number: u64,
    mode: Mode,
    octets: Cow<'a, [u8]>,
    /// How long after the frame each of its copies comes.
    copies: Vec<Duration>,
    delay: Duration,
    in_order: Duration,
    /// In one line, as it came; made when an event needs it.
    summary: Option<Arc<str>>,
    note: Option<String>,
    altered: bool,
}

impl Parcel<'_> {
    fn summarise(&mut self) -> Arc<str> {
        let frame = FrameRef::new(self.mode, &self.octets);
        Arc::clone(self.summary.get_or_insert_with(|| frame.summary().to_string().into()))
    }

    fn tell(&mut self, fault: FrameFault, cause: &Cause) {
        let note = self.note.get_or_insert_default();
        if !note.is_empty() {
            note.push_str(", ");
        }
        note.push_str(&format!("{fault} ({cause})"));
    }

    fn corrupt(&mut self, octet: usize, xor: u8, repair: bool) -> bool {
        let done = octet < self.octets.len() && repair::corrupt(self.octets.to_mut(), octet, xor);
        if done && repair {
            repair::repair(self.mode, self.octets.to_mut());
        }
        self.altered |= done;
        done
    }

    fn truncate(&mut self, to: usize) -> bool {
        let done = to < self.octets.len();
        if done {
            self.octets.to_mut().truncate(to);
            self.altered = true;
        }
        done
    }

    fn into_owned(self) -> Parcel<'static> {
        Parcel { octets: Cow::Owned(self.octets.into_owned()), ..self }
    }
}

/// What a frame waits for: that this number has passed, or that so much time has.
struct Hold {
    until: u64,
    /// Behind all others that wait for the same.
    last: bool,
    at_most: Duration,
}

impl Hold {
    /// Both.
    fn or(self, other: Option<Self>) -> Self {
        match other {
            Some(other) => {
                let (until, at_most) = (self.until.max(other.until), self.at_most.max(other.at_most));
                let last = (self.last && self.until == until) || (other.last && other.until == until);
                Self { until, last, at_most }
            }
            None => self,
        }
    }
}

/// A frame that others shall pass.
struct Held {
    /// The number of the last of them.
    until: u64,
    /// Behind all others that wait for the same.
    last: bool,
    deadline: Duration,
    parcel: Parcel<'static>,
}

/// A frame that comes out at its time.
struct Waiting {
    number: u64,
    copy: u32,
    octets: Vec<u8>,
    note: Option<String>,
    altered: bool,
}

/// A swap that is not over: those numbers, and how long frames wait for the second.
struct Swap {
    one: u64,
    other: u64,
    at_most: Duration,
}

pub(super) struct Lane {
    towards: Towards,
    decider: Decider,
    frames: u64,
    swaps: Vec<Swap>,
    held: Vec<Held>,
    waiting: BTreeMap<(Duration, u64), Waiting>,
    sequence: u64,
    /// When the last bit of what was sent at the rate is out.
    busy_until: Duration,
    /// The same for each frame of which it is not out yet.
    sending: VecDeque<Duration>,
    /// When the last frame comes out that no other may overtake.
    last_at: Duration,
}

impl Lane {
    /// How many frames came in so far.
    pub(super) const fn count(&self) -> u64 {
        self.frames
    }

    pub(super) fn new(faults: FrameFaults, seed: u64, towards: Towards) -> Self {
        Self {
            towards,
            decider: Decider::new(faults, seed, towards),
            frames: 0,
            swaps: Vec::new(),
            held: Vec::new(),
            waiting: BTreeMap::new(),
            sequence: 0,
            busy_until: Duration::ZERO,
            sending: VecDeque::new(),
            last_at: Duration::ZERO,
        }
    }

    pub(super) fn replan(&mut self, faults: FrameFaults, seed: u64) {
        self.decider.replan(faults, seed, self.towards);
    }

    /// How many frames and copies are inside.
    pub(super) fn len(&self) -> usize {
        self.held.len() + self.waiting.len()
    }

    /// When the next frame comes out.
    pub(super) fn next(&self) -> Option<Duration> {
        let waiting = self.waiting.first_key_value().map(|((at, _), _)| *at);
        let held = self.held.iter().map(|held| held.deadline).min();
        waiting.into_iter().chain(held).min()
    }

    /// Lets out what comes first: one frame, or one that waited long enough for others.
    pub(super) fn step(&mut self, log: &mut Log, out: &mut Out<'_>) {
        let deadline = self.held.iter().map(|held| held.deadline).min();
        if let Some(first) = self.waiting.first_entry() {
            let (at, _) = *first.key();
            if deadline.is_none_or(|deadline| at <= deadline) {
                let Waiting { number, copy, octets, note, altered } = first.remove();
                let (towards, octets) = (self.towards, Cow::Owned(octets));
                out(Delivery { towards, number, copy, at, octets, note, altered });
                return;
            }
        }
        let over = self.held.iter().enumerate().min_by_key(|(_, held)| (held.deadline, held.parcel.number));
        if let Some((index, _)) = over {
            let Held { deadline, parcel, .. } = self.held.remove(index);
            self.send(parcel, deadline, log, out);
        }
    }

    /// A frame comes in. Nothing that was due before is inside any more. Gives its number.
    pub(super) fn arrive(&mut self, frame: FrameRef<'_>, now: Duration, log: &mut Log, out: &mut Out<'_>) -> u64 {
        self.frames += 1;
        let number = self.frames;
        let Decision { dropped, faults, in_order } = self.decider.decide(number, frame);
        let mut parcel = Parcel {
            number,
            mode: frame.mode,
            octets: Cow::Borrowed(frame.octets),
            copies: Vec::new(),
            delay: Duration::ZERO,
            in_order,
            summary: None,
            note: None,
            altered: false,
        };
        match dropped {
            Some(cause) => self.record(FrameFault::Drop, cause, &mut parcel, now, log),
            None => {
                if !faults.is_empty() {
                    parcel.summarise();
                }
                let hold = self.apply(faults, &mut parcel, now, log);
                match hold {
                    Some(Hold { until, last, at_most }) => self.held.push(Held {
                        until,
                        last,
                        deadline: now.saturating_add(at_most),
                        parcel: parcel.into_owned(),
                    }),
                    None => self.send(parcel, now, log, out),
                }
            }
        }
        self.let_past(number, now, log, out);
        number
    }

    /// Does to the frame what happens before it is sent; gives what it waits for.
    fn apply(
        &mut self,
        mut faults: Vec<(FrameFault, Cause)>,
        parcel: &mut Parcel<'_>,
        now: Duration,
        log: &mut Log,
    ) -> Option<Hold> {
        // What is repaired comes first: otherwise the repair would cover up what is not.
        faults.sort_by_key(|(fault, _)| match fault {
            FrameFault::Corrupt { repair: true, .. } => 0,
            FrameFault::Corrupt { repair: false, .. } => 1,
            FrameFault::Truncate { .. } => 2,
            _ => 3,
        });
        let number = parcel.number;
        let mut hold = self.between_swapped(number);
        for (fault, cause) in faults {
            let done = match fault {
                FrameFault::Corrupt { octet, xor, repair } => parcel.corrupt(octet, xor, repair),
                FrameFault::Truncate { to } => parcel.truncate(to),
                FrameFault::Duplicate { after } => {
                    parcel.copies.push(after);
                    true
                }
                FrameFault::Hold { behind, at_most } => {
                    hold = Some(Hold { until: number.saturating_add(behind), last: false, at_most }.or(hold));
                    behind > 0
                }
                FrameFault::Swap { with, at_most } if with > number => {
                    self.swaps.push(Swap { one: number, other: with, at_most });
                    hold = Some(Hold { until: with, last: true, at_most }.or(hold));
                    true
                }
                FrameFault::Delay { by } => {
                    parcel.delay = parcel.delay.saturating_add(by);
                    !by.is_zero()
                }
                FrameFault::Swap { .. } | FrameFault::Drop => false,
            };
            if done {
                self.record(fault, cause, parcel, now, log);
            }
        }
        hold.filter(|hold| hold.until > number)
    }

    /// What a frame waits for that stands between two which change places.
    fn between_swapped(&mut self, number: u64) -> Option<Hold> {
        self.swaps.retain(|swap| swap.other > number);
        let around = self.swaps.iter().filter(|swap| swap.one < number);
        let hold = |swap: &Swap| Hold { until: swap.other, last: false, at_most: swap.at_most };
        around.map(hold).fold(None, |hold, next| Some(next.or(hold)))
    }

    /// Lets go the frames that waited for this number.
    fn let_past(&mut self, number: u64, now: Duration, log: &mut Log, out: &mut Out<'_>) {
        if self.held.iter().all(|held| held.until > number) {
            return;
        }
        let (mut free, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.held).into_iter().partition(|held| held.until <= number);
        self.held = held;
        free.sort_by_key(|held| (held.until, held.last, held.parcel.number));
        for Held { parcel, .. } in free {
            self.send(parcel, now, log, out);
        }
    }

    /// Sends a frame at the rate, and lets it out at once or keeps it until it is due.
    fn send(&mut self, mut parcel: Parcel<'_>, now: Duration, log: &mut Log, out: &mut Out<'_>) {
        let mut at = now.saturating_add(parcel.delay);
        if let Some(rate) = self.decider.faults.rate {
            let queue = self.decider.faults.queue;
            while self.sending.front().is_some_and(|sent| *sent <= now) {
                self.sending.pop_front();
            }
            if let Some(queue) = queue.filter(|queue| self.sending.len() >= *queue) {
                self.record(FrameFault::Drop, format!("queue {queue}").into(), &mut parcel, now, log);
                return;
            }
            let sent = self.busy_until.max(now).saturating_add(time_to_send(parcel.octets.len(), rate));
            self.busy_until = sent;
            self.sending.push_back(sent);
            let by = sent.saturating_sub(now);
            if !by.is_zero() {
                at = at.saturating_add(by);
                self.record(FrameFault::Delay { by }, format!("rate {rate}").into(), &mut parcel, now, log);
            }
        }
        if self.decider.faults.in_order {
            let due = at.saturating_add(parcel.in_order).max(self.last_at);
            let by = due.saturating_sub(at);
            if let (false, Some(range)) = (by.is_zero(), self.decider.faults.delay) {
                self.record(FrameFault::Delay { by }, format!("delay_in_order {range}").into(), &mut parcel, now, log);
            }
            (at, self.last_at) = (due, due);
        }
        let Parcel { number, octets, note, copies, altered, .. } = parcel;
        let towards = self.towards;
        let copies = copies.iter().map(|after| at.saturating_add(*after));
        for (copy, at) in (0..).zip(std::iter::once(at).chain(copies)) {
            let (octets, note) = (Cow::Borrowed(&*octets), note.clone());
            if at <= now {
                out(Delivery { towards, number, copy, at, octets, note, altered });
            } else {
                let waiting = Waiting { number, copy, octets: octets.into_owned(), note, altered };
                self.waiting.insert((at, self.sequence), waiting);
                self.sequence += 1;
            }
        }
    }

    /// Notes an event, and tells it with the frame.
    fn record(&self, fault: FrameFault, cause: Cause, parcel: &mut Parcel<'_>, at: Duration, log: &mut Log) {
        parcel.tell(fault, &cause);
        let what = ExactFault::Frame { towards: self.towards, frame: parcel.number, fault };
        log.push(Event { at, what, cause, summary: parcel.summarise() });
    }
}

/// How long a frame takes at that rate, rounded up to nanoseconds.
fn time_to_send(octets: usize, bits_per_second: u64) -> Duration {
    let bits = u128::try_from(octets).unwrap_or(u128::MAX).saturating_mul(8);
    let nanoseconds = bits.saturating_mul(1_000_000_000).div_ceil(u128::from(bits_per_second.max(1)));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}
