//! Captures turned into tests, on any octets.

use super::Rules;
use crate::capture::{Capture, ToTest};

/// The code under test.
trait Code {
    #[inline]
    fn convert(capture: &Capture<'_>) -> Result<String, String> {
        ToTest::new().convert(capture, "fuzz.pcap").map_err(|error| error.to_string())
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, taken as a pcap or pcapng file:
///
/// * a source is made, or an error that can be told;
/// * a source ends as a test does, and is the same when it is made again;
/// * no line of it ends with a space, as rustfmt would have it;
/// * whoever is said to send, there is a source where there was one.
///
/// # Panics
/// When a rule is broken.
pub fn to_test(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    let capture = Capture::from_octets_lossy(data);
    match C::convert(&capture) {
        Ok(source) => {
            rules.keep("a source ends as a test does", source.ends_with(".expect_nothing_else();\n}\n"));
            rules.keep("no line ends with a space", !source.lines().any(|line| line.ends_with(' ')));
            let again = C::convert(&capture);
            rules.keep("the same capture gives the same source", again.is_ok_and(|again| again == source));
            let other = ToTest::new().sent_by([192, 0, 2, 1]).convert(&capture, "fuzz.pcap");
            rules.keep("another side gives a source, too", other.is_ok());
        }
        Err(error) => rules.keep("an error can be told", error.starts_with("fuzz.pcap: ")),
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    struct ForgetsTheEnd;

    impl Code for ForgetsTheEnd {
        fn convert(capture: &Capture<'_>) -> Result<String, String> {
            Library::convert(capture).map(|source| source.replace("expect_nothing_else", "expect_nothing"))
        }
    }

    struct LeavesASpace;

    impl Code for LeavesASpace {
        fn convert(capture: &Capture<'_>) -> Result<String, String> {
            Library::convert(capture).map(|source| source.replacen('{', "{ ", 1))
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("to_test", rules::<ForgetsTheEnd>, "a source ends as a test does");
        caught("to_test", rules::<LeavesASpace>, "no line ends with a space");
    }
}
