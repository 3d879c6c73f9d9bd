//! The codec's public surface: round trips in both byte orders and sizes, totality, errors, and the kernel's octets.

use proptest::prelude::*;
use proptest::{array, collection};
use tuntap_test::codec::{
    ByteOrder, EncodeError, EtherType, Framing, IfReq, IfReqSize, InterfaceName, NameError, NamedMode, PacketInfo,
    PayloadKind, TunPi, TunPiFlags, TunTapFlags,
};

const ORDERS: [ByteOrder; 2] = [ByteOrder::Big, ByteOrder::Little];
const SIZES: [IfReqSize; 2] = [IfReqSize::Bits32, IfReqSize::Bits64];

fn tun_pi(flags: u16, protocol: u16) -> TunPi {
    TunPi { flags: TunPiFlags(flags), protocol: EtherType(protocol) }
}

proptest! {
    #[test]
    fn packet_information_survives_in_both_orders(flags: u16, protocol: u16, rest: Vec<u8>) {
        for order in ORDERS {
            let pi = tun_pi(flags, protocol);
            let octets = [&pi.encode_in(order)[..], &rest].concat();
            prop_assert_eq!(TunPi::decode_in(order, &octets), Ok((pi, &rest[..])));
        }
    }

    #[test]
    fn the_orders_differ_in_the_flags_alone(octets: [u8; 4]) {
        let [big, little] = ORDERS.map(|order| TunPi::decode_in(order, &octets).unwrap().0);
        prop_assert_eq!(big.protocol, little.protocol);
        prop_assert_eq!(big.flags.0.swap_bytes(), little.flags.0);
    }

    #[test]
    fn unknown_flag_bits_are_kept(flags: u16) {
        let octets = tun_pi(flags, 0x0800).encode();
        prop_assert_eq!(u16::from_ne_bytes([octets[0], octets[1]]), flags);
        prop_assert_eq!(TunPi::decode(&octets).unwrap().0.flags.0, flags);
        let request = IfReq::new(None, TunTapFlags(flags));
        prop_assert_eq!(IfReq::decode(&request.encode()).unwrap().0.flags().0, flags);
    }

    #[test]
    fn encode_into_writes_what_encode_returns(flags: u16, protocol: u16, mut buffer in collection::vec(any::<u8>(), 0..9)) {
        let (pi, before) = (tun_pi(flags, protocol), buffer.clone());
        match pi.encode_into(&mut buffer) {
            Ok(written) => {
                prop_assert_eq!(written, 4);
                prop_assert_eq!(&buffer[..4], &pi.encode());
                prop_assert_eq!(&buffer[4..], &before[4..]);
            }
            Err(error) => {
                prop_assert!(before.len() < 4, "{error}");
                prop_assert_eq!(buffer, before);
            }
        }
    }

    #[test]
    fn any_octets_decode_or_name_what_is_missing(octets in collection::vec(any::<u8>(), 0..48)) {
        for order in ORDERS {
            if let Err(error) = TunPi::decode_in(order, &octets) {
                prop_assert_eq!((error.needed, error.available, error.offset), (4, octets.len(), 0));
            } else {
                prop_assert!(octets.len() >= 4);
            }
            for size in SIZES {
                if let Err(error) = IfReq::decode_in(size, order, &octets) {
                    prop_assert_eq!((error.needed, error.available, error.offset), (size.octets(), octets.len(), 0));
                } else {
                    prop_assert!(octets.len() >= size.octets());
                }
            }
        }
    }

    #[test]
    fn the_fuzz_target_holds(octets: Vec<u8>) {
        tuntap_test::fuzz::targets::tun_pi(&octets);
    }

    #[test]
    fn a_frame_is_the_same_stripped_and_kept(flags: u16, protocol: u16, frame: Vec<u8>) {
        let mut kept = Vec::new();
        Framing::TunPi.append(tun_pi(flags, protocol).into(), &frame, &mut kept).unwrap();
        let (_, stripped) = Framing::TunPi.split(&kept).unwrap();
        prop_assert_eq!(Framing::None.split(stripped), Ok((PacketInfo::None, &frame[..])));
        prop_assert_eq!(kept.len(), frame.len() + Framing::TunPi.header_len());
    }

    #[test]
    fn append_writes_what_join_writes(flags: u16, protocol: u16, frame: Vec<u8>, before: Vec<u8>) {
        for info in [PacketInfo::None, tun_pi(flags, protocol).into()] {
            let mut joined = vec![0xa5; info.framing().header_len() + frame.len()];
            let written = info.framing().join(info, &frame, &mut joined);
            prop_assert_eq!(&written, &Ok(joined.len()));
            let mut appended = before.clone();
            prop_assert_eq!(info.framing().append(info, &frame, &mut appended), written);
            prop_assert_eq!(appended, [&before[..], &joined].concat());
            if let Some((_, short)) = joined.split_last_mut() {
                short.fill(0xa5);
                prop_assert!(info.framing().join(info, &frame, short).is_err());
                prop_assert!(short.iter().all(|&octet| octet == 0xa5), "a failed join wrote to the buffer");
            }
        }
    }

    #[test]
    fn requests_survive_in_both_sizes_and_orders(name in array::uniform16(any::<u8>()), flags: u16, rest: Vec<u8>) {
        for (size, order) in SIZES.into_iter().flat_map(|size| ORDERS.map(|order| (size, order))) {
            let request = IfReq::with_name_octets(name, TunTapFlags(flags));
            let mut octets = [vec![0xa5; size.octets()], rest.clone()].concat();
            prop_assert_eq!(request.encode_into(size, order, &mut octets), Ok(size.octets()));
            prop_assert_eq!(IfReq::decode_in(size, order, &octets), Ok((request, &rest[..])));
            prop_assert_eq!(&octets[..16], &name);
            prop_assert!(octets[18..size.octets()].iter().all(|&octet| octet == 0), "the rest of the union is zero");
            let mut short = vec![0xa5; size.octets() - 1];
            prop_assert!(request.encode_into(size, order, &mut short).is_err());
            prop_assert!(short.iter().all(|&octet| octet == 0xa5), "a failed encoding wrote to the buffer");
        }
    }

    #[test]
    fn names_are_accepted_by_the_kernels_rules(octets in collection::vec(any::<u8>(), 0..20)) {
        let spaces = [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0xa0];
        let legal = (1..=15).contains(&octets.len())
            && octets != b"." && octets != b".."
            && !octets.iter().any(|octet| [0, b'/', b':'].contains(octet) || spaces.contains(octet))
            && octets.split(|&octet| octet == b'%').skip(1).all(|behind| behind.starts_with(b"d"))
            && octets.iter().filter(|&&octet| octet == b'%').count() <= 1;
        let name = InterfaceName::new(&octets);
        prop_assert_eq!(name.is_ok(), legal, "{:?}", name);
        if let Ok(name) = name {
            prop_assert_eq!(name.as_octets(), &octets[..]);
            prop_assert_eq!(IfReq::new(Some(name), TunTapFlags::TUN).name(), Ok(Some(name)));
        }
    }

    #[test]
    fn a_truncated_name_is_the_first_fifteen_octets(text in "[a-z0-9]{1,40}") {
        let kept = &text[..text.len().min(15)];
        prop_assert_eq!(InterfaceName::truncated(&text), InterfaceName::new(kept));
    }

    #[test]
    fn a_name_in_a_request_ends_at_its_first_nul(name in array::uniform16(any::<u8>())) {
        let request = IfReq::with_name_octets(name, TunTapFlags::TUN);
        let end = name[..15].iter().position(|&octet| octet == 0).unwrap_or(15);
        let wanted = if end == 0 { Ok(None) } else { InterfaceName::new(&name[..end]).map(Some) };
        prop_assert_eq!(request.name(), wanted);
    }
}

/// What Linux 6.18 on x86-64 gave (PLATFORMS.md sections 1 and 2): the first octets of reads with packet information.
#[test]
fn the_kernels_octets_decode() {
    let cases: [(&[u8], TunPi); 5] = [
        (&[0x00, 0x00, 0x08, 0x00], TunPi::new(EtherType::IPV4)),
        (&[0x00, 0x00, 0x86, 0xdd], TunPi::new(EtherType::IPV6)),
        (&[0x00, 0x00, 0x08, 0x06], TunPi::new(EtherType::ARP)),
        // A read into a buffer that was too short: TUN_PKT_STRIP in host order.
        (&[0x01, 0x00, 0x08, 0x00], tun_pi(1, 0x0800)),
        // What Scapy 2.8.0 writes for octets that it cannot name (LinuxTunPacketInfo's default type).
        (&[0x00, 0x00, 0x90, 0x00], TunPi::new(EtherType::LOOPBACK)),
    ];
    for (octets, wanted) in cases {
        assert_eq!(TunPi::decode_in(ByteOrder::Little, octets), Ok((wanted, &[][..])));
        assert_eq!(wanted.encode_in(ByteOrder::Little), octets);
    }
}

#[test]
fn strip_is_bit_0_in_host_order() {
    assert_eq!(tun_pi(1, 0x0800).encode_in(ByteOrder::Little), [0x01, 0x00, 0x08, 0x00]);
    assert_eq!(tun_pi(1, 0x0800).encode_in(ByteOrder::Big), [0x00, 0x01, 0x08, 0x00]);
    assert!(tun_pi(1, 0).is_truncated());
    assert!(tun_pi(0xffff, 0).is_truncated());
    assert!(!tun_pi(0xfffe, 0).is_truncated());
    assert_eq!(PacketInfo::from(tun_pi(1, 0)).truncated(), Some(true));
    assert_eq!(PacketInfo::None.truncated(), None);
}

#[test]
fn the_payload_is_guessed_from_the_protocol() {
    let kind = |protocol| tun_pi(0, protocol).payload_kind();
    assert_eq!(kind(0x0800), PayloadKind::Ipv4);
    assert_eq!(kind(0x86dd), PayloadKind::Ipv6);
    assert_eq!(kind(0x6558), PayloadKind::Ethernet);
    assert_eq!(kind(0x9000), PayloadKind::Other(EtherType(0x9000)));
    assert_eq!(kind(0x0008), PayloadKind::Other(EtherType(0x0008)), "swapped octets are not IPv4");
}

#[test]
fn a_header_is_made_from_the_frame() {
    let info = |octets| Framing::TunPi.info_for_ip_packet(octets);
    assert_eq!(info(&[0x4f]), Some(TunPi::new(EtherType::IPV4).into()));
    assert_eq!(info(&[0x60, 0x00]), Some(TunPi::new(EtherType::IPV6).into()));
    assert_eq!(info(&[0x30]), None);
    assert_eq!(info(&[0x70]), None);
    assert_eq!(info(&[]), None);
    assert_eq!(Framing::None.info_for_ip_packet(&[]), Some(PacketInfo::None));

    let mut frame = [0xee; 14];
    frame[12..].copy_from_slice(&[0x81, 0x00]);
    assert_eq!(Framing::TunPi.info_for_ethernet_frame(&frame), Some(TunPi::new(EtherType::VLAN).into()));
    assert_eq!(Framing::TunPi.info_for_ethernet_frame(&frame[..13]), None);
    assert_eq!(Framing::None.info_for_ethernet_frame(&[]), Some(PacketInfo::None));
}

#[test]
fn packet_information_of_another_framing_is_refused() {
    let mut buffer = [0xa5; 8];
    let pi = PacketInfo::from(TunPi::new(EtherType::IPV4));
    let error = Framing::None.join(pi, &[1], &mut buffer).unwrap_err();
    assert_eq!(error.to_string(), "framing none cannot carry packet information of tun_pi");
    let mut octets = vec![1];
    assert!(matches!(
        Framing::TunPi.append(PacketInfo::None, &[2], &mut octets),
        Err(EncodeError::WrongPacketInfo { framing: Framing::TunPi, info: PacketInfo::None, .. })
    ));
    assert_eq!((buffer, octets), ([0xa5; 8], vec![1]), "nothing was written");
}

#[test]
fn errors_name_structure_and_octets() {
    assert_eq!(TunPi::decode(&[]).unwrap_err().to_string(), "tun_pi needs 4 octets at offset 0, 0 available");
    assert_eq!(
        IfReq::decode_in(IfReqSize::Bits64, ByteOrder::Big, &[0; 32]).unwrap_err().to_string(),
        "ifreq needs 40 octets at offset 0, 32 available"
    );
    let error = Framing::TunPi.join(TunPi::new(EtherType::IPV4).into(), &[0; 20], &mut [0; 23]).unwrap_err();
    assert_eq!(error.to_string(), "tun_pi needs a buffer of 24 octets, 23 available");
    let error = Framing::None.join(PacketInfo::None, &[0; 2], &mut [0; 1]).unwrap_err();
    assert_eq!(error.to_string(), "frame needs a buffer of 2 octets, 1 available");
}

/// The octets that `TUNSETIFF` takes on x86-64, written out from linux/if.h.
#[test]
fn a_request_is_laid_out_as_the_kernel_has_it() {
    let name = InterfaceName::new("tun%d").unwrap();
    let request = IfReq::new(Some(name), TunTapFlags::TUN | TunTapFlags::NO_PI);
    let mut wanted = [0; 40];
    wanted[..5].copy_from_slice(b"tun%d");
    wanted[16..18].copy_from_slice(&[0x01, 0x10]);
    let mut octets = [0xa5; 40];
    request.encode_into(IfReqSize::Bits64, ByteOrder::Little, &mut octets).unwrap();
    assert_eq!(octets, wanted);
    request.encode_into(IfReqSize::Bits32, ByteOrder::Big, &mut octets).unwrap();
    wanted[16..18].copy_from_slice(&[0x10, 0x01]);
    assert_eq!(octets[..32], wanted[..32]);
    assert_eq!(request.encode().len(), IfReqSize::NATIVE.octets());
}

/// Each was tried with `TUNSETIFF` on Linux 6.18; 0xa0 is white space to the kernel's `isspace`.
#[test]
fn each_mistake_in_a_name_has_its_own_error() {
    let error = |name: &[u8]| InterfaceName::new(name).unwrap_err();
    assert_eq!(error(b""), NameError::Empty);
    assert_eq!(error(b"."), NameError::Dots);
    assert_eq!(error(b".."), NameError::Dots);
    for octet in [0, b'/', b':', b' ', b'\t', 0x0b, 0xa0] {
        assert_eq!(error(&[b'x', octet, b'y']), NameError::Forbidden { octet });
    }
    for name in ["a%b", "a%", "%d%d", "%d%", "%%d"] {
        assert_eq!(error(name.as_bytes()), NameError::Pattern, "{name}");
    }
    let too_long = error(b"1234567890123456");
    assert_eq!(too_long, NameError::TooLong { limit: 15, len: 16 });
    assert_eq!(too_long.to_string(), "an interface name has at most 15 octets, this one has 16");
    assert_eq!(InterfaceName::truncated("12345678901234%d"), Err(NameError::Pattern), "the cut splits the %d");
}

/// Each was accepted by `TUNSETIFF` on Linux 6.18.
#[test]
fn whatever_the_kernel_takes_is_a_name() {
    for name in [&b"tun0"[..], b"123456789012345", b"...", b"x\x01y", b"x\x85y", b"x\x1cy", b"\xc3\xa9", b"x%dy", b"%d"]
    {
        let parsed = InterfaceName::new(name).unwrap();
        assert_eq!(parsed.as_octets(), name);
        assert_eq!(parsed.is_pattern(), name.contains(&b'%'));
    }
    assert_eq!(InterfaceName::new(b"x\x85y").unwrap().to_string(), "x\u{fffd}y");
    assert_eq!(format!("{:?}", InterfaceName::new(b"x\x85y").unwrap()), r#"InterfaceName("x\x85y")"#);
}

#[test]
fn the_mode_is_guessed_from_the_name() {
    let guess = |name| InterfaceName::new(name).unwrap().guess_mode();
    assert_eq!(guess("tun0"), Ok(NamedMode::Tun));
    assert_eq!(guess("utun7"), Ok(NamedMode::Tun));
    assert_eq!(guess("tap%d"), Ok(NamedMode::Tap));
    for name in ["Tun0", "utap0", "xtun", "ta", "vpn0"] {
        assert!(guess(name).is_err(), "{name}");
    }
    assert_eq!(guess("vpn0").unwrap_err().name.as_octets(), b"vpn0");
    assert_eq!((NamedMode::Tun.flag().0, NamedMode::Tap.flag().0), (1, 2));
}
