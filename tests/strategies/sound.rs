//! A sound packet is one that a host would send, not merely one whose lengths and checksums are right.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tuntap_test::device::Mode;
use tuntap_test::prelude::*;
use tuntap_test::strategy::packet::ip_packet;

#[test]
fn no_router_and_no_host_has_a_reason_to_refuse_them() {
    let mut runner = TestRunner::deterministic();
    let packets = ip_packet();
    let (mut v4, mut discovery, mut parts) = (0, 0, 0);
    for _ in 0..3000 {
        let octets = packets.new_tree(&mut runner).unwrap().current().build().unwrap();
        let frame = FrameRef::new(Mode::Tun, &octets);
        if let Ok(ip) = frame.ipv4() {
            v4 += 1;
            assert!(ip.ttl() > 0 && !ip.source_addr().is_multicast() && !ip.source_addr().is_broadcast());
            let content = octets.len() - usize::from(ip.ihl()) * 4;
            assert!(usize::from(ip.fragments_offset().value()) * 8 + content <= 65_535);
            assert!(!ip.more_fragments() || content.is_multiple_of(8));
            parts += usize::from(ip.is_fragmenting_payload());
        }
        if let Ok(ip) = frame.ipv6() {
            assert!(ip.hop_limit() > 0 && !ip.source_addr().is_multicast());
            // RFC 4861 section 7.1, RFC 3810 section 7.4; behind extension headers too.
            let hops = match frame.icmpv6().map(|icmp| icmp.type_u8()) {
                Ok(133..=137) => 255,
                Ok(130..=132 | 143) => 1,
                _ => continue,
            };
            discovery += 1;
            assert_eq!(ip.hop_limit(), hops, "{}", frame.explain());
        }
    }
    assert!(v4 > 1000 && discovery > 100 && parts > 50, "{v4} {discovery} {parts}");
}
