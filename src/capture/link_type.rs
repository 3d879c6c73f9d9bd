//! What the octets of a recorded frame begin with: the LINKTYPE numbers, and the frame of a link inside.

use std::{error, fmt};

use crate::codec::EtherType;
use crate::device::{FrameRef, Mode};

/// A LINKTYPE number (draft-ietf-opsawg-pcaplinktype): what the octets of an interface's frames begin with.
///
/// A link of this crate is recorded as [`RAW`](Self::RAW) (TUN) or [`ETHERNET`](Self::ETHERNET) (TAP). Files of others
/// may hold more, of which these are understood:
///
/// ```text
///  number             name                what stands in front of an IP packet
///  1                  ETHERNET            nothing: it is an Ethernet frame, a TAP's
///  101, also 12, 14   RAW                 nothing (12 and 14: DLT_RAW, which some programs write by mistake)
///  228, 229           IPV4, IPV6          nothing
///  0                  NULL                address family (4), in the byte order of the machine that recorded
///  108                LOOP                address family (4), in network order
///  113                LINUX_SLL           packet type (2) · ARPHRD (2) · address length (2) · address (8) · EtherType (2)
///  276                LINUX_SLL2          EtherType (2) · zero (2) · interface (4) · ARPHRD (2) · packet type (1) ·
///                                         address length (1) · address (8)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "it is a number of 16 bits")]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: the address family in host order, then an IP packet.
    pub const NULL: Self = Self(0);
    /// An Ethernet frame without its check sequence.
    pub const ETHERNET: Self = Self(1);
    /// An IPv4 or IPv6 packet.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: the address family in network order, then an IP packet.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture, as `tcpdump -i any` wrote it for long.
    pub const LINUX_SLL: Self = Self(113);
    /// An IPv4 packet.
    pub const IPV4: Self = Self(228);
    /// An IPv6 packet.
    pub const IPV6: Self = Self(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// What a link of this mode is recorded as.
    #[must_use]
    pub const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Tun => Self::RAW,
            Mode::Tap => Self::ETHERNET,
        }
    }

    /// Which link carries such frames.
    ///
    /// # Errors
    /// Names a link type that is neither IP packets nor Ethernet frames.
    pub const fn mode(self) -> Result<Mode, LinkTypeError> {
        match self.0 {
            1 => Ok(Mode::Tap),
            0 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276 => Ok(Mode::Tun),
            _ => Err(LinkTypeError::Unsupported(self)),
        }
    }

    /// The frame of a link in what was recorded: what stands in front of an IP packet is taken off.
    ///
    /// ```
    /// use tuntap_test::capture::LinkType;
    /// use tuntap_test::device::{FrameRef, Mode};
    ///
    /// let recorded = [0, 0, 0, 2, 0x45, 0x00];
    /// assert_eq!(LinkType::LOOP.frame(&recorded), Ok(FrameRef::new(Mode::Tun, &[0x45, 0x00])));
    /// let error = LinkType(105).frame(&recorded).unwrap_err();
    /// assert_eq!(error.to_string(), "link type IEEE802_11 (105) holds neither IP packets nor Ethernet frames");
    /// ```
    ///
    /// # Errors
    /// Names a link type that is neither IP packets nor Ethernet frames, a frame that is too short for what stands in
    /// front, and the protocol of a frame that is not IP.
    pub fn frame(self, octets: &[u8]) -> Result<FrameRef<'_>, LinkTypeError> {
        let mode = self.mode()?;
        let (header, protocol) = match self {
            Self::NULL | Self::LOOP => (4, octets.first_chunk().map(|octets| family(*octets))),
            Self::LINUX_SLL => (16, octets.get(14..16).map(ether_type)),
            Self::LINUX_SLL2 => (20, octets.get(..2).map(ether_type)),
            _ => return Ok(FrameRef::new(mode, octets)),
        };
        let (Some(frame), Some((protocol, is_ip))) = (octets.get(header..), protocol) else {
            return Err(LinkTypeError::Truncated { link_type: self, needed: header, available: octets.len() });
        };
        if is_ip { Ok(FrameRef::new(mode, frame)) } else { Err(LinkTypeError::NotIp { link_type: self, protocol }) }
    }

    /// Its name without `LINKTYPE_`, where it is one that an error may have to name.
    const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "NULL",
            1 => "ETHERNET",
            6 => "IEEE802_5",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            12 | 14 | 101 => "RAW",
            50 => "PPP_HDLC",
            51 => "PPP_ETHER",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            107 => "FRELAY",
            108 => "LOOP",
            109 => "ENC",
            113 => "LINUX_SLL",
            117 => "PFLOG",
            119 => "IEEE802_11_PRISM",
            127 => "IEEE802_11_RADIOTAP",
            187 => "BLUETOOTH_HCI_H4",
            189 => "USB_LINUX",
            192 => "PPI",
            195 => "IEEE802_15_4_WITHFCS",
            204 => "PPP_WITH_DIR",
            220 => "USB_LINUX_MMAPPED",
            227 => "CAN_SOCKETCAN",
            228 => "IPV4",
            229 => "IPV6",
            249 => "USBPCAP",
            253 => "NETLINK",
            276 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

/// The address family of a loopback frame, and whether it is an IP one. `NULL` is in the order of a machine that
/// nobody knows, so that the smaller of both readings holds; the BSDs and macOS have four numbers for IPv6, Linux one.
fn family(octets: [u8; 4]) -> (u32, bool) {
    let family = u32::from_be_bytes(octets).min(u32::from_le_bytes(octets));
    (family, matches!(family, 2 | 10 | 24 | 28 | 30))
}

fn ether_type(octets: &[u8]) -> (u32, bool) {
    let protocol = octets.iter().fold(0, |protocol, octet| protocol << 8 | u32::from(*octet));
    (protocol, protocol == u32::from(EtherType::IPV4.0) || protocol == u32::from(EtherType::IPV6.0))
}

impl From<Mode> for LinkType {
    fn from(mode: Mode) -> Self {
        Self::of(mode)
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A recorded frame cannot be a frame of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkTypeError {
    /// Neither IP packets nor Ethernet frames.
    Unsupported(LinkType),
    /// Too short for what stands in front of the IP packet.
    #[non_exhaustive]
    Truncated {
        /// The link type.
        link_type: LinkType,
        /// How many octets stand in front of the packet.
        needed: usize,
        /// How many the frame has.
        available: usize,
    },
    /// The frame says that something else than an IP packet follows, an ARP packet say.
    #[non_exhaustive]
    NotIp {
        /// The link type.
        link_type: LinkType,
        /// The address family or the EtherType.
        protocol: u32,
    },
    /// The frame belongs to an interface that the capture does not have: a frame of another capture.
    NoInterface,
}

impl fmt::Display for LinkTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(link_type) => {
                write!(f, "link type {link_type} holds neither IP packets nor Ethernet frames")
            }
            Self::Truncated { link_type, needed, available } => {
                write!(f, "link type {link_type} needs {needed} octets at offset 0, {available} available")
            }
            Self::NotIp { link_type, protocol } => {
                write!(f, "a frame of link type {link_type} holds protocol {protocol:#06x}, which is not IP")
            }
            Self::NoInterface => f.write_str("the frame is of an interface that the capture does not have"),
        }
    }
}

impl error::Error for LinkTypeError {}
