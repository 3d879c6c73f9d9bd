//! The packet vocabulary as users write it: build, match, explain.

use std::net::Ipv4Addr;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::tcp_flags::{A, R, S};
use tuntap_test::packet::{
    Arp, BuildError, Defaults, Dissection, Ethernet, Icmpv4, Icmpv6, IntoPacket, Ipv4, Ipv6, Packet, Payload, Tcp, Udp,
    Vlan, such_that,
};

fn tun(octets: &[u8]) -> FrameRef<'_> {
    FrameRef::new(Mode::Tun, octets)
}

fn built(packet: impl IntoPacket) -> Vec<u8> {
    packet.into_packet().build().unwrap()
}

#[test]
fn a_line_tells_who_sends_what() {
    let reset = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Tcp::new().sport(81).dport(40_000).rst().ack(101);
    assert_eq!(tun(&built(reset)).summary().to_string(), "192.0.2.1:81 > 192.0.2.2:40000 TCP [R.] seq 0 ack 101 win 0");
    let syn = Tcp::new().sport(40_000).dport(80).seq(100).syn().mss(1460).sack_permitted().window_scale(7);
    assert_eq!(
        tun(&built(syn)).summary().to_string(),
        "192.0.2.2:40000 > 192.0.2.1:80 TCP [S] seq 100 win 0 <mss 1460,sackOK,wscale 7>"
    );
    let request = Arp::who_has([192, 0, 2, 1]).sender([192, 0, 2, 2]);
    let octets = (Ethernet::new() / Vlan::new().id(42) / request).build().unwrap();
    assert_eq!(FrameRef::new(Mode::Tap, &octets).summary().to_string(), "vlan 42 ARP who-has 192.0.2.1 tell 192.0.2.2");
    let error = Icmpv4::port_unreachable() / Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Udp::new().dport(53);
    assert_eq!(
        tun(&built(error)).summary().to_string(),
        "192.0.2.2 > 192.0.2.1 ICMPv4 destination unreachable (port) about (192.0.2.1:0 > 192.0.2.2:53 UDP 0 octets)"
    );
}

#[test]
fn what_is_built_is_sound_and_matches_its_template() {
    let packets: Vec<Packet> = vec![
        Ipv4::new() / Udp::new().sport(1).dport(2) / b"odd",
        Ipv6::new() / Udp::new().sport(1).dport(2) / b"even",
        Ipv4::new().options([1, 1, 1]) / Tcp::new().syn().mss(1460) / "data",
        Icmpv6::echo_request(7, 1) / [1, 2, 3],
        Icmpv4::echo_request(7, 1).into(),
    ];
    for packet in packets {
        let octets = built(&packet);
        let frame = Dissection::new(tun(&octets));
        assert!(frame.is_sound(), "{packet} {octets:02x?}");
        assert!(packet.matches(tun(&octets)), "{packet} {octets:02x?}");
        // IPv4's header has a checksum, so every octet is covered by one.
        for broken in 0..if octets[0] >> 4 == 4 { octets.len() } else { 0 } {
            let mut octets = octets.clone();
            octets[broken] ^= 0x01;
            assert!(!packet.matches(tun(&octets)), "octet {broken} of {octets:02x?}");
        }
    }
}

#[test]
fn fields_match_exactly_or_by_pattern() {
    let octets = built(Ipv4::new().ttl(9) / Tcp::new().sport(80).dport(40_000).syn().ack(7) / b"hello");
    let frame = tun(&octets);
    let yes = |packet: Packet| assert!(packet.matches(frame), "{packet}");
    let no = |packet: Packet| assert!(!packet.matches(frame), "{packet}");
    yes(Tcp::new().sport([80, 443]).into());
    no(Tcp::new().sport([81, 443]).into());
    yes(Ipv4::new().ttl(1..=9).into());
    no(Ipv4::new().ttl(10..).into());
    yes(Tcp::new().flags(S & A).into());
    yes(Tcp::new().flags(S | A).into());
    no(Tcp::new().flags(S & !A).into());
    yes(Tcp::new().flags(S & !R).into());
    no(Tcp::new().flags(S).into());
    yes(Tcp::new().dport(such_that("above 1023", |port: u16| port > 1023)).into());
    yes(Ipv4::new().src("192.0.2.0/24".parse::<tuntap_test::device::Cidr>().unwrap()).into());
    yes(Ipv4::new() / Tcp::new() / Payload::starting_with("hel"));
    no(Ipv4::new() / Tcp::new() / Payload::empty());
    yes(Tcp::new().mss(tuntap_test::packet::Field::absent()).into());
    no(Tcp::new().mss(1..).into());
    no(Ipv4::new() / Udp::new());
    no(Ipv6::new().into());
    yes(Packet::any());
}

#[test]
fn vlan_tags_may_lie_between_and_nothing_else() {
    let octets = built(Ethernet::new() / Vlan::new().id(1) / Vlan::new().id(2) / Ipv4::new() / Udp::new());
    let frame = FrameRef::new(Mode::Tap, &octets);
    assert!((Ethernet::new() / Ipv4::new()).matches(frame));
    assert!((Ethernet::new() / Vlan::new().id(2) / Ipv4::new()).matches(frame));
    assert!(!(Ethernet::new() / Vlan::new().id(3) / Ipv4::new()).matches(frame));
    assert!(!(Ethernet::new() / Udp::new()).matches(frame));
}

#[test]
fn a_quoted_datagram_is_matched_where_it_is_named_and_never_searched() {
    let quoted = Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Udp::new().sport(9).dport(53);
    let octets = built(Icmpv4::port_unreachable().quoting(&quoted));
    let frame = tun(&octets);
    assert!((Icmpv4::port_unreachable() / Ipv4::new() / Udp::new().dport(53)).matches(frame));
    assert!(!(Icmpv4::port_unreachable() / Ipv4::new() / Udp::new().dport(54)).matches(frame));
    assert!(!Udp::new().dport(53).into_packet().matches(frame));
    // Cut, as errors do.
    let whole = built(&quoted);
    let octets = built(Icmpv4::port_unreachable().quoting(&whole[..24]));
    assert!((Icmpv4::port_unreachable() / Ipv4::new()).matches(tun(&octets)));
}

#[test]
fn wrong_values_are_built_on_purpose_and_not_matched_by_chance() {
    let wrong = Ipv4::new().checksum(1) / Udp::new().dport(53).length(9).checksum(2);
    let octets = built(&wrong);
    assert_eq!(octets[10..12], [0, 1]);
    assert_eq!(octets[24..28], [0, 9, 0, 2]);
    assert!(!Udp::new().dport(53).into_packet().matches(tun(&octets)));
    assert!(Udp::new().dport(53).unverified().matches(tun(&octets)));
}

#[test]
fn a_template_without_layers_still_verifies() {
    assert!(Packet::any().matches(tun(&built(Udp::new()))));
    let wrong = built(Ipv4::new() / Udp::new().checksum(2));
    assert!(!Packet::any().matches(tun(&wrong)));
    assert!(Packet::any().unverified().matches(tun(&wrong)));
}

#[test]
fn a_field_that_is_no_value_cannot_be_built() {
    let error = Udp::new().dport([53, 54]).into_packet().build().unwrap_err();
    assert_eq!(error.to_string(), "UDP dport is one of 53, 54: give one value to build the packet");
    assert!(matches!(error, BuildError::Inexact { field: "dport", .. }));
}

#[test]
fn a_link_fills_in_what_is_missing() {
    let mut defaults = Defaults::documentation();
    defaults.mode = Some(Mode::Tap);
    let octets = Icmpv4::echo_request(7, 1).into_packet().build_with(&defaults).unwrap();
    assert_eq!(octets[..14], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    assert_eq!(octets[26..34], [192, 0, 2, 2, 192, 0, 2, 1]);
    defaults.v4 = None;
    let octets = Udp::new().into_packet().build_with(&defaults).unwrap();
    assert_eq!(octets[12..14], [0x86, 0xdd]);
    let error = Icmpv4::echo_request(7, 1).into_packet().build_with(&defaults).unwrap_err();
    assert!(error.to_string().contains("no IPv4 addresses"), "{error}");
    let all_hosts = Ipv4::new().dst(Ipv4Addr::new(224, 0, 0, 1)).src([192, 0, 2, 2]) / Udp::new();
    assert_eq!(all_hosts.build_with(&defaults).unwrap()[..6], [0x01, 0x00, 0x5e, 0, 0, 1]);
    defaults.mode = Some(Mode::Tun);
    assert_eq!(Ethernet::new().into_packet().build_with(&defaults), Err(BuildError::EthernetOnTun));
}

#[test]
fn octets_alone_are_the_whole_frame() {
    assert_eq!(built(b"\x45whatever"), b"\x45whatever");
    assert!([0x45, 1].into_packet().unverified().matches(tun(&[0x45, 1])));
    assert!(![0x45, 1].into_packet().unverified().matches(tun(&[0x45, 1, 2])));
    assert!(Payload::empty().unverified().matches(tun(&[])));
    assert!(!Payload::empty().unverified().matches(tun(&[0x45])));
}

/// 500 errors, each about the next: nothing grows with their number, and no stack ends.
#[test]
fn errors_about_errors_are_told_to_a_depth() {
    let mut octets = built(Ipv4::new() / Udp::new());
    for _ in 0..500 {
        octets = built(Icmpv4::port_unreachable().quoting(&octets));
    }
    let summary = tun(&octets).summary().to_string();
    assert!(summary.ends_with("(port) about (…))))"), "{summary}");
    assert!(summary.len() < 400, "{summary}");
    assert_eq!(Packet::from_frame(tun(&octets)).build().unwrap(), octets);
}
