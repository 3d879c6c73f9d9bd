use tuntap_test::prelude::*;

const PAYLOAD: &[u8] = &[
    0x00, 0x09, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];
const PAYLOAD_2: &[u8] = &[
    0x01, 0x09, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];
const PAYLOAD_3: &[u8] = &[0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00];
const PAYLOAD_4: &[u8] = b"\x02\t\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00hello";
const PAYLOAD_5: &[u8] = &[
    0x02, 0x09, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];
const PAYLOAD_6: &[u8] = &[
    0xa8, 0x13, 0x73, 0x5d, 0x60, 0x0f, 0x90, 0x72, 0x6b, 0x08, 0x13, 0x8b, 0x97, 0xba, 0xcb, 0xf0,
    0x09, 0x9f, 0xcf, 0x66, 0x70, 0x8b, 0xe7, 0x83, 0x3c, 0xef, 0xb7, 0x99, 0x4e, 0xd0, 0xa5, 0xe2,
    0x77, 0x76, 0x7a, 0x03, 0x4b, 0x54, 0x6a, 0x88, 0x0e, 0x71, 0xdc, 0x18, 0x92, 0x54, 0x00, 0x9a,
    0xba, 0xc7, 0x92, 0x78, 0x76, 0x9a, 0x82, 0x79, 0x20, 0x7f, 0xb0, 0x5f, 0x71, 0xd6, 0xfa, 0x9d,
    0xe6, 0xdf, 0x3a, 0x31, 0x75, 0xe6, 0x06, 0x06, 0xa6, 0xf4, 0xb7, 0xe4, 0x71, 0xb0, 0x19, 0xf4,
    0x9a, 0xaf, 0x03, 0xc0, 0xca, 0x34,
];
const PAYLOAD_7: &[u8] = &[
    0x5b, 0x78, 0xd2, 0xfa, 0x07, 0x86, 0x4b, 0xe2, 0xb6, 0xe4, 0x11, 0x01, 0xd5, 0x92, 0x3d,
];
const PAYLOAD_8: &[u8] = &[
    0xab, 0x10, 0x16, 0xdf, 0x0c, 0x97, 0x48, 0x4c, 0x83, 0x69, 0xe5, 0x9a, 0xc8, 0x9d, 0x11, 0xa2,
    0x64, 0xb3, 0x2c, 0x6b, 0xe2, 0x7d, 0x73, 0xd4, 0xaa, 0x58, 0xbe, 0xdc, 0x31, 0xa4, 0x38, 0xc5,
    0xae, 0xf1, 0x67, 0x4c,
];
const PAYLOAD_9: &[u8] = &[
    0x01, 0x09, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x92, 0xd2, 0x6f,
    0x9d, 0xa2, 0xa8, 0x8b, 0xfa, 0x74, 0xd1, 0x46, 0xd0, 0x61, 0x37, 0x9b, 0x60, 0xe5, 0x01, 0xa9,
    0x02, 0x8b, 0xfa, 0x34, 0x9d, 0x88, 0x95, 0xd9, 0x27, 0xc6, 0x85, 0x76, 0xfd, 0xda, 0xf6, 0x32,
    0x9a, 0x29, 0xa9, 0xa6, 0x3e, 0x74, 0x1d, 0x76, 0x23, 0x43, 0x5d, 0xad, 0x90, 0x53, 0x64, 0x95,
    0xc0, 0x57, 0x69, 0xb2, 0x96, 0xf7, 0x0d, 0x78, 0xba, 0xd3, 0x0a, 0xd4, 0xbb, 0xbc, 0x16, 0xee,
    0x36, 0x99, 0x0c, 0xe8, 0x6c, 0x58, 0xc9, 0x46, 0x85, 0x46,
];
const PAYLOAD_10: &[u8] = &[
    0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x92, 0xd2, 0x6f, 0x9d, 0xa2,
    0xa8, 0x8b, 0xfa, 0x74, 0xd1, 0x46, 0xd0, 0x61, 0x37, 0x9b, 0x60, 0xe5, 0x01, 0xa9, 0x02, 0x8b,
    0xfa, 0x34, 0x9d, 0x88, 0x95, 0xd9, 0x27, 0xc6, 0x85, 0x76, 0xfd, 0xda, 0xf6, 0x32, 0x9a, 0x29,
    0xa9, 0xa6, 0x3e, 0x74, 0x1d, 0x76, 0x23, 0x43, 0x5d, 0xad, 0x90, 0x53, 0x64, 0x95, 0xc0, 0x57,
    0x69, 0xb2, 0x96, 0xf7, 0x0d, 0x78, 0xba, 0xd3, 0x0a, 0xd4, 0xbb, 0xbc, 0x16, 0xee, 0x36, 0x99,
    0x0c, 0xe8, 0x6c, 0x58, 0xc9, 0x46, 0x85, 0x46,
];
const PAYLOAD_11: &[u8] = &[
    0x00, 0x09, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x48, 0xf1, 0x09,
    0x08, 0x1b, 0xef, 0xf0, 0xc0, 0x35, 0xc1, 0xf2, 0x04, 0x6a, 0xa7, 0x9b, 0xcf, 0x3b, 0xd2, 0xbf,
    0x75, 0x67, 0x7e, 0x32, 0x41, 0x3e, 0x76,
];
const PAYLOAD_12: &[u8] = &[
    0x45, 0x1c, 0xff, 0x2d, 0x54, 0x34, 0xa3, 0x95, 0x60, 0x35, 0x23, 0x77, 0x53, 0xa9, 0xbd, 0xab,
    0x00, 0xdc, 0x15, 0x24, 0x96, 0x9d, 0x27, 0x21, 0x21, 0xf9, 0x0a, 0xff, 0x9f, 0x00, 0x76, 0x20,
    0x62, 0x39, 0xfc, 0x1a, 0xd8, 0xe3, 0x6f, 0x5e, 0xc5, 0x99, 0xa7, 0x54, 0xc6, 0x1f, 0xd9, 0xdf,
    0x5f, 0xe2, 0xf1, 0xd4, 0x8c, 0x40, 0x4f, 0x6a, 0xb9, 0x75, 0x0a, 0xa3, 0x6a, 0xfa, 0xda, 0x7a,
    0x3c, 0x26, 0x3d, 0x9d, 0xfb, 0xb5, 0x71, 0x10, 0xfe, 0x23, 0xbd, 0xde, 0x05,
];
const PAYLOAD_13: &[u8] = b"\x00\t\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00world";
const PAYLOAD_14: &[u8] = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00world";

/// Made from `conversation.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2 and
/// 2001:db8::2; what 192.0.2.1 and 2001:db8::1 sent is expected.
#[tuntap_test(mock)]
fn conversation(tun: Tun) {
    let host = tun.host_end();
    super::host::play(&tun);
    let mut tcp = tun.tcp_flow(40000, 80).window(9000).mss(1400);
    tun.send(tcp.syn());
    let syn = host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Tcp::new()
                .dport(80)
                .flags(TcpFlags::SYN & !TcpFlags::ACK)
                .mss(1400),
    );
    let mut tcp_2 = TcpFlow::opened_by(syn.as_ref())
        .unwrap()
        .window(100)
        .mss(1400);
    host.send(tcp_2.syn_ack());
    tun.expect(tcp.reply().syn_ack().with(Tcp::new().mss(1400)));

    let mut tcp_3 = tun.tcp_flow_v6(40000, 80).window(9000).mss(1400);
    tun.send(tcp_3.syn());
    let syn_2 = host.expect(
        Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6())
            / Tcp::new()
                .dport(80)
                .flags(TcpFlags::SYN & !TcpFlags::ACK)
                .mss(1400),
    );
    let mut tcp_4 = TcpFlow::opened_by(syn_2.as_ref())
        .unwrap()
        .window(100)
        .mss(1400);
    host.send(tcp_4.syn_ack());
    tun.expect(tcp_3.reply().syn_ack().with(Tcp::new().mss(1400)));
    host.send(Icmpv4::echo_reply(1, 1) / b"hello");
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(1, 1) / b"hello",
    );
    // Not the next number: ahead of it.
    let segment = tcp_4.segment(
        Tcp::new()
            .seq(tcp_4.peer_sequence(4))
            .acknowledgement(tcp_4.host_sequence(3).unwrap())
            .flags(TcpFlags::PSH | TcpFlags::ACK)
            / b"x",
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp_3.reply().data(b"x").seq_rel(4).ack_rel(3));
    // Not the next number: ahead of it.
    let segment = tcp_2.segment(
        Tcp::new()
            .seq(tcp_2.peer_sequence(7))
            .acknowledgement(tcp_2.host_sequence(3).unwrap())
            .flags(TcpFlags::FIN | TcpFlags::ACK),
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp.reply().fin().seq_rel(7).ack_rel(3));
    tun.send(Ipv6::new() / Udp::new().sport(53).dport(50000) / PAYLOAD);
    host.expect(
        Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6())
            / Udp::new().sport(53).dport(50000)
            / PAYLOAD,
    );
    // Not the next number: sent before.
    let segment = tcp_3.segment(
        Tcp::new()
            .seq(tcp_3.peer_sequence(0))
            .acknowledgement(tcp_3.host_sequence(9).unwrap())
            .flags(TcpFlags(0x99))
            / b"hello",
    );
    tun.send(segment.with(Tcp::new().window(100)));
    // It comes again.
    host.expect(tcp_4.reply().fin().data(b"hello").seq_rel(0).ack_rel(9));
    // Not the next number: sent before.
    let segment = tcp_3.segment(
        Tcp::new()
            .seq(tcp_3.peer_sequence(2))
            .acknowledgement(tcp_3.host_sequence(2).unwrap())
            .flags(TcpFlags::FIN | TcpFlags::ACK)
            / b"x",
    );
    tun.send(segment.with(Tcp::new().window(0)));
    // It comes again.
    host.expect(
        tcp_4
            .reply()
            .fin()
            .data(b"x")
            .seq_rel(2)
            .ack_rel(2)
            .with(Tcp::new().window(0)),
    );
    // Not the next number: ahead of it.
    let segment = tcp_4.segment(
        Tcp::new()
            .seq(tcp_4.peer_sequence(9))
            .acknowledgement(tcp_4.host_sequence(10).unwrap())
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400),
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(
        tcp_3
            .reply()
            .syn_ack()
            .seq_rel(9)
            .ack_rel(10)
            .with(Tcp::new().mss(1400)),
    );
    host.send(Icmpv4::echo_reply(0, 1) / b"x");
    tun.expect(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(0, 1) / b"x");
    // Not the next number: ahead of it.
    let segment = tcp_2.segment(
        Tcp::new()
            .seq(tcp_2.peer_sequence(9))
            .acknowledgement(tcp_2.host_sequence(4).unwrap())
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400)
            / b"world",
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(
        tcp.reply()
            .syn_ack()
            .data(b"world")
            .seq_rel(9)
            .ack_rel(4)
            .with(Tcp::new().mss(1400)),
    );
    // Not the next number: ahead of it.
    let segment = tcp_2.segment(
        Tcp::new()
            .seq(tcp_2.peer_sequence(3))
            .acknowledgement(tcp_2.host_sequence(8).unwrap())
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400),
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(
        tcp.reply()
            .syn_ack()
            .seq_rel(3)
            .ack_rel(8)
            .with(Tcp::new().mss(1400)),
    );
    // Not the next number: ahead of it.
    let segment = tcp_4.segment(
        Tcp::new()
            .seq(tcp_4.peer_sequence(4))
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400),
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(
        tcp_3
            .reply()
            .syn_ack()
            .seq_rel(4)
            .with(Tcp::new().mss(1400)),
    );
    // Not the next number: ahead of it.
    let segment = tcp_4.segment(
        Tcp::new()
            .seq(tcp_4.peer_sequence(4))
            .acknowledgement(tcp_4.host_sequence(4).unwrap())
            .flags(TcpFlags::ACK),
    );
    host.send(segment.with(Tcp::new().window(100)));
    // Not the next number: something is missing before it.
    tun.expect(tcp_3.reply().data(b"").seq_rel(4).ack_rel(4));
    // Not the next number: ahead of it.
    let segment = tcp_2.segment(
        Tcp::new()
            .seq(tcp_2.peer_sequence(11))
            .acknowledgement(tcp_2.host_sequence(8).unwrap())
            .flags(TcpFlags::PSH | TcpFlags::ACK)
            / b"world",
    );
    host.send(segment.with(Tcp::new().window(0)));
    // Not the next number: something is missing before it.
    tun.expect(
        tcp.reply()
            .data(b"world")
            .seq_rel(11)
            .ack_rel(8)
            .with(Tcp::new().window(0)),
    );
    // Not the next number: ahead of it.
    let segment = tcp_3.segment(
        Tcp::new()
            .seq(tcp_3.peer_sequence(8))
            .acknowledgement(tcp_3.host_sequence(3).unwrap())
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400),
    );
    tun.send(segment);
    // Not the next number: something is missing before it.
    host.expect(
        tcp_4
            .reply()
            .syn_ack()
            .seq_rel(8)
            .ack_rel(3)
            .with(Tcp::new().mss(1400)),
    );
    host.send(Ipv6::new() / Udp::new().sport(50001).dport(53) / PAYLOAD_2);
    // The first two octets are the query's identifier, which changes.
    let query = tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6())
            / Udp::new().dport(53)
            / Payload::containing(PAYLOAD_3),
    );
    let port = query.udp().unwrap().source_port();
    let id = &query.udp().unwrap().payload()[..2];
    tun.send(Udp::new().sport(9).dport(50001) / PAYLOAD_2);
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Udp::new().sport(9).dport(50001)
            / PAYLOAD_2,
    );
    // Not the next number: sent before.
    let segment = tcp_3.segment(
        Tcp::new()
            .seq(tcp_3.peer_sequence(0))
            .acknowledgement(tcp_3.host_sequence(8).unwrap())
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400),
    );
    tun.send(segment);
    host.expect(
        tcp_4
            .reply()
            .syn_ack()
            .ack_rel(8)
            .with(Tcp::new().mss(1400)),
    );
    // Not the next number: ahead of it.
    let segment = tcp_4.segment(
        Tcp::new()
            .seq(tcp_4.peer_sequence(10))
            .flags(TcpFlags(0xcc))
            / b"world",
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp_3.reply().rst().data(b"world").seq_rel(10));
    // Not the next number: sent before.
    let segment = tcp_3.segment(
        Tcp::new()
            .seq(tcp_3.peer_sequence(0))
            .acknowledgement(tcp_3.host_sequence(2).unwrap())
            .flags(TcpFlags::RST | TcpFlags::ACK)
            / b"\xdbdg\'\xb9tr\r\xef~\xce\xd7;\x1e",
    );
    tun.send(segment);
    // It comes again.
    host.expect(
        tcp_4
            .reply()
            .rst()
            .data(b"\xdbdg\'\xb9tr\r\xef~\xce\xd7;\x1e")
            .seq_rel(0)
            .ack_rel(2),
    );
    tun.send(Udp::new().sport(53).dport(50002) / PAYLOAD_4);
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Udp::new().sport(53).dport(50002)
            / PAYLOAD_4,
    );
    tun.send(Udp::new().sport(53).dport(50002) / PAYLOAD_5);
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Udp::new().sport(53).dport(50002)
            / PAYLOAD_5,
    );
    host.send(Icmpv4::echo_reply(1, 1));
    tun.expect(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(1, 1));
    // Not the next number: ahead of it.
    let segment = tcp.segment(Tcp::new().seq(tcp.peer_sequence(2)).flags(TcpFlags::RST) / b"x");
    tun.send(segment);
    // Not the next number: something is missing before it.
    host.expect(tcp_2.reply().rst().data(b"x").seq_rel(2));
    tun.send(
        Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9)
            / b"world",
    );
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9)
            / b"world",
    );
    tun.send(Icmpv4::echo_reply(0, 1) / b"hello");
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4()) / Icmpv4::echo_reply(0, 1) / b"hello",
    );
    // Not the next number: ahead of it.
    let segment = tcp_4.segment(
        Tcp::new()
            .seq(tcp_4.peer_sequence(6))
            .acknowledgement(tcp_4.host_sequence(9).unwrap())
            .flags(TcpFlags::FIN | TcpFlags::ACK)
            / b"x",
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp_3.reply().fin().data(b"x").seq_rel(6).ack_rel(9));
    host.send(Udp::new().sport(50000).dport(9) / PAYLOAD);
    let datagram = tun
        .expect(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Udp::new().dport(9) / PAYLOAD);
    let port_2 = datagram.udp().unwrap().source_port();
    // Not the next number: sent before.
    let segment = tcp_3.segment(
        Tcp::new()
            .seq(tcp_3.peer_sequence(1))
            .acknowledgement(tcp_3.host_sequence(9).unwrap())
            .flags(TcpFlags(0xdd))
            / b"world",
    );
    tun.send(segment);
    // No reply of the flow: told without its numbers.
    host.expect(
        Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6())
            / Tcp::new().sport(40000).dport(80).flags(TcpFlags(0xdd))
            / b"world",
    );
    // Not the next number: ahead of it.
    let segment = tcp_2.segment(
        Tcp::new()
            .seq(tcp_2.peer_sequence(11))
            .acknowledgement(tcp_2.host_sequence(5).unwrap())
            .flags(TcpFlags::FIN | TcpFlags::ACK),
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp.reply().fin().seq_rel(11).ack_rel(5));
    let segment = tcp.segment(
        Tcp::new()
            .acknowledgement(tcp.host_sequence(2).unwrap())
            .flags(TcpFlags::PSH | TcpFlags::ACK)
            / b"hello",
    );
    tun.send(segment);
    host.expect(tcp_2.reply().data(b"hello").ack_rel(2));
    tun.send(
        Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9),
    );
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9),
    );
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(0))
            .flags(TcpFlags::RST | TcpFlags::PSH | TcpFlags::CWR)
            / PAYLOAD_6,
    );
    tun.send(segment);
    // It comes again.
    host.expect(tcp_2.reply().rst().data(PAYLOAD_6).seq_rel(0));
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(0))
            .acknowledgement(tcp.host_sequence(8).unwrap())
            .flags(TcpFlags::PSH | TcpFlags::ACK),
    );
    tun.send(segment.with(Tcp::new().window(0)));
    // It comes again.
    host.expect(
        tcp_2
            .reply()
            .data(b"")
            .seq_rel(0)
            .ack_rel(8)
            .with(Tcp::new().window(0)),
    );
    // Not the next number: ahead of it.
    let segment = tcp_2.segment(
        Tcp::new()
            .seq(tcp_2.peer_sequence(10))
            .acknowledgement(tcp_2.host_sequence(3).unwrap())
            .flags(TcpFlags::RST | TcpFlags::ACK)
            / b"x",
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp.reply().rst().data(b"x").seq_rel(10));
    tun.send(Ipv6::new() / Udp::new().sport(53).dport(port) / [id, PAYLOAD_3].concat());
    host.expect(
        Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6())
            / Udp::new().sport(53).dport(50001)
            / PAYLOAD_2,
    );
    tun.send(
        Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9),
    );
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9),
    );
    host.send(Udp::new().sport(50002).dport(9) / PAYLOAD_4);
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9)
            / PAYLOAD_4,
    );
    // Not the next number: ahead of it.
    let segment =
        tcp_4.segment(Tcp::new().seq(tcp_4.peer_sequence(3)).flags(TcpFlags::RST) / PAYLOAD_7);
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp_3.reply().rst().data(PAYLOAD_7).seq_rel(3));
    // Not the next number: sent before.
    let segment = tcp_3.segment(
        Tcp::new()
            .seq(tcp_3.peer_sequence(2))
            .acknowledgement(tcp_3.host_sequence(6).unwrap())
            .flags(TcpFlags::PSH | TcpFlags::ACK),
    );
    tun.send(segment.with(Tcp::new().window(0)));
    // It comes again.
    host.expect(
        tcp_4
            .reply()
            .data(b"")
            .seq_rel(2)
            .ack_rel(6)
            .with(Tcp::new().window(0)),
    );
    tun.send(Ipv6::new() / Udp::new().sport(53).dport(50002) / PAYLOAD_5);
    host.expect(
        Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6())
            / Udp::new().sport(53).dport(50002)
            / PAYLOAD_5,
    );
    tun.send(Udp::new().sport(53).dport(50002) / PAYLOAD_5);
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Udp::new().sport(53).dport(50002)
            / PAYLOAD_5,
    );
    tun.send(
        Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9)
            / PAYLOAD_8,
    );
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9)
            / PAYLOAD_8,
    );
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(5))
            .acknowledgement(tcp.host_sequence(2).unwrap())
            .flags(TcpFlags::ACK),
    );
    tun.send(segment);
    // It comes again.
    host.expect(tcp_2.reply().data(b"").seq_rel(5).ack_rel(2));
    host.send(Ipv6::new() / Udp::new().sport(50001).dport(53) / PAYLOAD_9);
    // The first two octets are the query's identifier, which changes.
    tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6())
            / Udp::new().sport(port).dport(53)
            / Payload::containing(PAYLOAD_10),
    );
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(3))
            .acknowledgement(tcp.host_sequence(6).unwrap())
            .flags(TcpFlags(0x36))
            .mss(1400)
            / b"hello",
    );
    tun.send(segment);
    // No reply of the flow: told without its numbers.
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Tcp::new().sport(40000).dport(80).flags(TcpFlags(0x36))
            / b"hello",
    );
    // Not the next number: ahead of it.
    let segment = tcp_4.segment(
        Tcp::new()
            .seq(tcp_4.peer_sequence(5))
            .acknowledgement(tcp_4.host_sequence(8).unwrap())
            .flags(TcpFlags::FIN | TcpFlags::ACK),
    );
    host.send(segment);
    // Not the next number: something is missing before it.
    tun.expect(tcp_3.reply().fin().seq_rel(5).ack_rel(8));
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(0))
            .acknowledgement(tcp.host_sequence(3).unwrap())
            .flags(TcpFlags::RST | TcpFlags::ACK)
            / b"world",
    );
    tun.send(segment);
    // It comes again.
    host.expect(tcp_2.reply().rst().data(b"world").seq_rel(0));
    let segment = tcp_2.segment(
        Tcp::new()
            .acknowledgement(tcp_2.host_sequence(7).unwrap())
            .flags(TcpFlags::PSH | TcpFlags::ACK)
            / b"z",
    );
    host.send(segment.with(Tcp::new().window(100)));
    tun.expect(tcp.reply().data(b"z").ack_rel(7));
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(5))
            .acknowledgement(tcp.host_sequence(7).unwrap())
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400)
            / b"world",
    );
    tun.send(segment);
    // It comes again.
    host.expect(
        tcp_2
            .reply()
            .syn_ack()
            .data(b"world")
            .seq_rel(5)
            .ack_rel(7)
            .with(Tcp::new().mss(1400)),
    );
    host.send(Udp::new().sport(50000).dport(9) / PAYLOAD_11);
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(port_2).dport(9)
            / PAYLOAD_11,
    );
    let segment = tcp_2.segment(
        Tcp::new()
            .acknowledgement(tcp_2.host_sequence(8).unwrap())
            .flags(TcpFlags::FIN | TcpFlags::ACK)
            / PAYLOAD_12,
    );
    host.send(segment);
    tun.expect(tcp.reply().fin().data(PAYLOAD_12).ack_rel(8));
    // Not the next number: sent before.
    let segment = tcp_2.segment(
        Tcp::new()
            .seq(tcp_2.peer_sequence(0))
            .acknowledgement(tcp_2.host_sequence(8).unwrap())
            .flags(TcpFlags::PSH | TcpFlags::ACK),
    );
    host.send(segment.with(Tcp::new().window(0)));
    // It comes again.
    tun.expect(
        tcp.reply()
            .data(b"")
            .seq_rel(0)
            .ack_rel(8)
            .with(Tcp::new().window(0)),
    );
    tun.send(
        Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(port_2).dport(9),
    );
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50000).dport(9),
    );
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(0))
            .acknowledgement(tcp.host_sequence(7).unwrap())
            .flags(TcpFlags::SYN | TcpFlags::ACK)
            .mss(1400),
    );
    tun.send(segment);
    host.expect(
        tcp_2
            .reply()
            .syn_ack()
            .ack_rel(7)
            .with(Tcp::new().mss(1400)),
    );
    tun.send(
        Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9),
    );
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(9),
    );
    tun.send(
        Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50001).dport(9)
            / b"world",
    );
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50001).dport(9)
            / b"world",
    );
    tun.send(Ipv6::new() / Udp::new().sport(9).dport(50002) / PAYLOAD_5);
    host.expect(
        Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6())
            / Udp::new().sport(9).dport(50002)
            / PAYLOAD_5,
    );
    host.send(Ipv6::new() / Udp::new().sport(50000).dport(53) / PAYLOAD_13);
    // The first two octets are the query's identifier, which changes.
    tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6())
            / Udp::new().sport(50000).dport(53)
            / Payload::containing(PAYLOAD_14),
    );
    // Not the next number: sent before.
    let segment = tcp.segment(
        Tcp::new()
            .seq(tcp.peer_sequence(9))
            .flags(TcpFlags::URG | TcpFlags::ECE)
            / b"\xf7\xe2\x17",
    );
    tun.send(segment.with(Tcp::new().window(100)));
    // No reply of the flow: told without its numbers.
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Tcp::new()
                .sport(40000)
                .dport(80)
                .flags(TcpFlags::URG | TcpFlags::ECE)
            / b"\xf7\xe2\x17",
    );
    host.send(Udp::new().sport(50002).dport(53) / PAYLOAD_5);
    // The first two octets are the query's identifier, which changes.
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(50002).dport(53)
            / Payload::containing(PAYLOAD_3),
    );
    tun.expect_nothing_else();
    host.expect_nothing_else();
}
