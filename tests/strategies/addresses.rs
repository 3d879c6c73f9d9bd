//! Addresses and ports are of the class that their strategy names: as the standard library says, where it does.

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tuntap_test::strategy::address::{self, AddressClass};
use tuntap_test::strategy::port::{self, PortClass};

use crate::shrinking::minimal;

/// 2000 values, of which each is as it has to be, and the plainest.
fn each<T: Clone + Debug + PartialEq>(strategy: BoxedStrategy<T>, plainest: T, holds: impl Fn(&T) -> bool) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..2000 {
        let value = strategy.new_tree(&mut runner).unwrap().current();
        assert!(holds(&value), "{value:?}");
    }
    for run in 0..8 {
        assert_eq!(minimal(run, &strategy, |_| true), plainest);
    }
}

#[test]
fn ipv4_addresses_are_of_their_class() {
    let ip = Ipv4Addr::new;
    each(address::documentation_v4(), ip(192, 0, 2, 1), Ipv4Addr::is_documentation);
    each(address::private_v4(), ip(10, 0, 0, 1), Ipv4Addr::is_private);
    each(address::link_local_v4(), ip(169, 254, 1, 1), Ipv4Addr::is_link_local);
    each(address::multicast_v4(), ip(224, 0, 0, 1), Ipv4Addr::is_multicast);
    let ordinary = |ip: &Ipv4Addr| ip.is_documentation() || ip.is_private() || ip.is_link_local() || ip.is_multicast();
    each(address::special_v4(), ip(127, 0, 0, 1), |ip| !ordinary(ip));
    each(address::global_v4(), ip(1, 1, 1, 1), |ip| {
        !(ordinary(ip) || ip.is_loopback() || ip.is_broadcast() || ip.octets()[0] == 0 || ip.octets()[0] >= 240)
    });
    each(address::source_v4(), ip(192, 0, 2, 1), |ip| !ip.is_multicast() && !ip.is_broadcast());
    each(address::any_v4(), ip(192, 0, 2, 1), |_| true);
}

#[test]
fn ipv6_addresses_are_of_their_class() {
    let ip = |start, end| Ipv6Addr::new(start, 0, 0, 0, 0, 0, 0, end);
    let documentation = |ip: &Ipv6Addr| {
        matches!(ip.segments(), [0x2001, 0xdb8, ..]) || matches!(ip.segments(), [0x3fff, 0..0x1000, ..])
    };
    let plainest = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    each(address::documentation_v6(), plainest, documentation);
    each(address::private_v6(), ip(0xfd00, 1), Ipv6Addr::is_unique_local);
    each(address::link_local_v6(), ip(0xfe80, 1), Ipv6Addr::is_unicast_link_local);
    each(address::multicast_v6(), ip(0xff02, 1), Ipv6Addr::is_multicast);
    each(address::special_v6(), ip(0, 1), |ip| {
        !(documentation(ip) || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_multicast())
    });
    let global = "2606:4700:4700::1111".parse().unwrap();
    each(address::global_v6(), global, |ip| ip.octets()[0] >> 5 == 1 && !documentation(ip));
    each(address::source_v6(), plainest, |ip| !ip.is_multicast() && !ip.is_unspecified());
    each(address::any_v6(), plainest, |_| true);
}

#[test]
fn hardware_addresses_are_of_their_class() {
    let plainest = [2, 0, 0, 0, 0, 1];
    let group = |mac: &[u8; 6]| mac[0] & 1 == 1;
    each(address::documentation_mac(), [0, 0, 0x5e, 0, 0x53, 1], |mac| mac[2] == 0x5e);
    each(address::private_mac(), plainest, |mac| mac[0] & 3 == 2);
    each(address::link_local_mac(), [1, 0x80, 0xc2, 0, 0, 0], |mac| mac.starts_with(&[1, 0x80, 0xc2, 0, 0]));
    each(address::multicast_mac(), [1, 0, 0x5e, 0, 0, 1], group);
    each(address::special_mac(), [0xff; 6], |mac| *mac == [0; 6] || *mac == [0xff; 6]);
    each(address::global_mac(), [0, 0, 0, 0, 0, 1], |mac| mac[0] & 3 == 0 && *mac != [0; 6]);
    each(address::source_mac(), plainest, |mac| !group(mac));
    each(address::any_mac(), plainest, |_| true);
}

/// Within a class too the plainest that fails is found.
#[test]
fn what_matters_of_an_address_is_kept() {
    let minimal = |holds: fn(&Ipv4Addr) -> bool| minimal(1, &address::any_v4(), holds).to_string();
    assert_eq!(minimal(|ip| ip.octets()[3] >= 100), "192.0.2.100");
    assert_eq!(minimal(|ip| ip.is_multicast() && ip.octets()[1] >= 9), "239.255.0.1");
    assert_eq!(minimal(|ip| AddressClass::of_v4(*ip) == AddressClass::Global), "1.1.1.1");
    assert_eq!(minimal(|ip| ip.is_private() && ip.octets()[0] == 172 && ip.octets()[1] >= 20), "172.20.0.0");
    assert_eq!(minimal(|ip| ip.is_private() && (20..100).contains(&ip.octets()[1])), "10.20.0.0");
}

#[test]
fn ports_are_of_their_class() {
    each(port::well_known(), 80, |port| (1..1024).contains(port));
    each(port::registered(), 8080, |port| (1024..49_152).contains(port));
    each(port::dynamic(), 50_000, |port| (49_152..65_535).contains(port));
    each(port::edge(), 0, |port| [0, 65_535].contains(port));
    each(port::any_port(), 80, |_| true);
    each(port::source(), 50_000, |port| *port >= 1024);
    each(port::service(), 80, |port| (1..49_152).contains(port));
    assert_eq!(minimal(3, &port::any_port(), |port| *port >= 60_000 && *port != u16::MAX), 60_000);
    for class in PortClass::ALL {
        assert_eq!(PortClass::of(minimal(4, &port::any_port(), |port| PortClass::of(*port) == class)), class);
    }
}

/// The classes of all addresses at the ends of each block of 2^16, as the standard library tells them.
#[test]
fn classes_begin_and_end_where_they_have_to() {
    let is = |class, wanted, got, address: &dyn Debug| assert_eq!(wanted == class, got, "{address:?} {class}");
    for (high, low) in (0..=u16::MAX).flat_map(|high| [(high, 0), (high, u16::MAX)]) {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        let v4 = Ipv4Addr::new(a, b, c, d);
        let class = AddressClass::of_v4(v4);
        is(AddressClass::Private, class, v4.is_private(), &v4);
        is(AddressClass::LinkLocal, class, v4.is_link_local(), &v4);
        is(AddressClass::Multicast, class, v4.is_multicast(), &v4);
        is(AddressClass::Documentation, class, v4.is_documentation(), &v4);
        let shared = a == 100 && b >> 6 == 1;
        let benchmark = a == 198 && b >> 1 == 9;
        let reserved = matches!(v4.octets(), [0 | 127 | 240..=255, ..] | [192, 0, 0, _]);
        is(AddressClass::Special, class, shared || benchmark || reserved, &v4);
        let v6 = Ipv6Addr::new(high, low, low, low, low, low, low, low);
        let class = AddressClass::of_v6(v6);
        is(AddressClass::Private, class, v6.is_unique_local(), &v6);
        is(AddressClass::LinkLocal, class, v6.is_unicast_link_local(), &v6);
        is(AddressClass::Multicast, class, v6.is_multicast(), &v6);
    }
}
