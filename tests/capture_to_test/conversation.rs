//! A conversation of random packets between few addresses and ports, with what fits and what does not: retransmissions,
//! segments ahead of others, flags that nobody would send.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tuntap_test::capture::{CapturedFrame, Direction, Interface, PcapngWriter};
use tuntap_test::device::Mode;
use tuntap_test::packet::{Icmpv4, IntoPacket, Ipv4, Ipv6, Packet, Tcp, TcpFlags, Udp};

/// IPv4 or IPv6, from the peer or from the host.
fn ip(v6: bool, by_peer: bool) -> Packet {
    match (v6, by_peer) {
        (false, true) => Ipv4::new().into_packet(),
        (false, false) => Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]).into_packet(),
        (true, true) => Ipv6::new().into_packet(),
        (true, false) => Ipv6::new()
            .src("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap())
            .dst("2001:db8::2".parse::<std::net::Ipv6Addr>().unwrap())
            .into_packet(),
    }
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(Vec::new()),
        2 => select(vec![&b"hello"[..], b"world", b"x"]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..90),
    ]
}

/// The initial numbers of peer and host, from which the others begin anew soon.
const INITIAL: [u32; 2] = [u32::MAX - 4, u32::MAX - 2];

/// The two segments that open a connection.
fn handshake(v6: bool) -> [(bool, Packet); 2] {
    let [peer, host] = INITIAL;
    let syn = Tcp::new().sport(40_000).dport(80).seq(peer).syn().window(9000).mss(1400);
    let syn_ack = Tcp::new().sport(80).dport(40_000).seq(host).syn().ack(peer.wrapping_add(1)).window(100).mss(1400);
    [(true, ip(v6, true) / syn), (false, ip(v6, false) / syn_ack)]
}

/// Whether the peer sends it, and the packet. Where it has to fit, no connection is opened, since those of
/// [`handshake`] are open.
pub(crate) fn packet(fits: bool) -> impl Strategy<Value = (bool, Packet)> {
    let numbers = (0..12_u32, 0..12_u32);
    let flags = prop_oneof![
        4 => select(vec![0x02_u8, 0x12, 0x10, 0x18, 0x11, 0x14, 0x04]),
        1 => any::<u8>(),
    ]
    .prop_map(move |flags| if fits && flags & 0x12 == 2 { flags | 0x10 } else { flags });
    let tcp = (any::<bool>(), any::<bool>(), numbers, flags, select(vec![0_u16, 100, 9000, 65_535]), payload())
        .prop_map(|(v6, by_peer, (seq, ack), flags, window, payload)| {
            let [own, other] = if by_peer { INITIAL } else { [INITIAL[1], INITIAL[0]] };
            let (seq, ack) = (own.wrapping_add(seq), other.wrapping_add(ack));
            let (sport, dport) = if by_peer { (40_000, 80) } else { (80, 40_000) };
            let tcp = Tcp::new()
                .sport(sport)
                .dport(dport)
                .seq(seq)
                .acknowledgement(ack)
                .flags(TcpFlags(flags))
                .window(window);
            let tcp = if flags & 2 != 0 { tcp.mss(1400) } else { tcp };
            let segment = ip(v6, by_peer) / tcp;
            (by_peer, if payload.is_empty() { segment } else { segment / payload })
        });
    let udp = (any::<bool>(), any::<bool>(), 0..3_u16, select(vec![53_u16, 9]), payload()).prop_map(
        |(v6, by_peer, port, service, payload)| {
            let (sport, dport) = if by_peer { (service, 50_000 + port) } else { (50_000 + port, service) };
            let query = [&[port.to_be_bytes()[1], 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &payload].concat();
            (by_peer, ip(v6, by_peer) / Udp::new().sport(sport).dport(dport) / query)
        },
    );
    let error = (0..3_u16, payload()).prop_map(|(port, payload)| {
        let quoted = ip(false, false) / Udp::new().sport(50_000 + port).dport(9) / payload;
        (true, ip(false, true) / Icmpv4::port_unreachable() / quoted)
    });
    let reply = (0..3_u16, any::<bool>(), payload())
        .prop_map(|(id, by_peer, payload)| (by_peer, ip(false, by_peer) / Icmpv4::echo_reply(id, 1) / payload));
    prop_oneof![8 => tcp, 3 => udp, 1 => error, 1 => reply]
}

/// Sixty of them behind two handshakes, each seen at both ends of a link.
pub(crate) fn capture() -> Vec<u8> {
    let mut runner = TestRunner::deterministic();
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let described = |name: &str| {
        Interface::new(name, Mode::Tun).with_description("TUN tun0 on the mock, host 192.0.2.1/24 2001:db8::1/64")
    };
    let tun = writer.add_interface(&described("tun0")).unwrap();
    let host = writer.add_interface(&described("tun0 (host end)")).unwrap();
    let random = (0..60).map(|_| packet(true).new_tree(&mut runner).unwrap().current());
    for (number, (by_peer, packet)) in (0..).zip(handshake(false).into_iter().chain(handshake(true)).chain(random)) {
        let octets = packet.build().unwrap();
        let (from, to) = if by_peer { (tun, host) } else { (host, tun) };
        let time = Duration::from_millis(number);
        for (end, direction) in [(from, Direction::Inbound), (to, Direction::Outbound)] {
            writer.write_frame(&CapturedFrame::new(end, time, &octets).with_direction(direction)).unwrap();
        }
    }
    writer.into_inner()
}
