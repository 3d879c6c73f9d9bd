//! What `as_rust` prints compiles and makes the same again: some 300 frames of the strategies, whose expressions stand in
//! as_rust_compiles/cases.rs as they were printed, and templates of every form of constraint.
//!
//! Each run with the feature `proptest` prints fresh cases into `target/tmp/as_rust_cases.rs`; copy that over the old ones
//! when printing has changed on purpose, and read the difference.

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::*;

/// A case's frame, and the template that its expression made.
struct Case {
    mode: Mode,
    octets: &'static [u8],
    packet: Packet,
}

mod cases {
    use super::*;

    pub(crate) const SOURCE: &str = include_str!("as_rust_compiles/cases.rs");
    include!("as_rust_compiles/cases.rs");
}

#[test]
fn each_printed_frame_builds_itself() {
    let mut frames = 0;
    cases::each(&mut |Case { mode, octets, packet }| {
        let frame = FrameRef::new(mode, octets);
        assert_eq!(packet.build().unwrap(), octets, "{packet}\n{}", frame.explain());
        assert!(packet.unverified().matches(frame));
        frames += 1;
    });
    assert!(frames >= 300, "only {frames} cases");
}

/// Else the cases prove something else than what is printed now: see above.
#[test]
fn the_cases_are_what_is_printed() {
    let mut lines = cases::SOURCE.lines().filter(|line| line.contains("packet: "));
    cases::each(&mut |Case { mode, octets, .. }| {
        let line = lines.next().unwrap();
        let expression = FrameRef::new(mode, octets).as_rust();
        assert!(line.ends_with(&format!("packet: ({expression}).into_packet() }});")), "{expression}\n{line}");
    });
    assert_eq!(lines.next(), None);
}

#[cfg(feature = "proptest")]
#[test]
fn fresh_cases_are_printed() {
    use std::fmt::Write;

    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use tuntap_test::strategy::packet::{frame, packet, sound_packet};

    let built = |packet: Packet| {
        let tap = packet.layers().first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
        (if tap { Mode::Tap } else { Mode::Tun }, packet.build().unwrap())
    };
    let mut runner = TestRunner::deterministic();
    let kinds = [sound_packet().prop_map(built).boxed(), packet().prop_map(built).boxed(), frame().boxed()];
    let mut text = "// Printed by the test `fresh_cases_are_printed`; not written by hand.\n".to_owned();
    let mut groups = 0;
    for (kind, number) in kinds.iter().zip([160, 100, 60]) {
        let mut left = number;
        while left > 0 {
            let _ = writeln!(text, "\nfn group_{groups}(check: &mut dyn FnMut(Case)) {{");
            let mut here = 0;
            while here < 20 {
                let (mode, octets) = kind.new_tree(&mut runner).unwrap().current();
                if octets.len() > 160 {
                    continue;
                }
                let expression = FrameRef::new(mode, &octets).as_rust();
                let literal = octets.escape_ascii();
                let _ = writeln!(
                    text,
                    "    check(Case {{ mode: Mode::{mode:?}, octets: b\"{literal}\", packet: ({expression}).into_packet() }});"
                );
                here += 1;
            }
            text.push_str("}\n");
            (groups, left) = (groups + 1, left - here);
        }
    }
    text.push_str("\npub(crate) fn each(check: &mut dyn FnMut(Case)) {\n");
    for group in 0..groups {
        let _ = writeln!(text, "    group_{group}(check);");
    }
    text.push_str("}\n");
    assert!(groups >= 15);
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/as_rust_cases.rs"), text).unwrap();
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Each expression is printed as it stands here; so it compiles and makes the same.
macro_rules! printed {
    ($($expression:expr;)*) => {
        [$((stringify!($expression), $expression.into_packet())),*]
    };
}

#[test]
fn templates_are_printed_with_their_constraints() {
    let templates = printed! {
        Packet::any();
        Packet::any().unverified();
        Udp::new();
        Udp::new().into_packet().trailer([0; 18]);
        (Ethernet::new() / Arp::new()).trailer(b"padding");
        (Ipv4::new() / Udp::new().dport(53)).trailer([0; 4]).unverified();
        Udp::new().dport(53).unverified();
        Ipv4::new().ttl(1..=64) / Udp::new().sport(1024..).dport([53, 5353]) / b"hi\n\x00\"\\";
        Ipv4::new().src([192, 0, 2, 1]).dst(Field::masked(std::net::Ipv4Addr::new(198, 51, 100, 0), std::net::Ipv4Addr::new(255, 255, 255, 0)));
        Ipv4::new().src([std::net::Ipv4Addr::new(192, 0, 2, 1), std::net::Ipv4Addr::new(192, 0, 2, 2)]);
        Ipv4::new().src(std::net::Ipv4Addr::new(192, 0, 2, 1)..=std::net::Ipv4Addr::new(192, 0, 2, 9)).dont_fragment(true);
        Ipv6::new().src([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]).flow_label(0x0000f).hop_limit(255);
        Ipv6::new().dst([std::net::Ipv6Addr::new(0x2001, 0xdb8, 0x0, 0x0, 0x0, 0x0, 0x0, 0x1)]);
        Ethernet::new().dst([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).ether_type(0x0806);
        Ethernet::new().dst([[0x02, 0x00, 0x00, 0x00, 0x00, 0x01], [0x02, 0x00, 0x00, 0x00, 0x00, 0x02]]);
        Ethernet::new().ether_type([tuntap_test::codec::EtherType(0x0800), tuntap_test::codec::EtherType(0x86dd)]);
        Ethernet::new() / Vlan::new().priority(3).drop_eligible(false).id([1, 2]);
        Tcp::new().flags(TcpFlags::SYN | TcpFlags::ACK).mss(536..).window_scale(Field::absent());
        Tcp::new().flags(TcpFlags(0)).sack_permitted().timestamps(1, 2).sack([(1, 2), (3, 4)]);
        Tcp::new().flags(TcpFlags::SYN & !TcpFlags::ACK);
        Tcp::new().flags(TcpFlags::SYN & TcpFlags::ACK & !TcpFlags::FIN & !TcpFlags::RST);
        Tcp::new().flags(!TcpFlags::RST);
        Tcp::new().flags(TcpFlagMask::from(TcpFlags::RST));
        Tcp::new().flags([TcpFlags::SYN, TcpFlags::SYN | TcpFlags::ACK]);
        Tcp::new().flags(Field::masked(TcpFlags(0), TcpFlags(0))).checksum(0x00ff);
        Tcp::new().timestamp_value(1).options(b"\x01\x01").timestamp_echo(2).sack_blocks(b"\x01");
        HopByHop::new().options(b"\x05\x02\x00\x00") / DestinationOptions::new() / Routing::new().data([0; 20]) / Fragment::new().id(7);
        Arp::who_has([192, 0, 2, 1]).sender([192, 0, 2, 2]);
        Arp::is_at([192, 0, 2, 1], [0x02, 0x00, 0x00, 0x00, 0x00, 0x01]);
        Igmp::new().igmp_type(0x16).group([224, 0, 0, 9]);
        Icmpv4::echo_request([7, 8], 1..) / [0x5a; 56];
        Icmpv4::echo_reply(7, 1).checksum(0x0000);
        Icmpv4::port_unreachable() / Ipv4::new() / Udp::new();
        Icmpv4::fragmentation_needed(576..=1500);
        Icmpv4::unreachable([0, 1]);
        Icmpv4::time_exceeded();
        Icmpv4::parameter_problem(20);
        Icmpv4::redirect([192, 0, 2, 9]);
        Icmpv4::new().icmp_type([0, 8]);
        Icmpv6::echo_request(7, 1);
        Icmpv6::echo_reply(7, 1);
        Icmpv6::port_unreachable();
        Icmpv6::unreachable(0..=3);
        Icmpv6::packet_too_big(1280);
        Icmpv6::time_exceeded();
        Icmpv6::parameter_problem(1, 6);
        Payload::new().octets(b"E\x00") / b"behind";
        Udp::new() / Payload::new().octets(Field::absent());
    };
    for (wanted, packet) in &templates {
        assert_eq!(without_spaces(&packet.as_rust().unwrap()), without_spaces(wanted));
    }
    assert!(templates[0].1.layers().is_empty());
}

#[test]
fn a_predicate_has_no_source() {
    let even = || such_that("even", |port: u16| port.is_multiple_of(2));
    assert_eq!(Udp::new().dport(even()).into_packet().as_rust(), None);
    assert_eq!((Ipv4::new() / Icmpv4::echo_request(even(), 1)).as_rust(), None);
    assert_eq!((Udp::new() / Payload::starting_with("GET ")).as_rust(), None);
}
