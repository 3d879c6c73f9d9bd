//! Rules for background: frames that a test does not care about, by name, counted.

use std::sync::{Arc, Mutex};

use super::lock;
use crate::packet::{Dissection, Packet};

pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) pattern: Packet,
    pub(super) count: u64,
}

/// The rules of one exchange, in the order in which they were made: the first that fits takes the frame.
#[derive(Default)]
pub(super) struct Rules(Mutex<Vec<Rule>>);

impl Rules {
    pub(super) fn add(&self, pattern: Packet) -> Ignoring<'_> {
        let name = pattern.to_string().into();
        let mut rules = lock(&self.0);
        rules.push(Rule { name, pattern, count: 0 });
        Ignoring { rules: self, index: rules.len() - 1 }
    }

    /// The name of the rule that takes this frame.
    pub(super) fn ignoring(&self, frame: &Dissection<'_>) -> Option<Arc<str>> {
        let mut rules = lock(&self.0);
        let rule = rules.iter_mut().find(|rule| rule.pattern.matches_dissection(frame))?;
        rule.count += 1;
        Some(Arc::clone(&rule.name))
    }

    /// Each rule's name and how many frames it took.
    pub(super) fn counts(&self) -> Vec<(Arc<str>, u64)> {
        lock(&self.0).iter().map(|rule| (Arc::clone(&rule.name), rule.count)).collect()
    }
}

/// A rule that was just made: give it a name.
pub struct Ignoring<'a> {
    rules: &'a Rules,
    index: usize,
}

impl Ignoring<'_> {
    /// How reports call it. Without a name they show its template.
    pub fn named(self, name: impl AsRef<str>) -> Self {
        if let Some(rule) = lock(&self.rules.0).get_mut(self.index) {
            rule.name = format!("\"{}\"", name.as_ref()).into();
        }
        self
    }

    /// How many frames it took so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        lock(&self.rules.0).get(self.index).map_or(0, |rule| rule.count)
    }
}

impl std::fmt::Debug for Ignoring<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ignoring({} frames)", self.count())
    }
}
