//! ICMP errors: which datagrams are answered with one, what it quotes, what is never answered so, and the limits.

use std::net::Ipv6Addr;

use tuntap_test::Link;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{answer, answers, arrived, list};
use crate::settings::set;

group! {
    "ICMP errors and their limits";
    closed_port: "UDP to a closed port";
    closed_port_v6: "UDP over IPv6 to a closed port";
    unknown_protocol: "IPv4 protocol 253, which nobody knows";
    unknown_next_header: "IPv6 next header 253, which nobody knows";
    no_next_header: "IPv6 without a next header (59)";
    quoted: "how long a quote of a datagram of 1,400 octets is in an ICMP error";
    quoted_v6: "how long a quote of a datagram of 1,400 octets is in an ICMPv6 error";
    class_of_error: "class and TTL of the error about a datagram of class 0xb9";
    wrong_udp_checksum: "UDP to a closed port with a wrong checksum";
    no_udp_checksum_v6: "UDP over IPv6 without a checksum";
    wrong_udp_length: "UDP to a closed port that tells a greater length than there is";
    about_broadcast: "UDP to port 9 of 192.0.2.255, and of 224.0.0.1";
    about_all_nodes: "UDP to port 9 of ff02::1";
    about_later_fragment: "a fragment that is not the first, to a closed port";
    about_nobody: "UDP from 0.0.0.0 to a closed port";
    about_error: "an ICMP error about a datagram that the host never sent";
    option_that_reports: "an IPv6 destination option of type 0x9e, which nobody knows and which asks for an error";
    option_that_drops: "an IPv6 destination option of type 0x5e, which nobody knows and which asks to drop";
    broken_option: "an IPv4 time stamp option with a pointer into its own header";
    routing_header: "an IPv6 routing header of type 99 with a segment left";
    ends_too_far: "an IPv6 fragment that ends behind octet 65,535";
    twenty: "20 datagrams to a closed port";
    three_hundred: "300 datagrams to a closed port";
    three_hundred_v6: "300 datagrams over IPv6 to a closed port";
    limited: "20 datagrams to a closed port, where the limits of Linux's defaults are switched on again";
    limited_v6: "20 datagrams over IPv6 to a closed port, where the limits of Linux's defaults are switched on again";
}

fn v4(link: &Link) -> Ipv4 {
    Ipv4::new().src(link.peer_v4()).dst(link.host_v4())
}

fn v6(link: &Link) -> Ipv6 {
    Ipv6::new().src(link.peer_v6()).dst(link.host_v6())
}

fn udp() -> Udp {
    Udp::new().sport(40_000).dport(9)
}

fn closed_port(tun: Tun) -> String {
    answer(&tun, udp() / b"hello")
}

fn closed_port_v6(tun: Tun) -> String {
    answer(&tun, v6(&tun) / udp() / b"hello")
}

fn unknown_protocol(tun: Tun) -> String {
    answer(&tun, v4(&tun).protocol(253) / b"abcdefgh")
}

fn unknown_next_header(tun: Tun) -> String {
    answer(&tun, v6(&tun).next_header(253) / b"abcdefgh")
}

fn no_next_header(tun: Tun) -> String {
    answer(&tun, v6(&tun).next_header(59) / b"abc")
}

fn lengths(link: &Link) -> String {
    list(arrived(link).iter().map(|frame| format!("{} octets in a packet of {}", quoted_length(frame), frame.len())))
}

fn quoted_length(frame: &Frame) -> usize {
    frame.quoted().map_or(0, |quoted| quoted.octets.len())
}

fn quoted(tun: Tun) -> String {
    tun.send(v4(&tun) / udp() / vec![7; 1400]);
    lengths(&tun)
}

fn quoted_v6(tun: Tun) -> String {
    tun.send(v6(&tun) / udp() / vec![7; 1400]);
    lengths(&tun)
}

fn class_of_error(tun: Tun) -> String {
    tun.send(v4(&tun).dscp(0x2e).ecn(1) / udp() / b"hello");
    list(arrived(&tun).iter().map(|frame| {
        let ip = frame.ipv4().unwrap().to_header();
        format!("TTL {}, class {:#x}", ip.time_to_live, ip.dscp.value() << 2 | ip.ecn.value())
    }))
}

fn wrong_udp_checksum(tun: Tun) -> String {
    answer(&tun, udp().checksum(1) / b"hello")
}

fn no_udp_checksum_v6(tun: Tun) -> String {
    answer(&tun, v6(&tun) / udp().checksum(0) / b"hello")
}

fn wrong_udp_length(tun: Tun) -> String {
    answer(&tun, udp().checksum(0).length(99) / b"hello")
}

fn about_broadcast(tun: Tun) -> String {
    answers(&tun, [[192, 0, 2, 255], [224, 0, 0, 1]].map(|to| v4(&tun).dst(to) / udp() / b"hello"))
}

fn about_all_nodes(tun: Tun) -> String {
    answer(&tun, v6(&tun).dst(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)) / udp() / b"hello")
}

fn about_later_fragment(tun: Tun) -> String {
    answer(&tun, v4(&tun).fragment_offset(1).protocol(17) / [0; 16])
}

fn about_nobody(tun: Tun) -> String {
    answer(&tun, v4(&tun).src([0; 4]) / udp() / b"hello")
}

fn about_error(tun: Tun) -> String {
    answer(&tun, v4(&tun) / Icmpv4::port_unreachable() / (Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / udp()))
}

fn option_that_reports(tun: Tun) -> String {
    answer(&tun, v6(&tun) / DestinationOptions::new().option(0x9e, [0; 4]) / udp() / b"hello")
}

fn option_that_drops(tun: Tun) -> String {
    answer(&tun, v6(&tun) / DestinationOptions::new().option(0x5e, [0; 4]) / udp() / b"hello")
}

fn broken_option(tun: Tun) -> String {
    answer(&tun, v4(&tun).options([0x44, 8, 1, 0, 0, 0, 0, 0]) / udp() / b"hello")
}

fn routing_header(tun: Tun) -> String {
    answer(&tun, v6(&tun).next_header(43) / [59, 0, 99, 1, 0, 0, 0, 0])
}

fn ends_too_far(tun: Tun) -> String {
    answer(&tun, v6(&tun).next_header(44) / [&[58, 0, 0xff, 0xf8, 0, 0, 0, 4], [7; 99].as_slice()].concat())
}

fn twenty(tun: Tun) -> String {
    answers(&tun, (0..20).map(|_| udp() / b"hello"))
}

fn three_hundred(tun: Tun) -> String {
    answers(&tun, (0..300).map(|_| udp() / b"hello"))
}

fn three_hundred_v6(tun: Tun) -> String {
    answers(&tun, (0..300).map(|_| v6(&tun) / udp() / b"hello"))
}

/// Six at first, and then one a second on IPv4 and four on IPv6 (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 (f)).
fn few(link: &Link) -> String {
    let errors = arrived(link).len();
    if (1..15).contains(&errors) { "about six errors".to_owned() } else { format!("{errors} errors") }
}

fn limited(tun: Tun) -> String {
    if tun.kernel().is_some() {
        set(tun.stack(), "net.ipv4.icmp_ratemask", 0x1818);
    }
    for _ in 0..20 {
        tun.send(udp() / b"hello");
    }
    few(&tun)
}

fn limited_v6(tun: Tun) -> String {
    if tun.kernel().is_some() {
        set(tun.stack(), "net.ipv6.icmp.ratemask", "0-1,3-127");
    }
    for _ in 0..20 {
        tun.send(v6(&tun) / udp() / b"hello");
    }
    few(&tun)
}
