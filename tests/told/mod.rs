//! What the tests of the failure report share: redaction of times, and waiting for what is on its way.

use std::thread;
use std::time::Duration;

use tuntap_test::exchange::Exchange;
use tuntap_test::packet::{IntoPacket as _, Packet, Payload};

/// The report with `[time]` for every time that was measured: a number with a point and a unit behind it, with the
/// spaces that align it. Times that the test itself gives (`20ms`) have no point.
pub(crate) fn without_times(report: &str) -> String {
    let mut text = String::with_capacity(report.len());
    let mut rest = report;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
        let (number, behind) = from.split_at(end);
        let unit = [" ms", " s", "ms", "µs", "ns", "s"]
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
