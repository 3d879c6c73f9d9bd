//! Which faults a frame meets: a function of the plan, the frame, its number, and how many matched before it.
//!
//! Layer: `fault`. What a rate does and how frames in order wait for each other is known only when a frame goes on
//! its way: `lane` adds that.

use std::time::Duration;

use super::event::Cause;
use super::exact::{FrameFault, Towards};
use super::frame_faults::{DelayRange, FrameFaults};
use super::random::{Kind, Stream};
use super::repair;
use crate::device::{FrameRef, Mode};
use crate::packet::Dissection;

/// What is done to one frame.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// It is dropped, and nothing else happens.
    pub(super) dropped: Option<Cause>,
    /// What else, in any order.
    pub(super) faults: Vec<(FrameFault, Cause)>,
    /// A delay that lets no frame overtake another.
    pub(super) in_order: Duration,
}

/// The faults of one direction, with what they have to remember.
#[derive(Debug)]
pub(super) struct Decider {
    pub(super) faults: FrameFaults,
    seed: u64,
    place: u64,
    /// How many frames matched, for each of `faults.nth`.
    matched: Vec<u64>,
    /// Nothing is planned, or nothing but a rate.
    idle: bool,
}

impl Decider {
    pub(super) fn new(faults: FrameFaults, seed: u64, towards: Towards) -> Self {
        let place = match towards {
            Towards::Host => 0,
            Towards::Device => 1,
        };
        let idle = FrameFaults { rate: None, queue: None, ..faults.clone() }.is_empty();
        Self { matched: vec![0; faults.nth.len()], faults, seed, place, idle }
    }

    /// Goes on with another plan. A fault for the n-th frame that was planned before goes on counting.
    pub(super) fn replan(&mut self, faults: FrameFaults, seed: u64, towards: Towards) {
        let mut new = Self::new(faults, seed, towards);
        let planned = self.faults.nth.iter().zip(&self.matched).zip(new.faults.nth.iter().zip(&mut new.matched));
        for ((before, count), (now, counted)) in planned {
            if before == now {
                *counted = *count;
            }
        }
        *self = new;
    }

    pub(super) fn decide(&mut self, number: u64, frame: FrameRef<'_>) -> Decision {
        if self.idle {
            return Decision::default();
        }
        let (fitting, swallowed, hit) = self.patterns(frame);
        let faults = &self.faults;
        let mut decision = Decision::default();
        let exact = self.exact(number).chain(fitting);
        for (fault, cause) in exact {
            match fault {
                FrameFault::Drop if decision.dropped.is_none() => decision.dropped = Some(cause),
                FrameFault::Drop => {}
                _ => decision.faults.push((fault, cause)),
            }
        }
        let limit = |octets: usize| octets + link_header(frame);
        let too_long = || {
            let mtu = faults.mtu.filter(|mtu| frame.octets.len() > limit(*mtu))?;
            Some(format!("mtu {mtu}").into())
        };
        let lost = || {
            (hit && self.stream(Kind::Loss).happens(number, faults.loss))
                .then(|| format!("loss {}", faults.loss).into())
        };
        let dropped = decision.dropped.take();
        decision.dropped = dropped.or(swallowed).or_else(too_long).or_else(lost);
        if decision.dropped.is_none() && hit {
            self.at_random(number, frame, &mut decision);
        }
        decision
    }

    fn exact(&self, number: u64) -> impl Iterator<Item = (FrameFault, Cause)> {
        let exact = &self.faults.exact;
        let from = exact.partition_point(|(frame, _)| *frame < number);
        let planned = exact.iter().skip(from).take_while(move |(frame, _)| *frame == number);
        planned.map(|(_, fault)| (*fault, Cause::Borrowed("planned")))
    }

    /// What is planned for the n-th that matches, where this is it; the black hole that swallows it; whether what is
    /// random may hit it.
    fn patterns(&mut self, frame: FrameRef<'_>) -> (Vec<(FrameFault, Cause)>, Option<Cause>, bool) {
        let faults = &self.faults;
        if faults.nth.is_empty() && faults.black_holes.is_empty() && faults.only.is_none() {
            return (Vec::new(), None, true);
        }
        let frame = Dissection::new(frame);
        let mut fitting = Vec::new();
        for (rule, matched) in faults.nth.iter().zip(&mut self.matched) {
            if rule.pattern.matches(&frame) {
                *matched += 1;
                if *matched == rule.n {
                    fitting.push((rule.fault, format!("{} {}", rule.name(), rule.n).into()));
                }
            }
        }
        let hole = faults.black_holes.iter().find(|pattern| pattern.matches(&frame));
        let hit = faults.only.as_ref().is_none_or(|pattern| pattern.matches(&frame));
        (fitting, hole.map(|pattern| format!("black_hole {pattern}").into()), hit)
    }

    fn stream(&self, kind: Kind) -> Stream {
        Stream::new(self.seed, kind, self.place)
    }

    fn at_random(&self, number: u64, frame: FrameRef<'_>, decision: &mut Decision) {
        let FrameFaults { duplicate, duplicate_after, reorder, hold_at_most, delay, in_order, .. } = &self.faults;
        self.damage(number, frame, decision);
        let mut add = |fault, cause: String| decision.faults.push((fault, cause.into()));
        if self.stream(Kind::Duplicate).happens(number, *duplicate) {
            add(FrameFault::Duplicate { after: Duration::ZERO }, format!("duplicate {duplicate}"));
        }
        if let Some((p, range)) = duplicate_after {
            let stream = self.stream(Kind::DuplicateAfter);
            if stream.happens(number, *p) {
                let after = within(*range, stream, number);
                add(FrameFault::Duplicate { after }, format!("duplicate_after {p}, {range}"));
            }
        }
        if let Some((p, depth)) = reorder {
            let stream = self.stream(Kind::Reorder);
            if stream.happens(number, *p) {
                let behind = 1 + stream.below(number, 1, *depth);
                add(FrameFault::Hold { behind, at_most: *hold_at_most }, format!("reorder {p}, {depth}"));
            }
        }
        if let Some(range) = delay {
            let by = within(*range, self.stream(Kind::Delay), number);
            if *in_order {
                decision.in_order = by;
            } else if !by.is_zero() {
                add(FrameFault::Delay { by }, format!("delay {range}"));
            }
        }
    }

    /// What changes octets. Where it hits is drawn for the frame as it came, so that no fault depends on another.
    fn damage(&self, number: u64, frame: FrameRef<'_>, decision: &mut Decision) {
        let FrameFaults { corrupt, corrupt_and_repair, truncate, .. } = &self.faults;
        let length = frame.octets.len();
        let mut add = |fault, cause: String| decision.faults.push((fault, cause.into()));
        let bit = |stream: Stream, from: usize, to: usize, repair| {
            let octet = from + to_usize(stream.below(number, 1, to_u64(to.saturating_sub(from))));
            let xor = 1 << (stream.below(number, 2, 8) % 8);
            (to > from).then_some(FrameFault::Corrupt { octet, xor, repair })
        };
        let stream = self.stream(Kind::Corrupt);
        if stream.happens(number, *corrupt) {
            let fault = bit(stream, 0, length, false);
            fault.into_iter().for_each(|fault| add(fault, format!("corrupt {corrupt}")));
        }
        let stream = self.stream(Kind::CorruptAndRepair);
        if stream.happens(number, *corrupt_and_repair) {
            let (from, to) = repair::content(frame.mode, frame.octets);
            let fault = bit(stream, from, to, true);
            fault.into_iter().for_each(|fault| add(fault, format!("corrupt_and_repair {corrupt_and_repair}")));
        }
        let stream = self.stream(Kind::Truncate);
        if length > 1 && stream.happens(number, *truncate) {
            let to = 1 + to_usize(stream.below(number, 1, to_u64(length - 1)));
            add(FrameFault::Truncate { to }, format!("truncate {truncate}"));
        }
    }
}

/// A time of that range, for a frame.
fn within(range: DelayRange, stream: Stream, number: u64) -> Duration {
    let spread = u64::try_from(range.max.saturating_sub(range.min).as_nanos()).unwrap_or(u64::MAX);
    range.min.saturating_add(Duration::from_nanos(stream.below(number, 1, spread.saturating_add(1))))
}

/// The octets in front of the IP packet, which no MTU counts.
fn link_header(frame: FrameRef<'_>) -> usize {
    match (frame.mode, frame.octets.get(12..14)) {
        (Mode::Tun, _) => 0,
        (Mode::Tap, Some([0x81, 0x00] | [0x88, 0xa8])) => 18,
        (Mode::Tap, _) => 14,
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
