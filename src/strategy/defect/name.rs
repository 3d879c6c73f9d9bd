//! The defects by name.

use std::fmt;

/// Whose business it is to refuse a packet with a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The octets are no packet: whoever reads them finds out, without knowing anything else.
    Reader,
    /// The packet can be read; the host that it goes to must not take it.
    Host,
    /// It is one of several frames: who puts the fragments together must not give anybody the datagram.
    Reassembly,
    /// Nobody sends it and no router forwards it, but a host that it reaches takes it (RFC 1122 section 3.2.1.7).
    Router,
}

macro_rules! defects {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $refusal:ident;)*) => {
        /// What is wrong with a packet of [`defective`](super::defective): that, and nothing else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum DefectName {
            $($(#[$doc])* $name,)*
        }

        impl DefectName {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Who has to refuse such a packet.
            #[must_use]
            pub const fn refusal(self) -> Refusal {
                match self {
                    $(Self::$name => Refusal::$refusal,)*
                }
            }
        }

        impl fmt::Display for DefectName {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

defects! {
    /// The checksum of an IPv4 header (RFC 1122 section 3.2.1.2).
    Ipv4Checksum = "bad IPv4 header checksum", Reader;
    /// The checksum of an ICMP message (RFC 792).
    Icmpv4Checksum = "bad ICMP checksum", Reader;
    /// The checksum of an ICMPv6 message (RFC 4443 section 2.3).
    Icmpv6Checksum = "bad ICMPv6 checksum", Reader;
    /// The checksum of an IGMP message (RFC 3376 section 4.1.2).
    IgmpChecksum = "bad IGMP checksum", Reader;
    /// The checksum of a UDP datagram over either family (RFC 1122 section 4.1.3.4).
    UdpChecksum = "bad UDP checksum", Reader;
    /// A UDP datagram over IPv6 without a checksum (RFC 8200 section 8.1).
    UdpChecksumMissing = "no UDP checksum over IPv6", Reader;
    /// The checksum of a TCP segment over either family (RFC 9293 section 3.1).
    TcpChecksum = "bad TCP checksum", Reader;

    /// A version other than 4 behind the EtherType of IPv4 (RFC 1122 section 3.2.1.1).
    Ipv4Version = "bad IPv4 version", Reader;
    /// A version other than 6 behind the EtherType of IPv6.
    Ipv6Version = "bad IPv6 version", Reader;
    /// An IPv4 header length below 20 octets (RFC 791 section 3.1).
    Ipv4HeaderLengthShort = "IPv4 header length below 20 octets", Reader;
    /// An IPv4 header that is longer than the packet.
    Ipv4HeaderLengthLong = "IPv4 header length beyond the packet", Reader;
    /// A total length below that of the IPv4 header.
    Ipv4TotalLengthShort = "IPv4 total length below the header's", Reader;
    /// A total length beyond the octets that came.
    Ipv4TotalLengthLong = "IPv4 total length beyond the packet", Reader;
    /// An IPv6 payload length that ends within the header that follows.
    Ipv6PayloadLengthShort = "IPv6 payload length within the next header", Reader;
    /// An IPv6 payload length beyond the octets that came.
    Ipv6PayloadLengthLong = "IPv6 payload length beyond the packet", Reader;
    /// A UDP length below 8 octets.
    UdpLengthShort = "UDP length below 8 octets", Reader;
    /// A UDP length beyond the packet.
    UdpLengthLong = "UDP length beyond the packet", Reader;
    /// A TCP data offset below 20 octets.
    TcpDataOffsetShort = "TCP data offset below 20 octets", Reader;
    /// A TCP data offset beyond the segment.
    TcpDataOffsetLong = "TCP data offset beyond the segment", Reader;
    /// ARP with addresses of lengths that are not those of Ethernet and IPv4 (RFC 826).
    ArpAddressLength = "bad ARP address length", Reader;
    /// A report of IGMP version 3 that has fewer records than it says (RFC 3376 section 4.2).
    IgmpRecordsMissing = "fewer IGMP records than told", Reader;
    /// A report of MLD version 2 that has fewer records than it says (RFC 3810 section 5.2).
    MldRecordsMissing = "fewer MLD records than told", Reader;

    /// An Ethernet frame that ends within its header.
    EthernetTruncated = "truncated Ethernet header", Reader;
    /// A frame that ends within a VLAN tag.
    VlanTruncated = "truncated VLAN tag", Reader;
    /// A frame that ends within an ARP message.
    ArpTruncated = "truncated ARP message", Reader;
    /// A packet that ends within its IPv4 header.
    Ipv4Truncated = "truncated IPv4 header", Reader;
    /// A packet that ends within its IPv6 header.
    Ipv6Truncated = "truncated IPv6 header", Reader;
    /// A packet that ends within a hop-by-hop options header.
    HopByHopTruncated = "truncated hop-by-hop options", Reader;
    /// A packet that ends within a routing header.
    RoutingTruncated = "truncated routing header", Reader;
    /// A packet that ends within a destination options header.
    DestinationOptionsTruncated = "truncated destination options", Reader;
    /// A packet that ends within a fragment header.
    FragmentTruncated = "truncated fragment header", Reader;
    /// A packet that ends within an ICMP header.
    Icmpv4Truncated = "truncated ICMP header", Reader;
    /// A packet that ends within an ICMPv6 header.
    Icmpv6Truncated = "truncated ICMPv6 header", Reader;
    /// A packet that ends within an IGMP message.
    IgmpTruncated = "truncated IGMP message", Reader;
    /// A packet that ends within a UDP header.
    UdpTruncated = "truncated UDP header", Reader;
    /// A packet that ends within a TCP header, options included.
    TcpTruncated = "truncated TCP header", Reader;

    /// An IPv4 option whose length is below 2 or beyond the header (RFC 1122 section 3.2.1.8).
    Ipv4OptionLength = "bad length of an IPv4 option", Host;
    /// A TCP option whose length is below 2 or beyond the header (RFC 9293 section 3.2).
    TcpOptionLength = "bad length of a TCP option", Host;
    /// A hop-by-hop option that ends behind its header (RFC 8200 section 4.2).
    HopByHopOptionLength = "hop-by-hop option beyond its header", Host;
    /// A destination option that ends behind its header.
    DestinationOptionLength = "destination option beyond its header", Host;
    /// An option of neighbour discovery of length 0 (RFC 4861 section 4.6).
    NdpOptionLength = "NDP option of length 0", Reader;
    /// A message of neighbour discovery whose hop limit is not 255 (RFC 4861 section 7.1).
    NdpHopLimit = "NDP hop limit other than 255", Host;
    /// An IPv4 packet from a group (RFC 1122 section 3.2.1.3).
    Ipv4SourceMulticast = "IPv4 source is a group", Host;
    /// An IPv4 packet from everybody (RFC 1122 section 3.2.1.3).
    Ipv4SourceBroadcast = "IPv4 source is broadcast", Host;
    /// An IPv6 packet from a group (RFC 4291 section 2.7).
    Ipv6SourceMulticast = "IPv6 source is a group", Host;
    /// A time to live of 0.
    Ipv4TtlZero = "IPv4 time to live 0", Router;
    /// A hop limit of 0 (RFC 8200 section 3).
    Ipv6HopLimitZero = "IPv6 hop limit 0", Router;

    /// Two fragments of IPv4 hold the same octets of a datagram, and do not agree about them (RFC 1858, RFC 3128).
    Ipv4FragmentOverlap = "overlapping IPv4 fragments", Reassembly;
    /// The same of IPv6 (RFC 5722).
    Ipv6FragmentOverlap = "overlapping IPv6 fragments", Reassembly;
    /// A fragment of IPv4 that ends behind octet 65,535 of the datagram.
    Ipv4FragmentBeyond = "IPv4 fragment beyond 65,535 octets", Reassembly;
    /// The same of IPv6 (RFC 8200 section 4.5).
    Ipv6FragmentBeyond = "IPv6 fragment beyond 65,535 octets", Reassembly;
    /// A fragment of IPv4 that is not the last and no multiple of 8 octets long.
    Ipv4FragmentOdd = "IPv4 fragment not in units of 8 octets", Reassembly;
    /// The same of IPv6 (RFC 8200 section 4.5).
    Ipv6FragmentOdd = "IPv6 fragment not in units of 8 octets", Reassembly;
    /// A train of IPv4 that lacks a fragment.
    Ipv4FragmentMissing = "missing IPv4 fragment", Reassembly;
    /// The same of IPv6.
    Ipv6FragmentMissing = "missing IPv6 fragment", Reassembly;
}
