use tuntap_test::prelude::*;

const PAYLOAD: &[u8] = b"\x124\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x04test\
    \x00\x00\x01\x00\x01";
const PAYLOAD_2: &[u8] = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x04test\x00\x00\
    \x01\x00\x01";
const PAYLOAD_3: &[u8] = b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x07example\x04test\x00\x00\
    \x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00<\x00\x04\xc0\x00\
    \x02\x07";
const PAYLOAD_4: &[u8] = b"\x124\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x07example\x04test\
    \x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00<\x00\x04\
    \xc0\x00\x02\x07";

/// Made from `dns_forwarder.pcapng` by `tuntap_test::capture::to_test`. The test plays 192.0.2.2;
/// what 192.0.2.1 sent is expected.
#[tuntap_test(kernel)]
fn dns_forwarder(tun: Tun) {
    super::host::forward_dns(&tun);
    tun.send(Udp::new().sport(40000).dport(53) / PAYLOAD);
    // The first two octets are the query's identifier, which changes.
    let query = tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().dport(53)
            / Payload::containing(PAYLOAD_2),
    );
    let port = query.udp().unwrap().source_port();
    let id = &query.udp().unwrap().payload()[..2];
    tun.send(Udp::new().sport(53).dport(port) / [id, PAYLOAD_3].concat());
    tun.expect(
        Ipv4::new().src(tun.host_v4()).dst(tun.peer_v4())
            / Udp::new().sport(53).dport(40000)
            / PAYLOAD_4,
    );
    tun.expect_nothing_else();
}
