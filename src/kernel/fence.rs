//! A fence: an echo request whose answer proves that everything the kernel had to say at once has been said.
//!
//! Layer: inside `kernel`; it builds frames and recognises them, and reads nothing: the link has one reader, which
//! stands above.
//!
//! What is written at the device end the kernel handles in the order of the writes, and what it answers at once (a
//! reset, an ICMP error, a neighbour advertisement) stands in the device's queue before the answer to a later echo
//! request does: on Linux 6.18 a reset came first in all of 500,000 cases. Nothing follows for what comes later: timers
//! (retransmissions, delayed acknowledgements, the second try of a neighbour solicitation) and programs that hold a
//! socket.
//!
//! The request comes from an address that no test uses, so that it can be told from a test's own frames and taken out of
//! reports: 192.0.0.8, the IPv4 dummy address (RFC 7600); for the further links of a namespace one in 192.0.0.64/26,
//! because a route leads the answers back over the one link; and where a link has IPv6 only, one in 100:0:0:1::/64, the
//! dummy IPv6 prefix (RFC 9780). On TAP a permanent neighbour spares an ARP request.
//!
//! ```text
//!  octet  0                                    14 on TAP, 0 on TUN               34/20 (IPv6: 54/40)
//!  TAP:   | host's MAC | 02:66:65:6e:63:65 | type | IP header, fence to host | ICMP …
//!
//!  ICMP   0           1      2          4             6           8
//!         | 8 or 128 | 0    | checksum | identifier  | sequence  | nonce, 8 octets, |
//!         |          |      |          | 7474        | of nonce  | big-endian       |
//! ```

mod part;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{
    EtherType, Ethernet2Slice, Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, IpNumber, Ipv4Slice, Ipv6Slice,
    PacketBuilder,
};

use super::netlink::Step;
use super::{KernelDevice, KernelError};
use crate::device::{Cidr, Device, FrameRef, Mode};

/// The IPv4 dummy address (RFC 7600 section 4.8): the fence of a namespace's first link.
const FIRST_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);
/// For further links of the same namespace: a /26 without assignments in 192.0.0.0/24 (RFC 6890 section 2.2.2).
const FURTHER_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 64);
const FURTHER_V4_BITS: u32 = 6;
/// The dummy IPv6 prefix (RFC 9780), 64 bits long.
const PREFIX_V6: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 1, 0, 0, 0, 0);
/// How many links of one namespace can have a fence.
const MOST: u8 = 1 + (1 << FURTHER_V4_BITS);

/// Locally administered: 02, then "fence".
const MAC: [u8; 6] = [0x02, b'f', b'e', b'n', b'c', b'e'];
/// The echo identifier of every fence.
const IDENTIFIER: u16 = 0x7474;
const HOPS: u8 = 64;

/// A way to ask the kernel behind a link whether it has said everything that it says at once.
///
/// ```no_run
/// # use tuntap_test::context::{Backend, TestContext};
/// # use tuntap_test::device::{DeviceConfig, FrameRef};
/// # use tuntap_test::Tun;
/// use tuntap_test::kernel::Fence;
///
/// # let mut context = TestContext::new(Backend::Kernel, "fence")?;
/// # let tun: Tun = context.argument(DeviceConfig::new())?;
/// let device = tun.kernel().expect("a kernel link");
/// let fence = Fence::prepare(device, tun.addresses())?.expect("the link has an address");
/// // … the stimuli …
/// tun.send(fence.request(1));
/// loop {
///     let frame = tun.receive();
///     if fence.is_answer(1, frame.as_ref()) {
///         break; // Every frame that the stimuli caused at once came before.
///     }
///     println!("{frame:?}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// No answer comes while the kernel is told to be silent (`net.ipv4.icmp_echo_ignore_all`,
/// `net.ipv6.icmp.echo_ignore_all`, a packet filter), when the host's address is gone, when the link has no carrier,
/// and when the device's queue is full. A raw ICMP socket of the host gets a copy of the request, and so do packet
/// sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    ends: Ends,
    /// The host's hardware address on TAP.
    host_mac: Option<[u8; 6]>,
}

/// The fence's address and the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    V4 { fence: Ipv4Addr, host: Ipv4Addr },
    V6 { fence: Ipv6Addr, host: Ipv6Addr },
}

impl Fence {
    /// Makes the link ready for fences towards the first IPv4 address of `hosts`, or else the first IPv6 address:
    /// adds the route to the fence's address, and on TAP the neighbour. `None` when the link has no address.
    ///
    /// It changes nothing when all is there already. Call it again when the link was down in between, which takes its
    /// routes away, and when its hardware address was changed.
    ///
    /// # Errors
    /// ENETDOWN while the link is down; EADDRNOTAVAIL when 65 links of the namespace have a fence; what else netlink
    /// refuses.
    pub fn prepare(device: &KernelDevice, hosts: &[Cidr]) -> Result<Option<Self>, KernelError> {
        let addresses = || hosts.iter().map(|host| host.address());
        let Some(host) = addresses().find(IpAddr::is_ipv4).or_else(|| addresses().next()) else { return Ok(None) };
        let host_mac = match device.mode() {
            Mode::Tun => None,
            Mode::Tap => device.state()?.mac,
        };
        let fence = lead_back(device, host)?;
        if device.mode() == Mode::Tap {
            device.apply(&[Step::Neighbour { index: device.index(), address: fence.address(), mac: MAC }])?;
        }
        Ok(Some(Self { ends: fence, host_mac }))
    }

    /// The address that its requests come from, and that no test uses.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.ends.address()
    }

    /// The frame to write at the device end, without packet information. The nonce tells its answer from those of
    /// other fences.
    #[must_use]
    pub fn request(&self, nonce: u64) -> Vec<u8> {
        let payload = nonce.to_be_bytes();
        let [.., high, low] = payload;
        let sequence = u16::from_be_bytes([high, low]);
        let mut frame = Vec::with_capacity(14 + 40 + 8 + payload.len());
        let written = match (self.ends, self.host_mac) {
            (Ends::V4 { fence, host }, None) => PacketBuilder::ipv4(fence.octets(), host.octets(), HOPS)
                .icmpv4_echo_request(IDENTIFIER, sequence)
                .write(&mut frame, &payload),
            (Ends::V4 { fence, host }, Some(mac)) => PacketBuilder::ethernet2(MAC, mac)
                .ipv4(fence.octets(), host.octets(), HOPS)
                .icmpv4_echo_request(IDENTIFIER, sequence)
                .write(&mut frame, &payload),
            (Ends::V6 { fence, host }, None) => PacketBuilder::ipv6(fence.octets(), host.octets(), HOPS)
                .icmpv6_echo_request(IDENTIFIER, sequence)
                .write(&mut frame, &payload),
            (Ends::V6 { fence, host }, Some(mac)) => PacketBuilder::ethernet2(MAC, mac)
                .ipv6(fence.octets(), host.octets(), HOPS)
                .icmpv6_echo_request(IDENTIFIER, sequence)
                .write(&mut frame, &payload),
        };
        // A vector takes every octet, and eight of payload fit into every length field.
        debug_assert!(written.is_ok(), "{written:?}");
        frame
    }

    /// Whether a frame read at the device end is the host's answer to [`request`](Self::request) with that nonce.
    /// Total: any octets are looked at.
    #[must_use]
    pub fn is_answer(&self, nonce: u64, frame: FrameRef<'_>) -> bool {
        self.answered_nonce(frame) == Some(nonce)
    }

    /// The nonce of the request that a frame answers.
    fn answered_nonce(&self, frame: FrameRef<'_>) -> Option<u64> {
        let packet = match (frame.mode, self.host_mac) {
            (Mode::Tun, None) => frame.octets,
            (Mode::Tap, Some(mac)) => {
                let ethernet = Ethernet2Slice::from_slice_without_fcs(frame.octets).ok()?;
                let kind = match self.ends {
                    Ends::V4 { .. } => EtherType::IPV4,
                    Ends::V6 { .. } => EtherType::IPV6,
                };
                if (ethernet.destination(), ethernet.source(), ethernet.ether_type()) != (MAC, mac, kind) {
                    return None;
                }
                ethernet.payload_slice()
            }
            _ => return None,
        };
        let (echo, payload) = match self.ends {
            Ends::V4 { fence, host } => {
                let ip = Ipv4Slice::from_slice(packet).ok()?;
                if ip.header().source_addr() != host || ip.header().destination_addr() != fence {
                    return None;
                }
                let icmp =
                    whole(ip.payload().payload, ip.payload().fragmented, ip.payload().ip_number, IpNumber::ICMP)?;
                let icmp = Icmpv4Slice::from_slice(icmp).ok()?;
                let Icmpv4Type::EchoReply(echo) = icmp.icmp_type() else { return None };
                (echo, icmp.payload())
            }
            Ends::V6 { fence, host } => {
                let ip = Ipv6Slice::from_slice(packet).ok()?;
                if ip.header().source_addr() != host || ip.header().destination_addr() != fence {
                    return None;
                }
                let (part, number) = (ip.payload(), IpNumber::IPV6_ICMP);
                let icmp =
                    Icmpv6Slice::from_slice(whole(part.payload, part.fragmented, part.ip_number, number)?).ok()?;
                let Icmpv6Type::EchoReply(echo) = icmp.icmp_type() else { return None };
                (echo, icmp.payload())
            }
        };
        (echo.id == IDENTIFIER).then_some(())?;
        payload.try_into().ok().map(u64::from_be_bytes)
    }

    /// Whether a frame is part of any fence: to a fence's address, a request from one, or a question (ARP, neighbour
    /// solicitation) about one. Total: any octets are looked at.
    ///
    /// Not everything from 192.0.0.8 is: Linux itself takes it for ICMP errors of a link without an IPv4 address.
    #[must_use]
    pub fn is_part(frame: FrameRef<'_>) -> bool {
        part::is_part(frame)
    }

    /// What one fence with its answer adds to the host's [`Counters`](super::Counters), for
    /// [`without`](super::CounterChanges::without). Measured on Linux 6.18; older kernels lack some of them.
    #[must_use]
    pub const fn counts(&self) -> &'static [(&'static str, u64)] {
        match self.ends {
            Ends::V4 { .. } => COUNTS_V4,
            Ends::V6 { .. } => COUNTS_V6,
        }
    }
}

const COUNTS_V4: &[(&str, u64)] = &[
    ("IcmpInEchos", 1),
    ("IcmpInMsgs", 1),
    ("IcmpMsgInType8", 1),
    ("IcmpMsgOutType0", 1),
    ("IcmpOutEchoReps", 1),
    ("IcmpOutMsgs", 1),
    ("IpExtInNoECTPkts", 1),
    ("IpExtInOctets", 36),
    ("IpExtOutOctets", 36),
    ("IpInDelivers", 1),
    ("IpInReceives", 1),
    ("IpOutRequests", 1),
    ("IpOutTransmits", 1),
];
const COUNTS_V6: &[(&str, u64)] = &[
    ("Icmp6InEchos", 1),
    ("Icmp6InMsgs", 1),
    ("Icmp6InType128", 1),
    ("Icmp6OutEchoReplies", 1),
    ("Icmp6OutMsgs", 1),
    ("Icmp6OutType129", 1),
    ("Ip6InDelivers", 1),
    ("Ip6InNoECTPkts", 1),
    ("Ip6InOctets", 56),
    ("Ip6InReceives", 1),
    ("Ip6OutOctets", 56),
    ("Ip6OutRequests", 1),
    ("Ip6OutTransmits", 1),
];

impl Ends {
    /// The fence of number `number` for a host.
    const fn new(host: IpAddr, number: u8) -> Self {
        match host {
            IpAddr::V4(host) => Self::V4 { fence: v4(number), host },
            IpAddr::V6(host) => Self::V6 { fence: v6(number), host },
        }
    }

    const fn address(self) -> IpAddr {
        match self {
            Self::V4 { fence, .. } => IpAddr::V4(fence),
            Self::V6 { fence, .. } => IpAddr::V6(fence),
        }
    }
}

const fn v4(number: u8) -> Ipv4Addr {
    match number.checked_sub(1) {
        None => FIRST_V4,
        Some(further) => Ipv4Addr::from_bits(FURTHER_V4.to_bits() + further as u32),
    }
}

/// `100:0:0:1::1` is the first.
const fn v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::from_bits(PREFIX_V6.to_bits() + 1 + number as u128)
}

fn is_fence_v4(octets: [u8; 4]) -> bool {
    let address = Ipv4Addr::from(octets);
    address == FIRST_V4 || (address.to_bits() ^ FURTHER_V4.to_bits()) >> FURTHER_V4_BITS == 0
}

fn is_fence_v6(octets: [u8; 16]) -> bool {
    (Ipv6Addr::from(octets).to_bits() ^ PREFIX_V6.to_bits()) >> 64 == 0
}

/// Adds the route to the first fence address that no other link of the namespace has.
fn lead_back(device: &KernelDevice, host: IpAddr) -> Result<Ends, KernelError> {
    let index = device.index();
    for number in 0..MOST {
        let ends = Ends::new(host, number);
        let bits = if host.is_ipv4() { 32 } else { 128 };
        let destination = Cidr::new(ends.address(), bits).ok();
        match device.apply(&[Step::Route { destination, via: None, index }]) {
            Ok(()) => return Ok(ends),
            Err(error) if error.errno() == Some(libc::EEXIST) => {
                let ours = |route: &super::netlink::RouteState| {
                    Some(route.destination) == destination && route.index == Some(index)
                };
                if device.netlink().routes()?.iter().any(ours) {
                    return Ok(ends);
                }
            }
            Err(error) => return Err(error),
        }
    }
    let error = std::io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
    Err(KernelError::new("find an address for the link's fence", error)
        .with_cure(format!("{MOST} links of the namespace have one: use further hosts")))
}

/// The payload, if it is of that protocol and no fragment.
fn whole(payload: &[u8], fragmented: bool, found: IpNumber, wanted: IpNumber) -> Option<&[u8]> {
    (!fragmented && found == wanted).then_some(payload)
}

#[cfg(test)]
mod tests {
    use etherparse::SlicedPacket;
    use proptest::prelude::*;

    use super::*;

    const HOST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

    /// A fence of each kind: IPv4 and IPv6, TUN and TAP.
    fn kinds() -> [(Mode, Fence); 4] {
        let v4 = Ends::new("192.0.2.1".parse().unwrap(), 0);
        let v6 = Ends::new("2001:db8::1".parse().unwrap(), 0);
        [(Mode::Tun, v4, None), (Mode::Tun, v6, None), (Mode::Tap, v4, Some(HOST_MAC)), (Mode::Tap, v6, Some(HOST_MAC))]
            .map(|(mode, ends, host_mac)| (mode, Fence { ends, host_mac }))
    }

    /// What a host makes of a request: addresses swapped, the other type.
    fn answer(fence: Fence, nonce: u64) -> Vec<u8> {
        let mut frame = Vec::new();
        let (payload, sequence) = (nonce.to_be_bytes(), u16::try_from(nonce & 0xffff).unwrap());
        match (fence.ends, fence.host_mac) {
            (Ends::V4 { fence, host }, mac) => match mac {
                None => PacketBuilder::ipv4(host.octets(), fence.octets(), 64),
                Some(mac) => PacketBuilder::ethernet2(mac, MAC).ipv4(host.octets(), fence.octets(), 64),
            }
            .icmpv4_echo_reply(IDENTIFIER, sequence)
            .write(&mut frame, &payload),
            (Ends::V6 { fence, host }, mac) => match mac {
                None => PacketBuilder::ipv6(host.octets(), fence.octets(), 64),
                Some(mac) => PacketBuilder::ethernet2(mac, MAC).ipv6(host.octets(), fence.octets(), 64),
            }
            .icmpv6_echo_reply(IDENTIFIER, sequence)
            .write(&mut frame, &payload),
        }
        .unwrap();
        frame
    }

    #[test]
    fn a_request_has_the_octets_of_the_table() {
        let [(_, tun_v4), (_, tun_v6), (_, tap_v4), (_, tap_v6)] = kinds();
        let request = tun_v4.request(0x0102_0304_0506_0708);
        assert_eq!(request.len(), 36);
        assert_eq!(request[12..20], [192, 0, 0, 8, 192, 0, 2, 1]);
        assert_eq!((request[20], request[21]), (8, 0));
        assert_eq!(request[24..], [0x74, 0x74, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        let tapped = tap_v4.request(0x0102_0304_0506_0708);
        assert_eq!(tapped[..14], [HOST_MAC.as_slice(), b"\x02fence", &[8, 0]].concat());
        assert_eq!(tapped[14..], request);
        let request = tun_v6.request(1);
        assert_eq!(request.len(), 56);
        assert_eq!(request[8..24], "100:0:0:1::1".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!((request[40], request[41]), (128, 0));
        assert_eq!(tap_v6.request(1)[12..], [&[0x86, 0xdd], request.as_slice()].concat());
    }

    #[test]
    fn a_requests_checksums_are_right() {
        for (mode, fence) in kinds() {
            let request = fence.request(u64::MAX);
            let packet = &request[if mode == Mode::Tap { 14 } else { 0 }..];
            let sliced = SlicedPacket::from_ip(packet).unwrap();
            match (sliced.net.unwrap(), sliced.transport.unwrap()) {
                (etherparse::NetSlice::Ipv4(ip), etherparse::TransportSlice::Icmpv4(icmp)) => {
                    let header = ip.header().to_header();
                    assert_eq!(header.calc_header_checksum(), header.header_checksum);
                    assert_eq!(icmp.icmp_type().calc_checksum(icmp.payload()), icmp.checksum());
                }
                (etherparse::NetSlice::Ipv6(ip), etherparse::TransportSlice::Icmpv6(icmp)) => {
                    assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_answer_is_known_by_its_nonce_its_addresses_and_its_mode() {
        for (mode, fence) in kinds() {
            let frame = answer(fence, 0x0102_0304_0506_0708);
            assert!(fence.is_answer(0x0102_0304_0506_0708, FrameRef::new(mode, &frame)), "{mode} {frame:02x?}");
            assert!(!fence.is_answer(0x0102_0304_0506_0709, FrameRef::new(mode, &frame)));
            assert!(Fence::is_part(FrameRef::new(mode, &frame)));
            for (other_mode, other) in kinds() {
                assert_eq!(fence == other, other.is_answer(0x0102_0304_0506_0708, FrameRef::new(mode, &frame)));
                assert_eq!(mode == other_mode, Fence::is_part(FrameRef::new(other_mode, &frame)));
            }
            let request = fence.request(5);
            assert!(!fence.is_answer(5, FrameRef::new(mode, &request)), "a request is no answer");
            assert!(Fence::is_part(FrameRef::new(mode, &request)));
        }
    }

    #[test]
    fn an_answer_that_is_cut_or_longer_or_from_elsewhere_is_none() {
        for (mode, fence) in kinds() {
            let whole = answer(fence, 5);
            for length in 0..whole.len() {
                assert!(!fence.is_answer(5, FrameRef::new(mode, &whole[..length])), "{mode} {length}");
            }
            let ip = if mode == Mode::Tap { 14 } else { 0 };
            let v4 = fence.address().is_ipv4();
            // The host's address, the fence's address, the type, the identifier, the nonce.
            for at in if v4 { [15, 19, 20, 24, 35] } else { [23, 39, 40, 44, 55] } {
                let mut changed = whole.clone();
                changed[ip + at] ^= 0x80;
                assert!(!fence.is_answer(5, FrameRef::new(mode, &changed)), "{mode} {at}");
            }
            for at in 0..ip {
                let mut changed = whole.clone();
                changed[at] ^= 0x80;
                assert!(!fence.is_answer(5, FrameRef::new(mode, &changed)), "{mode} {at}");
            }
            if v4 {
                let mut fragment = whole.clone();
                fragment[ip + 6] |= 0x20;
                assert!(!fence.is_answer(5, FrameRef::new(mode, &fragment)));
            }
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_looked_at_without_panic(octets in prop::collection::vec(any::<u8>(), 0..100)) {
            for (mode, fence) in kinds() {
                let frame = FrameRef::new(mode, &octets);
                prop_assert!(!fence.is_answer(0, frame));
                let _ = Fence::is_part(frame);
            }
        }

        #[test]
        fn a_damaged_answer_is_looked_at_without_panic(
            kind in 0..4_usize, at in any::<prop::sample::Index>(), octet: u8, length in any::<prop::sample::Index>(),
        ) {
            let (mode, fence) = kinds()[kind];
            let mut frame = answer(fence, 5);
            let at = at.index(frame.len());
            frame[at] = octet;
            frame.truncate(length.index(frame.len() + 1));
            let _ = fence.is_answer(5, FrameRef::new(mode, &frame));
            let _ = Fence::is_part(FrameRef::new(mode, &frame));
        }
    }
}
