//! What an expectation cannot mean is refused where it is written, and nothing of it is forgotten.

use tuntap_test::exchange::{IntoExpectation as _, one_of, optional, times};
use tuntap_test::prelude::*;

const SOON: Duration = Duration::from_millis(1);

#[test]
fn alternatives_lend_their_names() {
    let named = one_of([Udp::new().named("DNS"), Tcp::new().named("RST")]).not_before(SOON);
    assert_eq!(named.to_string(), "UDP | TCP, not before 1ms");
    assert!(format!("{:?}", one_of((Udp::new().named("DNS"), Tcp::new()))).starts_with("UDP"));
}

#[tuntap_test(mock)]
fn the_names_of_alternatives_are_told(tun: Tun) {
    let either = one_of([Udp::new().named("answer"), Icmpv4::port_unreachable().named("refusal")]);
    let failure = tun.try_expect(either.within(SOON)).unwrap_err();
    assert!(failure.to_string().starts_with("expect \"answer or refusal\""), "{failure}");
}

#[test]
#[should_panic(expected = "one_of of what has a time window, which would not be looked at: UDP, within 1ms")]
fn one_alternative_has_no_time_window() {
    let _ = one_of((Udp::new().within(SOON), Tcp::new()));
}

#[test]
#[should_panic(expected = "one_of of what has a count already: optionally UDP")]
fn one_alternative_has_no_count() {
    let _ = one_of((optional(Udp::new()), Tcp::new()));
}

#[test]
#[should_panic(expected = "one_of needs an alternative")]
fn none_of_none() {
    let _ = one_of(Vec::<Packet>::new());
}

#[test]
#[should_panic(expected = "times(5..=2): no count is that")]
#[expect(clippy::reversed_empty_ranges, reason = "that is the mistake")]
fn an_empty_range_of_counts() {
    let _ = times(5..=2, Udp::new());
}

#[test]
#[should_panic(expected = "optional of what has a count already: 2 times UDP")]
fn two_counts() {
    let _ = optional(times(2, Udp::new()));
}

#[tuntap_test(mock)]
#[should_panic(expected = "never of what has a time window")]
fn never_has_its_own_time(tun: Tun) {
    tun.never(Udp::new().within(SOON)).during(SOON);
}

#[tuntap_test(mock)]
#[should_panic(expected = "sniff of what has a count already")]
fn a_sniff_has_its_own_count(tun: Tun) {
    tun.sniff(times(2, Udp::new()), SOON);
}

/// A frame that two could have goes where it must, and what comes later where it may.
#[tuntap_test(mock)]
fn a_frame_goes_to_what_must_come(tun: Tun) {
    let host = tun.host_end();
    host.send(Udp::new().dport(5));
    assert_eq!(tun.expect_in_any_order((optional(Udp::new()), Udp::new().dport(5))).len(), 1);
    host.send(Udp::new().dport(5));
    host.send(Udp::new().dport(6));
    assert_eq!(tun.expect_in_any_order((times(1..=3, Udp::new()), Udp::new().dport(5))).len(), 2);
    tun.expect_nothing_else();
}

/// As in a sequence. What fits no more, or nowhere, is the next verb's.
#[tuntap_test(mock)]
fn what_may_come_and_is_there_is_taken(tun: Tun) {
    let host = tun.host_end();
    for port in 1..=5 {
        host.send(Udp::new().dport(port));
    }
    assert_eq!(tun.expect_in_any_order([times(1..=3, Udp::new())]).len(), 3);
    assert_eq!(tun.expect_in_any_order((times(0.., Udp::new().dport(4)), optional(Tcp::new()))).len(), 1);
    tun.expect(Udp::new().dport(5));
    tun.expect_nothing_else();
}

/// With a thousand of one kind each frame has to be quick about its place.
#[tuntap_test(mock)]
fn a_thousand_in_any_order(tun: Tun) {
    let host = tun.host_end();
    for port in 0..1000 {
        host.send(Udp::new().dport(port));
    }
    let begin = std::time::Instant::now();
    let patterns: Vec<Packet> = (0..1000).map(|port| Udp::new().dport(port..).into_packet()).rev().collect();
    assert_eq!(tun.expect_in_any_order(patterns).len(), 1000);
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}
