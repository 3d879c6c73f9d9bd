//! `struct tun_pi`: the packet information of Linux.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use super::flags::write_flags;
use super::{ByteOrder, DecodeError, EncodeError, EtherType, Structure};

/// Where an Ethernet frame has its EtherType (IEEE 802.3 clause 3.2): behind two addresses of six octets.
mod field {
    pub(super) const ADDRESSES: usize = 12;
}

/// The flags of [`TunPi`] (linux/if_tun.h). Bits that have no name here are kept.
///
/// The kernel reads none of them: a write may carry any.
///
/// ```
/// use tuntap_test::codec::TunPiFlags;
///
/// assert_eq!(format!("{:?}", TunPiFlags(0x0011)), "TunPiFlags(STRIP | 0x0010)");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "sixteen bits and nothing else")]
pub struct TunPiFlags(pub u16);

impl TunPiFlags {
    /// `TUN_PKT_STRIP`: the reader's buffer was shorter than header and frame together, the rest of the frame is lost.
    pub const STRIP: Self = Self(0x0001);

    /// No flag.
    #[must_use]
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for TunPiFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_flags(f, "TunPiFlags", self.0, &[(Self::STRIP.0, "STRIP")])
    }
}

impl From<u16> for TunPiFlags {
    fn from(bits: u16) -> Self {
        Self(bits)
    }
}

impl From<TunPiFlags> for u16 {
    fn from(flags: TunPiFlags) -> Self {
        flags.0
    }
}

impl BitOr for TunPiFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for TunPiFlags {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// What stands behind the packet information, guessed from its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadKind {
    /// An Ethernet frame.
    Ethernet,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// Something else.
    Other(EtherType),
}

/// `struct tun_pi` of linux/if_tun.h: four octets in front of every frame, unless the device has `IFF_NO_PI`.
///
/// ```text
///  octets  0..2   flags, in the byte order of the machine
///          2..4   protocol, an EtherType, in network byte order
/// ```
///
/// What the kernel puts there on a read: on TUN IPv4 or IPv6; on TAP the EtherType of the frame behind it (0x0806 for
/// ARP). What it takes from a write: on TUN the protocol, unchecked, decides to which protocol the packet goes, and the
/// packet's own version is not looked at; on TAP the header is ignored.
///
/// ```
/// use tuntap_test::codec::{EtherType, PayloadKind, TunPi, TunPiFlags};
///
/// let (pi, packet) = TunPi::decode(&[0x00, 0x00, 0x08, 0x00, 0x45])?;
/// assert_eq!(pi, TunPi { flags: TunPiFlags::empty(), protocol: EtherType::IPV4 });
/// assert_eq!(pi.payload_kind(), PayloadKind::Ipv4);
/// assert_eq!(packet, [0x45]);
/// # Ok::<(), tuntap_test::codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the kernel's structure has these two fields, for good")]
pub struct TunPi {
    /// What the kernel says about the read.
    pub flags: TunPiFlags,
    /// What the frame is.
    pub protocol: EtherType,
}

impl TunPi {
    /// The header's octets.
    pub const LEN: usize = 4;

    /// A header for that protocol, without flags.
    #[must_use]
    pub const fn new(protocol: EtherType) -> Self {
        Self { flags: TunPiFlags::empty(), protocol }
    }

    /// The header that belongs in front of an IP packet on TUN, by the version in its first four bits: 4 or 6.
    ///
    /// `None` for any other version and for no octets at all: what a TUN device without packet information refuses
    /// with EINVAL.
    ///
    /// ```
    /// use tuntap_test::codec::{EtherType, TunPi};
    ///
    /// assert_eq!(TunPi::for_ip_packet(&[0x60]), Some(TunPi::new(EtherType::IPV6)));
    /// assert_eq!(TunPi::for_ip_packet(&[0x50]), None);
    /// ```
    #[must_use]
    #[inline]
    pub const fn for_ip_packet(packet: &[u8]) -> Option<Self> {
        match packet {
            [0x40..=0x4f, ..] => Some(Self::new(EtherType::IPV4)),
            [0x60..=0x6f, ..] => Some(Self::new(EtherType::IPV6)),
            _ => None,
        }
    }

    /// The header that belongs in front of an Ethernet frame on TAP: octets 12 and 13 of the frame, also where they
    /// announce a VLAN tag or are a length (below 0x0600).
    ///
    /// `None` for less than 14 octets: what a TAP device refuses with EINVAL.
    ///
    /// ```
    /// use tuntap_test::codec::{EtherType, TunPi};
    ///
    /// let frame = [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x08, 0x06];
    /// assert_eq!(TunPi::for_ethernet_frame(&frame), Some(TunPi::new(EtherType::ARP)));
    /// assert_eq!(TunPi::for_ethernet_frame(&frame[..13]), None);
    /// ```
    #[must_use]
    #[inline]
    pub fn for_ethernet_frame(frame: &[u8]) -> Option<Self> {
        let (octets, _) = frame.get(field::ADDRESSES..)?.split_first_chunk()?;
        Some(Self::new(EtherType::from_octets(*octets)))
    }

    /// Whether the frame behind the header was cut ([`TunPiFlags::STRIP`]).
    #[must_use]
    pub const fn is_truncated(self) -> bool {
        self.flags.contains(TunPiFlags::STRIP)
    }

    /// What stands behind the header, by its protocol alone: the guess that Scapy's `guess_payload_class` makes.
    ///
    /// It holds on TUN. On TAP an Ethernet frame stands there whatever the protocol says, since the protocol is that
    /// frame's own EtherType.
    #[must_use]
    pub const fn payload_kind(self) -> PayloadKind {
        match self.protocol {
            EtherType::IPV4 => PayloadKind::Ipv4,
            EtherType::IPV6 => PayloadKind::Ipv6,
            EtherType::TRANSPARENT_ETHERNET => PayloadKind::Ethernet,
            other => PayloadKind::Other(other),
        }
    }

    /// Reads a header that this machine's kernel wrote, and gives what follows it.
    ///
    /// # Errors
    /// With less than four octets.
    #[inline]
    pub const fn decode(octets: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        Self::decode_in(ByteOrder::NATIVE, octets)
    }

    /// Reads a header that was written on a machine of that order.
    ///
    /// # Errors
    /// With less than four octets.
    ///
    /// ```
    /// use tuntap_test::codec::{ByteOrder, TunPi};
    ///
    /// let (pi, _) = TunPi::decode_in(ByteOrder::Big, &[0x00, 0x01, 0x08, 0x00])?;
    /// assert!(pi.is_truncated());
    /// # Ok::<(), tuntap_test::codec::DecodeError>(())
    /// ```
    #[inline]
    pub const fn decode_in(order: ByteOrder, octets: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let Some((&[flag0, flag1, protocol0, protocol1], rest)) = octets.split_first_chunk() else {
            return Err(DecodeError::truncated(Structure::TunPi, Self::LEN, octets.len()));
        };
        let flags = TunPiFlags(order.decode_u16([flag0, flag1]));
        let protocol = EtherType::from_octets([protocol0, protocol1]);
        Ok((Self { flags, protocol }, rest))
    }

    /// The four octets as this machine's kernel takes them.
    #[must_use]
    #[inline]
    pub const fn encode(self) -> [u8; Self::LEN] {
        self.encode_in(ByteOrder::NATIVE)
    }

    /// The four octets as a machine of that order has them.
    #[must_use]
    #[inline]
    pub const fn encode_in(self, order: ByteOrder) -> [u8; Self::LEN] {
        let [flag0, flag1] = order.encode_u16(self.flags.0);
        let [protocol0, protocol1] = self.protocol.to_octets();
        [flag0, flag1, protocol0, protocol1]
    }

    /// Writes the four octets, as this machine's kernel takes them, to the start of `buffer`. Returns how many: 4.
    ///
    /// # Errors
    /// When the buffer has less than four octets; it is left as it was.
    #[inline]
    pub const fn encode_into(self, buffer: &mut [u8]) -> Result<usize, EncodeError> {
        let available = buffer.len();
        let Some((header, _)) = buffer.split_first_chunk_mut() else {
            return Err(EncodeError::BufferTooShort { structure: Structure::TunPi, needed: Self::LEN, available });
        };
        *header = self.encode();
        Ok(Self::LEN)
    }
}

impl fmt::Display for TunPi {
    /// The protocol, and `truncated` or the flags where there are any: `IPv4`, `IPv6 truncated`, `ARP flags 0x0010`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.protocol)?;
        match self.flags {
            TunPiFlags(0) => Ok(()),
            TunPiFlags::STRIP => f.write_str(" truncated"),
            TunPiFlags(bits) => write!(f, " flags {bits:#06x}"),
        }
    }
}
