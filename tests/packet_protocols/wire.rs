//! The same messages as smoltcp's wire reads them.

use std::net::Ipv6Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::Duration;
use smoltcp::wire::{
    Icmpv6Packet, Icmpv6Repr, IgmpPacket, IgmpRepr, IgmpVersion, IpProtocol, Ipv4Packet, Ipv6ExtHeader,
    Ipv6HopByHopHeader, Ipv6HopByHopRepr, Ipv6OptionRepr, Ipv6OptionRouterAlert, Ipv6Packet, Ipv6RoutingHeader,
    Ipv6RoutingRepr, MldAddressRecord, MldAddressRecordRepr, MldRecordType, MldRepr, NdiscNeighborFlags,
    NdiscPrefixInfoFlags, NdiscRepr, NdiscRouterFlags, RawHardwareAddress, TcpOption, TcpPacket,
};
use tuntap_test::packet::group_record::{CHANGE_TO_EXCLUDE_MODE, MODE_IS_INCLUDE};
use tuntap_test::packet::{HopByHop, Icmpv6, Igmp, IntoPacket, Ipv6, Routing, Tcp, Udp};

use crate::{GROUP, GROUP_V4, HOST, MAC, PEER, built};

/// What stands behind the IPv6 header, and behind a hop-by-hop header where one stands first.
fn behind_ipv6(octets: &[u8]) -> (Ipv6Packet<&[u8]>, &[u8]) {
    let packet = Ipv6Packet::new_checked(octets).unwrap();
    let payload = &octets[40..];
    if packet.next_header() == IpProtocol::HopByHop {
        let header = Ipv6ExtHeader::new_checked(payload).unwrap();
        assert_eq!(header.next_header(), IpProtocol::Icmpv6);
        return (packet, &payload[header.header_len() as usize * 8 + 8..]);
    }
    (packet, payload)
}

/// Reads a message, whose checksum smoltcp verifies, and hands it to `read`.
fn icmpv6(message: impl IntoPacket, read: impl FnOnce(Icmpv6Repr<'_>)) {
    let octets = built(message);
    let (ip, payload) = behind_ipv6(&octets);
    let packet = Icmpv6Packet::new_checked(payload).unwrap();
    read(Icmpv6Repr::parse(&ip.src_addr(), &ip.dst_addr(), &packet, &ChecksumCapabilities::default()).unwrap());
}

fn mac() -> Option<RawHardwareAddress> {
    Some(RawHardwareAddress::from_bytes(&MAC))
}

#[test]
fn neighbour_discovery() {
    let solicitation = Icmpv6::router_solicitation().source_link_layer_address(MAC);
    icmpv6(solicitation, |repr| assert_eq!(repr, Icmpv6Repr::Ndisc(NdiscRepr::RouterSolicit { lladdr: mac() })));

    let advertisement = Icmpv6::router_advertisement()
        .hop_limit(64)
        .managed(true)
        .router_lifetime(1800)
        .reachable_time(30_000)
        .retrans_timer(1000)
        .prefix_information(HOST, 64, 86_400, 14_400)
        .link_mtu(1280);
    icmpv6(advertisement, |repr| {
        let Icmpv6Repr::Ndisc(NdiscRepr::RouterAdvert {
            hop_limit,
            flags,
            router_lifetime,
            reachable_time,
            retrans_time,
            lladdr,
            mtu,
            prefix_info,
        }) = repr
        else {
            panic!("{repr:?}")
        };
        assert_eq!((hop_limit, flags, lladdr, mtu), (64, NdiscRouterFlags::MANAGED, None, Some(1280)));
        assert_eq!(
            (router_lifetime, reachable_time, retrans_time),
            (Duration::from_secs(1800), Duration::from_millis(30_000), Duration::from_millis(1000))
        );
        let prefix = prefix_info.unwrap();
        assert_eq!((prefix.prefix, prefix.prefix_len), (HOST, 64));
        assert_eq!(prefix.flags, NdiscPrefixInfoFlags::ON_LINK | NdiscPrefixInfoFlags::ADDRCONF);
        assert_eq!(prefix.valid_lifetime, Duration::from_secs(86_400));
        assert_eq!(prefix.preferred_lifetime, Duration::from_secs(14_400));
    });

    let solicitation = Icmpv6::neighbor_solicitation(HOST).source_link_layer_address(MAC);
    icmpv6(solicitation, |repr| {
        assert_eq!(repr, Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: HOST, lladdr: mac() }));
    });

    let advertisement =
        Icmpv6::neighbor_advertisement(HOST).router(true).solicited(true).target_link_layer_address(MAC);
    icmpv6(advertisement, |repr| {
        let flags = NdiscNeighborFlags::ROUTER | NdiscNeighborFlags::SOLICITED;
        assert_eq!(repr, Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { flags, target_addr: HOST, lladdr: mac() }));
    });

    let redirected = built(Ipv6::new().src(HOST).dst(PEER) / Udp::new() / [7; 8]);
    let redirect = Icmpv6::redirect(PEER, HOST).target_link_layer_address(MAC).redirected_header(&redirected);
    icmpv6(redirect, |repr| {
        let Icmpv6Repr::Ndisc(NdiscRepr::Redirect { target_addr, dest_addr, lladdr, redirected_hdr }) = repr else {
            panic!("{repr:?}")
        };
        assert_eq!((target_addr, dest_addr, lladdr), (PEER, HOST, mac()));
        let redirected_hdr = redirected_hdr.unwrap();
        assert_eq!((redirected_hdr.header.src_addr, redirected_hdr.header.dst_addr), (HOST, PEER));
        assert_eq!(redirected_hdr.data, &redirected[40..]);
    });
}

#[test]
fn multicast_listener_discovery() {
    let query =
        Icmpv6::multicast_listener_query_v2(GROUP).max_response(1000).suppress(true).qrv(2).qqic(125).sources([HOST]);
    icmpv6(HopByHop::router_alert(0) / query, |repr| {
        assert_eq!(
            repr,
            Icmpv6Repr::Mld(MldRepr::Query {
                max_resp_code: 1000,
                mcast_addr: GROUP,
                s_flag: true,
                qrv: 2,
                qqic: 125,
                num_srcs: 1,
                data: &HOST.octets(),
            })
        );
    });
    let report = Icmpv6::multicast_listener_report_v2().record(CHANGE_TO_EXCLUDE_MODE, GROUP, []).record(
        MODE_IS_INCLUDE,
        Ipv6Addr::LOCALHOST,
        [HOST],
    );
    icmpv6(HopByHop::router_alert(0) / report, |repr| {
        let Icmpv6Repr::Mld(MldRepr::Report { nr_mcast_addr_rcrds: 2, data }) = repr else { panic!("{repr:?}") };
        let first = MldAddressRecord::new_checked(data).unwrap();
        let first = MldAddressRecordRepr::parse(&first).unwrap();
        assert_eq!((first.record_type, first.num_srcs, first.mcast_addr), (MldRecordType::ChangeToExclude, 0, GROUP));
        let second = MldAddressRecord::new_checked(&data[20..]).unwrap();
        let second = MldAddressRecordRepr::parse(&second).unwrap();
        assert_eq!((second.record_type, second.num_srcs), (MldRecordType::ModeIsInclude, 1));
        assert_eq!((second.mcast_addr, second.payload), (Ipv6Addr::LOCALHOST, &HOST.octets()[..]));
    });
}

#[test]
fn igmp() {
    let read = |message: Igmp| {
        let octets = built(message);
        let ip = Ipv4Packet::new_checked(&octets[..]).unwrap();
        assert!(ip.verify_checksum());
        assert_eq!((ip.next_header(), ip.hop_limit()), (IpProtocol::Igmp, 1));
        let packet = IgmpPacket::new_checked(ip.payload()).unwrap();
        assert!(packet.verify_checksum());
        IgmpRepr::parse(&packet).unwrap()
    };
    let query = |version, max_resp_time| IgmpRepr::MembershipQuery { max_resp_time, group_addr: GROUP_V4, version };
    let report = |version| IgmpRepr::MembershipReport { group_addr: GROUP_V4, version };
    let wait = Duration::from_millis(10_000);
    assert_eq!(read(Igmp::membership_query(GROUP_V4).max_response(100)), query(IgmpVersion::Version2, wait));
    assert_eq!(read(Igmp::membership_query(GROUP_V4)), query(IgmpVersion::Version1, Duration::ZERO));
    assert_eq!(read(Igmp::membership_report_v1(GROUP_V4)), report(IgmpVersion::Version1));
    assert_eq!(read(Igmp::membership_report_v2(GROUP_V4)), report(IgmpVersion::Version2));
    assert_eq!(read(Igmp::leave_group(GROUP_V4)), IgmpRepr::LeaveGroup { group_addr: GROUP_V4 });
}

#[test]
fn extension_headers() {
    let octets = built(HopByHop::router_alert(0).option(0x3e, [1, 2]) / Udp::new());
    let header = Ipv6ExtHeader::new_checked(&octets[40..]).unwrap();
    let options = Ipv6HopByHopHeader::new_checked(header.payload()).unwrap();
    let repr = Ipv6HopByHopRepr::parse(&options).unwrap();
    let [alert, unknown, padding] = &repr.options[..] else { panic!("{repr:?}") };
    assert_eq!(*alert, Ipv6OptionRepr::RouterAlert(Ipv6OptionRouterAlert::MulticastListenerDiscovery));
    assert!(matches!(unknown, Ipv6OptionRepr::Unknown { length: 2, data: [1, 2], .. }), "{unknown:?}");
    assert_eq!(*padding, Ipv6OptionRepr::PadN(4));

    let octets = built(Routing::type2(HOST) / Udp::new());
    let header = Ipv6ExtHeader::new_checked(&octets[40..]).unwrap();
    let routing = Ipv6RoutingHeader::new_checked(header.payload()).unwrap();
    let repr = Ipv6RoutingRepr::parse(&routing).unwrap();
    assert_eq!(repr, Ipv6RoutingRepr::Type2 { segments_left: 1, home_address: HOST });
}

#[test]
fn tcp_options() {
    let octets = built(Tcp::new().syn().mss(1460).nop().window_scale(7).option(253, [1, 2, 3]).timestamps(7, 9));
    let packet = TcpPacket::new_checked(&octets[20..]).unwrap();
    let mut options = packet.options();
    let mut read = Vec::new();
    while let Ok((rest, option)) = TcpOption::parse(options) {
        options = rest;
        read.push(option);
        if rest.is_empty() || read.last() == Some(&TcpOption::EndOfList) {
            break;
        }
    }
    let wanted = [
        TcpOption::MaxSegmentSize(1460),
        TcpOption::NoOperation,
        TcpOption::WindowScale(7),
        TcpOption::Unknown { kind: 253, data: &[1, 2, 3] },
        TcpOption::TimeStamp { tsval: 7, tsecr: 9 },
        TcpOption::EndOfList,
    ];
    assert_eq!(read, wanted);
}
