//! ICMP echo and its like, over IPv4 and IPv6 (RFC 1122 section 3.2.2, RFC 4443).

use std::net::Ipv6Addr;

use tuntap_test::Link;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{answer, answers, arrived, hex, line, list};

group! {
    "ICMP echo";
    echo: "an echo request with data";
    echo_fields: "TTL, DF, identification and class of the reply to an echo request of class 0xb9 with DF";
    echo_v6_fields: "hop limit and class of the reply to an ICMPv6 echo request of class 0xb9";
    echo_v6: "an ICMPv6 echo request with data";
    wrong_checksum: "an echo request with a wrong ICMP checksum";
    wrong_header_checksum: "an echo request with a wrong IPv4 header checksum";
    wrong_checksum_v6: "an ICMPv6 echo request with a wrong checksum";
    ttl_of_one: "an echo request with TTL 1, and with TTL 0";
    to_broadcast: "an echo request to 192.0.2.255, and to 255.255.255.255";
    to_all_systems: "an echo request to 224.0.0.1";
    to_all_nodes: "an ICMPv6 echo request to ff02::1";
    to_neighbour: "an echo request to 192.0.2.7, which is nobody's";
    from_off_link: "an echo request from 10.0.0.1, to which there is no route";
    from_itself: "an echo request from the host's own address";
    from_loopback: "an echo request from 127.0.0.1";
    from_nobody: "an echo request from 0.0.0.0";
    from_nobody_v6: "an ICMPv6 echo request from ::";
    trailer: "an echo request with 4 octets behind the packet";
    cut_short: "an echo request without its last octet";
    record_route: "an echo request with room for two recorded addresses: the options of the reply";
    source_route: "an echo request with a loose source route to go";
    router_alert: "an echo request with a router alert";
    timestamp: "a time stamp request";
    information: "an information request (type 15)";
    unasked_reply: "an echo reply that nobody asked for";
    no_data: "an echo request without data";
    large: "an echo request of 1,472 octets of data, the most that fits";
    hop_by_hop: "an ICMPv6 echo request behind hop-by-hop padding";
    unknown_type_v6: "ICMPv6 types 100 and 200, which nobody knows";
    one_at_a_time: "100 echo requests in one go";
}

fn v4(link: &Link) -> Ipv4 {
    Ipv4::new().src(link.peer_v4()).dst(link.host_v4())
}

fn v6(link: &Link) -> Ipv6 {
    Ipv6::new().src(link.peer_v6()).dst(link.host_v6())
}

fn request() -> Packet {
    Icmpv4::echo_request(7, 1) / b"hi"
}

fn request_v6() -> Packet {
    Icmpv6::echo_request(7, 1) / b"hi"
}

fn echo(tun: Tun) -> String {
    answer(&tun, request())
}

fn echo_fields(tun: Tun) -> String {
    tun.send(v4(&tun).dscp(0x2e).ecn(1).dont_fragment(true).id(77) / request());
    list(arrived(&tun).iter().map(|frame| {
        let ip = frame.ipv4().unwrap().to_header();
        let class = ip.dscp.value() << 2 | ip.ecn.value();
        let id = if ip.identification == 0 { "0" } else { "not 0" };
        format!("TTL {}, DF {}, identification {id}, class {class:#x}", ip.time_to_live, ip.dont_fragment)
    }))
}

fn echo_v6_fields(tun: Tun) -> String {
    tun.send(v6(&tun).dscp(0x2e).ecn(1) / request_v6());
    list(arrived(&tun).iter().map(|frame| {
        let ip = frame.ipv6().unwrap().to_header();
        format!("hop limit {}, class {:#x}", ip.hop_limit, ip.traffic_class)
    }))
}

fn echo_v6(tun: Tun) -> String {
    answer(&tun, request_v6())
}

fn wrong_checksum(tun: Tun) -> String {
    answer(&tun, Icmpv4::echo_request(7, 1).checksum(1) / b"hi")
}

fn wrong_header_checksum(tun: Tun) -> String {
    answer(&tun, v4(&tun).checksum(1) / request())
}

fn wrong_checksum_v6(tun: Tun) -> String {
    answer(&tun, Icmpv6::echo_request(7, 1).checksum(1) / b"hi")
}

fn ttl_of_one(tun: Tun) -> String {
    list([1, 0].map(|ttl| answer(&tun, v4(&tun).ttl(ttl) / request())))
}

fn to_broadcast(tun: Tun) -> String {
    list([[192, 0, 2, 255], [255; 4]].map(|to| answer(&tun, v4(&tun).dst(to) / request())))
}

fn to_all_systems(tun: Tun) -> String {
    answer(&tun, v4(&tun).dst([224, 0, 0, 1]) / request())
}

fn to_all_nodes(tun: Tun) -> String {
    answer(&tun, v6(&tun).dst(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)) / request_v6())
}

fn to_neighbour(tun: Tun) -> String {
    answer(&tun, v4(&tun).dst([192, 0, 2, 7]) / request())
}

fn from_off_link(tun: Tun) -> String {
    answer(&tun, v4(&tun).src([10, 0, 0, 1]) / request())
}

fn from_itself(tun: Tun) -> String {
    answer(&tun, v4(&tun).src(tun.host_v4()) / request())
}

fn from_loopback(tun: Tun) -> String {
    answer(&tun, v4(&tun).src([127, 0, 0, 1]) / request())
}

fn from_nobody(tun: Tun) -> String {
    answer(&tun, v4(&tun).src([0; 4]) / request())
}

fn from_nobody_v6(tun: Tun) -> String {
    answer(&tun, v6(&tun).src(Ipv6Addr::UNSPECIFIED) / request_v6())
}

fn trailer(tun: Tun) -> String {
    answer(&tun, (v4(&tun) / request()).trailer(*b"XXXX"))
}

fn cut_short(tun: Tun) -> String {
    let mut octets = (v4(&tun) / request()).build().unwrap();
    octets.pop();
    tun.send_raw(octets);
    list(arrived(&tun).iter().map(|frame| frame.summary().to_string()))
}

fn record_route(tun: Tun) -> String {
    tun.send(v4(&tun).record_route(2) / request());
    list(arrived(&tun).iter().map(|frame| {
        let options = frame.ipv4().unwrap().options().to_vec();
        if options.is_empty() { "none".to_owned() } else { hex(&options) }
    }))
}

fn source_route(tun: Tun) -> String {
    answer(&tun, v4(&tun).options([0x83, 7, 4, 192, 0, 2, 5, 0]) / request())
}

fn router_alert(tun: Tun) -> String {
    answer(&tun, v4(&tun).router_alert() / request())
}

fn timestamp(tun: Tun) -> String {
    tun.send(Icmpv4::timestamp_request(7, 1, 1000));
    list(arrived(&tun).iter().map(|frame| {
        let summary = line(&tun, frame.as_ref());
        // Then come the milliseconds of the day.
        summary.split(" at ").next().unwrap_or_default().to_owned()
    }))
}

fn information(tun: Tun) -> String {
    answer(&tun, v4(&tun) / Icmpv4::new().icmp_type(15))
}

fn unasked_reply(tun: Tun) -> String {
    answer(&tun, Icmpv4::echo_reply(7, 1) / b"hi")
}

fn no_data(tun: Tun) -> String {
    answer(&tun, Icmpv4::echo_request(7, 1))
}

fn large(tun: Tun) -> String {
    answer(&tun, Icmpv4::echo_request(7, 1) / vec![7; 1472])
}

fn hop_by_hop(tun: Tun) -> String {
    answer(&tun, v6(&tun) / HopByHop::new().pad(4) / request_v6())
}

fn unknown_type_v6(tun: Tun) -> String {
    answers(&tun, [100, 200].map(|number| v6(&tun) / Icmpv6::new().icmp_type(number)))
}

fn one_at_a_time(tun: Tun) -> String {
    answers(&tun, (0..100).map(|_| request()))
}
