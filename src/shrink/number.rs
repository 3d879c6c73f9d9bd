//! Numbers, times and octets of a step: the smallest and roundest with which the test still fails.

use std::time::Duration;

use super::ddmin::UsedUp;
use super::script::Search;
use crate::fuzz::{Script, Step};

/// Up to so many octets each is looked at by itself, of more only parts.
const FEW: usize = 64;

impl<Fails: FnMut(&Script) -> bool> Search<Fails> {
    /// 0, 1, or the smallest that halving finds.
    pub(super) fn number(&mut self, at: usize, from: u128, step: &dyn Fn(u128) -> Option<Step>) -> Result<(), UsedUp> {
        if from == 0 || self.first_of(at, [0, 1].into_iter().filter(|number| *number < from).filter_map(step))? {
            return Ok(());
        }
        let (mut passes, mut fails) = (1, from);
        while fails > passes && fails - passes > 1 {
            let middle = passes + (fails - passes) / 2;
            match self.first_of(at, step(middle))? {
                true => fails = middle,
                false => passes = middle,
            }
        }
        Ok(())
    }

    /// The same of a number with a sign, towards 0.
    pub(super) fn signed(&mut self, at: usize, from: i32, step: &dyn Fn(i32) -> Option<Step>) -> Result<(), UsedUp> {
        let sign = from.signum();
        self.number(at, from.unsigned_abs().into(), &|size| {
            i64::try_from(size).ok().and_then(|size| i32::try_from(size * i64::from(sign)).ok()).and_then(step)
        })
    }

    /// A second, or else a millisecond, and so on, where that is shorter; or the smallest number of the largest unit that
    /// tells it.
    pub(super) fn time(&mut self, at: usize, from: Duration, step: &dyn Fn(Duration) -> Step) -> Result<(), UsedUp> {
        const UNITS: [u64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];
        let simpler = UNITS.into_iter().map(Duration::from_nanos).take_while(|unit| *unit != from);
        let shorter = simpler.filter(|unit| *unit < from);
        if self.first_of(at, shorter.map(step))? {
            return Ok(());
        }
        for unit in UNITS {
            let number = from.as_nanos() / u128::from(unit);
            let times = |number: u128| {
                Some(step(Duration::from_nanos(u64::try_from(number.saturating_mul(unit.into())).ok()?)))
            };
            let exact = number * u128::from(unit) == from.as_nanos();
            if number > 0 && (exact || self.first_of(at, times(number))?) {
                return self.number(at, number, &|number| times(number).filter(|_| number > 1));
            }
        }
        Ok(())
    }

    /// None, or as few as halving finds, from the end and from the front; and zeros instead of what is left.
    pub(super) fn octets(
        &mut self,
        at: usize,
        from: &[u8],
        step: &dyn Fn(&[u8]) -> Option<Step>,
    ) -> Result<(), UsedUp> {
        if from.is_empty() || self.first_of(at, step(&[]))? {
            return Ok(());
        }
        let mut kept = from.to_vec();
        for front in [false, true] {
            let (mut passes, mut fails) = (0, kept.len());
            while fails - passes > 1 {
                let middle = passes + (fails - passes) / 2;
                let part = if front { kept.len().checked_sub(middle).map(|gone| gone..) } else { Some(0..) };
                let part = part.and_then(|part| kept.get(part)).and_then(|part| part.get(..middle)).unwrap_or_default();
                match self.first_of(at, step(part))? {
                    true => fails = middle,
                    false => passes = middle,
                }
            }
            let gone = kept.len() - fails;
            kept.drain(if front { 0..gone } else { fails..fails + gone });
        }
        let mut place = 0;
        while place < kept.len() && kept.len() <= FEW {
            let without: Vec<u8> =
                [kept.get(..place), kept.get(place + 1..)].into_iter().flatten().flatten().copied().collect();
            match self.first_of(at, step(&without))? {
                true => kept = without,
                false => place += 1,
            }
        }
        self.zeros(at, kept, step)
    }

    /// Zeros in the place of all, of halves, quarters and so on.
    fn zeros(&mut self, at: usize, mut kept: Vec<u8>, step: &dyn Fn(&[u8]) -> Option<Step>) -> Result<(), UsedUp> {
        let smallest = if kept.len() <= FEW { 1 } else { kept.len() / FEW };
        let mut size = kept.len();
        while size >= smallest.max(1) {
            for from in (0..kept.len()).step_by(size) {
                let mut zeroed = kept.clone();
                zeroed.iter_mut().skip(from).take(size).for_each(|octet| *octet = 0);
                if zeroed != kept && self.first_of(at, step(&zeroed))? {
                    kept = zeroed;
                }
            }
            size /= 2;
        }
        Ok(())
    }
}
