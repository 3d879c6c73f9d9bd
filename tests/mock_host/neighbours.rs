//! ARP and neighbour discovery of the mock host's own asking; `as_linux` has what it answers.

use std::net::SocketAddr;
use std::time::Duration;

use tuntap_test::prelude::*;

use crate::world::{HOST, HOST6, PEER, PEER6, World, assert_errno};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn from_peer(packet: impl IntoPacket) -> Packet {
    Ethernet::new().src(PEER_MAC).dst(MAC) / packet.into_packet()
}

/// What the host asks before it speaks to the peer.
fn questions() -> [(SocketAddr, Packet, Packet); 2] {
    let group = [0xff02, 0, 0, 0, 0, 1, 0xff00, 2];
    let arp =
        Ethernet::new().src(MAC).dst([0xff; 6]) / Arp::who_has(PEER).sender(HOST).sender_mac(MAC).target_mac([0; 6]);
    let solicitation = Icmpv6::neighbor_solicitation(PEER6).source_link_layer_address(MAC);
    let ndp = Ethernet::new().src(MAC).dst([0x33, 0x33, 0xff, 0, 0, 2])
        / Ipv6::new().src(HOST6).dst(group).hop_limit(255)
        / solicitation;
    let is_at = from_peer(Arp::is_at(PEER, PEER_MAC).target(HOST).target_mac(MAC));
    let advertisement = Icmpv6::neighbor_advertisement(PEER6).solicited(true).target_link_layer_address(PEER_MAC);
    let here = from_peer(Ipv6::new().src(PEER6).dst(HOST6).hop_limit(255) / advertisement);
    [(at("192.0.2.2:53"), arp, is_at), (at("[2001:db8::2]:53"), ndp, here)]
}

#[test]
fn what_is_to_leave_waits_for_its_neighbour() {
    for (to, question, answer) in questions() {
        let mut world = World::tap();
        let socket = world.host.udp_bind(at("[::]:5000")).unwrap();
        let shown = if to.is_ipv4() { at("[::ffff:192.0.2.2]:53") } else { to };
        socket.send_to(b"one", shown).unwrap();
        socket.send_to(b"two", shown).unwrap();
        world.expect(question);
        world.expect_nothing();
        world.send(answer);
        let ip = if to.is_ipv4() { Ipv4::new().into_packet() } else { Ipv6::new().into_packet() };
        let framed = || Ethernet::new().src(MAC).dst(PEER_MAC) / ip.clone() / Udp::new().sport(5000).dport(53);
        world.expect(framed() / b"one");
        world.expect(framed() / b"two");
        socket.send_to(b"three", shown).unwrap();
        world.expect(framed() / b"three");
        assert_eq!(world.poll(), None);
    }
}

#[test]
fn a_neighbour_is_asked_for_three_times_and_then_given_up() {
    for (to, question, answer) in questions() {
        let mut world = World::tap();
        let stream = world.host.tcp_connect(to).unwrap();
        let mut asked = Vec::new();
        for second in 0..3 {
            world.expect(question.clone());
            asked.push(world.now);
            world.now = Duration::from_secs(second + 1);
            // The SYN is sent again meanwhile, and waits as the first does.
        }
        world.expect_nothing();
        assert_eq!(asked, [0, 1, 2].map(Duration::from_secs));
        assert_errno(stream.try_connected(), libc::EHOSTUNREACH);
        assert_eq!(world.poll(), None);
        world.send(answer);
        world.expect_nothing();
    }
}

#[test]
fn who_asked_is_known_and_who_was_not_asked_for_is_not() {
    let mut world = World::tap();
    let socket = world.host.udp_bind(at("192.0.2.1:5000")).unwrap();
    let others = [2, 0, 0, 0, 0, 3];
    world.send(from_peer(Arp::is_at([192, 0, 2, 3], others).target(HOST).target_mac(MAC)));
    socket.send_to(b"x", at("192.0.2.3:53")).unwrap();
    world.expect(Ethernet::new().dst([0xff; 6]) / Arp::who_has([192, 0, 2, 3]));
    world.send(from_peer(Arp::who_has(HOST).sender(PEER).sender_mac(PEER_MAC)));
    world.expect(Ethernet::new().dst(PEER_MAC) / Arp::is_at(HOST, MAC));
    socket.send_to(b"x", at("192.0.2.2:53")).unwrap();
    world.expect(Ethernet::new().dst(PEER_MAC) / Ipv4::new() / Udp::new() / b"x");
    // A gratuitous answer moves who is known.
    world.send(from_peer(Arp::is_at(PEER, others).target(PEER).target_mac([0xff; 6])));
    socket.send_to(b"y", at("192.0.2.2:53")).unwrap();
    world.expect(Ethernet::new().dst(others) / Ipv4::new() / Udp::new() / b"y");
}

#[test]
fn an_advertisement_without_override_does_not_move_a_neighbour() {
    let mut world = World::tap();
    let socket = world.host.udp_bind(at("[2001:db8::1]:5000")).unwrap();
    let advertise = |mac: [u8; 6], force: bool| {
        let message = Icmpv6::neighbor_advertisement(PEER6).override_flag(force).target_link_layer_address(mac);
        from_peer(Ipv6::new().src(PEER6).dst(HOST6).hop_limit(255) / message)
    };
    let others = [2, 0, 0, 0, 0, 3];
    socket.send_to(b"x", at("[2001:db8::2]:53")).unwrap();
    world.take();
    for (mac, force, expected) in [(PEER_MAC, false, PEER_MAC), (others, false, PEER_MAC), (others, true, others)] {
        world.send(advertise(mac, force));
        world.take();
        socket.send_to(b"y", at("[2001:db8::2]:53")).unwrap();
        world.expect(Ethernet::new().dst(expected) / Ipv6::new() / Udp::new() / b"y");
    }
}

#[test]
fn groups_need_no_neighbour() {
    let mut world = World::tap();
    let socket = world.host.udp_bind(at("192.0.2.1:5000")).unwrap();
    socket.set_broadcast(true).unwrap();
    for to in ["192.0.2.255:53", "255.255.255.255:53"] {
        socket.send_to(b"x", at(to)).unwrap();
        world.expect(Ethernet::new().dst([0xff; 6]) / Ipv4::new().ttl(64) / Udp::new() / b"x");
    }
    socket.send_to(b"x", at("224.0.0.251:53")).unwrap();
    world.expect(Ethernet::new().dst([1, 0, 0x5e, 0, 0, 0xfb]) / Ipv4::new().ttl(1) / Udp::new() / b"x");
    // A datagram to all is for every socket that fits.
    let all = world.host.udp_bind(at("0.0.0.0:67")).unwrap();
    let packet = Ipv4::new().src([0; 4]).dst([255; 4]) / Udp::new().sport(68).dport(67) / b"who am I";
    world.send(Ethernet::new().src(PEER_MAC).dst([0xff; 6]) / packet);
    assert_eq!(all.recv_from(&mut [0; 9]).unwrap(), (8, at("0.0.0.0:68")));
}
