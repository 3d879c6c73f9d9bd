use tuntap_test::prelude::*;

/// Made from `ping.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2 and
/// 2001:db8::2; what 192.0.2.1 and 2001:db8::1 sent is expected.
#[tuntap_test(kernel)]
fn ping(tun: Tun) {
    super::host::ping(&tun);
    // Its payload holds the time.
    let request = tun
        .expect(Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_request(0.., 1));
    let [high, low, ..] = request.icmpv4().unwrap().bytes5to8();
    let id = u16::from_be_bytes([high, low]);
    tun.send(Icmpv4::echo_reply(id, 1) / request.payload());
    // Its payload holds the time.
    let request_2 = tun
        .expect(Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6()) / Icmpv6::echo_request(0.., 1));
    let [high, low, ..] = request_2.icmpv6().unwrap().bytes5to8();
    let id_2 = u16::from_be_bytes([high, low]);
    tun.send(Icmpv6::echo_reply(id_2, 1) / request_2.payload());
    tun.send(Icmpv4::echo_request(7, 1) / b"hello");
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 1) / b"hello",
    );
    tun.send(Icmpv4::echo_request(7, 2) / b"hello");
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4()) / Icmpv4::echo_reply(7, 2) / b"hello",
    );
    tun.send(Icmpv6::echo_request(7, 1) / b"hello");
    tun.expect(
        Ipv6::new().src(tun.host_v6()).dst(tun.peer_v6()) / Icmpv6::echo_reply(7, 1) / b"hello",
    );
    tun.expect_nothing_else();
}
