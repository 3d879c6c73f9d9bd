use tuntap_test::prelude::*;

const FRAME: &[u8] = &[
    0x4f, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x40, 0x01, 0x00, 0x00, 0xc0, 0x00, 0x02, 0x02,
    0xc0, 0x00, 0x02, 0x01,
];
const FRAME_2: &[u8] = &[
    0x45, 0x00, 0x00, 0x54, 0x00, 0x00, 0x00, 0x00, 0x40, 0x01, 0xf6, 0xa5,
];
const OCTETS: &[u8] = &[
    0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];
const OCTETS_2: &[u8] = &[
    0x0c, 0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00,
];

/// Made from `fragments.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2 and
/// 2001:db8::2; what 192.0.2.1 and 2001:db8::1 sent is expected.
#[tuntap_test(kernel)]
fn fragments(tun: Tun) {
    tun.send(
        Ipv4::new().id(77).more_fragments(true)
            / Icmpv4::echo_request(7, 1).checksum(0x1616)
            / [0x5a; 24],
    );
    tun.send(Ipv4::new().id(77).fragment_offset(4).protocol(1) / [0x5a; 32]);
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1) / [0x5a; 56],
    );
    tun.send_raw(FRAME);
    tun.send_raw(b"A\x00");
    tun.send_raw(FRAME_2);
    tun.send(Icmpv4::echo_request(7, 2).checksum(0x0bad));
    tun.send(
        (Ipv4::new().total_length(33)
            / Udp::new().sport(40000).dport(9).length(4).checksum(0x9bbd))
        .trailer(b"hello"),
    );
    tun.send(Ipv4::new().option(7, OCTETS) / Icmpv4::echo_request(7, 3));
    tun.expect(
        Ipv4::new()
            .src(tun.host_v4())
            .dst(tun.peer_v4())
            .option(7, OCTETS_2)
            / Icmpv4::echo_reply(7, 3),
    );
    tun.send(Fragment::new().id(78) / Icmpv6::echo_request(7, 4) / b"atomic");
    tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6()) / Icmpv6::echo_reply(7, 4) / b"atomic",
    );
    tun.expect_nothing_else();
}
