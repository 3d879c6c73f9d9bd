//! What the tests of the failure report share: redaction of times, the bounds of a report, and waiting.

use std::thread;
use std::time::Duration;

use tuntap_test::exchange::Exchange;
use tuntap_test::packet::{IntoPacket as _, Packet, Payload};

/// The cause must stand in the first five lines, the whole in 40; the text is a file in `tests/told/snapshots`. Accept what
/// changed with `INSTA_UPDATE=always`, and read it.
#[track_caller]
pub(crate) fn told(name: &str, cause: &str, report: impl ToString) {
    let report = without_times(&report.to_string());
    assert_bounds(cause, &report);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, report);
    });
}

/// The cause in the first five lines, at most 40 lines of at most 160 characters.
#[track_caller]
pub(crate) fn assert_bounds(cause: &str, report: &str) {
    let first: Vec<&str> = report.lines().take(5).collect();
    assert!(first.join("\n").contains(cause), "{cause:?} is not in the first five lines of\n{report}");
    // One line is for where the files are.
    assert!(report.lines().count() < 40, "{} lines:\n{report}", report.lines().count());
    for line in report.lines() {
        assert!(line.chars().count() <= 160, "{line}\nis too long in\n{report}");
        assert_eq!(line.trim_end(), line, "ends in spaces in\n{report}");
    }
}

/// The report with `[time]` for every time that was measured: a number with a point and a unit behind it, with the
/// spaces that align it. Times that the test itself gives (`20ms`) have no point.
fn without_times(report: &str) -> String {
    let mut text = String::with_capacity(report.len());
    let mut rest = report;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
        let (number, behind) = from.split_at(end);
        let unit = [" ms", " s"]
            .into_iter()
            .find(|unit| behind.strip_prefix(unit).is_some_and(|behind| !behind.starts_with(char::is_alphanumeric)));
        match unit.filter(|_| number.contains('.') && !number.ends_with('.')) {
            Some(unit) => {
                let signed = before.strip_suffix('+');
                text.push_str(signed.map_or(before, str::trim_end));
                text.push_str(if signed.is_some() { " +[time]" } else { "[time]" });
                rest = &behind[unit.len()..];
            }
            None => {
                text.push_str(before);
                text.push_str(number);
                rest = behind;
            }
        }
    }
    text + rest
}

/// Waits until so many frames have arrived at that end.
pub(crate) fn arrived(end: &Exchange, frames: u64) {
    // A link has no reader before its first verb.
    end.never(Packet::any().unverified() / Payload::containing("no such octets")).during(Duration::ZERO);
    while end.accounting().received < frames {
        thread::yield_now();
    }
}
