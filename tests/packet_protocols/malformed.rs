//! What is malformed: nothing panics, and what can be told is told.

use proptest::prelude::*;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{
    DestinationOptions, Dissection, Field, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6, LayerKind, Packet,
    Routing, Tcp, Udp,
};

use crate::{GROUP, GROUP_V4, HOST, MAC, PEER, built, tun};

/// One message of each kind.
fn messages() -> Vec<Packet> {
    let a = [192, 0, 2, 7].into();
    vec![
        Icmpv6::router_solicitation().source_link_layer_address(MAC).into(),
        Icmpv6::router_advertisement()
            .prefix_information(HOST, 64, 7, 5)
            .link_mtu(1280)
            .rdnss(600, [HOST])
            .option(31, [1; 14])
            .into(),
        Icmpv6::neighbor_solicitation(HOST).source_link_layer_address(MAC).into(),
        Icmpv6::neighbor_advertisement(HOST).router(true).target_link_layer_address(MAC).into(),
        Icmpv6::redirect(PEER, HOST).redirected_header([0x60; 48]).into(),
        HopByHop::router_alert(0) / Icmpv6::multicast_listener_query(GROUP),
        HopByHop::router_alert(0) / Icmpv6::multicast_listener_query_v2(GROUP).sources([HOST, PEER]),
        Icmpv6::multicast_listener_report(GROUP).into(),
        Icmpv6::multicast_listener_done(GROUP).into(),
        HopByHop::router_alert(0)
            / Icmpv6::multicast_listener_report_v2().record(4, GROUP, []).record(1, GROUP, [HOST]),
        Icmpv6::packet_too_big(1280) / Ipv6::new() / HopByHop::router_alert(0) / Icmpv6::neighbor_solicitation(HOST),
        Igmp::membership_query(GROUP_V4).max_response(1).into(),
        Igmp::membership_query_v3(GROUP_V4).sources([a]).into(),
        Igmp::membership_report_v2(GROUP_V4).into(),
        Ipv4::new().router_alert() / Igmp::membership_report_v3().record(4, GROUP_V4, []).record(1, GROUP_V4, [a]),
        Icmpv4::timestamp_request(1, 2, 3).into(),
        Icmpv4::parameter_problem(20) / Ipv4::new().record_route(3) / Udp::new(),
        Ipv4::new().record_route(2).option(136, [0, 7])
            / Tcp::new().mss(1).nop().option(253, [1, 2]).timestamps(1, 2).sack([(1, 2)]),
        Ipv6::new() / HopByHop::new().jumbo_payload(40) / DestinationOptions::new().pad(3) / Udp::new(),
        Ipv6::new() / Routing::segments([HOST, PEER]) / Udp::new() / b"data",
    ]
}

/// Everything that reads octets.
fn read(octets: &[u8], templates: &[Packet]) {
    for mode in [Mode::Tun, Mode::Tap] {
        let frame = FrameRef::new(mode, octets);
        let dissection = Dissection::new(frame);
        dissection.verify(|defect| {
            assert!(!defect.to_string().is_empty());
            assert!(defect.octets.start <= octets.len(), "{defect}");
        });
        for kind in dissection.kinds().collect::<Vec<_>>() {
            let _ = dissection.header(kind);
        }
        let _ = (dissection.payload(), dissection.trailer(), dissection.error());
        assert!(!frame.summary().to_string().is_empty());
        let _ = frame.explain().to_string();
        for template in templates {
            let _ = template.matches(frame);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Mutated, cut and lengthened messages.
    #[test]
    fn nothing_panics(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        more in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let messages = messages();
        let mut octets = which.get(&messages).build().unwrap();
        for (at, value) in changes {
            *at.get_mut(&mut octets) = value;
        }
        if let Some(cut) = cut {
            octets.truncate(cut.index(octets.len()));
        }
        octets.extend(more);
        read(&octets, &messages);
    }

    /// Whatever stands behind the fixed part, and whatever the lengths in front of it say.
    #[test]
    fn whatever_follows_a_fixed_part_is_read(
        icmp_type in prop_oneof![130..=137_u8, Just(143)],
        igmp_type in prop::sample::select(vec![0x11_u8, 0x12, 0x16, 0x17, 0x22]),
        rest in prop::collection::vec(prop_oneof![0..8_u8, any::<u8>()], 0..100),
    ) {
        let messages = messages();
        read(&built(Icmpv6::new().icmp_type(icmp_type) / &rest), &messages);
        read(&built(Igmp::new().igmp_type(igmp_type) / &rest), &messages);
        read(&built(Tcp::new().options(&rest[..rest.len().min(40)])), &messages);
        read(&built(Ipv4::new().options(&rest[..rest.len().min(40)]) / Udp::new()), &messages);
        read(&built(HopByHop::new().options(&rest) / DestinationOptions::new().options(&rest)), &messages);
    }

    /// What is built is what is read, whatever the options are.
    #[test]
    fn options_are_read_as_they_were_built(
        options in prop::collection::vec((2..=255_u8, prop::collection::vec(any::<u8>(), 0..5)), 0..6),
    ) {
        let mut tcp = Tcp::new();
        let (mut ndp, mut hop_by_hop) = (Icmpv6::neighbor_solicitation(HOST), HopByHop::new());
        for (kind, value) in &options {
            tcp = tcp.option(*kind, value);
            ndp = ndp.option(*kind, value);
            // A jumbo payload option says how long the packet is.
            hop_by_hop = hop_by_hop.option(if *kind == 0xc2 { 0x3e } else { *kind }, value);
        }
        for packet in [tcp.into_packet(), ndp.into_packet(), hop_by_hop / Udp::new()] {
            let octets = built(&packet);
            prop_assert!(packet.matches(tun(&octets)), "{packet}\n{}", tun(&octets).explain());
        }
    }
}

fn defects(octets: &[u8]) -> Vec<String> {
    let mut defects = Vec::new();
    Dissection::new(tun(octets)).verify(|defect| defects.push(defect.to_string()));
    defects
}

/// RFC 4861 section 4.6: a message with an option of length 0 is discarded.
#[test]
fn an_option_of_a_wrong_length_is_a_defect() {
    let with =
        |options: &[u8]| built(Icmpv6::neighbor_solicitation(HOST).source_link_layer_address(MAC).ndp_options(options));
    let told = |length, wanted, at| {
        let end = at + 1;
        format!("ICMPv6 length of an option is {length}, must be {wanted} @ octets {at}..{end} (RFC 4861 section 4.6)")
    };
    assert_eq!(defects(&with(&[])), [""; 0]);
    assert_eq!(defects(&with(&[31, 0, 0, 0, 0, 0, 0, 0])), [told(0, 1, 73)]);
    assert_eq!(defects(&with(&[31, 3, 0, 0, 0, 0, 0, 0])), [told(3, 1, 73)]);
    assert_eq!(defects(&with(&[31])), [told(0, 1, 72)]);
    // What stands in front of it is read.
    let octets = with(&[31, 0, 0, 0]);
    let template = Icmpv6::neighbor_solicitation(HOST).source_link_layer_address(MAC).option(31, Field::absent());
    assert!(template.clone().unverified().matches(tun(&octets)));
    assert!(!template.into_packet().matches(tun(&octets)));
}

/// An option of another size than its type has is not taken for it, but is there.
#[test]
fn an_option_of_another_size_is_not_read_as_it() {
    let octets = built(Icmpv6::router_advertisement().option(5, [0; 14]).option(3, [64; 6]).option(1, [7; 14]));
    for template in [
        Icmpv6::new().link_mtu(0..),
        Icmpv6::new().prefix_length(0..),
        Icmpv6::new().source_link_layer_address(tuntap_test::packet::such_that("any", |_: [u8; 6]| true)),
    ] {
        assert!(!template.clone().into_packet().matches(tun(&octets)), "{template:?}");
    }
    assert!(Icmpv6::new().option(5, [0; 14]).option(1, [7; 14]).into_packet().matches(tun(&octets)));
}

#[test]
fn what_is_too_short_is_told() {
    for (icmp_type, needed) in [(130, 24), (131, 24), (132, 24), (134, 16), (135, 24), (136, 24), (137, 40)] {
        let mut octets = built(Icmpv6::echo_request(0, 0));
        octets[40] = icmp_type;
        let dissection = Dissection::new(tun(&octets));
        let error = dissection.error().unwrap();
        assert_eq!((error.layer, error.offset, error.needed, error.available), (LayerKind::Icmpv6, 40, needed, 8));
        let line = tun(&octets).summary().to_string();
        assert!(line.ends_with(&format!("[ICMPv6 at octet 40 needs {needed} octets, there are 8]")), "{line}");
    }
    // Between the lengths of two versions.
    for length in 1..4 {
        let octets = built(Igmp::membership_query(GROUP_V4) / vec![0; length]);
        assert_eq!(Dissection::new(tun(&octets)).error().unwrap().needed, 12);
        let octets = built(Icmpv6::multicast_listener_query(GROUP) / vec![0; length]);
        assert_eq!(Dissection::new(tun(&octets)).error().unwrap().needed, 28);
    }
}
