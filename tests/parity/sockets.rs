//! What the host's other sockets say, and what all of them say when the link changes.

use std::io::{self, Write};

use tuntap_test::Link;
use tuntap_test::device::Deadline;
use tuntap_test::host::{PingAnswer, PingSocket};
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::flow::{open, read, reply, told};
use crate::seen::{answer, arrived, errno, lines, list, outcome};

group! {
    "Ping, raw sockets, and links that change";
    request: "a ping: the request";
    answered: "a ping that the peer answers";
    answered_v6: "a ping over IPv6 that the peer answers";
    other_identifier: "a reply with another identifier than the ping's";
    pinged_unreachable: "a ping that is answered with a host unreachable, and with a time exceeded";
    no_route: "a ping to 203.0.113.9, to which there is no route";
    raw_received: "a packet of protocol 253 for a raw socket of that protocol: what it receives, and what is answered";
    raw_sent: "5 octets sent from a raw socket of protocol 253";
    sent_while_down: "a datagram sent while the link is down";
    connect_while_down: "connecting while the link is down";
    answered_before_down: "an echo request just before the link goes down: what can be read then";
    received_while_down: "an echo request after the link was down and is up again";
    socket_after_down: "a datagram sent from a socket that was bound before the link was down and up again";
    connection_after_down: "a connection after the link was down and up again: data, and what is read";
    mss_after_mtu: "the host writes 2,000 octets after the MTU became 1,000: octets of data in each segment";
    too_big_for_tcp: "\"fragmentation needed\" (MTU 1,000) about a segment of 1,460 octets: what the host sends at once";
    icmp_in_connection: "a port unreachable about a connection that stands, and what is read";
    source_quench: "a source quench about a connection that stands, and what is read";
}

/// The request of a ping to the peer.
fn pinged(link: &Link, host: &Host) -> io::Result<(PingSocket, Frame)> {
    let socket = host.ping_socket(link.host_v4())?;
    socket.send_to(link.peer_v4(), 7, b"hello")?;
    Ok((socket, link.expect(Icmpv4::new().icmp_type(8))))
}

fn said(socket: &PingSocket) -> String {
    socket.set_timeout(Deadline::Now);
    match socket.receive() {
        Ok(PingAnswer::Reply { from, sequence, payload, hop_limit, .. }) => {
            format!("{from} seq {sequence} {} octets TTL {hop_limit}", payload.len())
        }
        Ok(PingAnswer::Error { from, sequence, kind, code, .. }) => {
            format!("{from} seq {sequence} type {kind} code {code}")
        }
        Ok(_) => "something else".to_owned(),
        Err(error) => errno(&error),
    }
}

fn request(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, request) = pinged(&tun, &host)?;
    let text = request.summary().to_string();
    Ok(text.replace(&format!("id {}", socket.identifier()), "id its own"))
}

fn answered(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, _) = pinged(&tun, &host)?;
    let ip = Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4()).ttl(9);
    answer(&tun, ip / Icmpv4::echo_reply(socket.identifier(), 7) / b"hello");
    Ok(said(&socket))
}

fn answered_v6(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.ping_socket(tun.host_v6())?;
    socket.send_to(tun.peer_v6(), 7, b"hello")?;
    let request = tun.expect(Icmpv6::new().icmp_type(128));
    answer(&tun, Icmpv6::echo_reply(socket.identifier(), 7) / b"hello");
    Ok(list([format!("{} octets", request.len()), said(&socket)]))
}

fn other_identifier(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, _) = pinged(&tun, &host)?;
    answer(&tun, Icmpv4::echo_reply(socket.identifier().wrapping_add(1), 7) / b"hello");
    Ok(said(&socket))
}

fn pinged_unreachable(tun: Tun, host: Host) -> io::Result<String> {
    let (socket, request) = pinged(&tun, &host)?;
    answer(&tun, Icmpv4::unreachable(1) / &request[..]);
    let unreachable = said(&socket);
    answer(&tun, Icmpv4::time_exceeded() / &request[..]);
    Ok(list([unreachable, said(&socket)]))
}

fn no_route(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.ping_socket(tun.host_v4())?;
    Ok(outcome(socket.send_to([203, 0, 113, 9], 7, b"hello").map(|()| "sent")))
}

fn raw_received(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.raw(tun.host_v4(), 253)?;
    let answered = answer(&tun, Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4()).protocol(253) / b"hello");
    socket.set_timeout(Deadline::Now);
    let received = socket.recv_from(&mut [0; 100])?;
    Ok(list([format!("{} octets from {}", received.length, received.from), answered]))
}

fn raw_sent(tun: Tun, host: Host) -> io::Result<String> {
    let sent = outcome(host.raw(tun.host_v4(), 253)?.send_to(b"hello", tun.peer_v4()));
    Ok(list([sent, lines(&tun)]))
}

fn sent_while_down(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.udp_bind((tun.host_v4(), 53))?;
    tun.down();
    Ok(outcome(socket.send_to(b"hello", (tun.peer_v4(), 9))))
}

fn connect_while_down(tun: Tun, host: Host) -> String {
    tun.down();
    host.tcp_connect((tun.peer_v4(), 80)).map_or_else(|error| errno(&error), |_| "connected".to_owned())
}

fn answered_before_down(tun: Tun) -> String {
    tun.send(Icmpv4::echo_request(7, 1));
    tun.down();
    tun.try_receive(Deadline::Now).map_or_else(|error| errno(&error), |frame| frame.summary().to_string())
}

fn received_while_down(tun: Tun) -> String {
    tun.down();
    tun.up();
    answer(&tun, Icmpv4::echo_request(7, 1))
}

fn socket_after_down(tun: Tun, host: Host) -> io::Result<String> {
    let socket = host.udp_bind((tun.host_v4(), 53))?;
    tun.down();
    tun.up();
    let sent = outcome(socket.send_to(b"hello", (tun.peer_v4(), 9)));
    Ok(list([sent, lines(&tun)]))
}

fn connection_after_down(tun: Tun, host: Host) -> io::Result<String> {
    let (mut flow, stream) = open(&tun, &host)?;
    tun.down();
    tun.up();
    let data = flow.data(b"hello");
    Ok(list([reply(&tun, &flow, data), read(&stream)]))
}

fn mss_after_mtu(tun: Tun, host: Host) -> io::Result<String> {
    let (_flow, mut stream) = open(&tun, &host)?;
    tun.set_mtu(1000);
    stream.write_all(&[b'a'; 2000])?;
    Ok(list(arrived(&tun).iter().map(|frame| frame.tcp().unwrap().payload().len().to_string())))
}

fn too_big_for_tcp(tun: Tun, host: Host) -> io::Result<String> {
    let (flow, mut stream) = open(&tun, &host)?;
    stream.write_all(&[b'a'; 1460])?;
    let segment = tun.expect(flow.reply().any());
    Ok(reply(&tun, &flow, Icmpv4::fragmentation_needed(1000) / &segment[..]))
}

/// An ICMP error about a segment of the host's.
fn about_connection(tun: &Tun, host: &Host, error: Icmpv4) -> io::Result<String> {
    let (mut flow, mut stream) = open(tun, host)?;
    stream.write_all(b"hello")?;
    let segment = tun.expect(flow.reply().any());
    tun.send(flow.ack());
    tun.send(error / &segment[..]);
    Ok(list([told(tun, &flow), read(&stream)]))
}

fn icmp_in_connection(tun: Tun, host: Host) -> io::Result<String> {
    about_connection(&tun, &host, Icmpv4::port_unreachable())
}

fn source_quench(tun: Tun, host: Host) -> io::Result<String> {
    about_connection(&tun, &host, Icmpv4::new().icmp_type(4))
}
