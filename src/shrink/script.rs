//! From a script to the fewest and simplest steps.

use std::fmt;

use super::ddmin::{Runs, UsedUp, ddmin};
use super::{ShrinkError, Shrinker};
use crate::fuzz::{Script, SocketCall, Step};

/// What shrinking a script came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShrunkScript {
    /// The script that is left. With it the test fails.
    pub script: Script,
    /// How many steps there were.
    pub from: usize,
    /// How many times the test was run.
    pub runs: usize,
    /// Whether the test passes without any one of the steps, and with each of the simpler ones that were tried. `false`
    /// when the runs ended before that was known.
    pub minimal: bool,
}

impl fmt::Display for ShrunkScript {
    /// A line that says how many steps are left of how many, and a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { script, from, runs, .. } = self;
        let whether = match (script.steps().len(), self.minimal) {
            (0, _) => ": it fails without any",
            (_, true) => ", each of them needed",
            (_, false) => ", perhaps fewer or simpler ones: the runs are used up",
        };
        write!(f, "the test fails with {} of {from} steps ({runs} runs){whether}", script.steps().len())?;
        match script.steps().is_empty() {
            true => Ok(()),
            false => write!(f, "\n{script}"),
        }
    }
}

impl Shrinker {
    /// Finds a script with which the test still fails, of as few steps of `script` as there can be, each as simple as it can
    /// be.
    ///
    /// First steps are taken out, as [`faults`](Self::faults) does it. Then each that is left is made simpler: of a frame
    /// payload, options, outer layers and fields, with lengths and checksums computed anew unless it is a wrong one that
    /// makes the test fail; of an answer its edits and numbers; times become round ones; slots are counted from 0.
    ///
    /// `fails` runs the test with the script that it is given, and tells whether it failed; [`panics`](super::panics) makes
    /// that of a body that panics. It must do the same each time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::fuzz::{Answer, Script, Step};
    /// use tuntap_test::packet::*;
    /// use tuntap_test::shrink::Shrinker;
    ///
    /// let script = Script::new()
    ///     .send(Icmpv4::echo_request(7, 1) / b"hello")
    ///     .send(Ipv4::new().ttl(9).id(77) / Udp::new().sport(40_000).dport(53).checksum(1) / b"a query")
    ///     .answer(Answer::peer())
    ///     .advance(Duration::from_millis(1234));
    ///
    /// // The code under test fails on datagrams to port 53.
    /// let dns = |octets: &[u8]| FrameRef::new(Mode::Tun, octets).udp().is_ok_and(|udp| udp.destination_port() == 53);
    /// let fails = |script: &Script| script.steps().iter().any(|step| matches!(step, Step::Frame(octets) if dns(octets)));
    ///
    /// let shrunk = Shrinker::new().script(&script, fails)?;
    /// assert_eq!(shrunk.script, Script::new().send(Udp::new().dport(53)));
    /// assert!(shrunk.minimal);
    /// # Ok::<(), tuntap_test::shrink::ShrinkError>(())
    /// ```
    ///
    /// # Errors
    /// The test passes with the whole script.
    pub fn script(&self, script: &Script, mut fails: impl FnMut(&Script) -> bool) -> Result<ShrunkScript, ShrinkError> {
        let mut runs = Runs::new(self.most_runs);
        if !runs.first(|| fails(script)) {
            return Err(ShrinkError::ScriptPasses);
        }
        let mut search = Search { best: script.clone(), runs, fails };
        let minimal = search.run().is_ok();
        Ok(ShrunkScript { script: search.best, from: script.steps().len(), runs: search.runs.made(), minimal })
    }
}

/// The simplest script so far with which the test fails.
pub(super) struct Search<Fails> {
    pub(super) best: Script,
    runs: Runs<Vec<u8>>,
    fails: Fails,
}

impl<Fails: FnMut(&Script) -> bool> Search<Fails> {
    fn run(&mut self) -> Result<(), UsedUp> {
        loop {
            let before = self.best.clone();
            self.fewest_steps()?;
            // What the host is like, before it costs a run for each step.
            self.script(Script::on(before.mode()).with_steps(self.best.steps().to_vec()))?;
            for at in 0..self.best.steps().len() {
                self.simplify(at)?;
            }
            self.script(with_slots_from_zero(&self.best))?;
            if self.best == before {
                return Ok(());
            }
        }
    }

    fn fewest_steps(&mut self) -> Result<(), UsedUp> {
        let whole = self.best.clone();
        let of = |kept: &[usize]| whole.with_steps(kept.iter().filter_map(|at| whole.steps().get(*at).cloned()));
        let all = (0..whole.steps().len()).collect();
        let (kept, done) = ddmin(all, &mut |kept| {
            let script = of(kept);
            self.runs.fails(script.encode(), || (self.fails)(&script))
        });
        self.best = of(&kept);
        if done { Ok(()) } else { Err(UsedUp) }
    }

    /// Takes that script if the test fails with it.
    fn script(&mut self, script: Script) -> Result<bool, UsedUp> {
        if script == self.best {
            return Ok(false);
        }
        let failed = self.runs.fails(script.encode(), || (self.fails)(&script))?;
        if failed {
            self.runs.leave(self.best.encode());
            self.best = script;
        }
        Ok(failed)
    }

    /// Takes that step for the one that is there, if the test fails with it.
    pub(super) fn step(&mut self, at: usize, step: Step) -> Result<bool, UsedUp> {
        let mut steps = self.best.steps().to_vec();
        match steps.get_mut(at) {
            Some(place) => *place = step,
            None => return Ok(false),
        }
        self.script(self.best.with_steps(steps))
    }

    /// Takes the first of those steps with which the test fails.
    pub(super) fn first_of(&mut self, at: usize, steps: impl IntoIterator<Item = Step>) -> Result<bool, UsedUp> {
        for step in steps {
            if self.step(at, step)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The same with its sockets' slots numbered as they come.
fn with_slots_from_zero(script: &Script) -> Script {
    let mut seen = Vec::new();
    let mut number = |slot: &mut u8| {
        let at = seen.iter().position(|known| known == slot).unwrap_or_else(|| {
            seen.push(*slot);
            seen.len() - 1
        });
        *slot = u8::try_from(at).unwrap_or(u8::MAX);
    };
    let mut steps = script.steps().to_vec();
    for step in &mut steps {
        let Step::Socket(call) = step else { continue };
        match call {
            SocketCall::Accept { slot, into } => {
                number(slot);
                number(into);
            }
            SocketCall::UdpBind { slot, .. }
            | SocketCall::UdpSend { slot, .. }
            | SocketCall::TcpListen { slot, .. }
            | SocketCall::TcpConnect { slot, .. }
            | SocketCall::Write { slot, .. }
            | SocketCall::Read { slot, .. }
            | SocketCall::Shutdown { slot, .. }
            | SocketCall::Close { slot }
            | SocketCall::Ping { slot, .. } => number(slot),
        }
    }
    script.with_steps(steps)
}
