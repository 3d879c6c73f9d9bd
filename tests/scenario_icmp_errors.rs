//! ICMP errors: which datagrams the host answers with one, which programs of the host hear of one, and what is never
//! answered with one (RFC 792, RFC 1122 section 3.2.2, RFC 4443 section 2.4).
//!
//! ```text
//!  peer (the test)                          host (the kernel)
//!  UDP to a port that nobody has     ──►
//!                                    ◄──    ICMP 3/3 (ICMPv6 1/4), quoting the datagram
//!
//!                                    ◄──    UDP                            send() on a connected socket
//!  ICMP 3/3, quoting it              ──►    the next recv() or send() gives ECONNREFUSED, the one after it does not
//! ```
#![cfg(target_os = "linux")]

mod scenario;
#[path = "scenario/settings.rs"]
mod settings;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Instant;

use scenario::each_frame_is_its_own_template;
use settings::set;
use tuntap_test::device::patience;
use tuntap_test::prelude::*;

/// Nobody has that port.
fn datagram() -> Packet {
    Udp::new().sport(40_000).dport(9) / b"hello"
}

/// What differs between IPv4 and IPv6.
struct Family {
    host: IpAddr,
    peer: IpAddr,
    /// From the peer to the host.
    ip: Packet,
    port_unreachable: Packet,
    time_exceeded: Packet,
}

fn families(tun: &Tun) -> [Family; 2] {
    let (v4, v6) = ((tun.peer_v4(), tun.host_v4()), (tun.peer_v6(), tun.host_v6()));
    let v4 = Family {
        host: v4.1.into(),
        peer: v4.0.into(),
        ip: Ipv4::new().src(v4.0).dst(v4.1).into_packet(),
        port_unreachable: Icmpv4::port_unreachable().into_packet(),
        time_exceeded: Icmpv4::time_exceeded().into_packet(),
    };
    let v6 = Family {
        host: v6.1.into(),
        peer: v6.0.into(),
        ip: Ipv6::new().src(v6.0).dst(v6.1).into_packet(),
        port_unreachable: Icmpv6::port_unreachable().into_packet(),
        time_exceeded: Icmpv6::time_exceeded().into_packet(),
    };
    [v4, v6]
}

/// RFC 1122 section 4.1.3.1 and RFC 4443 section 3.1. The quote holds the IP header and 8 octets at least.
#[tuntap_test(kernel, strict)]
fn a_datagram_to_a_closed_port_is_answered_with_an_error_that_quotes_it(tun: Tun) {
    // As the harness has it already, where it can: which types are limited. None; of ICMPv6 only 0, which does not exist.
    set(tun.stack(), "net.ipv4.icmp_ratemask", 0);
    set(tun.stack(), "net.ipv6.icmp.ratemask", "0");
    for Family { ip, port_unreachable, .. } in families(&tun) {
        let datagram = ip / datagram();
        for _ in 0..20 {
            tun.send(&datagram);
            tun.expect(port_unreachable.clone() / &datagram);
        }
        tun.expect_nothing_else();
    }
    each_frame_is_its_own_template(&tun);
}

/// RFC 1812 section 4.3.2.8 and RFC 4443 section 2.4 (f): the harness switches the limits off, and this test on again.
/// Linux lets six pass, and then one a second on IPv4 and four a second on IPv6.
#[tuntap_test(kernel, strict)]
fn errors_come_in_small_numbers_only(tun: Tun) {
    set(tun.stack(), "net.ipv4.icmp_ratemask", 0x1818);
    set(tun.stack(), "net.ipv6.icmp.ratemask", "0-1,3-127");
    for Family { ip, port_unreachable, .. } in families(&tun) {
        let begin = Instant::now();
        for _ in 0..20 {
            tun.send(ip.clone() / datagram());
        }
        let since = usize::try_from(begin.elapsed().as_millis() / 250).unwrap();
        tun.expect(times(1..=6 + since, port_unreachable));
        tun.expect_nothing_else();
    }
    each_frame_is_its_own_template(&tun);
}

/// A program of the host's that speaks to the peer's port 53.
fn client(host: IpAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((host, 0))?;
    socket.set_read_timeout(Some(patience()))?;
    Ok(socket)
}

/// RFC 1122 section 4.1.3.3: UDP passes the errors that it gets on to its program. Linux does so once.
#[tuntap_test(kernel, strict)]
fn a_connected_socket_hears_that_the_port_is_closed(tun: Tun) -> io::Result<()> {
    for Family { host, peer, port_unreachable, .. } in families(&tun) {
        let socket = client(host)?;
        socket.connect((peer, 53))?;
        socket.send(b"query")?;
        let query = tun.expect(Udp::new().dport(53) / b"query");
        tun.send(port_unreachable / &query[..]);
        assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        socket.send(b"again")?;
        tun.expect(Udp::new().dport(53) / b"again");
        tun.expect_nothing_else();
    }
    each_frame_is_its_own_template(&tun);
    Ok(())
}

/// It may have asked many; which of them is gone only `IP_RECVERR` could say (udp(7)).
#[tuntap_test(kernel, strict)]
fn an_unconnected_socket_hears_nothing(tun: Tun) -> io::Result<()> {
    for Family { host, peer, port_unreachable, .. } in families(&tun) {
        let socket = client(host)?;
        socket.send_to(b"query", (peer, 53))?;
        let query = tun.expect(Udp::new().dport(53) / b"query");
        tun.send(port_unreachable / &query[..]);
        tun.expect_nothing_else();
        assert!(socket.take_error()?.is_none());
    }
    each_frame_is_its_own_template(&tun);
    Ok(())
}

/// RFC 1122 section 3.2.2.4: it may be passed on; Linux has it for a soft error, which a program has to ask for.
#[tuntap_test(kernel, strict)]
fn a_connected_socket_does_not_hear_that_a_datagram_lived_too_long(tun: Tun) -> io::Result<()> {
    for Family { host, peer, time_exceeded, .. } in families(&tun) {
        let socket = client(host)?;
        socket.connect((peer, 53))?;
        socket.send(b"query")?;
        let query = tun.expect(Udp::new().dport(53) / b"query");
        tun.send(time_exceeded / &query[..]);
        tun.expect_nothing_else();
        assert!(socket.take_error()?.is_none());
    }
    each_frame_is_its_own_template(&tun);
    Ok(())
}

/// RFC 1122 section 3.2.2.
#[tuntap_test(kernel, strict)]
fn no_icmp_error_answers_these(tun: Tun) {
    let (host, peer) = (tun.host_v4(), tun.peer_v4());
    // A timestamp option whose pointer points into its own header, and the host says so; not about an error.
    let broken = Ipv4::new().src(peer).dst(host).options([0x44, 8, 1, 0, 0, 0, 0, 0]);
    tun.send(broken.clone() / datagram());
    tun.expect(Icmpv4::parameter_problem(22) / broken.clone() / Udp::new());
    tun.send(broken / Icmpv4::port_unreachable() / Ipv4::new().src(host).dst(peer) / datagram());
    // To everybody, to everybody on the subnet, to a group.
    for dst in [Ipv4Addr::BROADCAST, Ipv4Addr::new(192, 0, 2, 255), Ipv4Addr::new(224, 0, 0, 1)] {
        tun.send(Ipv4::new().dst(dst) / datagram());
    }
    // A fragment that is not the first.
    tun.send(Ipv4::new().fragment_offset(1) / datagram());
    // From nobody.
    tun.send(Ipv4::new().src(Ipv4Addr::UNSPECIFIED) / datagram());
    tun.expect_nothing_else();
    each_frame_is_its_own_template(&tun);
}

/// RFC 4443 section 2.4 (e).
#[tuntap_test(kernel, strict)]
fn no_icmpv6_error_answers_these(tun: Tun) {
    let (host, peer) = (tun.host_v6(), tun.peer_v6());
    // An option that nobody knows, and whose type asks for an error (RFC 8200 section 4.2); not about an error.
    let unknown = DestinationOptions::new().option(0x80, [0; 4]);
    tun.send(Ipv6::new() / unknown.clone() / datagram());
    tun.expect(Icmpv6::parameter_problem(2, 42) / Ipv6::new().src(peer).dst(host) / unknown.clone() / Udp::new());
    tun.send(Ipv6::new() / unknown / Icmpv6::port_unreachable() / Ipv6::new().src(host).dst(peer) / datagram());
    // To all nodes.
    tun.send(Ipv6::new().dst(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)) / datagram());
    // A fragment that is not the first.
    tun.send(Fragment::new().fragment_offset(1) / datagram());
    // From nobody.
    tun.send(Ipv6::new().src(Ipv6Addr::UNSPECIFIED) / datagram());
    tun.expect_nothing_else();
    each_frame_is_its_own_template(&tun);
}
