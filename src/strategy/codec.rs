//! Strategies for the types of [`codec`](crate::codec). Each gives any value that its type can have, with those on
//! which code branches more often, and shrinks towards the plain ones: IPv4, no flags, short names.

use proptest::prelude::*;
use proptest::{array, collection, option, sample};

use crate::codec::{
    ByteOrder, EtherType, Framing, IfReq, IfReqSize, InterfaceName, PacketInfo, TunPi, TunPiFlags, TunTapFlags,
};

/// Both byte orders.
pub fn byte_order() -> impl Strategy<Value = ByteOrder> + Clone {
    sample::select(vec![ByteOrder::Big, ByteOrder::Little])
}

/// Any EtherType; IPv4, IPv6, ARP and VLAN in half of the cases.
pub fn ether_type() -> impl Strategy<Value = EtherType> + Clone {
    prop_oneof![
        1 => Just(EtherType::IPV4),
        1 => Just(EtherType::IPV6),
        1 => Just(EtherType::ARP),
        1 => Just(EtherType::VLAN),
        4 => any::<u16>().prop_map(EtherType),
    ]
}

/// Any flags of `struct tun_pi`: none, `STRIP` alone, and any bits.
pub fn tun_pi_flags() -> impl Strategy<Value = TunPiFlags> + Clone {
    prop_oneof![Just(TunPiFlags::empty()), Just(TunPiFlags::STRIP), any::<u16>().prop_map(TunPiFlags),]
}

/// Any `struct tun_pi`.
pub fn tun_pi() -> impl Strategy<Value = TunPi> + Clone {
    (tun_pi_flags(), ether_type()).prop_map(|(flags, protocol)| TunPi { flags, protocol })
}

/// Any flags of `TUNSETIFF`; in half of the cases such as programs set: TUN or TAP, with or without packet information.
pub fn tun_tap_flags() -> impl Strategy<Value = TunTapFlags> + Clone {
    let mode = sample::select(vec![TunTapFlags::TUN, TunTapFlags::TAP]);
    let packet_info = sample::select(vec![TunTapFlags::NO_PI, TunTapFlags::empty()]);
    prop_oneof![
        (mode, packet_info).prop_map(|(mode, packet_info)| mode | packet_info),
        any::<u16>().prop_map(TunTapFlags),
    ]
}

/// Any legal name: such as `tun0`, patterns such as `ab%d`, and octets that are not text.
pub fn interface_name() -> impl Strategy<Value = InterfaceName> + Clone {
    let usual = "(tun|tap|utun|vpn|eth)(%d|[0-9]{1,3})".prop_map(String::into_bytes);
    let pattern = "[a-z]{0,6}%d[a-z]{0,7}".prop_map(String::into_bytes);
    let any_octets = collection::vec(any::<u8>(), 1..=InterfaceName::MAX_LEN);
    prop_oneof![usual, pattern, any_octets]
        .prop_filter_map("a name the kernel refuses", |octets| InterfaceName::new(octets).ok())
}

/// Both sizes of `struct ifreq`.
pub fn if_req_size() -> impl Strategy<Value = IfReqSize> + Clone {
    sample::select(vec![IfReqSize::Bits32, IfReqSize::Bits64])
}

/// Any `struct ifreq`: with a legal name or none, or with any 16 octets in its place.
pub fn if_req() -> impl Strategy<Value = IfReq> + Clone {
    prop_oneof![
        (option::of(interface_name()), tun_tap_flags()).prop_map(|(name, flags)| IfReq::new(name, flags)),
        (array::uniform16(any::<u8>()), tun_tap_flags()).prop_map(|(name, flags)| IfReq::with_name_octets(name, flags)),
    ]
}

/// Every framing.
pub fn framing() -> impl Strategy<Value = Framing> + Clone {
    sample::select(vec![Framing::None, Framing::TunPi])
}

/// Any packet information, of any framing.
pub fn packet_info() -> impl Strategy<Value = PacketInfo> + Clone {
    prop_oneof![1 => Just(PacketInfo::None), 3 => tun_pi().prop_map(PacketInfo::TunPi)]
}

/// What one read of a device gives: the framing with octets that begin with its header.
pub fn framed_octets() -> impl Strategy<Value = (Framing, Vec<u8>)> + Clone {
    (packet_info(), collection::vec(any::<u8>(), 0..128)).prop_map(|(info, frame)| {
        let mut octets = Vec::new();
        let framing = info.framing();
        match framing.append(info, &frame, &mut octets) {
            Ok(_) => (framing, octets),
            Err(error) => unreachable!("packet information is of its own framing: {error}"),
        }
    })
}
