//! TCP of the mock host, driven by hand: how connections begin and end, what a peer sees of it, and what the host's sockets
//! do. Errnos are those of Linux 6.18, by measurement.

use std::net::Shutdown;
use std::time::Duration;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::exchange::TcpFlow;
use tuntap_test::mock::host::LinkConfig;
use tuntap_test::prelude::*;

use crate::world::{HOST, HOST6, PEER, PEER6, World, assert_errno, open, opened, read, tcp};

#[test]
fn a_handshake_has_the_options_of_the_syn_in_the_order_of_linux() {
    for (syn, options) in [
        (Tcp::new(), vec![2, 4, 5, 0xb4]),
        (Tcp::new().mss(1460).sack_permitted(), vec![2, 4, 5, 0xb4, 1, 1, 4, 2]),
        (Tcp::new().mss(1460).window_scale(7), vec![2, 4, 5, 0xb4, 1, 3, 3, 0]),
    ] {
        let mut world = World::tun();
        let _listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
        world.send(Ipv4::new().src(PEER).dst(HOST) / syn.sport(40_000).dport(80).seq(100).syn());
        let head = Ipv4::new().src(HOST).dst(PEER).id(0).dont_fragment(true).ttl(64);
        world.expect(head / Tcp::new().syn().ack(101).window(64_240).options(options) / Payload::empty());
    }
    let mut world = World::tun();
    let _listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    let syn = Tcp::new().sport(40_000).dport(80).seq(100).syn().mss(1460).sack_permitted().timestamps(5, 0);
    world.now = Duration::from_secs(1);
    world.send(Ipv4::new().src(PEER).dst(HOST) / syn.window_scale(7));
    let frame = world.expect(Ipv4::new() / Tcp::new().window(65_160).mss(1460).sack_permitted().window_scale(0));
    assert_eq!(frame.get(44..48).unwrap(), [4, 2, 8, 10], "as Linux packs them");
    assert_eq!(frame.get(52..60).unwrap(), [0, 0, 0, 5, 1, 3, 3, 0], "what came goes back");
}

#[test]
fn data_goes_both_ways_and_a_close_is_answered() {
    let (mut world, mut tcp, stream) = opened();
    assert_errno(stream.read(&mut [0; 9]), libc::EAGAIN);
    world.send(tcp.data(b"hello"));
    world.expect_in(&tcp, tcp.reply().data(b""));
    assert_eq!(read(&stream), b"hello");
    assert_eq!(stream.write(b"hi").unwrap(), 2);
    world.expect_in(&tcp, tcp.reply().data(b"hi"));
    world.send(tcp.ack());
    world.expect_nothing();
    world.send(tcp.fin());
    world.expect_in(&tcp, tcp.reply());
    assert_eq!(read(&stream), b"", "the end");
    assert_eq!(stream.write(b"bye").unwrap(), 3);
    world.expect_in(&tcp, tcp.reply().data(b"bye"));
    world.send(tcp.ack());
    drop(stream);
    world.expect_in(&tcp, tcp.reply().fin());
    world.send(tcp.ack());
    world.expect_nothing();
    assert_eq!(world.poll(), None, "nothing is left of it");
    world.send(tcp.ack());
    world.expect(tcp.reply().rst());
}

#[test]
fn the_host_opens_a_connection_over_both_families() {
    let mut world = World::tun();
    for (peer, tcp_of) in [
        ((PEER, 99).into(), Box::new(|port| TcpFlow::new(PEER, 99, HOST, port)) as Box<dyn Fn(u16) -> TcpFlow>),
        ((PEER6, 99).into(), Box::new(|port| TcpFlow::new(PEER6, 99, HOST6, port))),
    ] {
        let stream = world.host.tcp_connect(peer).unwrap();
        assert!(!stream.try_connected().unwrap());
        assert_errno(stream.write(b"x"), libc::EAGAIN);
        assert_errno(stream.read(&mut [0]), libc::EAGAIN);
        let mut tcp = tcp_of(stream.local_addr().unwrap().port()).initial_sequence(500).mss(1460);
        let frame = world.expect_in(&tcp, tcp.reply().syn());
        assert!(
            (Tcp::new().mss(if peer.is_ipv4() { 1460 } else { 1440 }) / Payload::empty())
                .matches(FrameRef::new(Mode::Tun, &frame))
        );
        let syn_ack = tcp.syn_ack();
        world.send(syn_ack);
        world.expect_in(&tcp, tcp.reply());
        assert!(stream.try_connected().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), peer);
        stream.write(b"hello").unwrap();
        world.expect_in(&tcp, tcp.reply().data(b"hello"));
        world.send(tcp.ack());
        stream.shutdown(Shutdown::Write).unwrap();
        assert_errno(stream.write(b"x"), libc::EPIPE);
        world.expect_in(&tcp, tcp.reply().fin());
        world.send(tcp.rst());
    }
}

#[test]
fn out_of_order_data_is_acknowledged_twice_and_put_in_order() {
    let (mut world, mut tcp, stream) = opened();
    let [first, second] = [tcp.data(b"hello "), tcp.data(b"world")];
    world.send(second);
    world.expect(tcp.reply().ack_rel(1));
    world.send(first);
    world.expect(tcp.reply().ack_rel(12));
    assert_eq!(read(&stream), b"hello world");
}

#[test]
fn a_reset_is_told_once_and_after_what_can_be_read() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.data(b"hello"));
    world.take();
    world.send(tcp.rst());
    assert_eq!(read(&stream), b"hello");
    assert_errno(stream.read(&mut [0; 9]), libc::ECONNRESET);
    assert_eq!(read(&stream), b"");
    assert_errno(stream.write(b"x"), libc::EPIPE);

    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.rst());
    assert_errno(stream.write(b"x"), libc::ECONNRESET);
    assert_errno(stream.write(b"x"), libc::EPIPE);
    assert_eq!(read(&stream), b"");

    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.fin());
    world.take();
    world.send(tcp.rst());
    assert_eq!(read(&stream), b"", "the end came before the reset");
    assert_errno(stream.write(b"x"), libc::EPIPE);
    world.expect_nothing();
}

#[test]
fn a_refused_connection_is_refused_and_a_reset_that_acknowledges_nothing_is_not_one() {
    let mut world = World::tun();
    let stream = world.host.tcp_connect((PEER, 99).into()).unwrap();
    let tcp = TcpFlow::new(PEER, 99, HOST, stream.local_addr().unwrap().port()).initial_sequence(0);
    world.expect_in(&tcp, tcp.reply().syn());
    let reset = Tcp::new().sport(99).dport(stream.local_addr().unwrap().port()).rst();
    world.send(Ipv4::new().src(PEER).dst(HOST) / reset.clone().ack(tcp.host_initial_sequence().unwrap()));
    assert!(!stream.try_connected().unwrap());
    world.send(Ipv4::new().src(PEER).dst(HOST) / reset.ack(tcp.host_sequence(1).unwrap()));
    assert_errno(stream.try_connected(), libc::ECONNREFUSED);
    assert_errno(stream.try_connected(), libc::ENOTCONN);
    world.expect_nothing();
}

#[test]
fn an_icmp_error_about_the_syn_ends_the_attempt() {
    for (code, errno) in [
        (0, libc::ENETUNREACH),
        (1, libc::EHOSTUNREACH),
        (2, libc::ENOPROTOOPT),
        (3, libc::ECONNREFUSED),
        (5, libc::EOPNOTSUPP),
        (9, libc::ENETUNREACH),
        (10, libc::EHOSTUNREACH),
        (13, libc::EHOSTUNREACH),
    ] {
        let mut world = World::tun();
        let stream = world.host.tcp_connect((PEER, 99).into()).unwrap();
        let syn = world.take().pop().unwrap();
        world.send(Ipv4::new().src(PEER).dst(HOST) / Icmpv4::unreachable(code) / syn);
        assert_errno(stream.try_connected(), errno);
        assert_eq!(world.poll(), None);
    }
}

#[test]
fn closing_with_something_unread_resets() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.data(b"hello"));
    world.take();
    drop(stream);
    world.expect(tcp.reply().rst());
    assert_eq!(world.poll(), None);
}

#[test]
fn data_for_a_connection_that_was_closed_is_answered_with_a_reset() {
    let (mut world, mut tcp, stream) = opened();
    drop(stream);
    world.expect_in(&tcp, tcp.reply().fin());
    world.send(tcp.ack());
    world.send(tcp.data(b"hello"));
    world.expect(tcp.reply().rst());
    assert_eq!(world.poll(), None);
}

#[test]
fn a_new_syn_reopens_what_waits() {
    let (mut world, mut tcp, stream) = opened();
    let _listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    drop(stream);
    world.expect_in(&tcp, tcp.reply().fin());
    world.send(tcp.fin());
    world.expect(tcp.reply());
    let mut next = TcpFlow::new(PEER, 40_000, HOST, 80).initial_sequence(5000);
    open(&mut world, &mut next);
}

#[test]
fn a_full_listener_drops_what_comes() {
    let mut world = World::tun();
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    listener.set_backlog(2);
    let mut flows: Vec<TcpFlow> =
        (0..6).map(|index| TcpFlow::new(PEER, 40_000 + index, HOST, 80).initial_sequence(100)).collect();
    let answered: Vec<bool> = flows
        .iter_mut()
        .map(|tcp| {
            world.send(tcp.syn());
            let Some(frame) = world.take().pop() else { return false };
            tcp.learn(FrameRef::new(Mode::Tun, &frame));
            world.send(tcp.ack());
            true
        })
        .collect();
    assert_eq!(answered, [true, true, true, false, false, false], "one more than it was told, as on Linux");
    for _ in 0..3 {
        listener.accept().unwrap();
    }
    assert_errno(listener.accept(), libc::EAGAIN);
}

#[test]
fn a_listener_takes_addresses_that_are_free_and_its_own() {
    let world = World::tun();
    let listen = |at: &str| world.host.tcp_listen(at.parse().unwrap());
    let _listener = listen("192.0.2.1:80").unwrap();
    assert_errno(listen("192.0.2.1:80"), libc::EADDRINUSE);
    assert_errno(listen("0.0.0.0:80"), libc::EADDRINUSE);
    assert_errno(listen("[::]:80"), libc::EADDRINUSE);
    assert_errno(listen("192.0.2.9:80"), libc::EADDRNOTAVAIL);
    assert_errno(listen("192.0.2.255:80"), libc::EADDRNOTAVAIL);
    listen("[2001:db8::1]:80").unwrap();
    let free = listen("0.0.0.0:0").unwrap().local_addr().unwrap();
    assert!((32_768..=60_999).contains(&free.port()), "{free}");
    assert_errno(world.host.tcp_connect("10.0.0.1:1".parse().unwrap()), libc::ENETUNREACH);
    assert_errno(world.host.tcp_connect("192.0.2.255:1".parse().unwrap()), libc::ENETUNREACH);
}

#[test]
fn a_listener_on_all_of_ipv6_takes_ipv4_too() {
    let mut world = World::tun();
    let listener = world.host.tcp_listen("[::]:80".parse().unwrap()).unwrap();
    let mut tcp = tcp();
    open(&mut world, &mut tcp);
    let (_stream, from) = listener.accept().unwrap();
    assert_eq!(from.to_string(), "[::ffff:192.0.2.2]:40000");
}

#[test]
fn segments_keep_to_both_sizes() {
    let mut world = World::new(Mode::Tun, crate::world::addressed(LinkConfig::tun().mtu(1000)), 1);
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    for (port, mss, expected) in [(40_000, 1460, 960), (40_001, 500, 500), (40_002, 10, 48)] {
        let mut tcp = TcpFlow::new(PEER, port, HOST, 80).initial_sequence(100).mss(mss);
        open(&mut world, &mut tcp);
        let (stream, _) = listener.accept().unwrap();
        stream.write(&vec![7; 3 * expected]).unwrap();
        for _ in 0..3 {
            world.expect_in(&tcp, tcp.reply().data(vec![7; expected]));
        }
        world.send(tcp.ack());
        drop(stream);
        world.take();
    }
}
