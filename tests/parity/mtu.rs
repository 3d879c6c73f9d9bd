//! The MTU: what the host sends after it was changed, and what is too small for IPv6 (RFC 8200 section 5).

use std::io;

use tuntap_test::Link;
use tuntap_test::device::DeviceConfig;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::{answer, arrived, done, list};
use crate::world::set_mtu;

group! {
    "MTU";
    smaller: "an echo request of 1,400 octets of data after the MTU became 1,000: octets of IPv4 in each piece";
    greater(DeviceConfig::new().mtu(1000).address("192.0.2.1/24")): "an echo request of 1,400 octets of data after the MTU became 1,500: octets of IPv4 in each piece";
    smaller_with_df: "an echo request with DF of 1,400 octets of data after the MTU became 1,000: octets of IPv4 in each piece";
    smaller_v6: "an ICMPv6 echo request of 1,400 octets of data after the MTU became 1,280: octets of IPv6 in each piece";
    too_small_for_v6: "an ICMPv6 echo request: after the MTU became 1,279; after it is 1,500 again; after the link was set up again";
    too_small_for_v6_from_the_start(DeviceConfig::new().mtu(1279).address("192.0.2.1/24")): "an echo request on a link of MTU 1,279";
    least(DeviceConfig::new().mtu(68).address("192.0.2.1/24")): "an echo request of 100 octets of data on a link of MTU 68: octets of IPv4 in each piece";
    jumbo(DeviceConfig::new().mtu(9000)): "an echo request of 8,000 octets of data on a link of MTU 9,000";
    longest(DeviceConfig::new().mtu(65_535)): "an echo request of 65,507 octets of data on a link of MTU 65,535";
    quote_of_small_mtu(DeviceConfig::new().mtu(500).address("192.0.2.1/24")): "an ICMP error about 600 octets on a link of MTU 500: octets of IPv4 in each piece";
    told_by_router: "an echo request of 1,400 octets of data after \"fragmentation needed\" told the host MTU 1,000 for an echo reply: octets of IPv4 in each piece";
    told_by_router_v6: "an ICMPv6 echo request of 1,400 octets of data after \"packet too big\" told the host MTU 1,280: octets of IPv6 in each piece";
    while_down: "setting the MTU while the link is down";
}

/// The lengths of what comes. Where the MTU has become enough for IPv6 the kernel looks for routers, which is not asked here.
fn lengths(link: &Link) -> String {
    let chatter = Icmpv6::router_solicitation().into_packet();
    let frames = arrived(link);
    let asked = frames.iter().filter(|frame| !chatter.matches(frame.as_ref()));
    list(asked.map(|frame| frame.len().to_string()))
}

fn echo(link: &Link, octets: usize) -> String {
    link.send(Icmpv4::echo_request(7, 1) / vec![7; octets]);
    lengths(link)
}

fn echo_v6(link: &Link, octets: usize) -> String {
    link.send(Icmpv6::echo_request(7, 1) / vec![7; octets]);
    lengths(link)
}

fn smaller(tun: Tun) -> String {
    tun.set_mtu(1000);
    echo(&tun, 1400)
}

fn greater(tun: Tun) -> String {
    tun.set_mtu(1500);
    echo(&tun, 1400)
}

fn smaller_with_df(tun: Tun) -> String {
    tun.set_mtu(1000);
    let ip = Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4()).dont_fragment(true);
    tun.send(ip / Icmpv4::echo_request(7, 1) / vec![7; 1400]);
    lengths(&tun)
}

fn smaller_v6(tun: Tun) -> String {
    tun.set_mtu(1280);
    echo_v6(&tun, 1400)
}

fn too_small_for_v6(tun: Tun) -> String {
    tun.set_mtu(1279);
    let small = echo_v6(&tun, 2);
    tun.set_mtu(1500);
    let again = echo_v6(&tun, 2);
    tun.up();
    list([small, again, echo_v6(&tun, 2)])
}

fn too_small_for_v6_from_the_start(tun: Tun) -> String {
    answer(&tun, Icmpv4::echo_request(7, 1))
}

fn least(tun: Tun) -> String {
    echo(&tun, 100)
}

fn jumbo(tun: Tun) -> String {
    echo(&tun, 8000)
}

fn longest(tun: Tun) -> String {
    echo(&tun, 65_507)
}

fn quote_of_small_mtu(tun: Tun) -> String {
    tun.send(Udp::new().sport(40_000).dport(9) / vec![7; 600]);
    lengths(&tun)
}

/// The host sent that.
fn reply(tun: &Tun) -> Packet {
    Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()).dont_fragment(true) / Icmpv4::echo_reply(7, 1) / vec![7; 1400]
}

fn told_by_router(tun: Tun) -> String {
    echo(&tun, 1400);
    tun.send(Icmpv4::fragmentation_needed(1000) / reply(&tun));
    echo(&tun, 1400)
}

fn told_by_router_v6(tun: Tun) -> String {
    echo_v6(&tun, 1400);
    let reply = Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6()) / Icmpv6::echo_reply(7, 1) / vec![7; 1000];
    tun.send(Icmpv6::packet_too_big(1280) / reply);
    echo_v6(&tun, 1400)
}

fn while_down(tun: Tun) -> io::Result<String> {
    tun.down();
    let set = done(set_mtu(&tun, 1400));
    Ok(list([set, tun.mtu().to_string()]))
}
