//! Which header stands in front of a frame, and taking it off and putting it on.

use std::fmt;

use super::{DecodeError, EncodeError, Structure, TunPi};

/// Which header precedes a frame on a device.
///
/// Displays as `none` and `tun_pi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// None: the octets are the frame.
    #[default]
    None,
    /// `struct tun_pi`: Linux without `IFF_NO_PI`.
    TunPi,
}

/// A decoded header, or its absence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketInfo {
    /// The device puts nothing in front.
    #[default]
    None,
    /// `struct tun_pi`: Linux without `IFF_NO_PI`.
    TunPi(TunPi),
}

impl Framing {
    /// The header's octets.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self {
            Self::None => 0,
            Self::TunPi => TunPi::LEN,
        }
    }

    /// Takes the header off: what one read of a device gives, as header and frame. Borrows the frame.
    ///
    /// # Errors
    /// When there are less octets than the header has. The frame may be empty.
    ///
    /// ```
    /// use tuntap_test::codec::{Framing, PacketInfo};
    ///
    /// assert_eq!(Framing::None.split(&[0x45, 0x00])?, (PacketInfo::None, &[0x45, 0x00][..]));
    /// assert_eq!(Framing::TunPi.split(&[0x45]).unwrap_err().needed, 4);
    /// # Ok::<(), tuntap_test::codec::DecodeError>(())
    /// ```
    #[inline]
    pub const fn split(self, octets: &[u8]) -> Result<(PacketInfo, &[u8]), DecodeError> {
        match self {
            Self::None => Ok((PacketInfo::None, octets)),
            Self::TunPi => match TunPi::decode(octets) {
                Ok((pi, frame)) => Ok((PacketInfo::TunPi(pi), frame)),
                Err(error) => Err(error),
            },
        }
    }

    /// Puts the header in front of a frame: what one write to a device takes. Writes to the start of `buffer` and
    /// returns the octets written.
    ///
    /// # Errors
    /// When the buffer is shorter than header and frame together, or `info` is not of this framing. The buffer is left
    /// as it was.
    #[inline]
    pub fn join(self, info: PacketInfo, frame: &[u8], buffer: &mut [u8]) -> Result<usize, EncodeError> {
        self.check(info)?;
        let needed = self.header_len() + frame.len();
        let available = buffer.len();
        let Some((header, body)) =
            buffer.get_mut(..needed).and_then(|joined| joined.split_at_mut_checked(self.header_len()))
        else {
            return Err(EncodeError::BufferTooShort { structure: self.structure(), needed, available });
        };
        match info {
            PacketInfo::None => {}
            PacketInfo::TunPi(pi) => header.copy_from_slice(&pi.encode()),
        }
        body.copy_from_slice(frame);
        Ok(needed)
    }

    /// Appends header and frame to `octets`, which keeps what it has. Returns the octets appended. Allocates only when
    /// the vector's capacity is used up, so a vector that is cleared and used again stops allocating.
    ///
    /// # Errors
    /// When `info` is not of this framing. The vector is left as it was.
    ///
    /// ```
    /// use tuntap_test::codec::{EtherType, Framing, PacketInfo, TunPi};
    ///
    /// let mut octets = Vec::new();
    /// Framing::TunPi.append(PacketInfo::TunPi(TunPi::new(EtherType::IPV4)), &[0x45], &mut octets)?;
    /// assert_eq!(octets, [0x00, 0x00, 0x08, 0x00, 0x45]);
    /// # Ok::<(), tuntap_test::codec::EncodeError>(())
    /// ```
    pub fn append(self, info: PacketInfo, frame: &[u8], octets: &mut Vec<u8>) -> Result<usize, EncodeError> {
        self.check(info)?;
        let needed = self.header_len() + frame.len();
        octets.reserve(needed);
        match info {
            PacketInfo::None => {}
            PacketInfo::TunPi(pi) => octets.extend_from_slice(&pi.encode()),
        }
        octets.extend_from_slice(frame);
        Ok(needed)
    }

    /// The packet information that belongs in front of an IP packet ([`TunPi::for_ip_packet`]): what a TUN device in
    /// strip mode adds to a write. `None` when the framing needs a protocol and the octets are not an IP packet.
    #[must_use]
    pub const fn info_for_ip_packet(self, packet: &[u8]) -> Option<PacketInfo> {
        match self {
            Self::None => Some(PacketInfo::None),
            Self::TunPi => match TunPi::for_ip_packet(packet) {
                Some(pi) => Some(PacketInfo::TunPi(pi)),
                None => None,
            },
        }
    }

    /// The packet information that belongs in front of an Ethernet frame ([`TunPi::for_ethernet_frame`]): what a TAP
    /// device in strip mode adds to a write. `None` when the framing needs a protocol and the frame is too short to
    /// have one.
    #[must_use]
    pub fn info_for_ethernet_frame(self, frame: &[u8]) -> Option<PacketInfo> {
        match self {
            Self::None => Some(PacketInfo::None),
            Self::TunPi => TunPi::for_ethernet_frame(frame).map(PacketInfo::TunPi),
        }
    }

    fn check(self, info: PacketInfo) -> Result<(), EncodeError> {
        if info.framing() == self { Ok(()) } else { Err(EncodeError::WrongPacketInfo { framing: self, info }) }
    }

    const fn structure(self) -> Structure {
        match self {
            Self::None => Structure::Frame,
            Self::TunPi => Structure::TunPi,
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::TunPi => "tun_pi",
        })
    }
}

impl PacketInfo {
    /// The framing that carries it.
    #[must_use]
    pub const fn framing(self) -> Framing {
        match self {
            Self::None => Framing::None,
            Self::TunPi(_) => Framing::TunPi,
        }
    }

    /// Whether the platform says that the frame was cut on the way to the reader. `None` when it has no way to say so,
    /// as without packet information.
    #[must_use]
    pub const fn truncated(self) -> Option<bool> {
        match self {
            Self::None => None,
            Self::TunPi(pi) => Some(pi.is_truncated()),
        }
    }
}

impl From<TunPi> for PacketInfo {
    fn from(pi: TunPi) -> Self {
        Self::TunPi(pi)
    }
}
