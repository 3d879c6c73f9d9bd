//! The host end's sockets: one interface on both backends, the same body on each.

#![expect(clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown};
use std::panic::{self, AssertUnwindSafe};
use std::thread;

use tuntap_test::device::Deadline;
use tuntap_test::host::{PingAnswer, Unreachable};
use tuntap_test::prelude::*;

#[tuntap_test]
fn datagrams_go_both_ways(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.udp_bind((tun.host_v4(), 53))?;
    tun.send(Udp::new().sport(9).dport(53) / b"who?");
    let mut buffer = [0; 100];
    assert_eq!(socket.peek_from(&mut buffer)?.0, 4);
    let (length, from) = socket.recv_from(&mut buffer)?;
    assert_eq!((&buffer[..length], from), (b"who?".as_slice(), (tun.peer_v4(), 9).into()));
    socket.send_to(b"me", from)?;
    tun.expect(Udp::new().sport(53).dport(9) / b"me");
    socket.set_ttl(7)?;
    socket.connect(from)?;
    assert_eq!(socket.peer_addr()?, from);
    socket.send(b"again")?;
    tun.expect(Ipv4::new().ttl(7) / Udp::new().sport(53).dport(9) / b"again");
    assert_eq!(socket.set_ttl(0).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    Ok(())
}

#[tuntap_test]
fn datagrams_of_ipv6_go_both_ways(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.udp_bind((tun.host_v6(), 0))?;
    socket.set_ttl(9)?;
    socket.send_to(b"hello", (tun.peer_v6(), 53))?;
    let port = socket.local_addr()?.port();
    tun.expect(Ipv6::new().hop_limit(9) / Udp::new().sport(port).dport(53) / b"hello");
    tun.send(Ipv6::new() / Udp::new().sport(53).dport(port) / b"world");
    let mut buffer = [0; 100];
    assert_eq!(socket.recv(&mut buffer)?, 5);
    Ok(())
}

/// What never comes is told in words, and costs the time that was said; a `Now` does not wait.
#[tuntap_test]
fn a_wait_in_vain_names_the_socket(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.udp_bind((tun.host_v4(), 53))?;
    socket.set_timeout(Duration::from_millis(30));
    let began = host.clock().now();
    let error = socket.recv_from(&mut [0; 9]).unwrap_err();
    assert!(host.clock().now() - began >= Duration::from_millis(30));
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::TimedOut, None));
    let text = format!("UDP {}:53 of the host waited 30ms in vain: recv_from", tun.host_v4());
    assert_eq!(error.to_string(), text);
    socket.set_timeout(Deadline::Now);
    assert_eq!(socket.recv_from(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let listener = host.tcp_listen((tun.host_v4(), 80))?;
    listener.set_timeout(Duration::from_millis(5));
    let error = listener.accept().unwrap_err();
    assert!(error.to_string().contains("in vain: accept"), "{error}");
    Ok(())
}

#[tuntap_test]
fn errnos_are_those_of_the_kernel(tun: Tun, host: Host) -> io::Result<()> {
    let errno = |error: io::Error| error.raw_os_error();
    let elsewhere = host.udp_bind((Ipv4Addr::new(203, 0, 113, 9), 53)).unwrap_err();
    assert_eq!(errno(elsewhere), Some(libc::EADDRNOTAVAIL));
    let _first = host.tcp_listen((tun.host_v4(), 80))?;
    assert_eq!(errno(host.tcp_listen((tun.host_v4(), 80)).unwrap_err()), Some(libc::EADDRINUSE));
    let socket = host.udp_bind((tun.host_v4(), 0))?;
    let far = Ipv4Addr::new(203, 0, 113, 9);
    assert_eq!(errno(socket.send_to(b"x", (far, 9)).unwrap_err()), Some(libc::ENETUNREACH));
    assert_eq!(errno(host.ping(far).unwrap_err()), Some(libc::ENETUNREACH));
    let everybody = Ipv4Addr::new(192, 0, 2, 255);
    assert_eq!(errno(socket.send_to(b"x", (everybody, 9)).unwrap_err()), Some(libc::EACCES));
    socket.set_broadcast(true)?;
    socket.send_to(b"x", (everybody, 9))?;
    Ok(())
}

/// The test is the peer, and closes the port to a socket that is connected to it.
#[tuntap_test]
fn a_port_unreachable_is_told_once(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.udp_bind((tun.host_v4(), 4000))?;
    socket.connect((tun.peer_v4(), 9))?;
    socket.send(b"x")?;
    let sent = tun.expect(Udp::new().sport(4000).dport(9) / b"x");
    tun.send(Icmpv4::port_unreachable() / &sent[..28]);
    assert_eq!(socket.recv(&mut [0; 9]).unwrap_err().raw_os_error(), Some(libc::ECONNREFUSED));
    socket.set_timeout(Deadline::Now);
    assert_eq!(socket.recv(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    Ok(())
}

#[tuntap_test]
fn a_connection_to_the_host_is_accepted(tun: Tun, host: Host) -> io::Result<()> {
    let listener = host.tcp_listen((tun.host_v4(), 80))?;
    let mut flow = tun.tcp_flow(40_000, 80);
    tun.send(flow.syn());
    tun.expect(flow.reply().syn_ack());
    tun.send(flow.ack());
    let (mut server, from) = listener.accept()?;
    assert_eq!((from, server.peer_addr()?), ((tun.peer_v4(), 40_000).into(), from));
    tun.send(flow.data(b"hello"));
    let mut buffer = [0; 5];
    assert_eq!(server.peek(&mut buffer)?, 5);
    server.read_exact(&mut buffer)?;
    assert_eq!(&buffer, b"hello");
    tun.expect(flow.reply().ack_rel(6));
    server.write_all(b"world")?;
    tun.expect(flow.reply().data(b"world"));
    tun.send(flow.ack());
    server.shutdown(Shutdown::Write)?;
    tun.expect(flow.reply().fin());
    tun.send(flow.fin());
    assert_eq!(server.read(&mut buffer)?, 0, "the end of the stream");
    Ok(())
}

/// The test plays the server on the device; a thread of the host's connects.
#[tuntap_test]
fn the_host_connects(tun: Tun, host: Host) -> io::Result<()> {
    host.clock().scope(|scope| {
        let client = scope.spawn("client", || -> io::Result<Vec<u8>> {
            let mut stream = host.tcp_connect((tun.peer_v4(), 80))?;
            stream.write_all(b"GET")?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(answer)
        });
        let syn = tun.expect(Tcp::new().dport(80).flags(TcpFlags::SYN));
        let mut flow = TcpFlow::opened_by(syn.as_ref()).unwrap();
        tun.send(flow.syn_ack());
        tun.expect(flow.reply().any());
        tun.expect(flow.reply().data(b"GET"));
        tun.send(flow.data(b"200"));
        tun.send(flow.fin());
        let answer = client.join().unwrap()?;
        assert_eq!(answer, b"200");
        Ok(())
    })
}

#[tuntap_test]
fn a_closed_port_refuses(tun: Tun, host: Host) {
    host.clock().scope(|scope| {
        let client = scope.spawn("client", || host.tcp_connect((tun.peer_v4(), 81)).unwrap_err());
        let syn = tun.expect(Tcp::new().dport(81).flags(TcpFlags::SYN));
        let mut flow = TcpFlow::opened_by(syn.as_ref()).unwrap();
        tun.send(flow.rst());
        let error = client.join().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    });
}

#[tuntap_test]
fn a_silent_peer_is_not_waited_for_longer_than_said(tun: Tun, host: Host) {
    let error = host.tcp_connect_timeout((tun.peer_v4(), 80), Duration::from_millis(50)).unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::TimedOut, None));
    assert!(error.to_string().contains("waited 50ms in vain: connect"), "{error}");
}

#[tuntap_test]
fn pings_are_answered(tun: Tun, host: Host) -> io::Result<()> {
    let _peer = tun.answer(IcmpEcho::any_address());
    for peer in [IpAddr::from(tun.peer_v4()), tun.peer_v6().into()] {
        let reply = host.ping(peer)?;
        assert_eq!((reply.from, reply.hop_limit, reply.payload.len()), (peer, 64, 56));
    }
    Ok(())
}

#[tuntap_test]
fn a_ping_to_nowhere_says_who_said_so(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.ping_socket(tun.host_v4())?;
    socket.send_to(tun.peer_v4(), 7, b"data")?;
    let request = tun.expect(Icmpv4::echo_request(socket.identifier(), 7) / b"data");
    tun.send(Icmpv4::unreachable(1) / &request[..28]);
    let PingAnswer::Error { from, sequence, kind, code } = socket.receive()? else { panic!("a reply") };
    assert_eq!((from, sequence, kind, code), (tun.peer_v4().into(), 7, 3, 1));
    let socket = host.ping_socket(tun.host_v6())?;
    assert_eq!(socket.send_to(tun.peer_v4(), 7, b"").unwrap_err().kind(), ErrorKind::InvalidInput);
    socket.send_to(tun.peer_v6(), 8, b"data")?;
    let request = tun.expect(Icmpv6::echo_request(socket.identifier(), 8) / b"data");
    tun.send(Icmpv6::unreachable(3) / &request[..48]);
    let PingAnswer::Error { from, sequence, kind, code } = socket.receive()? else { panic!("a reply") };
    assert_eq!((from, sequence, kind, code), (tun.peer_v6().into(), 8, 1, 3));
    Ok(())
}

/// Nobody answers the ARP request: the host tells itself, after three of them.
#[tuntap_test]
fn a_ping_without_a_neighbour_fails(tap: Tap, host: Host) {
    let error = host.ping(tap.peer_v4()).unwrap_err();
    let why = error.get_ref().and_then(|inner| inner.downcast_ref::<Unreachable>()).copied();
    let why = why.unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!((why.from, why.kind, why.code), (tap.host_v4().into(), 3, 1), "{error}");
    assert_eq!(error.to_string(), format!("{} answered with ICMP type 3 code 1", tap.host_v4()));
}

#[tuntap_test]
fn raw_sockets_speak_any_protocol(tun: Tun, host: Host) -> io::Result<()> {
    let gre = host.raw(tun.host_v4(), 47)?;
    tun.send(Ipv4::new().protocol(47).ttl(3) / b"\0\0\x08\0");
    let mut buffer = [0; 100];
    let received = gre.recv_from(&mut buffer)?;
    assert_eq!((received.length, received.from, received.hop_limit), (4, tun.peer_v4().into(), 3));
    assert_eq!(&buffer[..4], b"\0\0\x08\0");
    assert_eq!(gre.send_to(b"back", tun.peer_v4())?, 4);
    tun.expect(Ipv4::new().protocol(47) / b"back");
    drop(gre);
    // Nobody takes it any more.
    tun.send(Ipv4::new().protocol(47) / b"\0\0\x08\0");
    tun.expect(Icmpv4::unreachable(2));
    let any = host.raw(Ipv6Addr::UNSPECIFIED, 253)?;
    tun.send(Ipv6::new().next_header(253).hop_limit(4) / b"hello");
    let received = any.recv_from(&mut buffer)?;
    assert_eq!((received.length, received.from, received.hop_limit), (5, tun.peer_v6().into(), 4));
    // The host completes the checksum of ICMPv6.
    let icmp = host.raw(tun.host_v6(), 58)?;
    icmp.send_to(&[128, 0, 0, 0, 0, 7, 0, 1], tun.peer_v6())?;
    tun.expect(Icmpv6::echo_request(7, 1));
    Ok(())
}

/// Two hosts, one link each: each has sockets and addresses of its own, and the same ports are free on both.
#[tuntap_test]
fn two_hosts(a: Tun, #[device(host = "b")] b: Tun, #[device(host = "b")] there: Host) -> io::Result<()> {
    let here = a.host();
    let (one, other) = (here.udp_bind((a.host_v4(), 53))?, there.udp_bind((b.host_v4(), 53))?);
    let elsewhere = here.udp_bind((b.host_v4(), 54)).unwrap_err();
    assert_eq!(elsewhere.raw_os_error(), Some(libc::EADDRNOTAVAIL));
    one.send_to(b"to a's link", (a.peer_v4(), 9))?;
    other.send_to(b"to b's link", (b.peer_v4(), 9))?;
    a.expect(Udp::new().dport(9) / b"to a's link");
    b.expect(Udp::new().dport(9) / b"to b's link");
    b.send(Udp::new().sport(9).dport(53) / b"hello");
    assert_eq!(other.recv(&mut [0; 100])?, 5);
    Ok(())
}

#[tuntap_test(mock)]
fn what_only_the_kernel_has_is_told(host: Host) {
    for error in [host.counters().err(), host.neighbours().err(), host.routes().err(), host.links().err()] {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("#[tuntap_test(kernel)]"), "{error}");
    }
    let panic = panic::catch_unwind(AssertUnwindSafe(|| drop(host.command("true")))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("#[tuntap_test(kernel)]"));
}

#[tuntap_test(kernel)]
fn programs_tables_and_counters(tap: Tap, host: Host, #[device(host = "b")] other: Tap) -> io::Result<()> {
    let before = host.counters()?;
    let mac: [u8; 6] = [2, 0, 0, 0, 0, 9];
    thread::scope(|scope| {
        let ping = scope.spawn(|| {
            let mut ping = host.command("ping");
            ping.args(["-c", "1", "-W", "5", "-n"]).arg(tap.peer_v4().to_string()).output()
        });
        tap.expect(Arp::who_has(tap.peer_v4()));
        tap.send(Arp::is_at(tap.peer_v4(), mac));
        let request = tap.expect(Icmpv4::new().icmp_type(8));
        let (id, data) = (u16::from_be_bytes([request[38], request[39]]), request[42..].to_vec());
        tap.send(Ethernet::new().src(mac) / Ipv4::new() / Icmpv4::echo_reply(id, 1) / data);
        let output = ping.join().unwrap()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        Ok::<_, io::Error>(())
    })?;
    assert_eq!(host.counters()?.since(&before).of("IcmpInEchoReps"), 1);
    let neighbours = host.neighbours()?;
    let peer = neighbours.iter().find(|one| one.address == tap.peer_v4()).expect("the neighbour");
    assert_eq!(peer.mac, Some(mac));
    let index = host.links()?.iter().find(|link| link.name == tap.name()).map(|link| link.index);
    let routes = host.routes()?;
    assert!(routes.iter().any(|route| route.index == index && route.destination.contains(tap.peer_v4().into())));
    // A program of the other host's sees that host's links.
    let shown = other.host().command("ip").args(["-o", "-4", "address"]).output()?;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(&other.host_v4().to_string()) && !shown.contains(&tap.host_v4().to_string()), "{shown}");
    assert_eq!(host.run(|| 7)?, 7);
    Ok(())
}

fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> Option<i32> {
    result.unwrap_err().raw_os_error()
}

#[tuntap_test]
fn a_ping_socket_is_bound_where_it_was_said(tun: Tun, host: Host) -> io::Result<()> {
    assert_eq!(errno(host.ping_socket(Ipv4Addr::new(203, 0, 113, 9))), Some(libc::EADDRNOTAVAIL));
    let socket = host.ping_socket(Ipv4Addr::LOCALHOST)?;
    assert_eq!(errno(socket.send_to(tun.peer_v4(), 1, b"")), Some(libc::EINVAL));
    assert_eq!(errno(socket.send_to(tun.peer_v6(), 1, b"")), Some(libc::EAFNOSUPPORT));
    assert_eq!(errno(host.ping_socket(tun.host_v6())?.send_to(tun.peer_v4(), 1, b"")), Some(libc::EINVAL));
    Ok(())
}

#[tuntap_test]
fn ipv6_carries_twenty_octets_more(tun: Tun, host: Host) -> io::Result<()> {
    let (v4, v6) = (host.udp_bind((tun.host_v4(), 53))?, host.udp_bind((tun.host_v6(), 53))?);
    assert_eq!(errno(v4.send_to(&[0; 65_508], (tun.host_v4(), 53))), Some(libc::EMSGSIZE));
    assert_eq!(v6.send_to(&[0; 65_527], (tun.host_v6(), 53))?, 65_527);
    assert_eq!(v6.recv(&mut vec![0; 70_000])?, 65_527);
    assert_eq!(errno(v6.send_to(&[0; 65_528], (tun.host_v6(), 53))), Some(libc::EMSGSIZE));
    host.ping_socket(tun.host_v6())?.send_to(tun.host_v6(), 1, &[0; 65_527])?;
    Ok(())
}

#[tuntap_test]
fn raw_sockets_of_any_protocol_but_0(tun: Tun, host: Host) -> io::Result<()> {
    assert_eq!(errno(host.raw(tun.host_v4(), 0)), Some(libc::EPROTONOSUPPORT));
    assert_eq!(errno(host.raw(tun.host_v6(), 0)), Some(libc::EPROTONOSUPPORT));
    host.raw(tun.host_v4(), 255)?.send_to(b"last", tun.peer_v4())?;
    tun.expect(Ipv4::new().protocol(255) / b"last");
    host.raw(tun.host_v6(), 255)?.send_to(b"last", tun.peer_v6())?;
    tun.expect(Ipv6::new().next_header(255) / b"last");
    assert_eq!(errno(host.raw(tun.host_v4(), 99)?.send_to(b"", tun.peer_v6())), Some(libc::EAFNOSUPPORT));
    // A group is no source.
    host.raw(Ipv4Addr::new(224, 0, 0, 1), 99)?.send_to(b"x", tun.peer_v4())?;
    tun.expect(Ipv4::new().src(tun.host_v4()).protocol(99) / b"x");
    Ok(())
}

#[tuntap_test]
fn connecting_in_no_time(tun: Tun, host: Host) -> io::Result<()> {
    let at = (tun.host_v4(), 80);
    let listener = host.tcp_listen(at)?;
    assert_eq!(host.tcp_connect_timeout(at, Deadline::Now).unwrap_err().kind(), ErrorKind::WouldBlock);
    listener.set_timeout(Deadline::Now);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nothing was sent");
    let client = host.tcp_connect_timeout(at, Duration::ZERO)?;
    assert_eq!((&client).read(&mut [])?, 0);
    assert_eq!(client.peek(&mut [])?, 0);
    let refused = host.tcp_connect_timeout((tun.peer_v4(), 80), Duration::ZERO).unwrap_err();
    assert_eq!((refused.kind(), refused.raw_os_error()), (ErrorKind::TimedOut, None));
    tun.expect(Tcp::new().dport(80));
    Ok(())
}

#[tuntap_test]
fn a_connection_that_is_over_cannot_be_shut_down(tun: Tun, host: Host) -> io::Result<()> {
    let at = (tun.host_v4(), 80);
    let listener = host.tcp_listen(at)?;
    let client = host.tcp_connect(at)?;
    client.shutdown(Shutdown::Write)?;
    drop(listener.accept()?);
    assert_eq!((&client).read(&mut [0])?, 0);
    assert_eq!(errno(client.shutdown(Shutdown::Write)), Some(libc::ENOTCONN));
    Ok(())
}

/// Its page says that it does not matter which thread starts the program; nor does it which made the command.
#[tuntap_test(kernel)]
fn a_command_made_within_another_namespace_runs_there(_tun: Tun) -> io::Result<()> {
    let there = tuntap_test::kernel::Namespace::new().unwrap();
    let shown = |mut command: std::process::Command| Ok(command.arg("/proc/self/ns/net").output()?.stdout);
    let from_outside: io::Result<_> = shown(there.command("readlink"));
    let from_inside = shown(there.run(|| there.command("readlink")).unwrap());
    assert_eq!(from_outside?, from_inside?);
    Ok(())
}

/// A reset right behind the SYN-ACK is told as such, or to who reads first, also where the machine is busy.
#[tuntap_test]
fn a_reset_at_once_is_a_reset(tun: Tun, host: Host) {
    let is_over = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        if tun.mock().is_none() {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
        }
        for port in 1000..1200 {
            let (there, host) = ((tun.peer_v4(), port), host.clone());
            let client = tun.clock().spawn("client", move || host.tcp_connect(there)?.read(&mut [0]));
            let syn = tun.expect_eventually(Tcp::new().dport(port).flags(TcpFlags::SYN));
            let mut flow = TcpFlow::opened_by(syn.as_ref()).unwrap();
            tun.send(flow.syn_ack());
            tun.send(flow.rst());
            let result = client.join().unwrap();
            if result.as_ref().err().and_then(io::Error::raw_os_error) != Some(libc::ECONNRESET) {
                is_over.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("another end for port {port}: {result:?}");
            }
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// As `std::net` gives it to the kernel: the address needs no `::ffff:`.
#[tuntap_test]
fn a_udp_socket_on_all_addresses_sends_to_ipv4(tun: Tun, host: Host) -> io::Result<()> {
    let socket = host.udp_bind((Ipv6Addr::UNSPECIFIED, 7000))?;
    socket.send_to(b"x", (tun.peer_v4(), 9))?;
    tun.expect(Udp::new().sport(7000).dport(9) / b"x");
    socket.send_to(b"x", (tun.peer_v4().to_ipv6_mapped(), 9))?;
    tun.expect(Udp::new().sport(7000).dport(9) / b"x");
    let of_one = host.udp_bind((tun.host_v6(), 7001))?;
    assert_eq!(errno(of_one.send_to(b"x", (tun.peer_v4(), 9))), Some(libc::ENETUNREACH));
    socket.connect((tun.peer_v4(), 9))?;
    assert_eq!(socket.local_addr()?.ip(), IpAddr::from(tun.host_v4().to_ipv6_mapped()));
    socket.send(b"x")?;
    tun.expect(Udp::new().sport(7000).dport(9) / b"x");
    Ok(())
}
