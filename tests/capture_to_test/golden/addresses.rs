use tuntap_test::prelude::*;

/// Made from `addresses.pcap` by `tuntap_test::capture::to_test`. The test plays 10.1.7.9 and
/// 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff; what 10.1.2.3 and 2001:db8:aaaa:bbbb:cccc:dddd:eeee:1
/// sent is expected.
#[tuntap_test(
    kernel,
    address = "10.1.2.3/16",
    address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1/64",
    peer = "10.1.7.9",
    peer = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
    mtu = 1648
)]
fn addresses(tun: Tun) {
    tun.send(Icmpv4::echo_request(7, 1) / b"ZZZZZZZZ");
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1) / b"ZZZZZZZZ",
    );
    tun.send(Icmpv6::echo_request(7, 1) / b"ZZZZZZZZ");
    tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6()) / Icmpv6::echo_reply(7, 1) / b"ZZZZZZZZ",
    );
    tun.send(Icmpv4::echo_request(7, 1) / [0x5a; 1600]);
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1) / [0x5a; 1600],
    );
    tun.send(Icmpv6::echo_request(7, 1) / [0x5a; 1600]);
    tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6()) / Icmpv6::echo_reply(7, 1) / [0x5a; 1600],
    );
    tun.send(Ipv4::new().src([10, 1, 200, 1]) / Udp::new().sport(40000).dport(9));
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst([10, 1, 200, 1]).dscp(48)
            / Icmpv4::port_unreachable()
            / Ipv4::new().src([10, 1, 200, 1]).dst(tun.host_v4())
            / Udp::new().sport(40000).dport(9),
    );
    tun.expect_nothing_else();
}
