//! Neighbour discovery.

use std::net::Ipv6Addr;

use etherparse::icmpv6::{Icmpv6PayloadSlice, NdpOptionSlice, NdpOptionsIterator, PrefixInformation};
use etherparse::{Icmpv6Slice, Icmpv6Type, NetSlice, SlicedPacket, TransportSlice};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::{
    Defaults, Ethernet, Field, Icmpv6, IntoPacket, Ipv6, LayerKind, Udp, octets_such_that, such_that,
};

use crate::{HOST, MAC, PEER, built, check, tun};

const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);

/// The message as etherparse reads it, whose checksum it holds to be right, and hop limit and destination.
fn etherparse(octets: &[u8]) -> (Icmpv6Slice<'_>, u8, Ipv6Addr) {
    let packet = SlicedPacket::from_ip(octets).unwrap();
    let (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(message))) = (packet.net, packet.transport) else {
        panic!("{octets:02x?}")
    };
    let header = ip.header();
    assert!(message.is_checksum_valid(header.source(), header.destination()));
    (message, header.hop_limit(), header.destination_addr())
}

#[test]
fn a_router_solicitation_goes_to_all_routers() {
    let message = Icmpv6::router_solicitation().source_link_layer_address(MAC);
    let others = [
        Icmpv6::router_advertisement().into(),
        Icmpv6::router_solicitation().source_link_layer_address([1; 6]).into(),
        Icmpv6::router_solicitation().target_link_layer_address(MAC).into(),
        Icmpv6::router_solicitation().without_options().into(),
    ];
    let octets = check(message, &others, "2001:db8::2 > ff02::2 ICMPv6 router solicitation");
    let (message, hop_limit, destination) = etherparse(&octets);
    assert_eq!((hop_limit, destination), (255, "ff02::2".parse().unwrap()));
    let Ok(Icmpv6PayloadSlice::RouterSolicitation(payload)) = message.payload_slice() else { panic!("{message:?}") };
    let options: Vec<_> = payload.options_iterator().collect::<Result<_, _>>().unwrap();
    let [NdpOptionSlice::SourceLinkLayerAddress(source)] = &options[..] else { panic!("{options:?}") };
    assert_eq!(source.link_layer_address(), MAC);
}

#[test]
fn a_router_advertisement_has_all_its_fields() {
    let servers = [HOST, PEER];
    let message = Icmpv6::router_advertisement()
        .hop_limit(64)
        .managed(true)
        .other_config(false)
        .home_agent(true)
        .router_preference(3)
        .router_lifetime(1800)
        .reachable_time(30_000)
        .retrans_timer(1000)
        .source_link_layer_address(MAC)
        .prefix_information(PREFIX, 64, 86_400, 14_400)
        .prefix_information(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0), 48, 7, 5)
        .link_mtu(1280)
        .rdnss(600, servers);
    let other = Icmpv6::router_advertisement;
    let others = [
        other().hop_limit(63).into(),
        other().managed(false).into(),
        other().other_config(true).into(),
        other().router_preference([0, 1]).into(),
        other().proxy(true).into(),
        other().router_lifetime(..=1799).into(),
        other().reachable_time(1000).into(),
        other().retrans_timer(30_000).into(),
        other().prefix_information(PREFIX, 64, 86_400, 14_401).into(),
        other().prefix(HOST).into(),
        other().prefix_length(63).into(),
        other().prefix_flags(Field::masked(0x20, 0x20)).into(),
        other().link_mtu(1281..).into(),
        other().rdnss(601, servers).into(),
        other().rdnss(600, [HOST]).into(),
        other().option(3, octets_such_that("unlike any", |_| false)).into(),
        other().option(24, Field::absent()).option(5, Field::absent()).into(),
    ];
    let octets = check(
        message,
        &others,
        "2001:db8::2 > ff02::1 ICMPv6 router advertisement lifetime 1800 prefix 2001:db8::/64 prefix 2001:db8:1::/48 mtu 1280",
    );
    assert_eq!(octets.len(), 40 + 16 + 8 + 32 + 32 + 8 + 40);
    // The fields read the first of a kind, an option by its kind any of them.
    let template = other()
        .prefix(PREFIX)
        .prefix_length(64)
        .prefix_flags(0xc0)
        .valid_lifetime(86_400)
        .preferred_lifetime(such_that("shorter", |seconds: u32| seconds < 86_400))
        .option(3, octets_such_that("of 48 bits", |value| value.first() == Some(&48)))
        .rdnss_lifetime(..=600)
        .option(31, Field::absent());
    assert!(template.into_packet().matches(tun(&octets)));

    let (message, hop_limit, _) = etherparse(&octets);
    assert_eq!(hop_limit, 255);
    let Icmpv6Type::RouterAdvertisement(header) = message.icmp_type() else { panic!("{message:?}") };
    assert_eq!((header.cur_hop_limit, header.router_lifetime), (64, 1800));
    assert!(header.managed_address_config && !header.other_config);
    let Ok(Icmpv6PayloadSlice::RouterAdvertisement(payload)) = message.payload_slice() else { panic!("{message:?}") };
    assert_eq!((payload.reachable_time(), payload.retrans_timer()), (30_000, 1000));
    let options: Vec<_> = payload.options_iterator().collect::<Result<_, _>>().unwrap();
    let [_, NdpOptionSlice::PrefixInformation(prefix), second, NdpOptionSlice::Mtu(mtu), rdnss] = &options[..] else {
        panic!("{options:?}")
    };
    let wanted = PrefixInformation {
        prefix_length: 64,
        on_link: true,
        autonomous_address_configuration: true,
        valid_lifetime: 86_400,
        preferred_lifetime: 14_400,
        prefix: PREFIX.octets(),
    };
    assert_eq!((prefix.prefix_information(), mtu.mtu()), (wanted, 1280));
    assert_eq!(second.as_bytes()[2], 48);
    assert_eq!(rdnss.as_bytes()[..8], [25, 5, 0, 0, 0, 0, 2, 88]);
    assert_eq!(rdnss.as_bytes()[8..], [HOST.octets(), PEER.octets()].concat());
}

/// The fields of the prefix are one option, in whatever order they are set; those of the servers likewise.
#[test]
fn the_fields_of_an_option_are_built_as_one() {
    let servers = HOST.octets();
    let forward = Icmpv6::router_advertisement().prefix(PREFIX).prefix_length(64).valid_lifetime(7);
    let backward = Icmpv6::router_advertisement().valid_lifetime(7).prefix_length(64).prefix(PREFIX);
    let both = [
        built(forward.rdnss_servers(servers).rdnss_lifetime(9)),
        built(backward.rdnss_lifetime(9).rdnss_servers(servers)),
    ];
    assert_eq!(both[0], both[1]);
    assert_eq!(both[0].len(), 40 + 16 + 32 + 24);
}

#[test]
fn a_neighbor_solicitation_goes_to_the_solicited_node_group() {
    let target = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x1234, 0x56ff, 0xfeab, 0xcdef);
    let message = Icmpv6::neighbor_solicitation(target).source_link_layer_address(MAC);
    let others = [
        Icmpv6::neighbor_solicitation(HOST).into(),
        Icmpv6::neighbor_advertisement(target).into(),
        Icmpv6::neighbor_solicitation(target)
            .source_link_layer_address(such_that("odd", |mac: [u8; 6]| mac[5] & 1 == 1))
            .into(),
        Ipv6::new().hop_limit(254) / Icmpv6::neighbor_solicitation(target),
    ];
    let line = "2001:db8::2 > ff02::1:ffab:cdef ICMPv6 neighbor solicitation who-has fe80::1234:56ff:feab:cdef";
    let octets = check(message.clone(), &others, line);
    let (slice, hop_limit, destination) = etherparse(&octets);
    assert_eq!((hop_limit, destination), (255, "ff02::1:ffab:cdef".parse().unwrap()));
    let Ok(Icmpv6PayloadSlice::NeighborSolicitation(payload)) = slice.payload_slice() else { panic!("{slice:?}") };
    assert_eq!(payload.target_address(), target);
    assert_eq!(payload.options_iterator().count(), 1);

    // On Ethernet, to the hardware address of the group (RFC 2464 section 7).
    let mut defaults = Defaults::documentation();
    defaults.mode = Some(Mode::Tap);
    let octets = message.clone().into_packet().build_with(&defaults).unwrap();
    assert_eq!(octets[..6], [0x33, 0x33, 0xff, 0xab, 0xcd, 0xef]);
    // Unless it is given.
    let unicast = Ethernet::new() / Ipv6::new().dst(HOST) / message;
    assert_eq!(unicast.build_with(&defaults).unwrap()[..6], Defaults::HOST_MAC);
    // A pattern has no group.
    assert!(Icmpv6::neighbor_solicitation([HOST, PEER]).into_packet().build().is_err());
}

#[test]
fn a_neighbor_advertisement_goes_to_who_asked() {
    let message =
        Icmpv6::neighbor_advertisement(PEER).solicited(true).override_flag(true).target_link_layer_address(MAC);
    let others = [
        Icmpv6::neighbor_advertisement(PEER).router(true).into(),
        Icmpv6::neighbor_advertisement(PEER).solicited(false).into(),
        Icmpv6::neighbor_advertisement(PEER).override_flag(false).into(),
        Icmpv6::neighbor_advertisement(HOST).into(),
        Icmpv6::neighbor_advertisement(PEER).source_link_layer_address(MAC).into(),
    ];
    let line = "2001:db8::2 > 2001:db8::1 ICMPv6 neighbor advertisement 2001:db8::2 is-at 02:00:00:00:00:2a (solicited, override)";
    let octets = check(message, &others, line);
    let (message, hop_limit, destination) = etherparse(&octets);
    assert_eq!((hop_limit, destination), (255, HOST));
    let Icmpv6Type::NeighborAdvertisement(header) = message.icmp_type() else { panic!("{message:?}") };
    assert!(!header.router && header.solicited && header.r#override);
    let Ok(Icmpv6PayloadSlice::NeighborAdvertisement(payload)) = message.payload_slice() else { panic!("{message:?}") };
    assert_eq!(payload.target_address(), PEER);
}

#[test]
fn a_redirect_has_a_target_a_destination_and_what_was_redirected() {
    let redirected = built(Ipv6::new().src(HOST).dst(PREFIX) / Udp::new().dport(9) / b"odd");
    let message = Icmpv6::redirect(PEER, PREFIX).target_link_layer_address(MAC).redirected_header(&redirected);
    let others = [
        Icmpv6::redirect(PREFIX, PREFIX).into(),
        Icmpv6::redirect(PEER, PEER).into(),
        Icmpv6::redirect(PEER, PREFIX).redirected_header(&redirected[..40]).into(),
    ];
    let line = "2001:db8::2 > 2001:db8::1 ICMPv6 redirect 2001:db8:: via 2001:db8::2";
    let octets = check(message, &others, line);
    let (message, ..) = etherparse(&octets);
    let Ok(Icmpv6PayloadSlice::Redirect(payload)) = message.payload_slice() else { panic!("{message:?}") };
    assert_eq!((payload.target_address(), payload.destination_address()), (PEER, PREFIX));
    let options: Vec<_> = payload.options_iterator().collect::<Result<_, _>>().unwrap();
    let [_, NdpOptionSlice::RedirectedHeader(header)] = &options[..] else { panic!("{options:?}") };
    assert_eq!(header.redirected_packet()[..51], redirected);
    assert_eq!(header.redirected_packet()[51..], [0; 5]);
}

#[test]
fn all_options_stand_as_they_are_given() {
    let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
    let message = Icmpv6::neighbor_solicitation(HOST).ndp_options(nonce);
    let octets = check(
        message,
        &[Icmpv6::neighbor_solicitation(HOST).option(14, [1, 2, 3, 4, 5]).ndp_options([14]).into()],
        "2001:db8::2 > ff02::1:ff00:1 ICMPv6 neighbor solicitation who-has 2001:db8::1",
    );
    assert_eq!(NdpOptionsIterator::from_slice(&octets[64..]).count(), 1);
    assert!(Icmpv6::new().option(14, [1, 2, 3, 4, 5, 6]).into_packet().matches(tun(&octets)));
    assert!(!Icmpv6::new().option(14, [1, 2, 3, 4, 5]).into_packet().matches(tun(&octets)));
    let explained = tun(&octets).explain().to_string();
    assert!(explained.contains("option 14"), "{explained}");
}

#[test]
fn options_are_merged_by_kind_and_place() {
    let one = Icmpv6::router_advertisement().option(31, [1; 6]).option(31, [2; 6]);
    let packet = one.with(Icmpv6::new().option(31, [3; 6]));
    let octets = built(&packet);
    assert_eq!(octets[56..], [31, 1, 3, 3, 3, 3, 3, 3, 31, 1, 2, 2, 2, 2, 2, 2]);
    assert!(packet.matches(tun(&octets)));
    assert!(packet.layers().iter().any(|layer| layer.kind() == LayerKind::Icmpv6));
}

#[test]
fn the_whole_message_is_the_header() {
    let octets = built(Icmpv6::neighbor_solicitation(HOST).source_link_layer_address(MAC));
    let frame = FrameRef::new(Mode::Tun, &octets);
    let dissection = tuntap_test::packet::Dissection::new(frame);
    assert_eq!(dissection.header(LayerKind::Icmpv6).unwrap().len(), 32);
    assert!(dissection.payload().is_empty());
}
