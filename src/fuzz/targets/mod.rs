//! The bodies of the fuzz targets, as plain functions: what a fuzzer finds, an ordinary test replays on stable.
//!
//! Layer: above [`codec`](crate::codec), [`packet`](crate::packet), [`capture`](crate::capture) and the tests made from
//! captures. Each body takes any octets and panics when a rule is broken. The targets in `fuzz/` are one line each; `tests/corpus_replay.rs` runs the same bodies
//! over `fixtures/corpus/`. Nothing here branches on `cfg(fuzzing)`.

mod capture;
mod exchange;
#[cfg(target_os = "linux")]
mod kernel_write;
mod packet;
mod to_test;
mod tun_pi;

pub use capture::capture;
pub use exchange::exchange;
#[cfg(target_os = "linux")]
pub use kernel_write::kernel_write;
pub use packet::packet;
pub use to_test::to_test;
pub use tun_pi::tun_pi;

/// The body of a fuzz target.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also the name of its folder in `fixtures/corpus/`; without `kernel_write`, which needs
/// a kernel.
pub const TARGETS: &[(&str, Target)] =
    &[("capture", capture), ("exchange", exchange), ("packet", packet), ("to_test", to_test), ("tun_pi", tun_pi)];

/// The first rule that an input broke.
///
/// Rules are gathered and judged at the end, without a branch for each: libFuzzer's book-keeping for one branch takes
/// longer than most of the checks do.
struct Rules {
    broken: Option<&'static str>,
}

impl Rules {
    const fn new() -> Self {
        Self { broken: None }
    }

    /// States a rule and whether the input keeps it.
    #[inline]
    const fn keep(&mut self, rule: &'static str, holds: bool) {
        let broken = if self.broken.is_none() { Some(rule) } else { self.broken };
        self.broken = if holds { self.broken } else { broken };
    }

    /// Panics when a rule was broken.
    #[inline]
    fn judge(self, data: &[u8]) {
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
mod tests {
    use super::*;

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
