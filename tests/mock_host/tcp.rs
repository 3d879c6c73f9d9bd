//! TCP of the mock host, driven by hand on instants of the test's: what a peer sees, and what the host's sockets do.
//! Figures and errnos are those of Linux 6.18, by measurement.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use crate::world::{HOST, HOST6, PEER, PEER6, World, assert_errno, open, tcp};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::exchange::TcpFlow;
use tuntap_test::mock::host::{LinkConfig, TcpStream};
use tuntap_test::prelude::*;

fn seconds(figures: &[f64]) -> Vec<Duration> {
    figures.iter().map(|seconds| Duration::from_secs_f64(*seconds)).collect()
}

fn read(stream: &TcpStream) -> Vec<u8> {
    let mut buffer = [0; 70_000];
    let length = stream.read(&mut buffer).unwrap();
    buffer.get(..length).unwrap().to_vec()
}

/// A world with a connection that stands: the peer has opened it.
fn opened() -> (World, TcpFlow, TcpStream) {
    let mut world = World::tun();
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    let mut tcp = tcp();
    open(&mut world, &mut tcp);
    let (stream, from) = listener.accept().unwrap();
    assert_eq!(from, (PEER, 40_000).into());
    // The listener is closed: what waits there is reset, this connection does not wait.
    drop(listener);
    world.expect_nothing();
    (world, tcp, stream)
}

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
fn a_syn_is_sent_again_at_the_instants_of_linux_and_then_given_up() {
    let mut world = World::tun();
    let stream = world.host.tcp_connect((PEER, 99).into()).unwrap();
    let instants = world.instants(99);
    assert_eq!(instants, seconds(&[0., 1., 2., 3., 4., 5., 7., 11., 19., 35., 67.]));
    assert_eq!(world.now, Duration::from_secs(131));
    assert_errno(stream.try_connected(), libc::ETIMEDOUT);
    assert_errno(stream.write(b"x"), libc::EPIPE);
    assert_eq!(read(&stream), b"");
}

#[test]
fn a_syn_ack_is_sent_again_five_times_and_on_every_syn() {
    let mut world = World::tun();
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    let mut tcp = tcp();
    let syn = tcp.syn();
    world.send(syn.clone());
    assert_eq!(world.instants(99), seconds(&[0., 1., 3., 7., 15., 31.]));
    assert_eq!(world.now, Duration::from_secs(63));
    world.send(syn.clone());
    let first = world.expect_in(&tcp, tcp.reply().syn_ack());
    world.send(syn);
    assert_eq!(world.expect(tcp.reply().syn_ack()), first);
    world.send(tcp.ack());
    listener.accept().unwrap();
}

#[test]
fn data_that_nobody_acknowledges_is_sent_again_with_doubled_pauses_for_a_quarter_of_an_hour() {
    let (mut world, _tcp, stream) = opened();
    stream.write(&[7; 100]).unwrap();
    let instants = world.instants(99);
    let expected = [0., 0.2, 0.6, 1.4, 3., 6.2, 12.6, 25.4, 51., 102.2, 204.6, 324.6];
    assert_eq!(instants.get(..12).unwrap(), seconds(&expected));
    assert!(instants.len() == 16 || instants.len() == 17, "{}", instants.len());
    assert!(world.now > Duration::from_secs(924) && world.now < Duration::from_secs(1100), "{:?}", world.now);
    assert_errno(stream.read(&mut [0]), libc::ETIMEDOUT);
    assert_eq!(read(&stream), b"");
    assert_errno(stream.write(b"x"), libc::EPIPE);
}

#[test]
fn an_acknowledgement_ends_the_pauses() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 100]).unwrap();
    world.instants(5);
    world.send(tcp.segment(Tcp::new().ack(tcp.host_sequence(101).unwrap())));
    assert_eq!(world.poll(), None);
    let begin = world.now;
    stream.write(&[8; 100]).unwrap();
    assert_eq!(world.instants(2), [begin, begin + Duration::from_millis(200)]);
}

#[test]
fn a_round_trip_makes_the_time_out_longer() {
    let mut world = World::tun();
    let listener = world.host.tcp_listen((HOST, 80).into()).unwrap();
    let mut tcp = tcp();
    world.send(tcp.syn());
    world.expect_in(&tcp, tcp.reply().syn_ack());
    world.now += Duration::from_millis(400);
    world.send(tcp.ack());
    let (stream, _) = listener.accept().unwrap();
    stream.write(b"x").unwrap();
    let begin = world.now;
    // 400 ms and four deviations of 200 ms (RFC 6298 section 2.2).
    assert_eq!(world.instants(2), [begin, begin + Duration::from_millis(1200)]);
}

#[test]
fn a_zero_window_is_probed_without_data_and_opens_again() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.ack().with(Tcp::new().window(0)));
    stream.write(b"hello").unwrap();
    world.expect_nothing();
    let mut probes = Vec::new();
    while probes.len() < 4 {
        world.go_on().unwrap();
        for frame in world.take() {
            // One octet before what is expected, and none of data (tcp_xmit_probe_skb).
            let seq = tcp.host_next_sequence().unwrap().wrapping_sub(1);
            let wanted = Ipv4::new() / Tcp::new().seq(seq).flags(TcpFlags::ACK) / Payload::empty();
            assert!(wanted.matches(FrameRef::new(Mode::Tun, &frame)));
            probes.push(world.now);
        }
    }
    assert_eq!(probes, seconds(&[0.2, 0.6, 1.4, 3.]));
    world.send(tcp.ack());
    world.expect_in(&tcp, tcp.reply().data(b"hello"));
}

#[test]
fn what_the_window_does_not_hold_waits_and_what_the_buffer_does_not_hold_is_not_taken() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.ack().with(Tcp::new().window(1000)));
    assert_eq!(stream.write(&[7; 100_000]).unwrap(), 78_840, "as much as Linux takes");
    assert_errno(stream.write(b"x"), libc::EAGAIN);
    world.expect_in(&tcp, tcp.reply().data([7; 1000]));
    world.expect_nothing();
    world.send(tcp.ack());
    for _ in 0..10 {
        world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    }
    world.expect_nothing();
}

#[test]
fn data_that_is_not_read_closes_the_window() {
    let (mut world, mut tcp, stream) = opened();
    for _ in 0..44 {
        world.send(tcp.data([7; 1460]));
    }
    let last = world.take().pop().unwrap();
    assert!(Tcp::new().window(0).into_packet().matches(FrameRef::new(Mode::Tun, &last)));
    assert_eq!(read(&stream).len(), 64_240);
    world.expect(tcp.reply().any().into_packet().with(Tcp::new().window(64_240)));
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
fn who_closes_first_waits_a_minute_and_acknowledges_meanwhile() {
    let (mut world, mut tcp, stream) = opened();
    drop(stream);
    world.expect_in(&tcp, tcp.reply().fin());
    let fin = tcp.fin();
    world.send(fin.clone());
    let answer = world.expect(tcp.reply());
    assert_eq!(world.poll(), Some(Duration::from_secs(60)));
    world.now = Duration::from_secs(59);
    world.send(fin.clone());
    assert_eq!(world.expect(tcp.reply()).get(20..).unwrap(), answer.get(20..).unwrap());
    world.now = Duration::from_secs(118);
    assert_eq!(world.poll(), Some(Duration::from_secs(119)));
    world.now = Duration::from_secs(119);
    assert_eq!(world.poll(), None);
    world.send(fin);
    world.expect(tcp.reply().rst());
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

#[test]
fn nagle_waits_and_nodelay_does_not() {
    let (mut world, tcp, stream) = opened();
    stream.write(b"a").unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"a"));
    stream.write(b"b").unwrap();
    world.expect_nothing();
    stream.set_nodelay(true).unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"b"));
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn three_duplicates_send_the_first_segment_again_at_once() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 5 * 1460]).unwrap();
    world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    let rest = world.take();
    assert_eq!(rest.len(), 4);
    let ack = tcp.ack();
    world.send(ack.clone());
    for _ in 0..3 {
        world.expect_nothing();
        world.send(ack.clone());
    }
    let again = world.take();
    assert_eq!(again.len(), 1);
    assert_eq!(again.first().unwrap().get(24..28), rest.first().unwrap().get(24..28), "the sequence number");
}

#[test]
fn a_connection_begins_with_ten_segments_and_doubles_them() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 70_000]).unwrap();
    for _ in 0..10 {
        world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    }
    world.expect_nothing();
    world.send(tcp.ack());
    for _ in 0..20 {
        world.expect_in(&tcp, tcp.reply().data([7; 1460]));
    }
    world.expect_nothing();
}

#[test]
fn after_a_time_out_one_segment_is_sent_again_and_then_two() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(&[7; 14_600]).unwrap();
    assert_eq!(world.take().len(), 10);
    world.go_on();
    assert_eq!(world.now, Duration::from_millis(200));
    world.expect_in(&tcp, tcp.reply().seq_rel(1).data([7; 1460]));
    world.expect_nothing();
    world.send(tcp.segment(Tcp::new().ack(tcp.host_sequence(1461).unwrap())));
    world.expect_in(&tcp, tcp.reply().seq_rel(1461).data([7; 1460]));
    world.expect_in(&tcp, tcp.reply().seq_rel(2921).data([7; 1460]));
    world.expect_nothing();
}

/// smoltcp 0.14 by itself would answer with acknowledgements without end.
#[test]
fn a_closed_window_is_not_probed_when_everything_is_acknowledged() {
    let (mut world, mut tcp, stream) = opened();
    stream.write(b"hi").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"hi").fin());
    let closed = |tcp: &mut TcpFlow, offset| tcp.segment(Tcp::new().ack(tcp.host_sequence(offset).unwrap()).window(0));
    world.send(closed(&mut tcp, 2));
    world.send(closed(&mut tcp, 4));
    assert_eq!(world.poll(), None);
    world.now = Duration::from_secs(500);
    world.expect_nothing();

    let (mut world, mut tcp, stream) = opened();
    stream.write(b"hi").unwrap();
    world.expect_in(&tcp, tcp.reply().data(b"hi"));
    world.send(closed(&mut tcp, 2));
    world.send(closed(&mut tcp, 3));
    world.now = Duration::from_secs(500);
    world.expect_nothing();
    // With something to send it is.
    stream.write(b"more").unwrap();
    assert_eq!(world.instants(2).len(), 2);
}

#[test]
fn what_was_not_read_outlives_the_connection() {
    let (mut world, mut tcp, stream) = opened();
    world.send(tcp.data(b"hello"));
    stream.shutdown(Shutdown::Write).unwrap();
    world.take();
    world.send(tcp.segment(Tcp::new().fin().ack(tcp.host_initial_sequence().unwrap().wrapping_add(2))));
    world.take();
    world.now = Duration::from_secs(500);
    world.take();
    assert_eq!(read(&stream), b"hello");
    assert_eq!(read(&stream), b"");
}
