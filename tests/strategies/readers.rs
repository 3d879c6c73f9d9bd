//! Readers that nobody here wrote, as strict as they can be asked to be: whether they take a frame.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr,
    IgmpPacket, IgmpRepr, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6ExtHeader, Ipv6FragmentHeader,
    Ipv6HopByHopHeader, Ipv6OptionsIterator, Ipv6Packet, Ipv6Repr, Ipv6RoutingHeader, TcpPacket, TcpRepr, UdpPacket,
    UdpRepr,
};
use tuntap_test::device::Mode;
use tuntap_test::etherparse::{Ipv6ExtensionSlice, NetSlice, SlicedPacket, TransportSlice};

/// Whether a reader takes the frame; why not.
pub(crate) type Verdict = Result<(), String>;

fn hold(holds: bool, what: &str) -> Verdict {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// etherparse: what it slices, with the checksums that it can compute and the options that it can walk.
pub(crate) fn etherparse(mode: Mode, octets: &[u8]) -> Verdict {
    let sliced = match mode {
        Mode::Tap => SlicedPacket::from_ethernet(octets),
        Mode::Tun => SlicedPacket::from_ip(octets),
    };
    let sliced = sliced.map_err(|error| error.to_string())?;
    let (mut v4, mut v6, mut fragment) = (None, None, false);
    match &sliced.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header();
            hold(header.to_header().calc_header_checksum() == header.header_checksum(), "IPv4 checksum")?;
            v4 = Some((header.source(), header.destination()));
            fragment = header.is_fragmenting_payload();
        }
        Some(NetSlice::Ipv6(ip)) => {
            v6 = Some((ip.header().source(), ip.header().destination()));
            for extension in ip.extensions().clone() {
                fragment |= matches!(&extension, Ipv6ExtensionSlice::Fragment(part) if part.is_fragmenting_payload());
                // The checksum of what is behind a route that is not at its end is of the last address.
                if matches!(extension, Ipv6ExtensionSlice::Routing(_)) {
                    return Ok(());
                }
            }
        }
        Some(NetSlice::Arp(arp)) => arp.to_packet().try_eth_ipv4().map(drop).map_err(|error| error.to_string())?,
        None => {}
    }
    if fragment {
        return Ok(());
    }
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let sum = match (v4, v6) {
                (Some((from, to)), _) => tcp.calc_checksum_ipv4(from, to),
                (_, Some((from, to))) => tcp.calc_checksum_ipv6(from, to),
                _ => return Err("TCP over nothing".into()),
            };
            hold(sum == Ok(tcp.checksum()), "TCP checksum")?;
            tcp.options_iterator().try_for_each(|option| option.map(drop)).map_err(|error| error.to_string())
        }
        Some(TransportSlice::Udp(udp)) => {
            let header = udp.to_header();
            let sum = match (v4, v6) {
                (Some(_), _) if udp.checksum() == 0 => Ok(0),
                (Some((from, to)), _) => header.calc_checksum_ipv4_raw(from, to, udp.payload()),
                (_, Some((from, to))) => header.calc_checksum_ipv6_raw(from, to, udp.payload()),
                _ => return Err("UDP over nothing".into()),
            };
            hold(sum == Ok(udp.checksum()), "UDP checksum")
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            hold(icmp.header().icmp_type.calc_checksum(icmp.payload()) == icmp.checksum(), "ICMP checksum")
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            let (from, to) = v6.ok_or("ICMPv6 over IPv4")?;
            hold(icmp.is_checksum_valid(from, to), "ICMPv6 checksum")
        }
        Some(TransportSlice::Igmp(igmp)) => hold(igmp.is_checksum_valid(), "IGMP checksum"),
        None => Ok(()),
    }
}

/// smoltcp's wire: what its representations parse with all checksums checked.
pub(crate) fn smoltcp(mode: Mode, octets: &[u8]) -> Verdict {
    let refused = |_| "Ethernet".to_owned();
    match mode {
        Mode::Tun => match octets.first().map(|first| first >> 4) {
            Some(4) => v4(octets),
            Some(6) => v6(octets),
            _ => Err("no version".into()),
        },
        Mode::Tap => {
            let ethernet = EthernetFrame::new_checked(octets).map_err(refused)?;
            // It knows no VLAN tags: it is shown what is behind them.
            let tagged = ethernet.ethertype() == EthernetProtocol::Unknown(0x8100);
            let inner = if tagged { octets.get(4..).unwrap_or_default() } else { octets };
            let ethernet = EthernetFrame::new_checked(inner).map_err(refused)?;
            match ethernet.ethertype() {
                EthernetProtocol::Ipv4 => v4(ethernet.payload()),
                EthernetProtocol::Ipv6 => v6(ethernet.payload()),
                EthernetProtocol::Arp => {
                    let arp = ArpPacket::new_checked(ethernet.payload()).map_err(|_| "ARP")?;
                    ArpRepr::parse(&arp).map(drop).map_err(|_| "ARP".into())
                }
                EthernetProtocol::Unknown(other) => Err(format!("EtherType {other:#06x}")),
            }
        }
    }
}

fn v4(octets: &[u8]) -> Verdict {
    let packet = Ipv4Packet::new_checked(octets).map_err(|_| "IPv4")?;
    let ip = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).map_err(|_| "IPv4")?;
    if packet.more_frags() || packet.frag_offset() > 0 {
        return Ok(());
    }
    above(ip.next_header, packet.payload(), ip.src_addr.into(), ip.dst_addr.into())
}

fn v6(octets: &[u8]) -> Verdict {
    let packet = Ipv6Packet::new_checked(octets).map_err(|_| "IPv6")?;
    let ip = Ipv6Repr::parse(&packet).map_err(|_| "IPv6")?;
    above(ip.next_header, packet.payload(), ip.src_addr.into(), ip.dst_addr.into())
}

/// The options of an extension header, one by one.
fn options(octets: &[u8]) -> Verdict {
    Ipv6OptionsIterator::new(octets).try_for_each(|option| option.map(drop)).map_err(|_| "IPv6 option".into())
}

fn above(protocol: IpProtocol, octets: &[u8], from: IpAddress, to: IpAddress) -> Verdict {
    let sums = ChecksumCapabilities::default();
    match (protocol, from, to) {
        (IpProtocol::Udp, ..) => {
            let udp = UdpPacket::new_checked(octets).map_err(|_| "UDP")?;
            UdpRepr::parse(&udp, &from, &to, &sums).map(drop).map_err(|_| "UDP".into())
        }
        (IpProtocol::Tcp, ..) => {
            let tcp = TcpPacket::new_checked(octets).map_err(|_| "TCP")?;
            TcpRepr::parse(&tcp, &from, &to, &sums).map(drop).map_err(|_| "TCP".into())
        }
        (IpProtocol::Icmp, ..) => {
            let icmp = Icmpv4Packet::new_checked(octets).map_err(|_| "ICMP")?;
            Icmpv4Repr::parse(&icmp, &sums).map(drop).map_err(|_| "ICMP".into())
        }
        (IpProtocol::Icmpv6, IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => {
            let icmp = Icmpv6Packet::new_checked(octets).map_err(|_| "ICMPv6")?;
            Icmpv6Repr::parse(&from, &to, &icmp, &sums).map(drop).map_err(|_| "ICMPv6".into())
        }
        (IpProtocol::Igmp, ..) => {
            let igmp = IgmpPacket::new_checked(octets).map_err(|_| "IGMP")?;
            hold(igmp.verify_checksum(), "IGMP checksum")?;
            // Its representation knows no reports of version 3.
            if octets[0] == 0x22 { Ok(()) } else { IgmpRepr::parse(&igmp).map(drop).map_err(|_| "IGMP".into()) }
        }
        (IpProtocol::HopByHop | IpProtocol::Ipv6Opts, ..) => {
            let header = Ipv6ExtHeader::new_checked(octets).map_err(|_| "IPv6 options")?;
            let whole = Ipv6HopByHopHeader::new_checked(header.payload()).map_err(|_| "IPv6 options")?;
            options(whole.options())?;
            let behind = octets.get(8 + usize::from(header.header_len()) * 8..).unwrap_or_default();
            above(header.next_header(), behind, from, to)
        }
        (IpProtocol::Ipv6Route, ..) => {
            let header = Ipv6ExtHeader::new_checked(octets).map_err(|_| "routing")?;
            Ipv6RoutingHeader::new_checked(header.payload()).map(drop).map_err(|_| "routing".into())
        }
        (IpProtocol::Ipv6Frag, ..) => {
            let header = Ipv6ExtHeader::new_checked(octets).map_err(|_| "fragment")?;
            Ipv6FragmentHeader::new_checked(header.payload()).map(drop).map_err(|_| "fragment".into())
        }
        _ => Ok(()),
    }
}
