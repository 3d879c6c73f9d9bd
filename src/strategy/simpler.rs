//! Shrinking of a value as data: the simpler values that may stand in its place, the simplest first.
//!
//! Layer: `strategy`. proptest shrinks the choices by which a value was made, and of several alternatives it tries the
//! neighbour only; what is data can say itself what is simpler, however it was made.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::vec;

use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

/// The values that may stand in the place of one, each simpler than it, the simplest first. Following them must end.
type Simpler<T> = Arc<dyn Fn(&T) -> Vec<T> + Send + Sync>;

/// The values of a strategy, shrunk by those that are simpler.
pub(super) fn shrinking<S>(
    values: S,
    simpler: impl Fn(&S::Value) -> Vec<S::Value> + Send + Sync + 'static,
) -> BoxedStrategy<S::Value>
where
    S: Strategy + 'static,
    S::Value: Clone,
{
    Shrinking { values: values.boxed(), simpler: Arc::new(simpler) }.boxed()
}

struct Shrinking<T> {
    values: BoxedStrategy<T>,
    simpler: Simpler<T>,
}

impl<T: Debug> Debug for Shrinking<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Shrinking").field(&self.values).finish()
    }
}

impl<T: Clone + Debug> Strategy for Shrinking<T> {
    type Tree = Tree<T>;
    type Value = T;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let kept = self.values.new_tree(runner)?.current();
        Ok(Tree { kept, tried: None, candidates: None, simpler: Arc::clone(&self.simpler) })
    }
}

/// The simplest value so far that fails, and the one that is tried in its place.
struct Tree<T> {
    kept: T,
    tried: Option<T>,
    /// What is still to be tried; `None` before the first was asked for.
    candidates: Option<vec::IntoIter<T>>,
    simpler: Simpler<T>,
}

impl<T: Clone + Debug> ValueTree for Tree<T> {
    type Value = T;

    fn current(&self) -> T {
        self.tried.as_ref().unwrap_or(&self.kept).clone()
    }

    /// The value that was tried fails as well: on with what is simpler than it.
    fn simplify(&mut self) -> bool {
        if let Some(failed) = self.tried.take() {
            self.kept = failed;
            self.candidates = None;
        }
        let candidates = self.candidates.get_or_insert_with(|| (self.simpler)(&self.kept).into_iter());
        self.tried = candidates.next();
        self.tried.is_some()
    }

    /// The value that was tried does not fail: the next, or the one that is known to.
    fn complicate(&mut self) -> bool {
        if self.tried.take().is_none() {
            return false;
        }
        self.tried = self.candidates.as_mut().and_then(Iterator::next);
        true
    }
}

/// One of some strategies, each as often as its weight says. It does not shrink from one to another, so that no second
/// value has to be made: for what is shrunk as a whole.
pub(super) fn one_of<T: Debug + 'static>(all: impl IntoIterator<Item = (u32, BoxedStrategy<T>)>) -> BoxedStrategy<T> {
    OneOf(all.into_iter().collect()).boxed()
}

/// [`one_of`] as it is read: `choose![3 => these, 1 => those]`.
macro_rules! choose {
    ($($weight:expr => $strategy:expr),+ $(,)?) => {
        $crate::strategy::simpler::one_of([$(($weight, proptest::strategy::Strategy::boxed($strategy))),+])
    };
}
pub(super) use choose;

/// A value in one of two cases, as [`one_of`].
pub(super) fn maybe<T: Clone + Debug + 'static>(values: BoxedStrategy<T>) -> BoxedStrategy<Option<T>> {
    choose![1 => Just(None), 1 => values.prop_map(Some)]
}

#[derive(Debug)]
struct OneOf<T>(Vec<(u32, BoxedStrategy<T>)>);

impl<T: Debug> Strategy for OneOf<T> {
    type Tree = Box<dyn ValueTree<Value = T>>;
    type Value = T;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let whole = self.0.iter().map(|(weight, _)| weight).sum::<u32>();
        let mut pick = (0..whole.max(1)).new_tree(runner)?.current();
        for (weight, strategy) in &self.0 {
            match pick.checked_sub(*weight) {
                Some(rest) => pick = rest,
                None => return strategy.new_tree(runner),
            }
        }
        Err("none to choose from".into())
    }
}

/// One of some strategies, each as often as the others. Shrinks to the first of them that fails: unlike proptest's unions
/// it tries all those before, and makes their values only then.
pub(super) fn alternatives<T: Debug + 'static>(all: impl IntoIterator<Item = BoxedStrategy<T>>) -> BoxedStrategy<T> {
    Alternatives(all.into_iter().collect()).boxed()
}

#[derive(Debug)]
struct Alternatives<T>(Arc<[BoxedStrategy<T>]>);

type AnyTree<T> = Box<dyn ValueTree<Value = T>>;

/// A value of one alternative, and one of an earlier one that is tried in its place.
struct AlternativeTree<T> {
    all: Arc<[BoxedStrategy<T>]>,
    runner: TestRunner,
    picked: AnyTree<T>,
    tried: Option<(usize, AnyTree<T>)>,
    /// The next one to try; those before the one that was picked are left.
    next: usize,
    end: usize,
}

impl<T: Debug> Strategy for Alternatives<T> {
    type Tree = AlternativeTree<T>;
    type Value = T;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let end = (0..self.0.len().max(1)).new_tree(runner)?.current();
        let picked = self.0.get(end).ok_or("none to choose from")?.new_tree(runner)?;
        let runner = TestRunner::new_with_rng(runner.config().clone(), runner.new_rng());
        Ok(AlternativeTree { all: Arc::clone(&self.0), runner, picked, tried: None, next: 0, end })
    }
}

impl<T: Debug> AlternativeTree<T> {
    fn try_next(&mut self) -> bool {
        while self.next < self.end {
            let at = self.next;
            self.next += 1;
            if let Some(Ok(tree)) = self.all.get(at).map(|strategy| strategy.new_tree(&mut self.runner)) {
                self.tried = Some((at, tree));
                return true;
            }
        }
        false
    }
}

impl<T: Debug> ValueTree for AlternativeTree<T> {
    type Value = T;

    fn current(&self) -> T {
        self.tried.as_ref().map_or(&self.picked, |(_, tree)| tree).current()
    }

    fn simplify(&mut self) -> bool {
        if let Some((at, tree)) = self.tried.take() {
            (self.picked, self.end) = (tree, at);
        }
        self.try_next() || self.picked.simplify()
    }

    fn complicate(&mut self) -> bool {
        match self.tried.take() {
            Some(_) => {
                // The next, or the one that is known to fail.
                self.try_next();
                true
            }
            None => self.picked.complicate(),
        }
    }
}

/// The numbers to try in the place of one, down to `least`: that one, then ever closer ones.
pub(super) fn smaller(number: u128, least: u128) -> Vec<u128> {
    let Some(distance) = number.checked_sub(least) else { return Vec::new() };
    let mut step = distance;
    let mut all = Vec::new();
    while step > 0 {
        all.push(number - step);
        step /= 2;
    }
    all
}

/// The lengths to try in the place of one, as indices.
pub(super) fn shorter(length: usize, least: usize) -> impl Iterator<Item = usize> {
    smaller(length as u128, least as u128).into_iter().filter_map(|length| usize::try_from(length).ok())
}

/// Any octets, so many of them, from one number: a payload of 1400 octets drawn one by one costs more than all else.
pub(super) fn noise(length: RangeInclusive<usize>) -> impl Strategy<Value = Vec<u8>> {
    (length, any::<u64>()).prop_map(|(length, seed)| {
        // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
        let word = |at: u64| {
            let word = seed.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (word ^ word >> 31).to_be_bytes()
        };
        let mut octets: Vec<u8> = (1..).map(word).take(length.div_ceil(8)).flatten().collect();
        octets.truncate(length);
        octets
    })
}

/// The octet that fills what nobody looks at: a letter can be read.
const FILLER: u8 = b'a';

/// Octets to try in the place of some: fewer of them, then plainer ones.
pub(super) fn plainer(octets: &[u8], least: usize) -> Vec<Vec<u8>> {
    let fewer = shorter(octets.len(), least).filter_map(|length| octets.get(..length).map(<[u8]>::to_vec));
    let mut all: Vec<_> = fewer.collect();
    if octets.iter().any(|octet| *octet != FILLER) {
        all.push(vec![FILLER; octets.len()]);
        // One by one where that is not much.
        let short = if octets.len() <= 64 { octets } else { &[] };
        all.extend(short.iter().enumerate().filter(|(_, octet)| **octet != FILLER).map(|(at, _)| {
            octets.iter().enumerate().map(|(index, octet)| if index == at { FILLER } else { *octet }).collect()
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::{Config, TestError};

    use super::*;

    fn least(holds: impl Fn(u128) -> bool) -> u128 {
        let numbers = shrinking(Just(1_000_000_u128), |number| smaller(*number, 3));
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let Err(TestError::Fail(_, number)) = runner.run(&numbers, |number| {
            prop_assert!(!holds(number));
            Ok(())
        }) else {
            unreachable!("the first fails")
        };
        number
    }

    #[test]
    fn a_number_shrinks_to_the_least_that_fails() {
        assert_eq!(least(|_| true), 3);
        assert_eq!(least(|number| number >= 77_777), 77_777);
        assert_eq!(least(|number| number == 1_000_000), 1_000_000);
    }

    /// In a tuple each shrinks, whichever does not.
    #[test]
    fn each_of_several_shrinks() {
        let number = || shrinking(Just(1000_u128), |number| smaller(*number, 0));
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let failed = runner.run(&(number(), number(), number()), |(a, b, c)| {
            prop_assert!(!(a >= 10 && b == 1000 && c >= 7));
            Ok(())
        });
        assert!(matches!(failed, Err(TestError::Fail(_, (10, 1000, 7)))), "{failed:?}");
    }

    /// Whichever was picked, the first alternative that fails is found, and shrinks.
    #[test]
    fn the_first_alternative_that_fails_is_found() {
        let all = alternatives((0..5).map(|at| (at * 100..at * 100 + 100_u32).boxed()));
        for run in 0..20 {
            let seed = proptest::test_runner::TestRng::from_seed(Default::default(), &[run; 32]);
            let config = Config { failure_persistence: None, ..Config::default() };
            let failed = TestRunner::new_with_rng(config, seed).run(&all, |number| {
                prop_assert!(!(200..300).contains(&number) && number < 400);
                Ok(())
            });
            assert!(matches!(failed, Err(TestError::Fail(_, 200))), "{failed:?}");
        }
    }

    #[test]
    fn octets_shrink_to_few_letters() {
        assert_eq!(plainer(b"xyz", 1), [&b"x"[..], b"xy", b"aaa", b"ayz", b"xaz", b"xya"]);
        assert!(plainer(b"aa", 2).is_empty());
    }
}
