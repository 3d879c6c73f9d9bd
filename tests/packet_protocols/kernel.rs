//! The kernel reads what is built here as it was meant, and what it says is matched.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

use etherparse::icmpv6::NdpOptionsIterator;
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::group_record::{CHANGE_TO_EXCLUDE_MODE, MODE_IS_EXCLUDE};
use tuntap_test::packet::{
    Defaults, Ethernet, Field, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6, Packet, Routing, Udp, such_that,
};
use tuntap_test::{Link, Tap, Tun, tuntap_test};

use crate::{GROUP, GROUP_V4};

const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

/// Sends a packet with the link's addresses, from the peer to the host.
fn send(link: &Link, mode: Mode, packet: impl IntoPacket) {
    let mut defaults = Defaults::documentation();
    defaults.mode = Some(mode);
    defaults.mac.1 = link.host_mac().unwrap_or_default();
    link.send(packet.into_packet().build_with(&defaults).unwrap());
}

/// The next frame is what the template wants.
fn expect(link: &Link, mode: Mode, template: impl IntoPacket) -> Vec<u8> {
    let template: Packet = template.into_packet();
    let frame = link.receive();
    let frame = FrameRef::new(mode, &frame);
    assert!(template.matches(frame), "wanted {template}\ngot {}\n{}", frame.summary(), frame.explain());
    frame.octets.to_vec()
}

#[tuntap_test(kernel)]
fn a_neighbor_solicitation_is_answered(tap: Tap) {
    let (host, mac) = (tap.host_v6(), tap.host_mac().unwrap());
    send(&tap, Mode::Tap, Icmpv6::neighbor_solicitation(host).source_link_layer_address(Defaults::PEER_MAC));
    let answer = Icmpv6::neighbor_advertisement(host)
        .router(false)
        .solicited(true)
        .override_flag(true)
        .target_link_layer_address(mac)
        .source_link_layer_address(Field::absent());
    let to = Ethernet::new().src(mac).dst(Defaults::PEER_MAC) / Ipv6::new().src(host).dst(tap.peer_v6()).hop_limit(255);
    let octets = expect(&tap, Mode::Tap, to / answer);
    assert_eq!(NdpOptionsIterator::from_slice(&octets[14 + 40 + 24..]).count(), 1);
}

#[tuntap_test(kernel)]
fn a_socket_that_resolves_its_peer_is_matched(tap: Tap) -> io::Result<()> {
    let mac = tap.host_mac().unwrap();
    UdpSocket::bind((tap.host_v6(), 0))?.send_to(b"hello", (tap.peer_v6(), 9))?;
    let wanted = Icmpv6::neighbor_solicitation(tap.peer_v6()).source_link_layer_address(mac);
    expect(&tap, Mode::Tap, Ethernet::new().dst([0x33, 0x33, 0xff, 0, 0, 2]) / Ipv6::new().hop_limit(255) / wanted);
    let answer = Icmpv6::neighbor_advertisement(tap.peer_v6()).solicited(true);
    send(&tap, Mode::Tap, answer.override_flag(true).target_link_layer_address(Defaults::PEER_MAC));
    expect(&tap, Mode::Tap, Ethernet::new().dst(Defaults::PEER_MAC) / Ipv6::new() / Udp::new().dport(9) / b"hello");
    Ok(())
}

/// A message with an option of length 0 is discarded, so the next that arrives is the answer to what follows it.
#[tuntap_test(kernel)]
fn a_zero_length_option_is_not_answered(tap: Tap) {
    let solicitation = || Icmpv6::neighbor_solicitation(tap.host_v6());
    let malformed = solicitation().source_link_layer_address(Defaults::PEER_MAC).ndp_options([31, 0, 0, 0, 0, 0, 0, 0]);
    send(&tap, Mode::Tap, Ipv6::new().src(LINK_LOCAL) / malformed);
    send(&tap, Mode::Tap, solicitation().source_link_layer_address(Defaults::PEER_MAC));
    expect(&tap, Mode::Tap, Ipv6::new().dst(tap.peer_v6()) / Icmpv6::neighbor_advertisement(tap.host_v6()));
}

#[tuntap_test(kernel)]
fn a_group_that_is_joined_is_reported(tun: Tun) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.join_multicast_v4(&GROUP_V4, &tun.host_v4())?;
    let report = Igmp::membership_report_v3().with_record(CHANGE_TO_EXCLUDE_MODE, GROUP_V4);
    expect(&tun, Mode::Tun, Ipv4::new().dst([224, 0, 0, 22]).ttl(1).router_alert() / report);

    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
    socket.join_multicast_v6(&GROUP, tun.kernel().unwrap().index())?;
    // The kernel repeats the report before.
    let frame = loop {
        let frame = tun.receive();
        if !Igmp::new().into_packet().matches(FrameRef::new(Mode::Tun, &frame)) {
            break frame;
        }
    };
    let report = Icmpv6::multicast_listener_report_v2().with_record(CHANGE_TO_EXCLUDE_MODE, GROUP);
    let wanted = Ipv6::new().hop_limit(1).dst([0xff02, 0, 0, 0, 0, 0, 0, 0x16]) / HopByHop::router_alert(0) / report;
    let frame = FrameRef::new(Mode::Tun, &frame);
    assert!(wanted.matches(frame), "{wanted}\n{}", frame.explain());
    Ok(())
}

#[tuntap_test(kernel)]
fn a_query_of_a_group_is_answered(tun: Tun) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.join_multicast_v4(&GROUP_V4, &tun.host_v4())?;
    let template = Igmp::membership_report_v3().with_record(MODE_IS_EXCLUDE, GROUP_V4).into_packet();
    send(&tun, Mode::Tun, Ipv4::new().router_alert() / Igmp::membership_query_v3(GROUP_V4).max_response(1).qrv(2));
    while !template.matches(FrameRef::new(Mode::Tun, &tun.receive())) {}
    Ok(())
}

#[tuntap_test(kernel)]
fn a_timestamp_request_is_answered(tun: Tun) {
    send(&tun, Mode::Tun, Icmpv4::timestamp_request(7, 1, 5));
    let today = such_that("a time of the day", |milliseconds: u32| milliseconds < 86_400_000);
    let reply = Icmpv4::timestamp_reply(7, 1, 5).receive_timestamp(today.clone()).transmit_timestamp(today);
    expect(&tun, Mode::Tun, Ipv4::new().src(tun.host_v4()) / reply);
}

#[tuntap_test(kernel)]
fn a_route_is_recorded(tun: Tun) {
    send(&tun, Mode::Tun, Ipv4::new().record_route(3) / Icmpv4::echo_request(7, 1));
    let recorded = Ipv4::new().recorded_route([tun.host_v4(), tun.host_v4()]);
    expect(&tun, Mode::Tun, recorded / Icmpv4::echo_reply(7, 1));
}

/// What the kernel finds fault with, and where (RFC 2675 section 3, RFC 8200 sections 4.2 and 4.4).
#[tuntap_test(kernel)]
fn parameter_problems_point_at_what_was_built(tun: Tun) {
    let echo = || Icmpv6::echo_request(7, 1);
    send(&tun, Mode::Tun, Ipv6::new() / HopByHop::new().jumbo_payload(100) / echo());
    expect(&tun, Mode::Tun, Icmpv6::parameter_problem(0, 44) / Ipv6::new() / HopByHop::new());
    send(&tun, Mode::Tun, Ipv6::new() / HopByHop::new().pad(3).option(0x9e, [1]) / echo());
    expect(&tun, Mode::Tun, Icmpv6::parameter_problem(2, 45) / Ipv6::new() / HopByHop::new().option(0x9e, [1]));
    send(&tun, Mode::Tun, Ipv6::new() / Routing::new().routing_type(9).segments_left(1) / echo());
    expect(&tun, Mode::Tun, Icmpv6::parameter_problem(0, 42) / Ipv6::new() / Routing::new().routing_type(9));
    // The same without fault.
    send(&tun, Mode::Tun, Ipv6::new() / HopByHop::new().pad(3).option(0x1e, [1]) / echo());
    expect(&tun, Mode::Tun, Icmpv6::echo_reply(7, 1));
}
