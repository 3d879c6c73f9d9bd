//! ARP and NDP on TAP: what the host answers, what it asks, and what it learns (RFC 826, RFC 4861).

use std::net::Ipv6Addr;

use tuntap_test::Link;
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{answer, answers, arrived, framed, hex, in_time, lines, list};

group! {
    "ARP and NDP";
    who_has: "TAP: who-has the host";
    who_has_alone: "TAP: who-has, to the host's own MAC";
    who_has_other: "TAP: who-has somebody else";
    probe: "TAP: an ARP probe (sender 0.0.0.0) for the host's address";
    off_link: "TAP: who-has, from 10.0.0.1, which is on no link of the host's";
    impostor: "TAP: who-has, from the host's own address";
    operation_3: "TAP: an ARP message of operation 3";
    echo_first: "TAP: an echo request before the host knows the peer: it asks, is told, and answers";
    learns_from_request: "TAP: an echo request after the peer has asked who-has";
    learns_not_unasked: "TAP: an echo request after an ARP reply that nobody asked for";
    nobody_answers: "TAP: who-has and a neighbor solicitation that nobody answers, in whole seconds, and what echo requests cause after 3.6 s";
    keeps_all: "TAP: 20 echo requests before the peer is known: how many are answered then";
    frame_for_others: "TAP: an echo request in a frame for another MAC";
    tagged: "TAP: an echo request in a frame of VLAN 7, and of VLAN 0";
    solicitation: "TAP: a neighbor solicitation to the solicited-node group";
    solicitation_alone: "TAP: a neighbor solicitation to the host's own address";
    solicitation_from_afar: "TAP: a neighbor solicitation with hop limit 64";
    duplicate_detection: "TAP: duplicate address detection of the host's address";
    solicitation_of_other: "TAP: a neighbor solicitation of somebody else";
    echo_first_v6: "TAP: an ICMPv6 echo request before the host knows the peer: it asks, is told, and answers";
    unasked_advertisement: "TAP: an ICMPv6 echo request after an advertisement that nobody asked for";
    override_flag: "TAP: an advertisement with another MAC and the override flag: where the next reply goes";
}

const SECOND: Duration = Duration::from_secs(1);
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x77];

fn to_all(packet: impl IntoPacket) -> Packet {
    Ethernet::new().src(Defaults::PEER_MAC).dst([0xff; 6]) / packet.into_packet()
}

fn ask(tap: &Tap) -> Arp {
    Arp::who_has(tap.host_v4()).sender(tap.peer_v4()).sender_mac(Defaults::PEER_MAC)
}

fn echo(tap: &Tap, number: u16) -> Packet {
    framed(tap, Ipv4::new().src(tap.peer_v4()).dst(tap.host_v4()) / Icmpv4::echo_request(7, number))
}

fn v6(link: &Link) -> Ipv6 {
    Ipv6::new().src(link.peer_v6()).dst(link.host_v6())
}

fn echo_v6(tap: &Tap) -> Packet {
    framed(tap, v6(tap) / Icmpv6::echo_request(7, 1))
}

fn who_has(tap: Tap) -> String {
    answer(&tap, to_all(ask(&tap)))
}

fn who_has_alone(tap: Tap) -> String {
    answer(&tap, framed(&tap, ask(&tap)))
}

fn who_has_other(tap: Tap) -> String {
    answer(&tap, to_all(Arp::who_has([192, 0, 2, 9]).sender(tap.peer_v4()).sender_mac(Defaults::PEER_MAC)))
}

fn probe(tap: Tap) -> String {
    answer(&tap, to_all(ask(&tap).sender([0, 0, 0, 0])))
}

fn off_link(tap: Tap) -> String {
    answer(&tap, to_all(ask(&tap).sender([10, 0, 0, 1])))
}

fn impostor(tap: Tap) -> String {
    answer(&tap, to_all(ask(&tap).sender(tap.host_v4())))
}

fn operation_3(tap: Tap) -> String {
    answer(&tap, framed(&tap, ask(&tap).operation(3)))
}

/// The peer says where it is.
fn is_at(tap: &Tap) -> Packet {
    let (host, mac) = (tap.host_v4(), tap.host_mac().unwrap_or_default());
    framed(tap, Arp::is_at(tap.peer_v4(), Defaults::PEER_MAC).target(host).target_mac(mac))
}

fn echo_first(tap: Tap) -> String {
    let asked = answer(&tap, echo(&tap, 1));
    list([asked, answer(&tap, is_at(&tap))])
}

fn learns_from_request(tap: Tap) -> String {
    answers(&tap, [to_all(ask(&tap)), echo(&tap, 1)])
}

fn learns_not_unasked(tap: Tap) -> String {
    answers(&tap, [is_at(&tap), echo(&tap, 1)])
}

fn nobody_answers(tap: Tap) -> String {
    let requests = [echo(&tap, 1), echo_v6(&tap)];
    let asked = in_time(&tap, &requests, Duration::from_millis(3600), SECOND);
    list([asked, answers(&tap, &requests)])
}

fn keeps_all(tap: Tap) -> String {
    let asked = answers(&tap, (0..20).map(|_| echo(&tap, 1)));
    list([asked, answer(&tap, is_at(&tap))])
}

fn frame_for_others(tap: Tap) -> String {
    let echo = Ipv4::new().src(tap.peer_v4()).dst(tap.host_v4()) / Icmpv4::echo_request(7, 1);
    tap.send(to_all(ask(&tap)));
    answer(&tap, Ethernet::new().src(Defaults::PEER_MAC).dst(OTHER_MAC) / echo)
}

fn tagged(tap: Tap) -> String {
    let echo = || Ipv4::new().src(tap.peer_v4()).dst(tap.host_v4()) / Icmpv4::echo_request(7, 1);
    tap.send(to_all(ask(&tap)));
    answers(&tap, [framed(&tap, Vlan::new().id(7) / echo()), framed(&tap, Vlan::new().id(0) / echo())])
}

fn solicit(tap: &Tap) -> Icmpv6 {
    Icmpv6::neighbor_solicitation(tap.host_v6()).source_link_layer_address(Defaults::PEER_MAC)
}

/// To the solicited-node group of 2001:db8::1.
fn in_group(ip: Ipv6, message: Icmpv6) -> Packet {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
    let ethernet = Ethernet::new().src(Defaults::PEER_MAC).dst([0x33, 0x33, 0xff, 0, 0, 1]);
    ethernet / ip.dst(group) / message
}

fn solicitation(tap: Tap) -> String {
    answer(&tap, in_group(v6(&tap).hop_limit(255), solicit(&tap)))
}

fn solicitation_alone(tap: Tap) -> String {
    answer(&tap, framed(&tap, v6(&tap).hop_limit(255) / solicit(&tap)))
}

fn solicitation_from_afar(tap: Tap) -> String {
    answer(&tap, in_group(v6(&tap).hop_limit(64), solicit(&tap)))
}

fn duplicate_detection(tap: Tap) -> String {
    let ip = v6(&tap).src(Ipv6Addr::UNSPECIFIED).hop_limit(255);
    answer(&tap, in_group(ip, Icmpv6::neighbor_solicitation(tap.host_v6()).without_options()))
}

fn solicitation_of_other(tap: Tap) -> String {
    answer(&tap, in_group(v6(&tap).hop_limit(255), Icmpv6::neighbor_solicitation(tap.peer_v6())))
}

/// The peer says where it is, or that it is elsewhere.
fn advertise(tap: &Tap, mac: [u8; 6]) -> Icmpv6 {
    Icmpv6::neighbor_advertisement(tap.peer_v6()).target_link_layer_address(mac)
}

fn echo_first_v6(tap: Tap) -> String {
    let asked = answer(&tap, echo_v6(&tap));
    let advertisement = advertise(&tap, Defaults::PEER_MAC).solicited(true).override_flag(true);
    list([asked, answer(&tap, framed(&tap, v6(&tap).hop_limit(255) / advertisement))])
}

fn unasked_advertisement(tap: Tap) -> String {
    let advertisement = advertise(&tap, Defaults::PEER_MAC).override_flag(true);
    answers(&tap, [framed(&tap, v6(&tap).hop_limit(255) / advertisement), echo_v6(&tap)])
}

fn override_flag(tap: Tap) -> String {
    tap.send(in_group(v6(&tap).hop_limit(255), solicit(&tap)));
    let advertisement = advertise(&tap, OTHER_MAC).override_flag(true);
    tap.send(framed(&tap, v6(&tap).hop_limit(255) / advertisement));
    lines(&tap);
    tap.send(echo_v6(&tap));
    let frames = arrived(&tap);
    list(frames.iter().map(|frame| hex(frame.get(..6).unwrap_or_default())))
}
