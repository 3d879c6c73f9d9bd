//! The extension headers of IPv6.

use std::net::Ipv6Addr;

use etherparse::{Ipv6RawExtHeaderSlice, SlicedPacket};
use tuntap_test::packet::{DestinationOptions, Dissection, Fragment, HopByHop, IntoPacket, Ipv6, Routing, Udp};

use crate::{HOST, PEER, built, check, tun};

#[test]
fn options_are_padded_with_one_option() {
    for length in 0..20_usize {
        let value = vec![7; length];
        let packet = HopByHop::new().option(0x3e, &value) / DestinationOptions::new().option(0x3e, &value) / Udp::new();
        let octets = built(&packet);
        assert!(packet.matches(tun(&octets)), "{octets:02x?}");
        SlicedPacket::from_ip(&octets).unwrap();
        let header = Ipv6RawExtHeaderSlice::from_slice(&octets[40..]).unwrap();
        let (options, padding) = header.payload().split_at(2 + length);
        assert_eq!(options, [&[0x3e, u8::try_from(length).unwrap()], value.as_slice()].concat());
        assert!(match padding {
            [] | [0] => true,
            [1, rest @ ..] => usize::from(rest[0]) == rest.len() - 1 && rest[1..].iter().all(|octet| *octet == 0),
            _ => false,
        });
        // As raw octets, padding does not matter, of either kind.
        let raw = options.to_vec();
        assert!(HopByHop::new().options(&raw).into_packet().matches(tun(&octets)), "{octets:02x?}");
        let mut longer = raw.clone();
        longer.push(0x3e);
        assert!(!HopByHop::new().options(longer).into_packet().matches(tun(&octets)));
        let mut zeros = raw;
        zeros.resize((zeros.len() + 2).next_multiple_of(8) - 2, 0);
        let octets = built(HopByHop::new().options(&zeros) / Udp::new());
        assert!(HopByHop::new().options(options).into_packet().matches(tun(&octets)));
    }
}

/// What follows the wanted options is padding only if it says nothing.
#[test]
fn padding_that_says_something_is_none() {
    for more in [&[1, 2, 7, 7][..], &[0, 0, 0, 1], &[0x3e, 2, 0, 0]] {
        let octets = built(HopByHop::new().options([&[0x3e, 0], more].concat()) / Udp::new());
        assert!(!HopByHop::new().options([0x3e, 0]).into_packet().matches(tun(&octets)), "{more:?}");
    }
}

#[test]
fn a_router_alert_has_its_value() {
    let others = [
        HopByHop::router_alert(0).into(),
        HopByHop::new().jumbo_payload(0..).into(),
        HopByHop::router_alert(1).option(0x3e, []).into(),
    ];
    let packet = HopByHop::router_alert(1) / Udp::new().dport(9);
    check(packet, &others, "[2001:db8::2]:0 > [2001:db8::1]:9 hop-by-hop UDP 0 octets");
    let aligned = HopByHop::new().pad(1).pad(3).router_alert_value(0) / Udp::new();
    assert_eq!(built(aligned)[42..56], [0, 1, 1, 0, 5, 2, 0, 0, 1, 4, 0, 0, 0, 0]);
}

#[test]
fn a_jumbogram_has_the_length_0() {
    let packet = Ipv6::new() / HopByHop::new().jumbo_payload(8 + 8 + 5) / Udp::new().length(13) / b"hello";
    let octets = built(&packet);
    assert_eq!(octets[4..7], [0, 0, 0]);
    assert_eq!(octets[40..48], [17, 0, 0xc2, 4, 0, 0, 0, 21]);
    assert!(Dissection::new(tun(&octets)).is_sound());
    assert!(packet.matches(tun(&octets)));
    // Too long for its frame, as a jumbogram is that a test builds on purpose.
    let octets = built(Ipv6::new() / HopByHop::new().jumbo_payload(70_000) / Udp::new());
    let mut defects = Vec::new();
    Dissection::new(tun(&octets)).verify(|defect| defects.push(defect.to_string()));
    assert!(defects[0].contains("payload_length is 0"), "{defects:?}");
    // Without the option, there is nothing behind the header.
    let octets = built(Ipv6::new().payload_length(0) / HopByHop::router_alert(0) / Udp::new());
    assert!(!HopByHop::new().into_packet().matches(tun(&octets)));
}

#[test]
fn a_route_decides_what_the_checksum_covers() {
    let care_of = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
    let packet = Ipv6::new().dst(care_of) / Routing::type2(HOST) / Udp::new().dport(9) / b"hi";
    let octets = built(&packet);
    assert_eq!(octets[40..48], [17, 2, 2, 1, 0, 0, 0, 0]);
    assert_eq!(octets[48..64], HOST.octets());
    assert!(packet.matches(tun(&octets)));
    // The datagram as it arrives.
    let arrived = built(Ipv6::new().dst(HOST) / Udp::new().dport(9) / b"hi");
    assert_eq!(octets[64..], arrived[40..]);

    let packet = Ipv6::new().dst(care_of) / Routing::segments([care_of, PEER, HOST]) / Udp::new().dport(9) / b"hi";
    let octets = built(&packet);
    assert_eq!(octets[40..48], [17, 6, 4, 2, 2, 0, 0, 0]);
    assert_eq!(octets[48..96], [HOST.octets(), PEER.octets(), care_of.octets()].concat());
    assert_eq!(octets[96..], arrived[40..]);
    assert!(packet.matches(tun(&octets)));
    assert!(!Routing::new().routing_type(2).into_packet().matches(tun(&octets)));
}

/// RFC 6946: offset 0 and no more fragments is a whole packet, so its checksum can be wrong.
#[test]
fn an_atomic_fragment_is_verified_and_a_part_is_not() {
    let with = |fragment: Fragment| built(Ipv6::new() / fragment.id(7) / Udp::new().checksum(1) / [0; 8]);
    assert!(!Dissection::new(tun(&with(Fragment::new()))).is_sound());
    assert!(Dissection::new(tun(&with(Fragment::new().more_fragments(true)))).is_sound());
    let whole = built(Ipv6::new() / Fragment::new().id(7) / Udp::new() / [0; 8]);
    assert!(Dissection::new(tun(&whole)).is_sound());
}
