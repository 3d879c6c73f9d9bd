//! What holds for any message: read equally by hickory-proto, and told without a panic.

use std::net::Ipv4Addr;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::BinEncodable;
use proptest::prelude::*;
use tuntap_test::packet::{Dissection, Dns, DomainName, IntoPacket, LayerKind, Packet};

use super::{built, carrying, message, tun};

fn label() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_-]{1,20}"
}

fn domain() -> impl Strategy<Value = String> {
    prop::collection::vec(label(), 0..6).prop_map(|labels| labels.join("."))
}

prop_compose! {
    fn response()(
        id: u16, bits: u16, asked in domain(), kind: u16, aliases in prop::collection::vec((domain(), domain()), 0..4),
        addresses in prop::collection::vec((domain(), any::<u32>(), any::<Ipv4Addr>()), 0..4), text: Vec<u8>,
    ) -> Dns {
        let flag = |bit: u32| bits >> bit & 1 == 1;
        let dns = Dns::query(&asked, kind)
            .id(id).qr(flag(0)).aa(flag(1)).tc(flag(2)).rd(flag(3)).ra(flag(4)).ad(flag(5)).cd(flag(6))
            .rcode(bits.to_be_bytes()[0] & 0xf)
            .txt(&asked, 1, text);
        let dns = aliases.into_iter().fold(dns, |dns, (owner, target)| dns.cname(owner, 1, target));
        addresses.into_iter().fold(dns, |dns, (owner, ttl, address)| dns.a(owner, ttl, address))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_are_read_as_hickory_reads_them(text in domain()) {
        let ours: DomainName = text.parse().unwrap();
        let theirs = Name::from_labels(text.split('.').filter(|label| !label.is_empty()).map(str::as_bytes)).unwrap();
        prop_assert_eq!(ours.octets(), &theirs.to_bytes().unwrap()[..]);
    }

    #[test]
    fn names_of_any_octets_survive_as_text(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..8)) {
        let mut octets: Vec<u8> = Vec::new();
        for label in &labels {
            octets.push(label.len().try_into().unwrap());
            octets.extend(label);
        }
        octets.push(0);
        let frame = carrying(&[&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &octets, &[0, 1, 0, 1]].concat());
        let told = tun(&frame).summary().to_string();
        let text = told.rsplit(' ').next().unwrap();
        let name: DomainName = text.parse().unwrap();
        prop_assert_eq!(name.octets(), octets);
        prop_assert!(Dns::new().question(text).into_packet().matches(tun(&frame)));
    }

    #[test]
    fn what_is_built_is_read_equally_by_hickory(dns in response()) {
        let octets = built(dns.clone());
        prop_assert!(dns.clone().into_packet().matches(tun(&octets)), "{:?}", dns);
        let read = Message::from_vec(message(&octets)).unwrap();
        // hickory-proto compresses: what it writes again has other octets and must match the same template.
        let again = carrying(&read.to_vec().unwrap());
        prop_assert!(dns.clone().into_packet().matches(tun(&again)), "{:?}\n{}", dns, tun(&again).explain());
    }

    /// Anything may come: nothing panics, and what hickory reads is a message here.
    #[test]
    fn malformed_messages_are_told_and_never_panic(
        dns in response(), compressed: bool, cut: prop::sample::Index,
        broken in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut octets = message(&built(dns.clone())).to_vec();
        if compressed {
            octets = Message::from_vec(&octets).unwrap().to_vec().unwrap();
        }
        for (at, octet) in broken {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(cut.index(octets.len()) + 1 + octets.len() / 2);
        let frame = carrying(&octets);
        let dissection = Dissection::new(tun(&frame));
        let told = tun(&frame).summary().to_string();
        prop_assert!(!told.contains('\n'), "{}", told);
        let _ = (tun(&frame).explain().to_string(), dns.into_packet().matches(tun(&frame)));
        let _ = (Packet::any().matches(tun(&frame)), Dns::response_to_frame(tun(&frame)));
        // A query for nothing may be anything.
        if let Ok(read) = Message::from_vec(&octets)
            && !(read.queries.is_empty() && read.metadata.message_type == MessageType::Query)
        {
            prop_assert!(dissection.header(LayerKind::Dns).is_some(), "{} {:02x?}", told, octets);
        }
    }
}
