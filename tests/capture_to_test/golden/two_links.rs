use tuntap_test::prelude::*;

/// Made from `two_links.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2 and
/// 2001:db8:1::2; what 192.0.2.1 and 2001:db8:1::1 sent is expected.
#[tuntap_test(kernel)]
fn two_links(left: Tun, right: Tun) {
    left.send(Icmpv4::echo_request(7, 1) / b"left");
    left.expect(
        Ipv4::new().src(left.host_v4()).dst(left.peer_v4()) / Icmpv4::echo_reply(7, 1) / b"left",
    );
    right.send(Icmpv6::echo_request(7, 2) / b"right");
    right.expect(
        Ipv6::new().src(right.host_v6()).dst(right.peer_v6()) / Icmpv6::echo_reply(7, 2) / b"right",
    );
    left.expect_nothing_else();
    right.expect_nothing_else();
}
