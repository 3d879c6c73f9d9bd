use tuntap_test::prelude::*;

/// Made from `icmp_error.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2 and
/// 2001:db8::2; what 192.0.2.1 and 2001:db8::1 sent is expected.
#[tuntap_test(kernel)]
fn icmp_error(tun: Tun) {
    super::host::ask(&tun);
    let datagram = tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Udp::new().dport(5300) / b"query",
    );
    tun.send(Icmpv4::port_unreachable() / &datagram[..]);
    tun.send(Udp::new().sport(40000).dport(9) / b"hello");
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()).dscp(48)
            / Icmpv4::port_unreachable()
            / Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Udp::new().sport(40000).dport(9)
            / b"hello",
    );
    tun.send(Ipv6::new() / Udp::new().sport(40000).dport(9) / b"hello");
    tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6())
            / Icmpv6::port_unreachable()
            / Ipv6::new().src(tun.peer_v6()).dst(tun.host_v6())
            / Udp::new().sport(40000).dport(9)
            / b"hello",
    );
    tun.send(Ipv4::new().dst([198, 51, 100, 1]).ttl(1) / Udp::new().sport(40000).dport(33434));
    tun.expect_nothing_else();
}
