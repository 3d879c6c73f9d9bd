//! A script that is being played: step by step, turn by turn.

use std::fmt::Write as _;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::flows::Flows;
use super::reply::reply;
#[cfg(feature = "host")]
use super::sockets::Sockets;
use super::transcript::{Event, Happened, Refusal, Transcript};
use super::{Check, Turn};
use crate::context::{HostEnd, Link};
use crate::device::{Clock, Deadline, Frame, FrameRef, Mode};
use crate::exchange::{Exchange, Monitor};
use crate::fault::Towards;
use crate::fuzz::script::{Fault, NextFault, Script, Step, StepOn};

/// How far the system's time goes from turn to turn: nobody tells there when something has come.
const REAL_TURN: Duration = Duration::from_millis(1);

/// How long a script takes at most, so that no clock overflows: what one step's nanoseconds tell, 584 years.
const LONGEST: Duration = Duration::from_nanos(u64::MAX);

pub(super) struct Stage<'a> {
    link: &'a Link,
    /// The end that the script plays, where it is not the link's own.
    host_end: Option<HostEnd>,
    budget: Budget,
    checks: Vec<(String, Check<'a>)>,
    script: &'a Script,
    line: &'static Location<'static>,
    begin: Instant,
    /// The step that is played, counted from 1.
    step: usize,
    transcript: Transcript,
    sent: usize,
    flows: Flows,
    #[cfg(feature = "host")]
    sockets: Sockets<'a>,
}

/// What the code under test said in its last turn.
#[derive(Default)]
struct Said {
    again: Option<Duration>,
    levels: Vec<(String, usize)>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        link: &'a Link,
        at_host_end: bool,
        without: &[Monitor],
        budget: Budget,
        checks: Vec<(String, Check<'a>)>,
        script: &'a Script,
        line: &'static Location<'static>,
    ) -> Self {
        let host_end = at_host_end.then(|| link.host_end());
        // Off at the host end while the test itself holds the device end; here it does not.
        let end: &Exchange = host_end.as_deref().unwrap_or(link);
        end.timeline().monitors.switch_all(true);
        without.iter().for_each(|monitor| end.disable(*monitor));
        #[cfg(feature = "host")]
        if let Some(host) = link.stack().mock_host() {
            host.set_silent(script.is_host_silent());
        }
        Self {
            begin: link.clock().now(),
            transcript: Transcript { mode: link.mode(), happened: Vec::new() },
            host_end,
            budget,
            checks,
            script,
            line,
            step: 0,
            sent: 0,
            flows: Flows::default(),
            #[cfg(feature = "host")]
            sockets: Sockets::of(link),
            link,
        }
    }

    fn end(&self) -> &Exchange {
        self.host_end.as_deref().unwrap_or(self.link)
    }

    fn clock(&self) -> &Clock {
        self.link.clock()
    }

    fn now(&self) -> Duration {
        self.clock().now().saturating_duration_since(self.begin)
    }

    fn note(&mut self, event: Event) {
        self.transcript.happened.push(Happened { step: self.step, at: self.now(), event });
    }

    pub(super) fn play(mut self, mut turn: impl FnMut(&mut Turn)) -> Transcript {
        let mut turn = |stage: &mut Self| stage.turn(&mut turn);
        let mut said = turn(&mut self);
        let before = said.levels.clone();
        let script = self.script;
        for (index, step) in script.steps().iter().enumerate() {
            self.step = index + 1;
            match step {
                Step::Advance(by) => {
                    let by = (*by).min(LONGEST.saturating_sub(self.now()));
                    said = self.advance(by, said, &mut turn);
                }
                step => {
                    self.perform(step);
                    said = turn(&mut self);
                }
            }
        }
        self.step = script.steps().len() + 1;
        if let Some(rest) = self.budget.rest {
            let half = rest / 2;
            said = self.advance(rest - half, said, &mut turn);
            // That a fault of the script's makes a frame late is none of the code under test's, and what it answers to one
            // is no unrest. No more frames can be late than there are faults.
            for _ in script.steps() {
                let Some(late) = self.link.next_late() else { break };
                said = self.advance(late.saturating_duration_since(self.clock().now()), said, &mut turn);
                said = self.advance(rest - half, said, &mut turn);
            }
            let sent = self.sent;
            said = self.advance(half, said, &mut turn);
            self.at_rest(sent, half, &said, &before);
        }
        self.judge();
        self.transcript
    }

    /// Gives the code under test its turn, and takes what it sent.
    fn turn(&mut self, turn: &mut impl FnMut(&mut Turn)) -> Said {
        let mut given = Turn::at(self.now());
        turn(&mut given);
        self.take();
        Said { again: given.again, levels: given.levels }
    }

    /// What the other end has sent by now.
    fn take(&mut self) {
        while let Ok(frame) = self.end().receive_for(Deadline::Now, self.line) {
            self.sent += 1;
            self.flows.note(frame.as_ref());
            // What a fault made of a frame is none of the code under test's.
            let checks = if self.is_altered(&frame) { 0 } else { self.checks.len() };
            for at in 0..checks {
                let Some((what, check)) = self.checks.get_mut(at) else { continue };
                if let Err(why) = check(frame.as_ref()) {
                    let what = format!("{what}: {why}");
                    self.note(Event::Sent(frame.into_octets()));
                    self.fail(&what);
                }
            }
            self.note(Event::Sent(frame.into_octets()));
            if self.sent > self.budget.frames {
                let most = self.budget.frames;
                self.fail(&format!("the code under test sent more than {most} frames (Player::most_frames)"));
            }
        }
    }

    fn is_altered(&self, frame: &Frame) -> bool {
        let towards = if self.host_end.is_some() { Towards::Host } else { Towards::Device };
        !self.checks.is_empty() && self.link.has_altered(towards, frame.as_ref().octets)
    }

    /// Lets time go by, with a turn whenever it brings something.
    fn advance(&mut self, by: Duration, mut said: Said, turn: &mut impl FnMut(&mut Self) -> Said) -> Said {
        let begin = self.clock().now();
        let (mut at_once, mut turns) = (0, 0);
        loop {
            let now = self.clock().now();
            let left = by.saturating_sub(now.saturating_duration_since(begin));
            // Whoever wants a turn at once gets it, also behind the last moment.
            if left.is_zero() && said.again.is_none_or(|again| !again.is_zero()) {
                return said;
            }
            let due = self.clock().next_due().map(|due| due.saturating_duration_since(now));
            let real = (!self.clock().is_virtual()).then_some(REAL_TURN);
            turns += 1;
            // Whoever has had that many sleeps through the rest: a timer of a second would take for ever to fill a century.
            let slice = match turns > self.budget.turns_a_step && real.is_none() && !left.is_zero() {
                true => left,
                false => [Some(left), said.again, due, real].into_iter().flatten().min().unwrap_or(left),
            };
            at_once = if slice.is_zero() { at_once + 1 } else { 0 };
            if at_once > self.budget.turns_at_once {
                let turns = self.budget.turns_at_once;
                self.fail(&format!("the code under test wanted {turns} turns while no time passed (Turn::again_in)"));
            }
            self.clock().advance(slice);
            said = turn(self);
        }
    }

    fn perform(&mut self, step: &Step) {
        match step {
            Step::Frame(octets) => {
                if let Some(octets) = self.fitted(octets) {
                    self.put(octets);
                }
            }
            Step::Answer(answer) => {
                let earlier = usize::from(answer.earlier());
                let mac = self.end().defaults().mac.0;
                let reply = self.transcript.sent().nth_back(earlier).and_then(|to| reply(answer, to, &self.flows, mac));
                if let Some(octets) = reply {
                    self.put(octets);
                }
            }
            Step::Fault(fault) => self.plan(fault),
            Step::Link(fault) => {
                if let Err(error) = self.link.happen(*fault) {
                    self.note(Event::Link(Refusal::of(&error)));
                }
            }
            #[cfg(feature = "host")]
            Step::Socket(call) => {
                if let Some(result) = self.sockets.call(call) {
                    self.note(Event::Socket(result.map_err(|error| Refusal::of(&error))));
                }
            }
            #[cfg(not(feature = "host"))]
            Step::Socket(_) => {}
            Step::Advance(_) | Step::Observed(_) => {}
        }
    }

    /// A frame of the script's as the link has them: a TUN's packet gets an Ethernet header on a TAP, and a TAP's loses
    /// it on a TUN, where what is no IP packet cannot be.
    fn fitted(&self, octets: &[u8]) -> Option<Vec<u8>> {
        match (self.script.mode(), self.transcript.mode) {
            (Mode::Tun, Mode::Tun) | (Mode::Tap, Mode::Tap) => Some(octets.to_vec()),
            (Mode::Tap, Mode::Tun) => match octets.split_at_checked(14)? {
                ([.., 0x08, 0x00] | [.., 0x86, 0xdd], packet) => Some(packet.to_vec()),
                _ => None,
            },
            (Mode::Tun, Mode::Tap) => {
                let (source, destination) = self.end().defaults().mac;
                let ether_type =
                    if octets.first().is_some_and(|octet| octet >> 4 == 6) { [0x86, 0xdd] } else { [0x08, 0x00] };
                Some([&destination[..], &source, &ether_type, octets].concat())
            }
        }
    }

    fn put(&mut self, octets: Vec<u8>) {
        match self.end().transmit(&octets, self.line) {
            Ok(_) => {
                self.flows.note(FrameRef::new(self.transcript.mode, &octets));
                self.note(Event::Put(octets));
            }
            Err(error) => self.note(Event::Refused(octets, Refusal::of(&error))),
        }
    }

    fn plan(&self, fault: &Fault) {
        match fault.next() {
            NextFault::Frame(towards, fault) => self.link.fault_next_frame(*towards, *fault),
            NextFault::Call(call, fault) => self.link.fault_next_call(*call, *fault),
        }
    }

    /// Whether the code under test has come to rest.
    #[track_caller]
    fn at_rest(&mut self, sent: usize, watched: Duration, said: &Said, before: &[(String, usize)]) {
        if self.sent > sent {
            let frames = self.sent - sent;
            self.fail(&format!(
                "the code under test does not come to rest: it sent {frames} frames in the last {watched:?} of the time it \
                 has for that (Player::rests_within)"
            ));
        }
        if let Some(again) = said.again {
            self.fail(&format!(
                "the code under test does not come to rest: it wants another turn in {again:?} (Turn::again_in)"
            ));
        }
        for (what, was) in before {
            let Some((_, is)) = said.levels.iter().find(|(other, _)| other == what) else { continue };
            if is != was {
                self.fail(&format!("leak: the code under test holds {is} {what} at rest, and held {was} before"));
            }
        }
    }

    fn judge(&mut self) {
        self.clock().settle();
        self.take();
        if let Err(failure) = self.end().check_all(Some(self.line)) {
            self.fail(&failure.to_string());
        }
    }

    /// Fails with what is wrong, and the last of what happened.
    fn fail(&self, what: &str) -> ! {
        let steps = self.script.steps();
        let mut text = format!("{what}\n  played at {}", self.line);
        let step = self.step.checked_sub(1).and_then(|index| steps.get(index));
        let _ = match step {
            Some(step) => {
                let on = StepOn { mode: self.script.mode(), step };
                write!(text, "\n  in step {} of {}: {on}", self.step, steps.len())
            }
            None if self.step == 0 => write!(text, "\n  before the first of {} steps", steps.len()),
            None => write!(text, "\n  behind the last of {} steps", steps.len()),
        };
        let last = self.transcript.happened.len().saturating_sub(12);
        for happened in self.transcript.happened.iter().skip(last) {
            let at = happened.at.as_secs_f64();
            let _ =
                write!(text, "\n    step {:>3}  {at:>12.6} s  {}", happened.step, self.transcript.describe(happened));
        }
        panic!("{text}");
    }
}
