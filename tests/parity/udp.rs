//! UDP sockets of the host's: what they take, what they send, and what they hear (RFC 1122 section 4.1, udp(7)).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tuntap_test::Link;
use tuntap_test::device::Deadline;
use tuntap_test::host::UdpSocket;
use tuntap_test::packet::Defaults;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{answer, arrived, done, errno, framed, lines, list, outcome};

group! {
    "UDP";
    received: "a datagram to a bound port";
    received_v6: "a datagram over IPv6 to a bound port";
    empty: "a datagram without data to a bound port";
    cut: "a datagram of 5 octets, received into 3, and the next receive";
    peeked: "a datagram that is peeked at and then received";
    no_checksum: "a datagram without checksum to a bound port";
    wrong_checksum: "a datagram with a wrong checksum to a bound port";
    trailing: "a datagram with 4 octets behind the UDP length";
    in_fragments: "a datagram of 3,000 octets in three fragments to a bound port";
    to_broadcast: "a datagram to 192.0.2.255, for a socket on 0.0.0.0 and for one on the host's address";
    to_all_systems: "a datagram to 224.0.0.1, for a socket on 0.0.0.0 and for one on the host's address";
    to_all_nodes: "a datagram to ff02::1, for a socket on ::";
    mapped: "a datagram over IPv4, for a socket on ::";
    nothing: "a receive that does not wait, with nothing to receive";
    of_connected: "a datagram from another port than the one that a socket is connected to";
    order: "three datagrams, received";
    full: "1,000 datagrams that nobody receives, of 1, 164, 165, 612, 613 and 1,400 octets: how many are kept, to the next 50";
    sent: "a sent datagram";
    sent_fields: "TTL, DF and class of a sent datagram";
    sent_ttl: "TTL of a sent datagram after set_ttl(7), and set_ttl(0)";
    sent_long: "a sent datagram of 3,000 octets: octets of IPv4, and DF, of each piece";
    sent_longest: "sending 65,507 and 65,508 octets";
    sent_empty: "sending no octets";
    to_itself: "sending to the host's own port: what is received, and what leaves";
    to_port_0: "sending to port 0";
    no_route: "sending to 203.0.113.9, to which there is no route";
    broadcast: "sending to 192.0.2.255, without leave and with it";
    other_family: "sending to 2001:db8::2 from a socket of IPv4";
    unconnected: "sending without a destination";
    taken: "binding where a socket is bound, on 0.0.0.0 with the same port, and on an address that is not the host's";
    ephemeral: "whether the port of a socket bound to port 0 lies in 32,768 to 60,999";
    refused: "what a connected socket hears of a port unreachable, twice";
    refused_send: "what sending on a connected socket gives after a port unreachable, and sending again";
    refused_unconnected: "what an unconnected socket hears of a port unreachable";
    codes: "what a connected socket hears of unreachable codes 0 to 15";
    time_exceeded: "what a connected socket hears of a time exceeded";
    codes_v6: "what a connected socket of IPv6 hears of unreachable codes 0 to 6";
    too_big_v6: "what a connected socket of IPv6 hears of a packet too big (MTU 1,280)";
    no_neighbour_yet: "TAP: five datagrams to a neighbour that answers then: how many leave";
    closed: "a datagram to a port whose socket was closed";
}

const PORT: u16 = 53;

fn datagram() -> Packet {
    Udp::new().sport(9).dport(PORT) / b"hello"
}

/// What one receive gives that does not wait.
fn receive(socket: &UdpSocket, room: usize) -> String {
    socket.set_timeout(Deadline::Now);
    let mut buffer = vec![0; room];
    match socket.recv_from(&mut buffer) {
        Ok((length, from)) => format!("{length} octets from {from}"),
        Err(error) => errno(&error),
    }
}

fn bound(link: &Link, host: &Host) -> io::Result<UdpSocket> {
    host.udp_bind((link.host_v4(), PORT))
}

/// What a bound socket receives of a packet, and what is answered.
fn receives(tun: &Tun, host: &Host, packet: impl IntoPacket) -> io::Result<String> {
    let socket = bound(tun, host)?;
    let answered = answer(tun, packet);
    Ok(list([receive(&socket, 9000), format!("answered: {answered}")]))
}

fn received(tun: Tun, host: Host) -> io::Result<String> {
    receives(&tun, &host, datagram())
}

fn received_v6(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.udp_bind((tun.host_v6(), PORT))?;
    let answered = answer(&tun, Ipv6::new() / datagram());
    Ok(list([receive(&socket, 100), format!("answered: {answered}")]))
}

fn empty(tun: Tun, host: Host) -> io::Result<String> {
    receives(&tun, &host, Udp::new().sport(9).dport(PORT))
}

fn cut(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    answer(&tun, datagram());
    Ok(list([receive(&socket, 3), receive(&socket, 100)]))
}

fn peeked(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    answer(&tun, datagram());
    socket.set_timeout(Deadline::Now);
    let peeked = outcome(socket.peek_from(&mut [0; 100]).map(|(length, _)| length));
    Ok(list([peeked, receive(&socket, 100)]))
}

fn no_checksum(tun: Tun, host: Host) -> io::Result<String> {
    receives(&tun, &host, Udp::new().sport(9).dport(PORT).checksum(0) / b"hello")
}

fn wrong_checksum(tun: Tun, host: Host) -> io::Result<String> {
    receives(&tun, &host, Udp::new().sport(9).dport(PORT).checksum(1) / b"hello")
}

fn trailing(tun: Tun, host: Host) -> io::Result<String> {
    receives(&tun, &host, Udp::new().sport(9).dport(PORT).length(13).checksum(0) / b"helloXXXX")
}

fn in_fragments(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    let whole = (Udp::new().sport(9).dport(PORT) / vec![7; 3000]).build().map_err(io::Error::other)?;
    let payload = whole.get(20..).unwrap_or_default();
    for (from, to) in [(0, 1000), (1000, 2000), (2000, 3008)] {
        let offset = u16::try_from(from / 8).unwrap();
        let ip = Ipv4::new().id(5).protocol(17).more_fragments(to != 3008).fragment_offset(offset);
        tun.send(ip.src(tun.peer_v4()).dst(tun.host_v4()) / payload.get(from..to).unwrap_or_default());
    }
    arrived(&tun);
    Ok(receive(&socket, 9000))
}

/// What a socket on 0.0.0.0 receives, and one on the host's address.
fn both(tun: &Tun, host: &Host, to: [u8; 4]) -> io::Result<String> {
    let mut heard = Vec::new();
    for at in [Ipv4Addr::UNSPECIFIED, tun.host_v4()] {
        let socket = host.udp_bind((at, PORT))?;
        answer(tun, Ipv4::new().src(tun.peer_v4()).dst(to) / datagram());
        heard.push(receive(&socket, 100));
    }
    Ok(list(heard))
}

fn to_broadcast(tun: Tun, host: Host) -> io::Result<String> {
    both(&tun, &host, [192, 0, 2, 255])
}

fn to_all_systems(tun: Tun, host: Host) -> io::Result<String> {
    both(&tun, &host, [224, 0, 0, 1])
}

fn to_all_nodes(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.udp_bind((Ipv6Addr::UNSPECIFIED, PORT))?;
    let all = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    answer(&tun, Ipv6::new().src(tun.peer_v6()).dst(all) / datagram());
    Ok(receive(&socket, 100))
}

fn mapped(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.udp_bind((Ipv6Addr::UNSPECIFIED, PORT))?;
    answer(&tun, datagram());
    Ok(receive(&socket, 100))
}

fn nothing(tun: Tun, host: Host) -> io::Result<String> {
    Ok(receive(&bound(&tun, &host)?, 100))
}

fn of_connected(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    socket.connect((tun.peer_v4(), 10))?;
    let answered = answer(&tun, datagram());
    Ok(list([receive(&socket, 100), answered]))
}

fn order(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    for octets in 1..=3 {
        tun.send(Udp::new().sport(9).dport(PORT) / vec![7; octets]);
    }
    arrived(&tun);
    Ok(list((0..4).map(|_| receive(&socket, 100))))
}

fn full(tun: Tun, host: Host) -> io::Result<String> {
    let mut kept = Vec::new();
    for octets in [1, 164, 165, 612, 613, 1400] {
        let socket = bound(&tun, &host)?;
        for _ in 0..1000 {
            tun.send(Udp::new().sport(9).dport(PORT) / vec![7; octets]);
        }
        arrived(&tun);
        socket.set_timeout(Deadline::Now);
        let count = std::iter::from_fn(|| socket.recv(&mut [0; 1]).ok()).count();
        // Kernels differ by one or two.
        kept.push(((count + 25) / 50 * 50).to_string());
    }
    Ok(list(kept))
}

fn sent(tun: Tun, host: Host) -> io::Result<String> {
    let taken = outcome(bound(&tun, &host)?.send_to(b"hello", (tun.peer_v4(), 9)));
    Ok(list([taken, lines(&tun)]))
}

fn sent_fields(tun: Tun, host: Host) -> io::Result<String> {
    bound(&tun, &host)?.send_to(b"hello", (tun.peer_v4(), 9))?;
    Ok(list(arrived(&tun).iter().map(|frame| {
        let ip = frame.ipv4().unwrap().to_header();
        format!("TTL {}, DF {}, class {:#x}", ip.time_to_live, ip.dont_fragment, ip.dscp.value() << 2 | ip.ecn.value())
    })))
}

fn sent_ttl(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    socket.set_ttl(7)?;
    socket.send_to(b"hello", (tun.peer_v4(), 9))?;
    let sent = list(arrived(&tun).iter().map(|frame| frame.ipv4().unwrap().ttl().to_string()));
    Ok(list([sent, done(socket.set_ttl(0))]))
}

fn sent_long(tun: Tun, host: Host) -> io::Result<String> {
    bound(&tun, &host)?.send_to(&[7; 3000], (tun.peer_v4(), 9))?;
    Ok(list(arrived(&tun).iter().map(|frame| format!("{}, DF {}", frame.len(), frame.ipv4().unwrap().dont_fragment()))))
}

fn sent_longest(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    Ok(list([65_507, 65_508].map(|octets| outcome(socket.send_to(&vec![7; octets], (tun.peer_v4(), 9))))))
}

fn sent_empty(tun: Tun, host: Host) -> io::Result<String> {
    let taken = outcome(bound(&tun, &host)?.send_to(b"", (tun.peer_v4(), 9)));
    Ok(list([taken, lines(&tun)]))
}

fn to_itself(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    socket.send_to(b"hello", (tun.host_v4(), PORT))?;
    let leaves = lines(&tun);
    Ok(list([receive(&socket, 100), leaves]))
}

fn to_port_0(tun: Tun, host: Host) -> io::Result<String> {
    Ok(outcome(bound(&tun, &host)?.send_to(b"hello", (tun.peer_v4(), 0))))
}

fn no_route(tun: Tun, host: Host) -> io::Result<String> {
    Ok(outcome(bound(&tun, &host)?.send_to(b"hello", ([203, 0, 113, 9], 9))))
}

fn broadcast(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    let to = ([192, 0, 2, 255], 9);
    let without = outcome(socket.send_to(b"hello", to));
    socket.set_broadcast(true)?;
    let with = outcome(socket.send_to(b"hello", to));
    Ok(list([without, with, lines(&tun)]))
}

fn other_family(tun: Tun, host: Host) -> io::Result<String> {
    Ok(outcome(bound(&tun, &host)?.send_to(b"hello", (tun.peer_v6(), 9))))
}

fn unconnected(tun: Tun, host: Host) -> io::Result<String> {
    Ok(outcome(bound(&tun, &host)?.send(b"hello")))
}

fn taken(tun: Tun, host: Host) -> io::Result<String> {
    let _socket = bound(&tun, &host)?;
    let at = [tun.host_v4(), Ipv4Addr::UNSPECIFIED, tun.peer_v4()];
    Ok(list(at.map(|at| done(host.udp_bind((at, PORT)).map(drop)))))
}

fn ephemeral(tun: Tun, host: Host) -> io::Result<String> {
    let port = host.udp_bind((tun.host_v4(), 0))?.local_addr()?.port();
    Ok(if (32_768..=60_999).contains(&port) { "it does".to_owned() } else { format!("no: {port}") })
}

/// A socket that is connected to the peer, and a datagram that it sent.
fn connected(link: &Link, host: &Host) -> io::Result<(UdpSocket, Frame)> {
    let socket = bound(link, host)?;
    socket.connect((link.peer_v4(), 9))?;
    socket.send(b"query")?;
    Ok((socket, link.expect(Udp::new().dport(9) / b"query")))
}

fn refused(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, query) = connected(&tun, &host)?;
    answer(&tun, Icmpv4::port_unreachable() / &query[..]);
    Ok(list([receive(&socket, 100), receive(&socket, 100)]))
}

fn refused_send(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, query) = connected(&tun, &host)?;
    answer(&tun, Icmpv4::port_unreachable() / &query[..]);
    Ok(list([outcome(socket.send(b"again")), outcome(socket.send(b"again"))]))
}

fn refused_unconnected(tun: Tun, host: Host) -> io::Result<String> {
    let socket = bound(&tun, &host)?;
    socket.send_to(b"query", (tun.peer_v4(), 9))?;
    let query = tun.expect(Udp::new().dport(9) / b"query");
    answer(&tun, Icmpv4::port_unreachable() / &query[..]);
    Ok(receive(&socket, 100))
}

fn codes(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, query) = connected(&tun, &host)?;
    Ok(list((0..16).map(|code| {
        answer(&tun, Icmpv4::unreachable(code) / &query[..]);
        format!("{code} {}", receive(&socket, 100))
    })))
}

fn time_exceeded(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, query) = connected(&tun, &host)?;
    answer(&tun, Icmpv4::time_exceeded() / &query[..]);
    Ok(receive(&socket, 100))
}

fn connected_v6(tun: &Tun, host: &Host) -> io::Result<(UdpSocket, Frame)> {
    let socket = host.udp_bind((tun.host_v6(), PORT))?;
    socket.connect((tun.peer_v6(), 9))?;
    socket.send(b"query")?;
    Ok((socket, tun.expect(Udp::new().dport(9) / b"query")))
}

fn codes_v6(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, query) = connected_v6(&tun, &host)?;
    Ok(list((0..7).map(|code| {
        answer(&tun, Icmpv6::unreachable(code) / &query[..]);
        format!("{code} {}", receive(&socket, 100))
    })))
}

fn too_big_v6(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, query) = connected_v6(&tun, &host)?;
    answer(&tun, Icmpv6::packet_too_big(1280) / &query[..]);
    Ok(receive(&socket, 100))
}

fn no_neighbour_yet(tap: Tap, host: Host) -> io::Result<String> {
    let socket = bound(&tap, &host)?;
    for _ in 0..5 {
        socket.send_to(b"query", (tap.peer_v4(), 9))?;
    }
    let asked = lines(&tap);
    let is_at = Arp::is_at(tap.peer_v4(), Defaults::PEER_MAC).target(tap.host_v4());
    Ok(list([asked, answer(&tap, framed(&tap, is_at.target_mac(tap.host_mac().unwrap_or_default())))]))
}

fn closed(tun: Tun, host: Host) -> io::Result<String> {
    drop(bound(&tun, &host)?);
    Ok(answer(&tun, datagram()))
}
