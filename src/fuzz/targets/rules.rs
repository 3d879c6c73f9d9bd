//! The rules that an input keeps or breaks, gathered without branches.

/// The first rule that an input broke.
///
/// Rules are gathered and judged at the end, without a branch for each: libFuzzer's book-keeping for one branch takes
/// longer than most of the checks do.
pub(super) struct Rules {
    broken: Option<&'static str>,
}

impl Rules {
    pub(super) const fn new() -> Self {
        Self { broken: None }
    }

    /// States a rule and whether the input keeps it.
    #[inline]
    pub(super) const fn keep(&mut self, rule: &'static str, holds: bool) {
        let broken = if self.broken.is_none() { Some(rule) } else { self.broken };
        self.broken = if holds { self.broken } else { broken };
    }

    #[cfg(all(test, feature = "smoltcp"))]
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Panics when a rule was broken.
    #[inline]
    pub(super) fn judge(self, data: &[u8]) {
        if let Some(rule) = self.broken {
            broken(rule, data);
        }
    }
}

/// Out of line, so that making the message costs nothing while there is none.
#[cold]
#[inline(never)]
fn broken(rule: &'static str, data: &[u8]) -> ! {
    panic!("broken rule: {rule}; {} octets: {data:02x?}", data.len());
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The committed seeds of a target.
    pub(crate) fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus").join(target);
        let seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|seed| fs::read(seed.unwrap().path()).unwrap()).collect();
        assert!(!seeds.is_empty(), "{target} has no seeds");
        seeds
    }

    /// Holds that broken code is caught: some seed of the target breaks that rule with it. (That none breaks a rule with
    /// the library's code is `tests/corpus_replay.rs`.)
    #[track_caller]
    pub(crate) fn caught(target: &str, body: fn(&[u8]) -> Rules, rule: &str) {
        let rules: BTreeSet<&str> = seeds(target).iter().filter_map(|seed| body(seed).broken).collect();
        assert!(rules.contains(rule), "no seed of `{target}` breaks the rule `{rule}` but: {rules:?}");
    }

    #[test]
    fn the_first_broken_rule_is_the_one_told() {
        let mut rules = Rules::new();
        rules.keep("a", true);
        assert_eq!(rules.broken, None);
        rules.keep("b", false);
        rules.keep("c", false);
        rules.keep("d", true);
        assert_eq!(rules.broken, Some("b"));
    }

    #[test]
    #[should_panic(expected = "broken rule: b; 2 octets: [01, ff]")]
    fn a_broken_rule_panics_with_the_octets() {
        let mut rules = Rules::new();
        rules.keep("b", false);
        rules.judge(&[1, 0xff]);
    }
}
