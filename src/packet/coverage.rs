//! Every bit of every fixed header belongs to one field, so that a layer written as its fields is the same octets
//! again.

use super::layer::{At, LayerKind, Protocol};
use super::protocol;

/// What the headers of a protocol begin with that has several forms.
fn beginnings(kind: LayerKind) -> Vec<Vec<u8>> {
    let types = (0..=u8::MAX).map(|kind| vec![kind]);
    match kind {
        // Queries are longer in the newer version.
        LayerKind::Icmpv6 => types.chain([[&[130][..], &[0; 24]].concat()]).collect(),
        LayerKind::Igmp => types.chain([[&[0x11][..], &[0; 8]].concat()]).collect(),
        LayerKind::Icmpv4 => types.collect(),
        _ => vec![Vec::new()],
    }
}

/// How often each bit of the fixed header is part of a field, and where that is not once.
fn gaps(protocol: &Protocol, beginning: &[u8]) -> Vec<String> {
    let fixed = (protocol.behaviour.fixed)(beginning);
    let mut header = beginning.to_vec();
    header.resize(fixed, 0);
    let mut covered = vec![0; fixed * 8];
    for info in protocol.fields {
        let At::Bits { from, length } = info.at else { continue };
        if (info.when)(&header) && info.range(&header).is_some() {
            covered[from..from + length].iter_mut().for_each(|times| *times += 1);
        }
    }
    let wrong = covered.iter().enumerate().filter(|(_, times)| **times != 1);
    wrong.map(|(bit, times)| format!("{} {beginning:?}: bit {bit} is in {times} fields", protocol.name)).collect()
}

#[test]
fn every_bit_of_a_fixed_header_is_in_one_field() {
    let kinds = [
        LayerKind::Ethernet,
        LayerKind::Vlan,
        LayerKind::Arp,
        LayerKind::Ipv4,
        LayerKind::Ipv6,
        LayerKind::HopByHop,
        LayerKind::Routing,
        LayerKind::DestinationOptions,
        LayerKind::Fragment,
        LayerKind::Icmpv4,
        LayerKind::Icmpv6,
        LayerKind::Igmp,
        LayerKind::Udp,
        LayerKind::Tcp,
    ];
    let wrong: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| beginnings(kind).into_iter().flat_map(move |beginning| gaps(protocol(kind), &beginning)))
        .collect();
    assert!(wrong.is_empty(), "{} bits:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_lengths_of_fixed_headers_are_those_of_the_rfcs() {
    let fixed = |kind, beginning: &[u8]| (protocol(kind).behaviour.fixed)(beginning);
    let icmpv6 =
        [(128, 8), (130, 24), (131, 24), (132, 24), (133, 8), (134, 16), (135, 24), (136, 24), (137, 40), (143, 8)];
    for (icmp_type, octets) in icmpv6 {
        assert_eq!(fixed(LayerKind::Icmpv6, &[icmp_type]), octets, "type {icmp_type}");
    }
    assert_eq!(fixed(LayerKind::Icmpv6, &[&[130][..], &[0; 24]].concat()), 28);
    assert_eq!((fixed(LayerKind::Icmpv4, &[8]), fixed(LayerKind::Icmpv4, &[13])), (8, 20));
    assert_eq!((fixed(LayerKind::Igmp, &[0x11]), fixed(LayerKind::Igmp, &[0x11, 0, 0, 0, 0, 0, 0, 0, 0])), (8, 12));
}
