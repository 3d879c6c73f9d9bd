use tuntap_test::prelude::*;

/// Made from `both_ends.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2; what
/// 192.0.2.1 sent is expected.
#[tuntap_test(mock)]
fn both_ends(tun: Tun) {
    let host = tun.host_end();
    super::host::play(&tun);
    host.send(Udp::new().sport(9).dport(53) / b"query");
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(9).dport(53)
            / b"query",
    );
    tun.send(Udp::new().sport(53).dport(40000) / b"answer");
    host.expect(
        Ipv4::new().src(tun.peer_v4()).dst(tun.host_v4())
            / Udp::new().sport(53).dport(40000)
            / b"answer",
    );
    tun.expect_nothing_else();
    host.expect_nothing_else();
}
