use tuntap_test::prelude::*;

const PEER_MAC: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x00, 0x02];

/// Made from `neighbours.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2 and
/// 2001:db8::2; what 192.0.2.1 and 2001:db8::1 sent is expected.
#[tuntap_test(kernel)]
fn neighbours(tap: Tap) {
    let host_mac = tap.host_mac().unwrap();
    super::host::say_hello(&tap);
    tap.expect(
        Ethernet::new().dst([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
            / Arp::who_has(tap.peer_v4())
                .sender_mac(host_mac)
                .sender(tap.host_v4()),
    );
    tap.send(
        Arp::is_at(tap.peer_v4(), PEER_MAC)
            .target_mac(host_mac)
            .target(tap.host_v4()),
    );
    tap.expect(Ipv4::new().src(tap.host_v4()).dst(tap.peer_v4()) / Udp::new().dport(9) / b"hello");
    tap.send(
        Ethernet::new().dst([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
            / Arp::who_has(tap.host_v4())
                .sender_mac(PEER_MAC)
                .sender(tap.peer_v4()),
    );
    tap.expect(
        Arp::is_at(tap.host_v4(), host_mac)
            .target_mac(PEER_MAC)
            .target(tap.peer_v4()),
    );
    tap.send(Icmpv6::neighbor_solicitation(tap.host_v6()).source_link_layer_address(PEER_MAC));
    tap.expect(
        Ipv6::new()
            .src(tap.host_v6())
            .dst(tap.peer_v6())
            .hop_limit(255)
            / Icmpv6::neighbor_advertisement(tap.host_v6())
                .solicited(true)
                .override_flag(true)
                .target_link_layer_address(host_mac),
    );
    tap.send(Icmpv4::echo_request(7, 1) / b"hello");
    tap.expect(
        Ipv4::new().src(tap.host_v4()).dst(tap.peer_v4()) / Icmpv4::echo_reply(7, 1) / b"hello",
    );
    tap.expect_nothing_else();
}
