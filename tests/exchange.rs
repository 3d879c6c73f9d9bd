//! Exchanges as users write them: what must come, in order or in any, what must not, and the account of every frame.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

use std::time::Duration;

use tuntap_test::exchange::{IntoExpectation, Monitor, one_of, optional, times};
use tuntap_test::packet::{Icmpv4, Icmpv6, IntoPacket, Ipv4, Ipv6, Packet, Tcp, Udp};
use tuntap_test::{Tap, Tun, tuntap_test};

#[tuntap_test]
fn the_host_answers_and_nothing_else_comes(tun: Tun) {
    tun.send(Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4()) / Icmpv4::echo_request(7, 1) / b"hello");
    tun.expect(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1) / b"hello");
    tun.expect_nothing_else();
    let account = tun.accounting();
    assert_eq!((account.sent, account.received, account.matched, account.left_over), (1, 1, 1, 0));
}

#[tuntap_test]
fn ethernet_is_filled_in(tap: Tap) {
    tap.send(Ipv4::new().src(tap.host_v4()) / Icmpv4::echo_request(7, 1));
    // What claims to come from the host itself is dropped.
    tap.expect_nothing_else();
}

#[tuntap_test]
fn what_is_wanted_may_be_one_of_several(tun: Tun) {
    tun.send(Icmpv6::echo_request(7, 1));
    tun.expect(one_of((Icmpv4::echo_reply(7, 1), Icmpv6::echo_reply(7, 1))));
}

#[tuntap_test]
fn others_may_pass_before_what_is_wanted(tun: Tun) {
    for seq in 1..=3 {
        tun.send(Icmpv4::echo_request(7, seq));
    }
    tun.expect_eventually(Icmpv4::echo_reply(7, 3));
    tun.expect_nothing_else();
    assert_eq!((tun.accounting().skipped, tun.accounting().matched), (2, 1));
}

#[tuntap_test]
fn a_sequence_has_counts_and_options(tun: Tun) {
    for seq in 1..=3 {
        tun.send(Icmpv4::echo_request(7, seq));
    }
    tun.send(Icmpv6::echo_request(9, 1));
    let frames = tun.expect_sequence((
        times(2..=4, Icmpv4::echo_reply(7, 1..)),
        optional(Udp::new()),
        Icmpv6::echo_reply(9, 1),
        optional(Icmpv6::echo_reply(9, 2)),
    ));
    assert_eq!(frames.len(), 4);
    tun.expect_nothing_else();
}

#[tuntap_test]
fn what_a_sequence_does_not_take_waits_for_the_next_verb(tun: Tun) {
    for seq in 1..=3 {
        tun.send(Icmpv4::echo_request(7, seq));
    }
    let frames = tun.expect_sequence([times(1..=2, Icmpv4::echo_reply(7, 1..))]);
    assert_eq!(frames.len(), 2);
    tun.expect(Icmpv4::echo_reply(7, 3));
}

/// The general template would take the frame that only the special one leaves room for: all come out even.
#[tuntap_test]
fn any_order_finds_a_way_to_meet_all(tun: Tun) {
    for seq in [2, 1] {
        tun.send(Icmpv4::echo_request(7, seq));
    }
    tun.send(Icmpv6::echo_request(9, 1));
    let frames = tun.expect_in_any_order((
        one_of((Icmpv4::echo_reply(7, 1..), Icmpv6::echo_reply(9, 1))),
        Icmpv4::echo_reply(7, 2),
        Icmpv4::echo_reply(7, 1..=2),
    ));
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[1][26..28], [0, 2]);
    tun.expect_nothing_else();
}

#[tuntap_test]
fn never_leaves_other_frames_for_later(tun: Tun) {
    tun.send(Icmpv4::echo_request(7, 1));
    tun.never(Tcp::new()).during(Duration::from_millis(20));
    tun.expect(Icmpv4::echo_reply(7, 1));
    tun.send(Icmpv4::echo_request(7, 2));
    let failure = tun.never(Icmpv4::new().named("a reply")).try_during(Duration::from_secs(10)).unwrap_err();
    assert!(failure.to_string().starts_with("never \"a reply\" during 10s: #4 "), "{failure}");
}

#[tuntap_test]
fn requests_are_paired_with_their_answers(tun: Tun) {
    let reply = tun.sr1(Icmpv4::echo_request(7, 1) / b"hello");
    assert!(reply.ends_with(b"hello"));
    let answers = tun.sr([
        Icmpv4::echo_request(7, 2).into_packet(),
        Ipv4::new().dst([192, 0, 2, 99]) / Icmpv4::echo_request(7, 3),
        Icmpv6::echo_request(7, 4).into_packet(),
    ]);
    assert_eq!((answers.answered.len(), answers.unanswered.len()), (2, 1));
    assert_eq!(answers.unanswered[0][16..20], [192, 0, 2, 99]);
}

#[tuntap_test]
fn sniffing_takes_what_matches(tun: Tun) {
    for seq in 1..=3 {
        tun.send(Icmpv4::echo_request(7, seq));
        tun.send(Icmpv6::echo_request(7, seq));
    }
    assert_eq!(tun.sniff(Icmpv6::new(), 3).len(), 3);
    assert_eq!(tun.sniff(Packet::any(), Duration::from_millis(20)).len(), 0);
    assert_eq!(tun.accounting().skipped, 3);
}

#[tuntap_test]
fn background_is_ignored_and_counted(tun: Tun) {
    let rule = tun.ignore(Icmpv6::new()).named("IPv6 echo");
    for seq in 1..=2 {
        tun.send(Icmpv6::echo_request(7, seq));
        tun.send(Icmpv4::echo_request(7, seq));
    }
    tun.expect_sequence([Icmpv4::echo_reply(7, 1), Icmpv4::echo_reply(7, 2)]);
    tun.expect_nothing_else();
    assert_eq!((rule.count(), tun.accounting().ignored), (2, 2));
}

#[tuntap_test]
fn time_windows_count_from_the_last_event(tun: Tun) {
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 1).within(Duration::from_secs(5)));
    tun.send(Icmpv4::echo_request(7, 2));
    let failure = tun.try_expect(Icmpv4::echo_reply(7, 2).not_before(Duration::from_secs(1))).unwrap_err();
    assert!(failure.to_string().contains("came too early"), "{failure}");
    let failure = tun.try_expect(Icmpv4::new().within(Duration::from_millis(20))).unwrap_err();
    assert!(failure.to_string().contains("no frame came"), "{failure}");
}

#[tuntap_test]
fn both_ends_are_exchanges(tun: Tun) {
    let host = tun.host_end();
    host.send(Udp::new().sport(9).dport(53) / b"query");
    tun.expect(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Udp::new().dport(53) / b"query");
    tun.send(Udp::new().sport(53).dport(9) / b"answer");
    host.expect(Ipv4::new().src(tun.peer_v4()) / Udp::new().dport(9) / b"answer");
}

/// What the test itself puts in at the other end is not held against the code under test.
#[tuntap_test]
fn monitors_judge_the_code_under_test_and_not_the_test(tun: Tun) {
    let host = tun.host_end();
    host.send(Ipv4::new().ttl(0) / Udp::new().checksum(0x1234));
    tun.expect(Udp::new().unverified());
}

/// A program that holds the mock's host end is the code under test: what it emits is judged.
#[tuntap_test(mock)]
fn a_monitor_fails_the_next_verb(tun: Tun) {
    use tuntap_test::device::Device as _;

    let program = tun.mock().unwrap().host_end();
    let emit = |packet: Packet| program.transmit(&packet.build().unwrap()).map(drop).unwrap();
    for (packet, monitor, text) in [
        (Udp::new().checksum(0x1234).into_packet(), Monitor::Checksums, "UDP checksum is 0x1234"),
        (Ipv4::new().ttl(0) / Udp::new(), Monitor::TimeToLive, "RFC 1122 section 3.2.1.7"),
        (Ipv6::new().hop_limit(0) / Udp::new(), Monitor::TimeToLive, "RFC 8200 section 3"),
        (Udp::new().length(9).into_packet(), Monitor::Lengths, "UDP length is 9, must be 8"),
        (
            Icmpv4::port_unreachable().quoting(Ipv4::new().dst([224, 0, 0, 1]) / Udp::new()),
            Monitor::IcmpErrors,
            "about a packet to a group",
        ),
        (
            Icmpv4::port_unreachable().quoting(Ipv4::new() / Icmpv4::time_exceeded() / [0; 28]),
            Monitor::IcmpErrors,
            "about an ICMP error",
        ),
        (
            Icmpv6::port_unreachable().quoting(Ipv6::new() / Icmpv6::time_exceeded() / [0; 48]),
            Monitor::IcmpErrors,
            "about an ICMP error",
        ),
    ] {
        emit(packet.clone());
        let failure = tun.try_expect(packet.clone().unverified()).unwrap_err();
        assert!(failure.to_string().contains(text), "{packet}: {failure}");
        // The checksum is wrong where the length is; and the frame may be there still.
        while tun.try_expect_nothing_else().is_err() {}
        for off in [monitor, Monitor::Checksums] {
            tun.disable(off);
        }
        emit(packet.clone());
        tun.expect(packet.unverified());
        for on in Monitor::ALL {
            tun.enable(on);
        }
    }
}

/// Monitors look at all that the device holds when the test ends, not only at what a verb waited for.
#[tuntap_test(mock)]
#[should_panic(expected = "ttl is 0 (RFC 1122 section 3.2.1.7)")]
fn what_comes_after_the_last_verb_is_judged(tun: Tun) {
    use tuntap_test::device::Device as _;

    let program = tun.mock().unwrap().host_end();
    tun.expect_nothing_else();
    program.transmit(&(Ipv4::new().ttl(0) / Udp::new()).build().unwrap()).unwrap();
}

/// The case that did it fails, and not a later one or none.
#[tuntap_test(mock)]
fn each_case_is_judged_at_its_end(tun: Tun) {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use tuntap_test::device::Device as _;

    let program = tun.mock().unwrap().host_end();
    tun.expect_nothing_else();
    for ttl in [64, 0, 64] {
        let packet = (Ipv4::new().ttl(ttl) / Udp::new()).build().unwrap();
        let ended = catch_unwind(AssertUnwindSafe(|| tun.case(|| program.transmit(&packet).map(drop))));
        match ended {
            Ok(outcome) => assert!(ttl == 64 && outcome.is_ok()),
            Err(payload) => {
                assert!(payload.downcast_ref::<String>().unwrap().contains("monitor \"time to live\""), "ttl {ttl}");
                assert_eq!(ttl, 0);
            }
        }
    }
}

/// The checksum of nothing but zeros: the kernel sends the other form of zero than RFC 1071 has.
#[tuntap_test]
fn an_echo_of_nothing_but_zeros_is_sound(tun: Tun) {
    tun.send(Icmpv4::echo_request(0, 0));
    tun.expect(Icmpv4::echo_reply(0, 0));
}

#[tuntap_test(mock, strict)]
#[should_panic(expected = "1 frame came that nobody wanted")]
fn a_strict_test_fails_with_what_is_left_over(tun: Tun) {
    tun.send(Icmpv4::echo_request(7, 1));
}

#[tuntap_test(strict)]
fn a_strict_test_passes_when_all_is_accounted_for(tun: Tun) {
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 1));
}

#[tuntap_test(kernel)]
fn a_socket_makes_nothing_else_a_quiet_window(tun: Tun) {
    use tuntap_test::exchange::Established;

    tun.send(Tcp::new().sport(40_000).dport(81).seq(100).syn());
    tun.expect(Tcp::new().sport(81).dport(40_000).rst().ack(101));
    assert!(matches!(tun.try_expect_nothing_else().unwrap(), Established::Fence { .. }));
    let _socket = std::net::UdpSocket::bind((tun.host_v4(), 0)).unwrap();
    assert!(matches!(tun.try_expect_nothing_else().unwrap(), Established::QuietWindow { .. }));
}

/// A host end that nobody reads holds 10,000 frames; a frame that is missing behind that may be one of the lost.
#[tuntap_test(mock)]
fn a_host_end_that_lost_frames_makes_a_failure_inconclusive(tun: Tun) {
    let host = tun.host_end();
    for port in 1..=10_001 {
        tun.send(Udp::new().sport(port).dport(9));
    }
    host.expect(Udp::new().sport(1));
    let last = Udp::new().sport(10_001).within(Duration::from_millis(1));
    let failure = host.try_expect_eventually(last).unwrap_err();
    assert!(failure.is_inconclusive());
    assert!(failure.to_string().contains("the host end dropped 1 frame, which nobody read in time"), "{failure}");
}

/// Code under test that has the device by reference leaves as much evidence as one that was handed it.
#[tuntap_test]
fn what_goes_through_the_device_itself_is_on_record(tun: Tun) {
    let request = Icmpv4::echo_request(7, 1).into_packet().build().unwrap();
    tun.device().transmit(&request).unwrap();
    assert!(tun.device().transmit(&[0]).is_err(), "no IP packet");
    let mut buffer = [0; 100];
    let length = tun.device().receive(&mut buffer, Duration::from_secs(10).into()).unwrap();
    assert_eq!(length, request.len());
    let accounting = tun.accounting();
    assert_eq!((accounting.written, accounting.received, accounting.delivered), (1, 1, 1), "{accounting}");
    let text = "0 sent, 1 written by the code under test; 1 received: 1 read by the code under test";
    assert_eq!(accounting.to_string(), text);
    let failure = tun.try_expect(Udp::new().within(Duration::from_millis(5))).unwrap_err().to_string();
    for told in ["──▶", "sent by the code under test", "REFUSED", "read by the code under test"] {
        assert!(failure.contains(told), "{told} is not in\n{failure}");
    }
}

/// A case may begin while the code under test is about to be refused.
#[tuntap_test(mock)]
fn a_write_that_is_refused_when_the_next_case_has_begun(tun: Tun) {
    let is_over = std::sync::atomic::AtomicBool::new(false);
    tun.down();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                tun.device().transmit(&[0x45; 40]).unwrap_err();
            }
        });
        for _ in 0..20_000 {
            tun.case(|| ());
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
    });
    tun.case(|| assert_eq!(tun.accounting().written, 0));
}
