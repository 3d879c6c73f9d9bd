//! TCP to a port on which nobody listens: which segments are reset, and with which numbers (RFC 9293 section 3.10.7.1).

use tuntap_test::Link;
use tuntap_test::prelude::*;

use crate::behaviour::group;
use crate::seen::answer;

group! {
    "TCP: closed ports";
    syn: "a SYN to a closed port";
    syn_v6: "a SYN over IPv6 to a closed port";
    syn_with_data: "a SYN with 3 octets of data to a closed port";
    syn_with_fin: "a SYN with a FIN to a closed port";
    syn_ack: "a SYN-ACK to a closed port";
    acknowledgement: "an ACK to a closed port";
    data: "data to a closed port";
    fin: "a FIN without ACK to a closed port";
    no_flags: "a segment without flags to a closed port";
    reset: "a reset, and a reset with ACK, to a closed port";
    wrong_checksum: "a SYN with a wrong checksum to a closed port";
    to_broadcast: "a SYN to 192.0.2.255";
    to_port_0: "a SYN to port 0";
    cut_short: "a segment of 12 octets, which is shorter than a header";
    options_of_reset: "the reset to a SYN with MSS, SACK, time stamps and window scale: its options";
    class_of_reset: "class, TTL and DF of the reset to a SYN of class 0xb9";
}

fn tcp() -> Tcp {
    Tcp::new().sport(40_000).dport(9).seq(1000)
}

fn v4(link: &Link) -> Ipv4 {
    Ipv4::new().src(link.peer_v4()).dst(link.host_v4())
}

fn syn(tun: Tun) -> String {
    answer(&tun, tcp().syn())
}

fn syn_v6(tun: Tun) -> String {
    answer(&tun, Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6()) / tcp().syn())
}

fn syn_with_data(tun: Tun) -> String {
    answer(&tun, tcp().syn() / b"abc")
}

fn syn_with_fin(tun: Tun) -> String {
    answer(&tun, tcp().syn().fin())
}

fn syn_ack(tun: Tun) -> String {
    answer(&tun, tcp().syn().ack(77))
}

fn acknowledgement(tun: Tun) -> String {
    answer(&tun, tcp().ack(77))
}

fn data(tun: Tun) -> String {
    answer(&tun, tcp().psh().ack(77) / b"abc")
}

fn fin(tun: Tun) -> String {
    answer(&tun, tcp().fin())
}

fn no_flags(tun: Tun) -> String {
    answer(&tun, tcp().flags(TcpFlags(0)))
}

fn reset(tun: Tun) -> String {
    tun.send(tcp().rst());
    answer(&tun, tcp().rst().ack(77))
}

fn wrong_checksum(tun: Tun) -> String {
    answer(&tun, tcp().syn().checksum(1))
}

fn to_broadcast(tun: Tun) -> String {
    answer(&tun, v4(&tun).dst([192, 0, 2, 255]) / tcp().syn())
}

fn to_port_0(tun: Tun) -> String {
    answer(&tun, tcp().syn().dport(0))
}

fn cut_short(tun: Tun) -> String {
    answer(&tun, v4(&tun).protocol(6) / [0; 12])
}

fn options_of_reset(tun: Tun) -> String {
    answer(&tun, tcp().syn().mss(1460).sack_permitted().timestamps(5, 0).window_scale(7))
}

fn class_of_reset(tun: Tun) -> String {
    tun.send(v4(&tun).dscp(0x2e).ecn(1) / tcp().syn());
    let frames = crate::seen::arrived(&tun);
    crate::seen::list(frames.iter().map(|frame| {
        let ip = frame.ipv4().unwrap().to_header();
        let class = ip.dscp.value() << 2 | ip.ecn.value();
        format!("class {class:#x}, TTL {}, DF {}", ip.time_to_live, ip.dont_fragment)
    }))
}
