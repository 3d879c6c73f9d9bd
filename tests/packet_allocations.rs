//! Taking a frame apart and holding it against templates allocates nothing. Alone in its test program, because the count
//! is the whole program's.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tuntap_test::device::{FrameRef, Mode};
use tuntap_test::packet::tcp_flags::{A, S};
use tuntap_test::packet::{Dissection, Ethernet, Icmpv6, IntoPacket, Ipv4, Ipv6, Packet, Payload, Tcp, Udp, Vlan};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn matching_allocates_nothing() {
    let syn = Ipv4::new() / Tcp::new().sport(40_000).dport(80).syn().mss(1460).sack_permitted().window_scale(7);
    let tagged = Ethernet::new() / Vlan::new().id(1) / Vlan::new().id(2) / Ipv6::new() / Udp::new().dport(53) / b"hi";
    let error = Icmpv6::port_unreachable() / Ipv6::new() / Udp::new().dport(53);
    let frames: Vec<(Mode, Vec<u8>)> = [(Mode::Tun, &syn), (Mode::Tap, &tagged), (Mode::Tun, &error)]
        .into_iter()
        .map(|(mode, packet)| (mode, packet.build().unwrap()))
        .chain([(Mode::Tun, vec![0x45; 100]), (Mode::Tap, vec![0; 13])])
        .collect();
    // Of every kind of constraint, and of every outcome: another layer, another field, a defect, a match.
    let patterns: [Packet; 3] = [
        Ipv4::new().src("192.0.2.0/24".parse::<tuntap_test::device::Cidr>().unwrap())
            / Tcp::new().dport([80, 443]).flags(S & !A).mss(536..=1460),
        Ethernet::new() / Vlan::new().id(2) / Ipv6::new() / Udp::new().dport(53) / Payload::starting_with("h"),
        (Icmpv6::port_unreachable() / Ipv6::new() / Udp::new().dport(54)).unverified(),
    ];
    let count = || {
        let mut found = 0;
        for (mode, octets) in &frames {
            let frame = Dissection::new(FrameRef::new(*mode, octets));
            found += patterns.iter().filter(|pattern| pattern.matches_dissection(&frame)).count();
        }
        found
    };
    assert_eq!(count(), 2, "the SYN and the tagged datagram");
    let region = Region::new(ALLOCATOR);
    let found: usize = (0..250).map(|_| count()).sum();
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    assert_eq!(found, 500);
}
