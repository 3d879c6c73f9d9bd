//! From many faults to the few that make a test fail, and from a long script to the few simple steps that do.
//!
//! Layer: above [`fault`](crate::fault) and [`fuzz::Script`](crate::fuzz::Script); it knows no test, only a closure that runs one.
//!
//! A run with random faults that fails has done dozens of them, and two or three matter. What it did is a plan of exact
//! faults ([`Injector::exact_plan`](crate::fault::Injector::exact_plan), or its `fault-plan.toml`). Here faults are
//! taken out of it, and the test is run again, until each one that is left is needed: Zeller's and Hildebrandt's ddmin
//! ("Simplifying and isolating failure-inducing input", IEEE TSE 28(2), 2002).
//!
//! ```
//! use std::time::Duration;
//! use tuntap_test::device::{FrameRef, Mode};
//! use tuntap_test::fault::{FaultPlan, Injector, Towards};
//! use tuntap_test::shrink::Shrinker;
//!
//! /// The test: of any three frames in a row, one must arrive.
//! fn run(plan: &FaultPlan) -> (bool, Injector) {
//!     let mut injector = Injector::new(plan.clone());
//!     let mut arrived = vec![0];
//!     for _ in 0..50 {
//!         let frame = FrameRef::new(Mode::Tun, &[0x45; 20]);
//!         injector.frame(Towards::Host, frame, Duration::ZERO, |frame| arrived.push(frame.number));
//!     }
//!     (arrived.windows(2).all(|two| two[1] - two[0] <= 3), injector)
//! }
//!
//! let (passes, injector) = run(&FaultPlan::new().seed(7).to_host(|frames| frames.loss(0.5)));
//! assert!(!passes && injector.happened().len() > 10);
//!
//! let shrunk = Shrinker::new().faults(&injector.exact_plan(), |plan| !run(plan).0)?;
//! assert_eq!(shrunk.plan.exact().unwrap().len(), 3);
//! # Ok::<(), tuntap_test::shrink::ShrinkError>(())
//! ```
//!
//! Of a script ([`Shrinker::script`]) steps are taken out in the same way, and those that are left are made simpler: the packet
//! that a person would write, no edits, round times.

mod ddmin;
mod frame;
mod number;
mod script;
mod step;

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use script::ShrunkScript;

use crate::fault::FaultPlan;
use ddmin::{Runs, ddmin};

/// How many times a test is run at most, unless [`Shrinker::most_runs`] says otherwise.
const MOST_RUNS: usize = 1_000;

/// Shrinks plans and scripts.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Shrinker {
    most_runs: usize,
}

impl Default for Shrinker {
    fn default() -> Self {
        Self { most_runs: MOST_RUNS }
    }
}

/// What shrinking came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Shrunk {
    /// The faults that are left. With them the test fails.
    pub plan: FaultPlan,
    /// How many faults there were.
    pub from: usize,
    /// How many times the test was run.
    pub runs: usize,
    /// Whether the test passes without any one of them. `false` when the runs ended before that was known.
    pub minimal: bool,
}

impl fmt::Display for Shrunk {
    /// A few lines: how many faults are left of how many, and each of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.plan.exact().unwrap_or_default();
        let Self { from, runs, .. } = self;
        let whether = match (faults.len(), self.minimal) {
            (0, _) => ": it fails without any",
            (_, true) => ", each of them needed",
            (_, false) => ", perhaps fewer: the runs are used up",
        };
        write!(f, "the test fails with {} of {from} faults ({runs} runs){whether}", faults.len())?;
        for fault in faults {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

/// Why there is nothing to shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShrinkError {
    /// The plan has rates, limits or patterns.
    NotExact,
    /// The test passes with all of the plan's faults.
    Passes,
    /// The test passes with the whole script.
    ScriptPasses,
}

impl fmt::Display for ShrinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotExact => {
                "only exact faults can be shrunk: run the plan once and take what it did, Injector::exact_plan()"
            }
            Self::Passes => {
                "the test passes with all the faults of the plan: it depends on something else as well, such as real \
                 time or the order of threads"
            }
            Self::ScriptPasses => {
                "the test passes with the whole script: it depends on something else as well, such as real time or the \
                 order of threads"
            }
        })
    }
}

impl Error for ShrinkError {}

impl Shrinker {
    /// One that runs a test 1,000 times at most.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a test so many times at most. A plan of n faults of which k matter takes about k² + k·log n runs as a rule; a
    /// script some dozens more for each step that is left.
    pub const fn most_runs(mut self, runs: usize) -> Self {
        self.most_runs = runs;
        self
    }

    /// Finds faults of `plan` with which the test still fails, none of which can be left out.
    ///
    /// `fails` runs the test with the plan that it is given, and tells whether it failed; [`panics`] makes that of a body
    /// that panics. It must do the same each time: on the mock, with virtual time and one thread an end, a test does.
    ///
    /// # Errors
    /// The plan is not [exact](FaultPlan::exact), or the test passes with all of it.
    pub fn faults(&self, plan: &FaultPlan, mut fails: impl FnMut(&FaultPlan) -> bool) -> Result<Shrunk, ShrinkError> {
        let faults = plan.exact().ok_or(ShrinkError::NotExact)?;
        let seed = plan.seed_value();
        let of = |kept: &[usize]| -> FaultPlan {
            let kept = kept.iter().filter_map(|index| faults.get(*index).copied());
            kept.collect::<FaultPlan>().seed(seed)
        };
        let all: Vec<usize> = (0..faults.len()).collect();
        let mut runs = Runs::new(self.most_runs);
        if !runs.first(|| fails(&of(&all))) {
            return Err(ShrinkError::Passes);
        }
        let (kept, minimal) = ddmin(all, &mut |kept| runs.fails(kept.to_vec(), || fails(&of(kept))));
        Ok(Shrunk { plan: of(&kept), from: faults.len(), runs: runs.made(), minimal })
    }
}

/// Runs a test's body, and tells whether it panicked. What a panic prints is printed.
pub fn panics(body: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(body)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{ExactFault, FrameFault, Towards};

    fn drops(numbers: impl IntoIterator<Item = u64>) -> FaultPlan {
        let fault = |frame| ExactFault::Frame { towards: Towards::Host, frame, fault: FrameFault::Drop };
        numbers.into_iter().map(fault).collect()
    }

    /// Fails when all of those frames are dropped.
    fn needs(causes: &[u64]) -> impl Fn(&FaultPlan) -> bool {
        let causes = drops(causes.iter().copied()).exact().unwrap();
        move |plan| {
            let faults = plan.exact().unwrap();
            causes.iter().all(|cause| faults.contains(cause))
        }
    }

    #[test]
    fn what_is_left_is_the_cause_and_nothing_else() {
        let causes: [&[u64]; 6] = [&[1], &[50], &[1, 50], &[7, 8], &[3, 17, 42], &[1, 2, 3, 48, 49, 50]];
        for cause in causes {
            let shrunk = Shrinker::new().faults(&drops(1..=50), needs(cause)).unwrap();
            assert_eq!(shrunk.plan, drops(cause.iter().copied()));
            assert!(shrunk.minimal && shrunk.from == 50 && shrunk.runs < 200, "{shrunk}");
        }
    }

    /// With a test that is not monotonic there are several answers: each is one from which nothing can be taken.
    #[test]
    fn nothing_can_be_taken_from_what_is_left() {
        let odd = |plan: &FaultPlan| plan.exact().unwrap().len() % 2 == 1;
        let shrunk = Shrinker::new().faults(&drops(1..=9), odd).unwrap();
        assert_eq!(shrunk.plan.exact().unwrap().len(), 1);
    }

    #[test]
    fn a_test_that_fails_anyway_needs_no_fault() {
        let shrunk = Shrinker::new().faults(&drops(1..=9), |_| true).unwrap();
        assert!(shrunk.plan.is_empty() && shrunk.minimal);
        assert_eq!(shrunk.to_string(), "the test fails with 0 of 9 faults (2 runs): it fails without any");
    }

    #[test]
    fn runs_are_bounded_and_what_is_left_fails() {
        for most in 0..40 {
            let mut runs = 0;
            let fails = needs(&[3, 17, 42]);
            let shrunk = Shrinker::new().most_runs(most).faults(&drops(1..=50), |plan| {
                runs += 1;
                fails(plan)
            });
            let shrunk = shrunk.unwrap();
            assert!(runs <= most.max(1) && shrunk.runs == runs, "{runs} of {most}");
            assert!(fails(&shrunk.plan));
            assert!(!shrunk.minimal || shrunk.plan.exact().unwrap().len() == 3);
        }
    }

    #[test]
    fn what_cannot_be_shrunk_says_why() {
        let not_exact = FaultPlan::new().loss(0.5);
        assert_eq!(Shrinker::new().faults(&not_exact, |_| true), Err(ShrinkError::NotExact));
        assert_eq!(Shrinker::new().faults(&drops(1..=5), |_| false), Err(ShrinkError::Passes));
        let (plan, script) = (ShrinkError::Passes.to_string(), ShrinkError::ScriptPasses.to_string());
        assert!(plan.contains("all the faults of the plan") && script.contains("the whole script"), "{plan}\n{script}");
    }

    #[test]
    fn a_body_that_panics_fails() {
        assert!(panics(|| panic!("as a test does")) && !panics(|| ()));
    }

    #[test]
    fn the_faults_that_are_left_are_told() {
        let shrunk = Shrinker::new().faults(&drops(1..=50), needs(&[7, 30])).unwrap();
        let text = shrunk.to_string();
        assert!(text.starts_with("the test fails with 2 of 50 faults ("), "{text}");
        assert!(text.ends_with("runs), each of them needed\n  dropped #7 to host\n  dropped #30 to host"), "{text}");
    }
}
