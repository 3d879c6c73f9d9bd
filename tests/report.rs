//! What a failing test says: typical mistakes, each with its report as a file in `tests/told/snapshots`.
//!
//! Accept changed reports with `INSTA_UPDATE=always cargo test --test report`, and read what changed.

#![expect(clippy::indexing_slicing, reason = "the test fails where the slice is too short")]

mod told;

use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::time::Duration;

use told::{arrived, told};
use tuntap_test::answer::{AnsweringMachine, IcmpEcho};
use tuntap_test::device::{Device as _, FrameRef, dispatch::Replies};
use tuntap_test::exchange::{IntoExpectation, one_of, times};
use tuntap_test::packet::{Icmpv4, Icmpv6, IntoPacket, Ipv4, Ipv6, Packet, Payload, Tcp, Udp, tcp_flags::*};
use tuntap_test::{Tap, Tun, tuntap_test};

/// The test plays the host.
fn silence(tun: &Tun) {
    tun.stack().mock_host().unwrap().set_silent(true);
}

const SOON: Duration = Duration::from_millis(20);

fn reset() -> Packet {
    Tcp::new().sport(81).dport(40_000).seq(0).ack(100).rst().window(0).into_packet()
}

#[tuntap_test(mock)]
fn a_field_is_off_by_one(tun: Tun) {
    silence(&tun);
    let host = tun.host_end();
    tun.send(Tcp::new().sport(40_000).dport(81).seq(100).syn());
    host.send(reset());
    let wanted = Tcp::new().sport(81).dport(40_000).rst().ack(101);
    told("field_off_by_one", "acknowledgement", tun.try_expect(wanted.named("RST")).unwrap_err());
}

#[tuntap_test(mock)]
fn several_fields_differ(tun: Tun) {
    tun.host_end().send(Ipv4::new().ttl(63) / Tcp::new().sport(80).dport(40_001).seq(7).syn().window(512).mss(1460));
    let wanted = Ipv4::new().src(tun.host_v4()).ttl(64)
        / Tcp::new().sport(80).dport(40_000).flags(S & A & !R).acknowledgement(101).mss(1200..=1400);
    told("several_fields", "dport", tun.try_expect(wanted).unwrap_err());
}

#[tuntap_test(mock)]
fn octets_of_a_port_are_swapped(tun: Tun) {
    tun.host_end().send(Udp::new().sport(0x3500).dport(5353) / b"query");
    told("octets_swapped", "swapped", tun.try_expect(Udp::new().sport(53)).unwrap_err());
}

#[tuntap_test(mock)]
fn ports_are_swapped(tun: Tun) {
    tun.host_end().send(Udp::new().sport(40_000).dport(53) / b"query");
    told("ports_swapped", "exchanged", tun.try_expect(Udp::new().sport(53).dport(40_000)).unwrap_err());
}

#[tuntap_test(mock)]
fn addresses_are_swapped(tun: Tun) {
    tun.host_end().send(Icmpv6::echo_request(7, 1));
    let wanted = Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6()) / Icmpv6::echo_request(7, 1);
    told("addresses_swapped", "exchanged", tun.try_expect(wanted).unwrap_err());
}

#[tuntap_test(mock)]
fn flags_are_wrong(tun: Tun) {
    tun.host_end().send(Tcp::new().sport(80).dport(40_000).rst().ack(101));
    let wanted = Tcp::new().sport(80).dport(40_000).syn().ack(101);
    told("wrong_flags", "flags", tun.try_expect(wanted.named("SYN-ACK")).unwrap_err());
}

#[tuntap_test(mock)]
fn another_layer_comes(tun: Tun) {
    tun.host_end().send(Udp::new().sport(53).dport(40_000) / b"query");
    told("another_layer", "UDP", tun.try_expect(Tcp::new().dport(40_000).syn()).unwrap_err());
}

#[tuntap_test(mock)]
fn the_payload_is_another_text(tun: Tun) {
    tun.host_end()
        .send(Udp::new().dport(9) / b"GET /index.html HTTP/1.1\r\nHost: example.test\r\nAccept: text/html\r\n\r\n");
    let wanted = Udp::new() / b"GET /index.html HTTP/1.1\r\nHost: example.test\r\nAccept: text/xml\r\n\r\n";
    told("payload_text", "xml", tun.try_expect(wanted).unwrap_err());
}

#[tuntap_test(mock)]
fn the_payload_has_other_octets(tun: Tun) {
    let octets: Vec<u8> = (0..=255).collect();
    let mut wrong = octets.clone();
    wrong[200] = 0;
    tun.host_end().send(Udp::new().dport(9) / wrong);
    told("payload_octets", "200", tun.try_expect(Udp::new() / octets).unwrap_err());
}

#[tuntap_test(mock)]
fn the_payload_is_short(tun: Tun) {
    tun.host_end().send(Udp::new().dport(9) / b"hell");
    told("payload_short", "short", tun.try_expect(Udp::new() / b"hello").unwrap_err());
}

#[tuntap_test(mock)]
fn the_payload_is_long(tun: Tun) {
    tun.host_end().send(Udp::new().dport(9) / [7; 1200]);
    told("payload_long", "1 octet", tun.try_expect(Udp::new() / [7; 1199]).unwrap_err());
}

#[tuntap_test(mock)]
fn the_payload_does_not_satisfy(tun: Tun) {
    tun.host_end().send(Udp::new().dport(9) / b"HTTP/1.0 404 Not Found\r\n\r\n");
    told(
        "payload_start",
        "starting with",
        tun.try_expect(Udp::new() / Payload::starting_with("HTTP/1.1 200")).unwrap_err(),
    );
}

#[tuntap_test(mock)]
fn the_checksum_is_wrong(tun: Tun) {
    tun.host_end().send(Udp::new().sport(53).dport(9).checksum(0x1234) / b"answer");
    told("wrong_checksum", "checksum", tun.try_expect(Udp::new().sport(53)).unwrap_err());
}

#[tuntap_test(mock)]
fn nothing_comes(tun: Tun) {
    silence(&tun);
    tun.send(Udp::new().sport(9).dport(53) / b"query");
    let wanted = Udp::new().sport(53).dport(9);
    told("nothing_came", "no frame came", tun.try_expect(wanted.named("answer")).unwrap_err());
}

#[tuntap_test(mock)]
fn it_comes_too_early(tun: Tun) {
    silence(&tun);
    let host = tun.host_end();
    tun.send(Tcp::new().sport(40_000).dport(80).seq(100).syn());
    host.send(reset());
    let wanted = Tcp::new().rst().ack(100).not_before(Duration::from_secs(1));
    told("too_early", "too early", tun.try_expect(wanted).unwrap_err());
}

#[tuntap_test(mock)]
fn it_comes_too_late(tun: Tun) {
    silence(&tun);
    let host = tun.host_end();
    tun.send(Tcp::new().sport(40_000).dport(80).seq(100).syn());
    tun.never(Tcp::new()).during(SOON);
    host.send(reset());
    arrived(&tun, 1);
    let wanted = Tcp::new().rst().ack(100).within(Duration::from_millis(10));
    told("too_late", "too late", tun.try_expect(wanted.named("RST")).unwrap_err());
}

#[tuntap_test(mock)]
fn a_sequence_breaks_in_the_middle(tun: Tun) {
    let host = tun.host_end();
    host.send(Tcp::new().sport(80).dport(40_000).seq(0).syn().ack(101));
    host.send(Tcp::new().sport(80).dport(40_000).seq(1).ack(101).psh() / b"hello");
    host.send(Tcp::new().sport(80).dport(40_000).seq(6).ack(101).fin());
    arrived(&tun, 3);
    let expected = (
        Tcp::new().flags(S | A).named("SYN-ACK"),
        times(2..=3, Tcp::new().flags(P | A) / Payload::of_length(1..)).named("data"),
        Tcp::new().flags(F | A).named("FIN"),
    );
    told("sequence_in_the_middle", "1 of 2", tun.try_expect_sequence(expected).unwrap_err());
}

#[tuntap_test(mock)]
fn any_order_has_one_too_many(tun: Tun) {
    let host = tun.host_end();
    for port in [53, 123, 161] {
        host.send(Udp::new().sport(port).dport(9));
    }
    arrived(&tun, 3);
    let expected = [Udp::new().sport(123), Udp::new().sport(53), Udp::new().sport(514)];
    told("any_order_extra", "514", tun.try_expect_in_any_order(expected).unwrap_err());
}

#[tuntap_test(mock)]
fn any_order_has_one_twice(tun: Tun) {
    let host = tun.host_end();
    for port in [53, 53] {
        host.send(Udp::new().sport(port).dport(9));
    }
    let expected = [Udp::new().sport(123).named("NTP"), Udp::new().sport(53).named("DNS")];
    told("any_order_twice", "\"DNS\"", tun.try_expect_in_any_order(expected).unwrap_err());
}

#[tuntap_test(mock)]
fn any_order_misses_one(tun: Tun) {
    tun.host_end().send(Udp::new().sport(53).dport(9));
    let expected = [Udp::new().sport(123), Udp::new().sport(53)];
    told("any_order_missing", "123", tun.try_expect_in_any_order(expected).unwrap_err());
}

#[tuntap_test(mock)]
fn something_else_comes(tun: Tun) {
    tun.send(Icmpv4::echo_request(7, 1));
    tun.expect(Icmpv4::echo_reply(7, 1));
    tun.send(Icmpv4::echo_request(7, 2));
    told("something_else", "seq 2", tun.try_expect_nothing_else().unwrap_err());
}

#[tuntap_test(mock)]
fn what_must_never_come_comes(tun: Tun) {
    let host = tun.host_end();
    host.send(Udp::new().sport(53).dport(9));
    host.send(Tcp::new().sport(80).dport(40_000).rst().seq(5));
    let never = tun.never(Tcp::new().flags(R & !S));
    told("never", "TCP [R]", never.try_during(Duration::from_secs(10)).unwrap_err());
}

#[tuntap_test(mock)]
fn eventually_passes_over_several(tun: Tun) {
    let host = tun.host_end();
    host.send(Icmpv4::port_unreachable().quoting(Ipv4::new() / Udp::new().dport(53)));
    host.send(Tcp::new().sport(80).dport(40_000).rst().ack(100));
    host.send(Tcp::new().sport(80).dport(40_001).rst().ack(102));
    host.send(Udp::new().sport(53).dport(9) / b"answer");
    arrived(&tun, 4);
    let wanted = Tcp::new().sport(80).dport(40_000).rst().ack(101);
    told("eventually", "acknowledgement", tun.try_expect_eventually(wanted.named("RST")).unwrap_err());
}

/// Waits for 10 s times the scale: in a program of its own with another scale.
#[tuntap_test(mock)]
fn a_request_is_unanswered(tun: Tun) {
    const SCALE: &str = "TUNTAP_TEST_TIMEOUT_SCALE";
    if std::env::var(SCALE).as_deref() != Ok("0.002") {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "a_request_is_unanswered::mock"]).env(SCALE, "0.002");
        let output = program.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let host = tun.host_end();
    host.send(Icmpv4::echo_reply(8, 1));
    host.send(Icmpv4::echo_reply(7, 2));
    host.send(Udp::new().sport(53).dport(9));
    arrived(&tun, 3);
    let request = Ipv4::new().dst([192, 0, 2, 99]) / Icmpv4::echo_request(7, 1);
    told("sr1_unanswered", "none of 3 frames answers", tun.try_sr1(request).unwrap_err());
}

#[tuntap_test(mock)]
fn a_monitor_finds_something(tun: Tun) {
    let program = tun.mock().unwrap().host_end();
    let wrong = (Ipv4::new().ttl(0) / Udp::new().sport(53).dport(9) / b"answer").build_with(&tun.defaults().reversed());
    program.transmit(&wrong.unwrap()).unwrap();
    told("monitor", "ttl is 0", tun.try_expect(Udp::new()).unwrap_err());
}

#[tuntap_test(mock)]
fn an_icmp_error_comes_instead(tun: Tun) {
    silence(&tun);
    let host = tun.host_end();
    tun.send(Udp::new().sport(40_000).dport(53) / b"query");
    let quoted = Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4()) / Udp::new().sport(40_000).dport(53) / b"query";
    host.send(Icmpv4::port_unreachable().quoting(quoted));
    told("icmp_error", "port", tun.try_expect(Udp::new().sport(53).dport(40_000)).unwrap_err());
}

#[tuntap_test(mock)]
fn an_ignore_rule_never_fires(tun: Tun) {
    tun.ignore(Icmpv6::new().icmp_type([130, 131, 143])).named("MLD");
    tun.ignore(Udp::new().dport(5353));
    tun.ignore(Icmpv6::new().icmp_type(133)).named("router solicitations");
    let host = tun.host_end();
    host.send(Icmpv6::new().icmp_type(133));
    host.send(Udp::new().sport(5353).dport(5354) / b"mDNS?");
    told("ignore_rule", "dport", tun.try_expect(Udp::new().dport(53)).unwrap_err());
}

#[tuntap_test(mock)]
fn a_rule_ignores_what_is_wanted(tun: Tun) {
    tun.ignore(Icmpv6::new()).named("neighbour discovery");
    tun.host_end().send(Icmpv6::echo_request(7, 1));
    arrived(&tun, 1);
    let wanted = Icmpv6::echo_request(7, 1);
    told("ignored_what_is_wanted", "neighbour discovery", tun.try_expect(wanted).unwrap_err());
}

#[tuntap_test(mock)]
fn a_machine_answers_what_is_wanted(tun: Tun) {
    let _echo = tun.answer(IcmpEcho::any_address());
    tun.host_end().send(Icmpv4::echo_request(7, 1) / b"hello");
    arrived(&tun, 1);
    let wanted = Icmpv4::echo_request(7, 1);
    told("answered_what_is_wanted", "icmp echo", tun.try_expect(wanted.named("ping")).unwrap_err());
}

#[tuntap_test(mock)]
fn an_earlier_verb_took_it(tun: Tun) {
    tun.host_end().send(Icmpv4::echo_reply(7, 1));
    tun.expect(Icmpv4::new());
    told("taken_before", "#1", tun.try_expect(Icmpv4::echo_reply(7, 1)).unwrap_err());
}

#[tuntap_test(mock)]
fn it_waits_behind_another(tun: Tun) {
    let host = tun.host_end();
    host.send(Udp::new().sport(123).dport(9));
    host.send(Udp::new().sport(53).dport(9));
    arrived(&tun, 2);
    told("waits_behind", "#2", tun.try_expect(Udp::new().sport(53)).unwrap_err());
}

#[tuntap_test(mock)]
fn one_of_several_would_do(tun: Tun) {
    tun.host_end().send(Icmpv4::time_exceeded().quoting(Ipv4::new() / Udp::new().dport(53)));
    let wanted = one_of((Tcp::new().rst().ack(1..), Icmpv4::port_unreachable(), Icmpv6::port_unreachable()));
    told("one_of", "code", tun.try_expect(wanted.named("refused")).unwrap_err());
}

#[tuntap_test(mock)]
fn a_strict_test_leaves_something(tun: Tun) {
    let path = "report::strict";
    drop(tun);
    let body = |context: &mut tuntap_test::context::TestContext| {
        let tun: Tun = context.argument(Default::default()).unwrap();
        tun.send(Icmpv4::echo_request(7, 1));
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        tuntap_test::context::run_unit_strict(tuntap_test::context::Backend::Mock, path, body);
    }));
    told("strict", "echo reply", outcome.unwrap_err().downcast_ref::<String>().unwrap());
}

#[tuntap_test(mock, queue_length = 2)]
fn the_device_drops_frames(tun: Tun) {
    let program = tun.mock().unwrap().host_end();
    for port in 50..=54 {
        let frame = Udp::new().sport(port).dport(9).into_packet().build_with(&tun.defaults().reversed()).unwrap();
        program.transmit(&frame).unwrap();
    }
    let expected = [Udp::new().sport(50), Udp::new().sport(51), Udp::new().sport(52)];
    let failure = tun.try_expect_sequence(expected.map(|wanted| wanted)).unwrap_err();
    assert!(failure.is_inconclusive());
    told("inconclusive", "INCONCLUSIVE", failure);
}

#[tuntap_test(mock)]
fn a_template_does_not_build(tun: Tun) {
    let error = tun.try_send(Ipv4::new() / Udp::new().sport(9).dport(53..=54) / b"query").unwrap_err();
    told("send_build_error", "dport", error);
}

#[tuntap_test(mock)]
fn the_device_is_down(tun: Tun) {
    tun.down();
    told("send_down", "", tun.try_send(Udp::new().sport(9).dport(53) / b"query").unwrap_err());
    told("sr_down", "", tun.try_sr1(Icmpv4::echo_request(7, 1)).unwrap_err());
}

#[tuntap_test(mock)]
fn the_device_is_gone(tun: Tun) {
    tun.mock().unwrap().remove();
    told("device_gone", "device", tun.try_expect(Udp::new()).unwrap_err());
}

#[tuntap_test(mock)]
fn too_few_are_sniffed(tun: Tun) {
    let host = tun.host_end();
    host.send(Udp::new().sport(53).dport(9));
    host.send(Tcp::new().sport(53).dport(9));
    arrived(&tun, 2);
    tun.mock().unwrap().remove();
    told("sniff", "1 of 3", tun.try_sniff(Udp::new(), 3).unwrap_err());
}

#[tuntap_test(mock)]
fn the_code_under_test_writes_the_wrong_thing(tap: Tap) {
    let host = tap.host_end();
    tap.send(Ipv4::new().ttl(63) / Icmpv4::echo_reply(7, 1) / b"hello");
    told("host_end", "ttl", host.try_expect(Ipv4::new().ttl(64) / Icmpv4::echo_reply(7, 1)).unwrap_err());
}

/// What the test waits for is an answer that a machine should have given.
#[tuntap_test(mock)]
fn the_machine_panics(tun: Tun) {
    struct Clumsy;
    impl AnsweringMachine for Clumsy {
        fn name(&self) -> &str {
            "resolver"
        }

        fn matches(&self, request: FrameRef<'_>) -> bool {
            Udp::new().dport(53).into_packet().matches(request)
        }

        fn reply(&mut self, _: FrameRef<'_>, _: &mut Replies) {
            panic!("no such name");
        }
    }

    let answering = tun.answer(Clumsy);
    tun.host_end().send(Udp::new().sport(9).dport(53) / b"query");
    arrived(&tun, 1);
    let wanted = Udp::new().dport(9);
    told("machine_panicked", "\"resolver\" panicked at #1: no such name", tun.try_expect(wanted).unwrap_err());
    // The guard would fail the test.
    std::mem::forget(answering);
}
