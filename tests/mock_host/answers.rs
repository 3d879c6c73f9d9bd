//! What the mock host answers of itself, one of each kind; `as_linux` has them all, but needs the kernel.

use tuntap_test::prelude::*;

use crate::world::{HOST, HOST6, PEER, PEER6, World};

fn v4() -> Ipv4 {
    Ipv4::new().src(PEER).dst(HOST)
}

fn v6() -> Ipv6 {
    Ipv6::new().src(PEER6).dst(HOST6)
}

fn from_v4() -> Ipv4 {
    Ipv4::new().src(HOST).dst(PEER).ttl(64)
}

fn from_v6() -> Ipv6 {
    Ipv6::new().src(HOST6).dst(PEER6).hop_limit(64)
}

#[test]
fn echo_requests() {
    let mut world = World::tun();
    world.send(v4().dscp(46).ecn(1) / Icmpv4::echo_request(7, 1) / b"hello");
    world.expect(from_v4().dscp(46).ecn(1).dont_fragment(false) / Icmpv4::echo_reply(7, 1) / b"hello");
    world.send(v6().dscp(46) / Icmpv6::echo_request(7, 1) / b"hello");
    world.expect(from_v6().dscp(46) / Icmpv6::echo_reply(7, 1) / b"hello");
    world.send(v4() / Icmpv4::echo_request(7, 1) / [7; 2000]);
    world.expect(from_v4().more_fragments(true).total_length(1500));
    world.expect(from_v4().more_fragments(false).fragment_offset(185));
    world.expect_nothing();
}

#[test]
fn closed_ports_and_unknown_protocols() {
    let mut world = World::tun();
    let datagram = || Udp::new().sport(40_000).dport(9) / [7; 1400];
    world.send(v4().dscp(5) / datagram());
    let error = world.expect(from_v4().dscp(0x30 | 5).dont_fragment(false) / Icmpv4::port_unreachable());
    assert_eq!(error.len(), 576);
    assert_eq!(error[28..], (v4().dscp(5) / datagram()).build().unwrap()[..548]);
    world.send(v6() / datagram());
    let error = world.expect(from_v6() / Icmpv6::port_unreachable());
    assert_eq!(error.len(), 1280);
    assert_eq!(error[48..], (v6() / datagram()).build().unwrap()[..1232]);
    world.send(v4().protocol(253) / b"what");
    world.expect(from_v4() / Icmpv4::unreachable(2) / (v4().protocol(253) / b"what"));
    world.send(v6().next_header(253) / b"what");
    world.expect(from_v6() / Icmpv6::parameter_problem(1, 6) / (v6().next_header(253) / b"what"));
    world.expect_nothing();
}

#[test]
fn segments_to_closed_ports() {
    let mut world = World::tun();
    let tcp = || Tcp::new().sport(40_000).dport(9).seq(1000);
    let reset = || Tcp::new().sport(9).dport(40_000).window(0);
    for (segment, answer) in [
        (tcp().syn() / b"abc", Some(reset().rst().seq(0).ack(1004))),
        (tcp().ack(77) / b"abc", Some(reset().flags(TcpFlags::RST).seq(77))),
        (tcp().rst() / Payload::empty(), None),
    ] {
        world.send(v4() / segment.clone());
        world.send(v6() / segment);
        if let Some(answer) = answer {
            world.expect(from_v4().id(0).dont_fragment(true) / answer.clone());
            world.expect(from_v6() / answer);
        }
        world.expect_nothing();
    }
}

#[test]
fn what_is_for_others_or_wrong_is_not_answered() {
    let mut world = World::tun();
    let echo = || Icmpv4::echo_request(7, 1) / b"hello";
    for packet in [
        v4().dst([192, 0, 2, 9]) / echo(),
        v4().dst([192, 0, 2, 255]) / echo(),
        v4().src([10, 0, 0, 1]) / echo(),
        v4().src(HOST) / echo(),
        v4().checksum(1) / echo(),
        v4() / Icmpv4::echo_request(7, 1).checksum(1) / b"hello",
        v4().dst([192, 0, 2, 255]) / Udp::new().dport(9),
        v4() / Udp::new().dport(9).checksum(1) / b"hello",
        v4().dst([192, 0, 2, 255]) / Tcp::new().dport(9).syn(),
        v4() / Icmpv4::port_unreachable() / (v4() / Udp::new()),
        v6() / Udp::new().dport(9).checksum(0) / b"hello",
    ] {
        world.send(packet);
        world.expect_nothing();
    }
    world.link.set_up(false);
    world.send(v4() / echo());
    world.expect_nothing();
}

#[test]
fn questions_for_its_address() {
    let (mac, peer_mac) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let mut world = World::tap();
    world.send(Ethernet::new().src(peer_mac).dst([0xff; 6]) / Arp::who_has(HOST).sender(PEER).sender_mac(peer_mac));
    let reply = Arp::is_at(HOST, mac).target(PEER).target_mac(peer_mac);
    world.expect(Ethernet::new().src(mac).dst(peer_mac) / reply);
    let group = [0xff02, 0, 0, 0, 0, 1, 0xff00, 1];
    let question = Icmpv6::neighbor_solicitation(HOST6).source_link_layer_address(peer_mac);
    let frame = Ethernet::new().src(peer_mac).dst([0x33, 0x33, 0xff, 0, 0, 1]);
    world.send(frame / v6().dst(group).hop_limit(255) / question);
    let answer = Icmpv6::neighbor_advertisement(HOST6).solicited(true).override_flag(true);
    let answer = from_v6().hop_limit(255) / answer.target_link_layer_address(mac);
    world.expect(Ethernet::new().src(mac).dst(peer_mac) / answer);
    // Who asked is known: it is answered at once.
    world.send(Ethernet::new().src(peer_mac).dst(mac) / (v4() / Icmpv4::echo_request(7, 1)));
    world.expect(Ethernet::new().src(mac).dst(peer_mac) / from_v4() / Icmpv4::echo_reply(7, 1));
    // In a frame for all there is no error.
    world.send(Ethernet::new().src(peer_mac).dst([0xff; 6]) / (v4() / Udp::new().dport(9)));
    world.send(Ethernet::new().src(peer_mac).dst([0xff; 6]) / (v4() / Tcp::new().dport(9).syn()));
    world.expect_nothing();
}
