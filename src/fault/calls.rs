//! The device's own faults: counts the calls, and tells which fail and what happens to the link when.
//!
//! Layer: `fault`.

use std::sync::Arc;
use std::time::Duration;

use super::device_faults::DeviceFaults;
use super::event::{Cause, Event, Log};
use super::exact::{Call, CallFault, ExactFault, LinkFault, When};
use super::random::{Kind, Stream};

/// What faults do to one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallFaults {
    /// What happens to the link before it, in this order.
    pub link: Vec<LinkFault>,
    /// What it gives instead of what it would have given.
    pub fault: Option<CallFault>,
}

#[derive(Debug)]
pub(super) struct CallCounter {
    faults: DeviceFaults,
    seed: u64,
    transmits: u64,
    receives: u64,
    /// For each of `faults.link`, whether it happened.
    done: Vec<bool>,
}

impl CallCounter {
    pub(super) fn new(faults: DeviceFaults, seed: u64) -> Self {
        Self { done: vec![false; faults.link.len()], faults, seed, transmits: 0, receives: 0 }
    }

    /// Goes on with another plan. What was planned before and happened does not happen again.
    pub(super) fn replan(&mut self, faults: DeviceFaults, seed: u64) {
        let mut done = vec![false; faults.link.len()];
        let planned = self.faults.link.iter().zip(&self.done).zip(faults.link.iter().zip(&mut done));
        for ((before, happened), (now, happens)) in planned {
            *happens = before == now && *happened;
        }
        (self.faults, self.seed, self.done) = (faults, seed, done);
    }

    /// When the next thing happens to the link by time.
    pub(super) fn next(&self) -> Option<Duration> {
        self.open().filter_map(|(_, when, _)| if let When::At(time) = when { Some(time) } else { None }).min()
    }

    fn open(&self) -> impl Iterator<Item = (usize, When, LinkFault)> {
        let link = self.faults.link.iter().zip(&self.done).enumerate();
        link.filter(|(_, (_, done))| !**done).map(|(index, ((when, fault), _))| (index, *when, *fault))
    }

    /// What happens to the link by now, the earliest first.
    pub(super) fn link_due(&mut self, now: Duration, log: &mut Log) -> Option<(Duration, LinkFault)> {
        let timed = self.open().filter_map(|(index, when, fault)| match when {
            When::At(time) if time <= now => Some((time, index, fault)),
            _ => None,
        });
        let (time, index, fault) = timed.min_by_key(|(time, index, _)| (*time, *index))?;
        self.happened(index, When::At(time), fault, time, log);
        Some((time, fault))
    }

    fn happened(&mut self, index: usize, when: When, fault: LinkFault, at: Duration, log: &mut Log) {
        if let Some(done) = self.done.get_mut(index) {
            *done = true;
        }
        log.push(event(at, ExactFault::Link { when, fault }, "planned".into()));
    }

    /// The next call begins.
    pub(super) fn begin(&mut self, call: Call, now: Duration, log: &mut Log) -> CallFaults {
        let count = match call {
            Call::Transmit => &mut self.transmits,
            Call::Receive => &mut self.receives,
        };
        *count += 1;
        let number = *count;
        if self.faults.is_empty() {
            return CallFaults::default();
        }
        let mut link = Vec::new();
        while let Some((_, fault)) = self.link_due(now, log) {
            link.push(fault);
        }
        let before = When::Before(call, number);
        let due: Vec<_> = self.open().filter(|(_, when, _)| *when == before).collect();
        for (index, when, fault) in due {
            self.happened(index, when, fault, now, log);
            link.push(fault);
        }
        let fault = self.fault(call, number, now);
        if let Some((fault, cause)) = &fault {
            log.push(event(now, ExactFault::Call { call, number, fault: *fault }, cause.clone()));
        }
        CallFaults { link, fault: fault.map(|(fault, _)| fault) }
    }

    /// How many such calls there were.
    pub(super) const fn count(&self, call: Call) -> u64 {
        match call {
            Call::Transmit => self.transmits,
            Call::Receive => self.receives,
        }
    }

    /// The last receive counts no more; what happened to the link before it has happened.
    pub(super) const fn take_receive_back(&mut self) {
        self.receives = self.receives.saturating_sub(1);
    }

    fn fault(&self, call: Call, number: u64, now: Duration) -> Option<(CallFault, Cause)> {
        let planned = self.faults.calls.iter().find(|rule| rule.call == call && rule.calls.contains(number, now));
        if let Some(rule) = planned {
            return Some((rule.fault, format!("on {call} {}", rule.calls).into()));
        }
        let place = match call {
            Call::Transmit => 0,
            Call::Receive => 1,
        };
        let mut rules = (0_u64..).zip(self.faults.sometimes.iter().filter(|rule| rule.call == call));
        let hit = rules
            .find(|(index, rule)| Stream::new(self.seed, Kind::Sometimes, index * 2 + place).happens(number, rule.p));
        hit.map(|(_, rule)| (rule.fault, format!("sometimes {}", rule.p).into()))
    }
}

fn event(at: Duration, what: ExactFault, cause: Cause) -> Event {
    Event { at, what, cause, summary: Arc::from("") }
}
