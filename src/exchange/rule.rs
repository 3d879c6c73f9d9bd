//! Rules for background: frames that a test does not care about, by name, counted.

use std::sync::{Arc, Mutex};

use super::lock;
use crate::packet::{Dissection, Packet};

pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) pattern: Arc<Packet>,
    pub(super) count: u64,
}

/// The rules of one exchange, in the order in which they were made: the first that fits takes the frame.
#[derive(Default)]
pub(super) struct Rules(Mutex<Vec<Rule>>);

impl Rules {
    pub(super) fn add(&self, pattern: Packet) -> Ignoring<'_> {
        let name = pattern.to_string().into();
        let mut rules = lock(&self.0);
        rules.push(Rule { name, pattern: Arc::new(pattern), count: 0 });
        Ignoring { rules: self, index: rules.len() - 1 }
    }

    /// The name of the rule that takes this frame.
    pub(super) fn ignoring(&self, frame: &Dissection<'_>) -> Option<Arc<str>> {
        // A pattern's predicates are the test's: they run without the lock.
        let patterns: Vec<_> = lock(&self.0).iter().map(|rule| Arc::clone(&rule.pattern)).collect();
        let index = patterns.iter().position(|pattern| pattern.matches_dissection(frame))?;
        let mut rules = lock(&self.0);
        let rule = rules.get_mut(index)?;
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

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::device::{FrameRef, Mode};
    use crate::packet::{IntoPacket as _, Udp, such_that};

    /// A predicate is the test's code, and may do what a test may.
    #[test]
    fn a_predicate_may_ask_for_the_rules() {
        static RULES: OnceLock<Rules> = OnceLock::new();
        let rules = RULES.get_or_init(Rules::default);
        let asks = such_that("9", |port: u16| port == 9 && RULES.get().is_some_and(|rules| rules.counts().len() == 1));
        let rule = rules.add(Udp::new().dport(asks).into_packet());
        let frame = Udp::new().dport(9).into_packet().build().unwrap();
        assert!(rules.ignoring(&Dissection::new(FrameRef::new(Mode::Tun, &frame))).is_some());
        assert_eq!(rule.count(), 1);
    }
}
