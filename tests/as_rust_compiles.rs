//! What `as_rust` prints compiles and makes the same again: some 300 frames of the strategies, whose expressions stand in
//! as_rust_compiles/cases.rs as they were printed, templates of every form of constraint, and scripts
//! (as_rust_compiles/scripts.rs).
//!
//! Each run with the feature `proptest` prints fresh cases into `target/tmp/as_rust_cases.rs`, and scripts into
//! `target/tmp/as_rust_scripts.rs`; copy that over the old ones when printing has changed on purpose, and read the
//! difference.

#[path = "script/everything.rs"]
mod everything;

use everything::everything;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::fuzz::Script;
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
                // Messages of applications are layers where their feature is on.
                let application = |kind| matches!(kind, LayerKind::Dns | LayerKind::Dhcp);
                if octets.len() > 160 || FrameRef::new(mode, &octets).layers().any(application) {
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

/// Each with the octets that it decodes from.
mod scripts {
    use std::time::Duration;

    use tuntap_test::fault::*;
    use tuntap_test::fuzz::*;
    use tuntap_test::packet::*;

    pub(crate) const SOURCE: &str = include_str!("as_rust_compiles/scripts.rs");
    include!("as_rust_compiles/scripts.rs");
}

#[test]
fn each_printed_script_is_itself() {
    let (mut scripts, mut everything_is_there) = (0, false);
    scripts::each(&mut |octets, script| {
        assert_eq!(script, Script::decode(octets), "{}", script.as_rust());
        assert!(scripts::SOURCE.contains(&script.as_rust()), "not what is printed now:\n{}", script.as_rust());
        everything_is_there |= script == everything();
        scripts += 1;
    });
    assert!(scripts >= 50 && everything_is_there, "{scripts} scripts; with each variant: {everything_is_there}");
}

#[cfg(feature = "proptest")]
#[test]
fn fresh_scripts_are_printed() {
    use std::collections::BTreeMap;
    use std::fmt::Write;

    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use tuntap_test::fuzz::Step;
    use tuntap_test::strategy::script::{answer, script_on};

    let mut runner = TestRunner::deterministic();
    let is_application = |kind| matches!(kind, LayerKind::Dns | LayerKind::Dhcp);
    // Some edits of each field that can be set.
    let (answers, mut seen, mut edits) = (answer(), BTreeMap::<_, usize>::new(), Script::new());
    for _ in 0..20_000 {
        let answer = answers.new_tree(&mut runner).unwrap().current();
        let fields: Vec<_> = answer.edits().iter().map(|edit| (edit.layer(), edit.field())).collect();
        if !fields.iter().any(|(kind, _)| is_application(*kind))
            && fields.iter().any(|field| seen.get(field).is_none_or(|times| *times < 3))
        {
            fields.into_iter().for_each(|field| *seen.entry(field).or_default() += 1);
            edits = edits.answer(answer);
        }
    }
    assert!(seen.len() >= 160, "only {} fields are set", seen.len());
    let mut found = vec![everything(), edits, Script::new(), Script::on(Mode::Tap).silent_host()];
    let both = [(Mode::Tun, script_on(Mode::Tun)), (Mode::Tap, script_on(Mode::Tap))];
    for (mode, strategy) in both.iter().cycle() {
        if found.len() == 60 {
            break;
        }
        let (mode, script) = (*mode, strategy.new_tree(&mut runner).unwrap().current());
        let application = |step: &Step| match step {
            Step::Frame(octets) => {
                let mut layers = FrameRef::new(mode, octets).layers();
                layers.any(is_application)
            }
            // Fields of messages that a feature brings.
            Step::Answer(answer) => answer.edits().iter().any(|edit| is_application(edit.layer())),
            _ => false,
        };
        if (1..=600).contains(&script.encode().len()) && !script.steps().iter().any(application) {
            found.push(script);
        }
    }
    let mut text = "// Printed by the test `fresh_scripts_are_printed`; not written by hand.\n".to_owned();
    for (number, script) in found.iter().enumerate() {
        let (octets, expression) = (script.encode(), script.as_rust());
        let _ = writeln!(
            text,
            "\nfn script_{number}(check: &mut dyn FnMut(&[u8], Script)) {{\ncheck(b\"{}\", {expression});\n}}",
            octets.escape_ascii()
        );
    }
    text.push_str("\npub(crate) fn each(check: &mut dyn FnMut(&[u8], Script)) {\n");
    for number in 0..found.len() {
        let _ = writeln!(text, "    script_{number}(check);");
    }
    text.push_str("}\n");
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/as_rust_scripts.rs"), text).unwrap();
}

/// What no setter takes is said by the encoding: a domain name that is none, a list of addresses that ends in one.
#[cfg(feature = "dhcp")]
#[test]
fn an_edit_that_no_setter_makes_is_printed_as_octets() {
    let edit = [&[15, 6][..], b"router", &[0, 0, 3, 192, 0, 2]].concat();
    let octets = [&[0, 2, 0, 0, 2 + 14, 0, 0][..], &edit].concat();
    let script = Script::decode(&octets);
    assert_eq!(
        script.as_rust(),
        format!("Script::new()\n    .step(Script::decode(b\"{}\").steps()[0].clone())", octets.escape_ascii())
    );
    let again = Script::new()
        .step(Script::decode(b"\x00\x02\x00\x00\x10\x00\x00\x0f\x06router\x00\x00\x03\xc0\x00\x02").steps()[0].clone());
    assert_eq!(script, again);
    assert_eq!(script.encode(), octets);
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
        Ipv6::new().dst([std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)]);
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
        Igmp::new().igmp_type([17, 22]).group([224, 0, 0, 9]);
        Igmp::membership_query([0, 0, 0, 0]).max_response(100);
        Igmp::membership_query_v3([224, 0, 0, 9]);
        Igmp::membership_query_v3([224, 0, 0, 9]).sources([std::net::Ipv4Addr::new(192, 0, 2, 1), std::net::Ipv4Addr::new(192, 0, 2, 2)]);
        Igmp::membership_report_v1([224, 0, 0, 9]);
        Igmp::membership_report_v2([224, 0, 0, 9]);
        Igmp::leave_group([224, 0, 0, 9]);
        Igmp::membership_report_v3().record(4, [224, 0, 0, 9], []).record(1, [224, 0, 0, 10], [std::net::Ipv4Addr::new(192, 0, 2, 1)]);
        Igmp::membership_report_v3().records(b"\x04");
        Igmp::membership_report_v3().records(b"\x04\x00\x00\x00\xe0\x00\x00\t\x04");
        Igmp::membership_report_v3().records(b"\x04\x02\x00\x00\xe0\x00\x00\t\x01\x00\x00\x00\xe0\x00\x00\x08");
        Ipv4::new().option(136, b"\x00\x07").option(1, b"").option(136, Field::absent());
        Tcp::new().mss(1460).sack_permitted().timestamps(1, 0).option(1, b"").window_scale(7).option(2, b"\x05\xb4");
        HopByHop::new().option(5, b"\x00\x00") / DestinationOptions::new().option(30, [0; 4]);
        Icmpv4::echo_request([7, 8], 1..) / [0x5a; 56];
        Icmpv4::echo_reply(7, 1).checksum(0x0000);
        Icmpv4::port_unreachable() / Ipv4::new() / Udp::new();
        Icmpv4::fragmentation_needed(576..=1500);
        Icmpv4::unreachable([0, 1]);
        Icmpv4::time_exceeded();
        Icmpv4::parameter_problem(20);
        Icmpv4::redirect([192, 0, 2, 9]);
        Icmpv4::timestamp_request(7, 1, 1000..).receive_timestamp(5);
        Icmpv4::timestamp_reply(7, 1, 1000);
        Icmpv4::new().icmp_type([0, 8]);
        Icmpv6::echo_request(7, 1);
        Icmpv6::echo_reply(7, 1);
        Icmpv6::port_unreachable();
        Icmpv6::unreachable(0..=3);
        Icmpv6::packet_too_big(1280);
        Icmpv6::time_exceeded();
        Icmpv6::parameter_problem(1, 6);
        Icmpv6::multicast_listener_query([0, 0, 0, 0, 0, 0, 0, 0]);
        Icmpv6::multicast_listener_query_v2([0, 0, 0, 0, 0, 0, 0, 0]).qqic(125);
        Icmpv6::multicast_listener_query_v2([0, 0, 0, 0, 0, 0, 0, 0]).sources([std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)]);
        Icmpv6::multicast_listener_report([0xff02, 0, 0, 0, 0, 0, 0, 0xfb]);
        Icmpv6::multicast_listener_done([0xff02, 0, 0, 0, 0, 0, 0, 0xfb]);
        Icmpv6::multicast_listener_report_v2().record(4, [0xff02, 0, 0, 0, 0, 0, 0, 0xfb], []);
        Icmpv6::multicast_listener_report_v2().record_type([2, 4]).record_group([0xff02, 0, 0, 0, 0, 0, 0, 0xfb]);
        Icmpv6::router_solicitation().ndp_options(Field::absent());
        Icmpv6::router_advertisement().managed(true).prefix([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]).prefix_length(64).prefix_flags(0xc0).link_mtu(1280);
        Icmpv6::neighbor_solicitation([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]).source_link_layer_address([0x02, 0x00, 0x00, 0x00, 0x00, 0x02]);
        Icmpv6::neighbor_advertisement([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]).solicited(true).option(14, b"nonce\x00");
        Icmpv6::redirect([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 9]);
        Payload::new().octets(b"E\x00") / b"behind";
        Udp::new() / Payload::new().octets(Field::absent());
    };
    for (wanted, packet) in &templates {
        assert_eq!(without_spaces(&packet.as_rust().unwrap()), without_spaces(wanted));
    }
    assert!(templates[0].1.layers().is_empty());
}

/// What a reader of a report sees of some frames.
#[test]
fn frames_read_well() {
    let printed = |packet: Packet| FrameRef::new(Mode::Tun, &packet.build().unwrap()).as_rust();
    let addresses = "Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1])";
    // As Linux sends it.
    let options = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07";
    let syn = Tcp::new().sport(40_000).dport(80).seq(100).syn().options(options);
    assert_eq!(
        printed(syn.into()),
        format!(
            "{addresses} / Tcp::new().sport(40000).dport(80).seq(100).flags(TcpFlags::SYN)\
             .mss(1460).sack_permitted().timestamps(1, 0).option(1, b\"\").window_scale(7)"
        )
    );
    // An option of a wrong length has no name.
    let odd = Tcp::new().options(b"\x02\x03\x05\x01");
    assert_eq!(printed(odd.into()), format!("{addresses} / Tcp::new().option(2, b\"\\x05\").option(1, b\"\")"));
    // A time to live that IGMP would not have is set, and nothing else.
    let far = Ipv4::new().ttl(64) / Igmp::membership_report_v2([224, 0, 0, 9]);
    assert_eq!(
        printed(far),
        "Ipv4::new().src([192, 0, 2, 2]).dst([224, 0, 0, 9]).ttl(64) / Igmp::membership_report_v2([224, 0, 0, 9])"
    );
    // Octets behind a quoted datagram (RFC 4884) leave no length around it to be set.
    let quoted = (Ipv4::new() / Udp::new().dport(53)).build().unwrap();
    let extended = Icmpv4::port_unreachable() / [&quoted[..], b"extension"].concat();
    let printed = printed(extended);
    assert!(printed.starts_with(&format!("{addresses} / Icmpv4::port_unreachable() / b\"E")), "{printed}");
}

#[cfg(feature = "dns")]
#[test]
fn dns_is_printed() {
    let templates = printed! {
        Dns::query("www.example.test", 28);
        Dns::query(".", [RecordType(1), RecordType(28)]).id(0x0007);
        Dns::query("a\\.b.c\\032d.\\\\", 1);
        Dns::new().qr(true).rcode(3).question("example.test").question_class(1);
        Dns::new().sections(b"\x00");
    };
    for (wanted, packet) in &templates {
        assert_eq!(without_spaces(&packet.as_rust().unwrap()), without_spaces(wanted));
    }
    let query = Dns::query("www.example.test", 1).id(7).into_packet().build().unwrap();
    let printed = FrameRef::new(Mode::Tun, &query).as_rust();
    assert!(printed.ends_with(r#" / Dns::query("www.example.test", 1).id(0x0007).question_class(1)"#), "{printed}");
    let records = Dns::response().a("example.test", 60, [192, 0, 2, 1]).into_packet();
    assert_eq!(records.as_rust(), None, "records are not printed yet");
}

#[cfg(feature = "dhcp")]
#[test]
fn dhcp_is_printed() {
    let templates = printed! {
        Dhcp::discover().xid(0x3903f326).chaddr([0x02, 0x00, 0x00, 0x00, 0x00, 0x02]).parameter_list(b"\x01\x03\x06");
        Dhcp::offer().lease_time(60..).router([std::net::Ipv4Addr::new(192, 0, 2, 1)]);
        Dhcp::request();
        Dhcp::decline().message(b"in use");
        Dhcp::ack().subnet_mask([255, 255, 255, 0]);
        Dhcp::nak();
        Dhcp::release();
        Dhcp::inform();
        Dhcp::new().op(2).lease_time(60).message_type(5);
        Dhcp::new().options(b"\xff");
    };
    for (wanted, packet) in &templates {
        assert_eq!(without_spaces(&packet.as_rust().unwrap()), without_spaces(wanted));
    }
    let offer = Dhcp::offer().xid(1).yiaddr([192, 0, 2, 7]).lease_time(60).router([192, 0, 2, 1]).into_packet();
    let printed = FrameRef::new(Mode::Tun, &offer.build().unwrap()).as_rust();
    let wanted = "Dhcp::offer().xid(0x00000001).yiaddr([192, 0, 2, 7]).lease_time(60)\
                  .router([std::net::Ipv4Addr::new(192, 0, 2, 1)])";
    assert!(printed.ends_with(wanted), "{printed}");
}

#[test]
fn a_predicate_has_no_source() {
    let even = || such_that("even", |port: u16| port.is_multiple_of(2));
    assert_eq!(Udp::new().dport(even()).into_packet().as_rust(), None);
    assert_eq!((Ipv4::new() / Icmpv4::echo_request(even(), 1)).as_rust(), None);
    assert_eq!((Udp::new() / Payload::starting_with("GET ")).as_rust(), None);
}
