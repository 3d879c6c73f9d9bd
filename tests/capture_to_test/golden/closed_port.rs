use tuntap_test::prelude::*;

/// Made from `closed_port.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2 and
/// 2001:db8::2; what 192.0.2.1 and 2001:db8::1 sent is expected.
#[tuntap_test(kernel)]
fn closed_port(tun: Tun) {
    let mut tcp = tun.tcp_flow(40000, 81);
    tun.send(tcp.syn());
    tun.expect(tcp.reply().rst());

    let mut tcp_2 = tun.tcp_flow_v6(40000, 81);
    tun.send(tcp_2.syn());
    tun.expect(tcp_2.reply().rst());

    // This connection began before the capture: its numbers stand as they were.
    tun.send(
        Tcp::new()
            .sport(40001)
            .dport(81)
            .seq(7)
            .acknowledgement(12345)
            .flags(TcpFlags::ACK),
    );
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Tcp::new().sport(81).dport(40001).flags(TcpFlags::RST),
    );

    // This connection began before the capture: its numbers stand as they were.
    tun.send(
        Tcp::new()
            .sport(40002)
            .dport(81)
            .seq(7)
            .flags(TcpFlags::RST),
    );
    tun.expect_nothing_else();
}
