//! The exported strategies: what they give is legal, and every round trip holds for it.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tuntap_test::codec::{EtherType, IfReq, InterfaceName, PacketInfo, TunPi, TunPiFlags};
use tuntap_test::strategy::codec;

proptest! {
    #[test]
    fn packet_information_survives_in_both_orders(pi in codec::tun_pi(), order in codec::byte_order()) {
        let octets = pi.encode_in(order);
        prop_assert_eq!(TunPi::decode_in(order, &octets), Ok((pi, &[][..])));
    }

    #[test]
    fn names_are_legal(name in codec::interface_name()) {
        prop_assert_eq!(InterfaceName::new(name), Ok(name));
        prop_assert_eq!(IfReq::new(Some(name), Default::default()).name(), Ok(Some(name)));
    }

    #[test]
    fn requests_survive_in_both_sizes_and_orders(
        request in codec::if_req(), size in codec::if_req_size(), order in codec::byte_order(),
    ) {
        let mut octets = vec![0xa5; size.octets()];
        prop_assert_eq!(request.encode_into(size, order, &mut octets), Ok(size.octets()));
        prop_assert_eq!(IfReq::decode_in(size, order, &octets), Ok((request, &[][..])));
    }

    #[test]
    fn framed_octets_begin_with_their_header((framing, octets) in codec::framed_octets()) {
        let (info, frame) = framing.split(&octets).unwrap();
        let mut again = Vec::new();
        framing.append(info, frame, &mut again).unwrap();
        prop_assert_eq!(again, octets);
    }

    #[test]
    fn packet_information_is_of_one_framing(info in codec::packet_info(), framing in codec::framing()) {
        let fits = framing.append(info, &[], &mut Vec::new()).is_ok();
        prop_assert_eq!(fits, info.framing() == framing);
    }
}

/// How often `holds` is true of 1000 values.
fn share<S: Strategy>(strategy: S, holds: impl Fn(&S::Value) -> bool) -> usize {
    let mut runner = TestRunner::deterministic();
    (0..1000).filter(|_| holds(&strategy.new_tree(&mut runner).unwrap().current())).count()
}

#[test]
fn what_code_branches_on_is_frequent() {
    let at_least_a_twentieth = 50;
    for protocol in [EtherType::IPV4, EtherType::IPV6, EtherType::ARP, EtherType::VLAN] {
        assert!(share(codec::ether_type(), |&value| value == protocol) >= at_least_a_twentieth, "{protocol}");
    }
    assert!(share(codec::tun_pi(), |pi| pi.is_truncated()) >= at_least_a_twentieth);
    assert!(share(codec::tun_pi(), |pi| pi.flags == TunPiFlags::empty()) >= at_least_a_twentieth);
    assert!(share(codec::interface_name(), InterfaceName::is_pattern) >= at_least_a_twentieth);
    assert!(share(codec::interface_name(), |name| !name.as_octets().is_ascii()) >= at_least_a_twentieth);
    assert!(share(codec::if_req(), |request| request.name() == Ok(None)) >= at_least_a_twentieth);
    assert!(share(codec::if_req(), |request| request.name().is_err()) >= at_least_a_twentieth);
    assert!(share(codec::packet_info(), |&info| info == PacketInfo::None) >= at_least_a_twentieth);
}
