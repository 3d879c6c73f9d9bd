//! UDP, pings, fragments and ports of the mock host. Figures and errnos are those of Linux 6.18, by measurement.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::mock::host::{HostConfig, LinkConfig, MockHost, PingAnswer, UdpSocket};
use tuntap_test::prelude::*;

use crate::world::{HOST, HOST6, PEER, PEER6, World, addressed, assert_errno};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn received(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 70_000];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..length].to_vec(), from)
}

fn to_host() -> Ipv4 {
    Ipv4::new().src(PEER).dst(HOST)
}

fn to_peer() -> Ipv4 {
    Ipv4::new().src(HOST).dst(PEER)
}

#[test]
fn datagrams_go_both_ways_over_both_families() {
    let mut world = World::tun();
    let socket = world.host.udp_bind(at("192.0.2.1:5000")).unwrap();
    assert_errno(socket.recv_from(&mut [0; 9]), libc::EAGAIN);
    world.send(to_host() / Udp::new().sport(53).dport(5000) / b"hello");
    assert_eq!(received(&socket), (b"hello".to_vec(), at("192.0.2.2:53")));
    assert_eq!(socket.send_to(b"hi", at("192.0.2.2:53")).unwrap(), 2);
    world.expect(to_peer().dont_fragment(true).ttl(64) / Udp::new().sport(5000).dport(53) / b"hi");
    world.send(to_host() / Udp::new().sport(53).dport(5000) / b"");
    assert_eq!(received(&socket), (Vec::new(), at("192.0.2.2:53")), "an empty datagram is one");

    let socket = world.host.udp_bind(at("[2001:db8::1]:5000")).unwrap();
    world.send(Ipv6::new().src(PEER6).dst(HOST6) / Udp::new().sport(53).dport(5000) / b"hello");
    assert_eq!(received(&socket), (b"hello".to_vec(), at("[2001:db8::2]:53")));
    socket.send_to(b"hi", at("[2001:db8::2]:53")).unwrap();
    world.expect(Ipv6::new().src(HOST6).dst(PEER6) / Udp::new().sport(5000).dport(53) / b"hi");
    world.expect_nothing();
}

#[test]
fn a_short_buffer_cuts_and_a_look_leaves() {
    let mut world = World::tun();
    let socket = world.host.udp_bind(at("0.0.0.0:5000")).unwrap();
    world.send(to_host() / Udp::new().sport(53).dport(5000) / b"hello");
    let mut buffer = [0; 2];
    assert_eq!(socket.peek_from(&mut buffer).unwrap(), (2, at("192.0.2.2:53")));
    assert_eq!(socket.recv_from(&mut buffer).unwrap(), (2, at("192.0.2.2:53")));
    assert_eq!(&buffer, b"he");
    assert_errno(socket.recv_from(&mut buffer), libc::EAGAIN);
}

#[test]
fn the_socket_that_fits_best_gets_the_datagram() {
    let mut world = World::tun();
    let all = world.host.udp_bind(at("[::]:5000")).unwrap();
    world.send(to_host() / Udp::new().sport(53).dport(5000) / b"to all");
    assert_eq!(received(&all), (b"to all".to_vec(), at("[::ffff:192.0.2.2]:53")));
    all.send_to(b"mapped", at("[::ffff:192.0.2.2]:53")).unwrap();
    world.expect(to_peer() / Udp::new().sport(5000).dport(53) / b"mapped");
    all.send_to(b"plain", at("192.0.2.2:53")).unwrap();
    world.expect(to_peer() / Udp::new().sport(5000).dport(53) / b"plain");
    drop(all);
    let one = world.host.udp_bind(at("192.0.2.1:5000")).unwrap();
    one.connect(at("192.0.2.2:53")).unwrap();
    world.send(to_host() / Udp::new().sport(54).dport(5000) / b"from another port");
    world.expect(to_peer() / Icmpv4::port_unreachable());
    world.send(to_host() / Udp::new().sport(53).dport(5000) / b"from the peer");
    assert_eq!(received(&one).0, b"from the peer");
}

#[test]
fn addresses_are_taken_as_linux_has_it() {
    let world = World::tun();
    let bind = |address: &str| world.host.udp_bind(at(address));
    let _socket = bind("192.0.2.1:5000").unwrap();
    for taken in ["192.0.2.1:5000", "0.0.0.0:5000", "[::]:5000", "[::ffff:192.0.2.1]:5000"] {
        assert_errno(bind(taken), libc::EADDRINUSE);
    }
    assert_errno(bind("192.0.2.9:5001"), libc::EADDRNOTAVAIL);
    assert_errno(bind("[2001:db8::9]:5001"), libc::EADDRNOTAVAIL);
    for free in ["[2001:db8::1]:5000", "192.0.2.1:80", "192.0.2.255:5001", "224.0.0.5:5001", "127.0.0.1:5001"] {
        bind(free).unwrap();
    }
    let sockets: Vec<UdpSocket> = (0..100).map(|_| bind("192.0.2.1:0").unwrap()).collect();
    let mut ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
    assert!(ports.iter().all(|port| (32_768..=60_999).contains(port)), "{ports:?}");
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 100);
}

#[test]
fn what_cannot_be_sent_is_refused_as_linux_does() {
    let world = World::tun();
    let socket = world.host.udp_bind(at("192.0.2.1:5000")).unwrap();
    let send = |to: &str| socket.send_to(b"x", at(to));
    assert_errno(send("10.0.0.1:5"), libc::ENETUNREACH);
    assert_errno(send("192.0.2.2:0"), libc::EINVAL);
    assert_errno(send("192.0.2.255:5"), libc::EACCES);
    assert_errno(send("255.255.255.255:5"), libc::EACCES);
    assert_errno(socket.send_to(&[0; 65_508], at("192.0.2.2:5")), libc::EMSGSIZE);
    assert_errno(socket.send(b"x"), libc::EDESTADDRREQ);
    assert_errno(socket.peer_addr(), libc::ENOTCONN);
    let local = world.host.udp_bind(at("127.0.0.1:5000")).unwrap();
    assert_errno(local.send_to(b"x", at("192.0.2.2:5")), libc::EINVAL);
    world.link.set_up(false);
    assert_errno(send("192.0.2.2:5"), libc::ENETUNREACH);
}

#[test]
fn a_connected_socket_hears_the_errors_that_linux_tells_and_another_none() {
    let mut world = World::tun();
    let socket = world.host.udp_bind(at("192.0.2.1:5000")).unwrap();
    let sent = || to_peer() / Udp::new().sport(5000).dport(53) / b"hello";
    world.send(to_host() / Icmpv4::port_unreachable() / sent());
    assert_errno(socket.recv(&mut [0; 9]), libc::EAGAIN);
    socket.connect(at("192.0.2.2:53")).unwrap();
    for (error, errno) in [
        (Icmpv4::unreachable(0), None),
        (Icmpv4::unreachable(1), None),
        (Icmpv4::unreachable(2), Some(libc::ENOPROTOOPT)),
        (Icmpv4::unreachable(3), Some(libc::ECONNREFUSED)),
        (Icmpv4::fragmentation_needed(1024), Some(libc::EMSGSIZE)),
        (Icmpv4::unreachable(5), None),
        (Icmpv4::unreachable(6), Some(libc::ENETUNREACH)),
        (Icmpv4::unreachable(9), Some(libc::ENETUNREACH)),
        (Icmpv4::unreachable(10), Some(libc::EHOSTUNREACH)),
        (Icmpv4::unreachable(13), Some(libc::EHOSTUNREACH)),
        (Icmpv4::time_exceeded(), None),
        (Icmpv4::parameter_problem(0), Some(libc::EPROTO)),
    ] {
        let shown = format!("{error:?}");
        world.send(to_host() / error / sent());
        let told = socket.recv(&mut [0; 9]).unwrap_err().raw_os_error().unwrap();
        assert_eq!(told, errno.unwrap_or(libc::EAGAIN), "{shown}");
        assert_errno(socket.recv(&mut [0; 9]), libc::EAGAIN);
    }
    world.send(to_host() / Icmpv4::port_unreachable() / sent());
    assert_errno(socket.send(b"x"), libc::ECONNREFUSED);
    socket.send(b"x").unwrap();
    // A quote needs 8 octets behind the header.
    let whole = sent().build().unwrap();
    world.send(to_host() / Icmpv4::port_unreachable() / &whole[..27]);
    assert!(socket.take_error().unwrap().is_none());
    world.send(to_host() / Icmpv4::port_unreachable() / &whole[..28]);
    assert_eq!(socket.take_error().unwrap().unwrap().raw_os_error(), Some(libc::ECONNREFUSED));

    let socket = world.host.udp_bind(at("[2001:db8::1]:5000")).unwrap();
    socket.connect(at("[2001:db8::2]:53")).unwrap();
    let sent = || Ipv6::new().src(HOST6).dst(PEER6) / Udp::new().sport(5000).dport(53) / b"hello";
    for (error, errno) in [
        (Icmpv6::unreachable(0), None),
        (Icmpv6::unreachable(1), Some(libc::EACCES)),
        (Icmpv6::unreachable(3), None),
        (Icmpv6::port_unreachable(), Some(libc::ECONNREFUSED)),
        (Icmpv6::packet_too_big(1280), Some(libc::EMSGSIZE)),
        (Icmpv6::time_exceeded(), None),
        (Icmpv6::parameter_problem(1, 6), Some(libc::EPROTO)),
    ] {
        let shown = format!("{error:?}");
        world.send(Ipv6::new().src(PEER6).dst(HOST6) / error / sent());
        let told = socket.recv(&mut [0; 9]).unwrap_err().raw_os_error().unwrap();
        assert_eq!(told, errno.unwrap_or(libc::EAGAIN), "{shown}");
    }
}

#[test]
fn a_queue_holds_256_short_datagrams() {
    let mut world = World::tun();
    let socket = world.host.udp_bind(at("192.0.2.1:5000")).unwrap();
    for _ in 0..300 {
        world.send(to_host() / Udp::new().sport(53).dport(5000) / b"");
    }
    let count = std::iter::from_fn(|| socket.recv_from(&mut [0; 9]).ok()).count();
    assert_eq!(count, 256);
    world.send(to_host() / Udp::new().sport(53).dport(5000) / b"again");
    assert_eq!(received(&socket).0, b"again");
}

#[test]
fn a_datagram_of_4000_octets_leaves_in_fragments_and_arrives_in_them() {
    let mut world = World::tun();
    let socket = world.host.udp_bind(at("[::]:5000")).unwrap();
    for (to, lengths) in [("[::ffff:192.0.2.2]:53", [1500, 1500, 1068]), ("[2001:db8::2]:53", [1496, 1496, 1160])] {
        let data: Vec<u8> = (0..4000_u32).map(|n| n.to_be_bytes()[3]).collect();
        socket.send_to(&data, at(to)).unwrap();
        let frames = world.take();
        assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), lengths, "as Linux cuts it");
        // The same fragments to another host that has the peer's address.
        let config =
            LinkConfig::tun().address("192.0.2.2/24".parse().unwrap()).address("2001:db8::2/64".parse().unwrap());
        let mut other = World::new(Mode::Tun, config, 1);
        let server = other.host.udp_bind(at("[::]:53")).unwrap();
        for frame in frames.iter().rev() {
            other.send_raw(frame);
        }
        assert_eq!(received(&server).0, data);
    }
}

#[test]
fn what_lacks_a_fragment_is_given_up_in_time_and_its_sender_told() {
    let mut world = World::tun();
    let first = to_host().more_fragments(true).id(7).protocol(17) / [7; 64];
    world.send(first.clone());
    world.send(to_host().fragment_offset(100).id(8).protocol(17) / [7; 64]);
    assert_eq!(world.poll(), Some(Duration::from_secs(30)));
    world.now = Duration::from_secs(30);
    world.expect(to_peer() / Icmpv4::time_exceeded().code(1) / first);
    world.expect_nothing();
    world.send(Ipv6::new().src(PEER6).dst(HOST6) / Fragment::new().more_fragments(true).id(7) / Udp::new() / [7; 56]);
    assert_eq!(world.poll(), Some(Duration::from_secs(90)));
    world.now = Duration::from_secs(90);
    world.expect(Ipv6::new().src(HOST6).dst(PEER6) / Icmpv6::time_exceeded().code(1));
    assert_eq!(world.poll(), None);
}

#[test]
fn pings_are_answered_or_told_why_not() {
    let mut world = World::tun();
    let ping = world.host.ping(7).unwrap();
    assert_errno(world.host.ping(7), libc::EADDRINUSE);
    ping.send_to(PEER.into(), 1, b"hello").unwrap();
    world.expect(to_peer() / Icmpv4::echo_request(7, 1) / b"hello");
    assert_errno(ping.receive(), libc::EAGAIN);
    world.send(to_host().ttl(60) / Icmpv4::echo_reply(7, 1) / b"hello");
    let (from, sequence, payload) = (IpAddr::from(PEER), 1, b"hello".to_vec());
    assert_eq!(ping.receive().unwrap(), PingAnswer::Reply { from, sequence, payload, hop_limit: 60 });
    let request = to_peer() / Icmpv4::echo_request(7, 2) / b"hello";
    world.send(Ipv4::new().src([192, 0, 2, 9]).dst(HOST) / Icmpv4::time_exceeded() / request);
    let from = IpAddr::from([192, 0, 2, 9]);
    assert_eq!(ping.receive().unwrap(), PingAnswer::Error { from, sequence: 2, kind: 11, code: 0 });
    ping.send_to(IpAddr::from(PEER6), 3, b"").unwrap();
    world.expect(Ipv6::new().src(HOST6).dst(PEER6) / Icmpv6::echo_request(7, 3));
    assert_errno(ping.send_to([10, 0, 0, 1].into(), 1, b""), libc::ENETUNREACH);
}

#[test]
fn the_host_speaks_to_itself_and_nothing_leaves() {
    let mut world = World::tun();
    let server = world.host.udp_bind(at("0.0.0.0:53")).unwrap();
    let client = world.host.udp_bind(at("0.0.0.0:0")).unwrap();
    for to in ["192.0.2.1:53", "127.0.0.1:53", "0.0.0.0:53"] {
        client.send_to(&[7; 60_000], at(to)).unwrap();
        world.expect_nothing();
        let (data, from) = received(&server);
        assert_eq!((data.len(), from.port()), (60_000, client.local_addr().unwrap().port()));
    }
    client.connect(at("127.0.0.1:54")).unwrap();
    client.send(b"to nobody").unwrap();
    world.expect_nothing();
    assert_errno(client.recv(&mut [0; 9]), libc::ECONNREFUSED);
    assert_errno(
        world.host.tcp_connect(at("127.0.0.1:81")).and_then(|stream| {
            world.expect_nothing();
            stream.try_connected()
        }),
        libc::ECONNREFUSED,
    );
}

#[test]
fn below_1280_octets_there_is_no_ipv6() {
    let mut world = World::tun();
    let stream = world.host.tcp_connect(at("[2001:db8::2]:80")).unwrap();
    world.take();
    world.link.set_mtu(1279);
    world.send(Ipv6::new().src(PEER6).dst(HOST6) / Icmpv6::echo_request(7, 1));
    world.expect_nothing();
    assert_errno(world.host.udp_bind(at("[2001:db8::1]:53")), libc::EADDRNOTAVAIL);
    assert!(stream.try_connected().is_err());
    // Linux has dropped the address; that it is set up gives it back.
    world.link.set_mtu(1280);
    world.send(Ipv6::new().src(PEER6).dst(HOST6) / Icmpv6::echo_request(7, 1));
    world.expect_nothing();
    world.link.set_up(true);
    world.send(Ipv6::new().src(PEER6).dst(HOST6) / Icmpv6::echo_request(7, 1));
    world.expect(Ipv6::new().src(HOST6).dst(PEER6) / Icmpv6::echo_reply(7, 1));
}

#[test]
fn two_links_of_one_host_have_routes_of_their_own() {
    let host = MockHost::new(HostConfig::new());
    let near = host.add_link(LinkConfig::tun().address("192.0.2.1/24".parse().unwrap()));
    let far = LinkConfig::tun().address("198.51.100.1/24".parse().unwrap()).route("203.0.113.0/24".parse().unwrap());
    let far = host.add_link(far);
    let socket = host.udp_bind(at("0.0.0.0:5000")).unwrap();
    for (to, source) in [("192.0.2.2:53", [192, 0, 2, 1]), ("203.0.113.9:53", [198, 51, 100, 1])] {
        socket.send_to(b"x", at(to)).unwrap();
        let (mut from_near, mut from_far) = (Vec::new(), Vec::new());
        let next = near.poll(Duration::ZERO, &mut |frame| from_near.push(frame.to_vec()));
        assert_eq!(next.is_some(), source[0] == 198, "the other link has something to send");
        assert_eq!(far.poll(Duration::ZERO, &mut |frame| from_far.push(frame.to_vec())), None);
        let frames = if source[0] == 192 { &from_near } else { &from_far };
        assert_eq!(from_near.len() + from_far.len(), 1);
        assert_eq!(frames[0][12..16], source);
    }
}

#[test]
fn who_waits_is_told_and_may_call_back() {
    let mut world = World::tun();
    let socket = Arc::new(world.host.udp_bind(at("192.0.2.1:5000")).unwrap());
    let told = Arc::new(AtomicU64::new(0));
    let (count, own) = (Arc::clone(&told), Arc::clone(&socket));
    // It calls the host: nothing is locked.
    assert!(world.host.on_change(move || {
        own.local_addr().unwrap();
        count.fetch_add(1, Ordering::Relaxed);
    }));
    assert!(!world.host.on_change(|| {}));
    let before = world.host.generation();
    world.poll();
    assert_eq!((world.host.generation(), told.load(Ordering::Relaxed)), (before, 0), "nothing happened");
    world.send(to_host() / Udp::new().sport(53).dport(5000) / b"hello");
    assert_eq!((world.host.generation(), told.load(Ordering::Relaxed)), (before + 1, 1));
    socket.send_to(b"hello", at("192.0.2.2:53")).unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 2, "there is something to send");
}

#[test]
fn who_is_told_polls_after_the_frames_that_it_is_told_of() {
    let host = MockHost::new(HostConfig::new());
    let link = host.add_link(addressed(LinkConfig::tun()));
    let socket = host.udp_bind(at("192.0.2.1:5000")).unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let (own, later) = (link.clone(), Arc::clone(&log));
    host.on_change(move || {
        own.poll(Duration::ZERO, &mut |frame| later.lock().unwrap().push(frame[9]));
    });
    let request = (to_host() / Icmpv4::echo_request(7, 1)).build().unwrap();
    link.receive(FrameRef::new(Mode::Tun, &request), Duration::ZERO, &mut |frame| log.lock().unwrap().push(frame[9]));
    socket.send_to(b"x", at("192.0.2.2:53")).unwrap();
    assert_eq!(*log.lock().unwrap(), [1, 17], "the reply, and the datagram without anybody's poll");
}

#[test]
fn handles_go_to_any_thread() {
    fn check<T: Send + Sync + Clone + std::fmt::Debug>() {}
    check::<MockHost>();
    check::<tuntap_test::mock::host::HostLink>();
    check::<UdpSocket>();
    check::<tuntap_test::mock::host::TcpStream>();
    check::<tuntap_test::mock::host::TcpListener>();
    check::<tuntap_test::mock::host::PingSocket>();
}

#[test]
fn the_same_seed_gives_the_same_octets_and_another_gives_others() {
    let run = |seed| {
        let mut world = World::new(Mode::Tun, addressed(LinkConfig::tun()), seed);
        let _stream = world.host.tcp_connect(at("192.0.2.2:80")).unwrap();
        let _stream = world.host.tcp_connect(at("[2001:db8::2]:80")).unwrap();
        world.host.udp_bind(at("0.0.0.0:0")).unwrap().send_to(b"hello", at("192.0.2.2:53")).unwrap();
        world.take()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
