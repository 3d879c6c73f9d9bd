//! Why octets could not be decoded, and why a header could not be encoded.

use std::{error, fmt};

use super::{Framing, PacketInfo};

/// The structure that an error is about. Displays under the kernel's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Structure {
    /// A frame without any header in front.
    Frame,
    /// `struct ifreq`.
    IfReq,
    /// `struct tun_pi`.
    TunPi,
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frame => "frame",
            Self::IfReq => "ifreq",
            Self::TunPi => "tun_pi",
        })
    }
}

/// Octets end before the structure does.
///
/// ```
/// use tuntap_test::codec::TunPi;
///
/// let error = TunPi::decode(&[0x00, 0x00, 0x08]).unwrap_err();
/// assert_eq!(error.to_string(), "tun_pi needs 4 octets at offset 0, 3 available");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    /// What was being decoded.
    pub structure: Structure,
    /// How many octets it has.
    pub needed: usize,
    /// How many octets there are from `offset` on.
    pub available: usize,
    /// Where the structure begins, in octets from the start of the input.
    pub offset: usize,
}

impl DecodeError {
    pub(super) const fn truncated(structure: Structure, needed: usize, available: usize) -> Self {
        Self { structure, needed, available, offset: 0 }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { structure, needed, available, offset } = self;
        write!(f, "{structure} needs {needed} octets at offset {offset}, {available} available")
    }
}

impl error::Error for DecodeError {}

/// A header could not be written. The buffer is as it was.
///
/// ```
/// use tuntap_test::codec::{EtherType, TunPi};
///
/// let error = TunPi::new(EtherType::IPV4).encode_into(&mut [0; 3]).unwrap_err();
/// assert_eq!(error.to_string(), "tun_pi needs a buffer of 4 octets, 3 available");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The caller's buffer is too short.
    #[non_exhaustive]
    BufferTooShort {
        /// What was being encoded.
        structure: Structure,
        /// How many octets it takes, with the frame behind it where there is one.
        needed: usize,
        /// How many octets the buffer has.
        available: usize,
    },
    /// The packet information is not what the framing puts in front: the caller's mistake.
    #[non_exhaustive]
    WrongPacketInfo {
        /// The framing that was to be written.
        framing: Framing,
        /// The packet information that was given.
        info: PacketInfo,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooShort { structure, needed, available } => {
                write!(f, "{structure} needs a buffer of {needed} octets, {available} available")
            }
            Self::WrongPacketInfo { framing, info } => {
                write!(f, "framing {framing} cannot carry packet information of {}", info.framing())
            }
        }
    }
}

impl error::Error for EncodeError {}
