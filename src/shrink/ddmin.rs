//! Runs that are counted and not repeated, and the search for the fewest.

use std::collections::HashSet;
use std::hash::Hash;

/// The runs are used up.
pub(super) struct UsedUp;

/// The runs of a test, by what it was run with.
pub(super) struct Runs<Key> {
    most: usize,
    made: usize,
    /// What there is no use in running it with: the test passed, or it is where the search has been.
    known: HashSet<Key>,
}

impl<Key: Eq + Hash> Runs<Key> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, made: 0, known: HashSet::new() }
    }

    /// How many there were.
    pub(super) const fn made(&self) -> usize {
        self.made
    }

    /// The first run is not held against the limit: without it nothing is known.
    pub(super) fn first(&mut self, fails: impl FnOnce() -> bool) -> bool {
        self.made += 1;
        fails()
    }

    /// Whether the test fails with that. It is not run with what is known.
    pub(super) fn fails(&mut self, key: Key, fails: impl FnOnce() -> bool) -> Result<bool, UsedUp> {
        if self.known.contains(&key) {
            return Ok(false);
        }
        if self.made >= self.most {
            return Err(UsedUp);
        }
        self.made += 1;
        let failed = fails();
        if !failed {
            self.known.insert(key);
        }
        Ok(failed)
    }

    /// The search does not come back to that.
    pub(super) fn leave(&mut self, key: Key) {
        self.known.insert(key);
    }
}

/// Those that are left, and whether none of them can go.
pub(super) fn ddmin(
    mut kept: Vec<usize>,
    fails: &mut impl FnMut(&[usize]) -> Result<bool, UsedUp>,
) -> (Vec<usize>, bool) {
    if kept.is_empty() {
        return (kept, true);
    }
    match fails(&[]) {
        Ok(true) => return (Vec::new(), true),
        Ok(false) => {}
        Err(UsedUp) => return (kept, false),
    }
    let mut parts = 2;
    while kept.len() > 1 {
        match fewer(&kept, parts, fails) {
            Ok(Some(Fewer::Part(part))) => (kept, parts) = (part, 2),
            Ok(Some(Fewer::Rest(rest))) => (kept, parts) = (rest, parts.saturating_sub(1).max(2)),
            Ok(None) if parts >= kept.len() => break,
            Ok(None) => parts = (parts * 2).min(kept.len()),
            Err(UsedUp) => return (kept, false),
        }
    }
    (kept, true)
}

enum Fewer {
    Part(Vec<usize>),
    Rest(Vec<usize>),
}

/// One of so many parts, or all but one, with which the test fails.
fn fewer(
    kept: &[usize],
    parts: usize,
    fails: &mut impl FnMut(&[usize]) -> Result<bool, UsedUp>,
) -> Result<Option<Fewer>, UsedUp> {
    let cut = |part: usize| part * kept.len() / parts;
    let ranges = || (0..parts).map(|part| (cut(part), cut(part + 1)));
    for (from, to) in ranges() {
        let part = kept.get(from..to).unwrap_or_default();
        if fails(part)? {
            return Ok(Some(Fewer::Part(part.to_vec())));
        }
    }
    for (from, to) in ranges().filter(|_| parts > 2) {
        let rest = [kept.get(..from).unwrap_or_default(), kept.get(to..).unwrap_or_default()].concat();
        if fails(&rest)? {
            return Ok(Some(Fewer::Rest(rest)));
        }
    }
    Ok(None)
}
