//! Packet information: the header that a platform puts in front of each frame, and the structures that ask for it.
//!
//! Layer: the lowest. Nothing here knows an operating system: no `libc`, no `cfg(target_os)`, no files, so that it
//! builds for wasm32 and Windows too, and what was captured on one machine decodes on another. Every other module may
//! use it; it uses none.
//!
//! # The octets
//! One read of a Linux TUN/TAP descriptor opened without `IFF_NO_PI` gives `struct tun_pi` (linux/if_tun.h), then the
//! frame; one write takes the same:
//!
//! ```text
//!   0                   1                   2                   3
//!   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//!  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!  |       flags (host order)      |   protocol (network order)    |
//!  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!  |  TUN: IP packet. TAP: Ethernet frame, without check sequence  ...
//!  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! `struct ifreq` (linux/if.h), which `TUNSETIFF` and `TUNGETIFF` take, is a union behind a name:
//!
//! ```text
//!  octets  0..16   name, NUL padded, at most 15 octets
//!         16..18   flags (host order)
//!         18..40   the rest of the union; ..32 where pointers have 32 bits
//! ```
//!
//! # Byte order
//! The kernel fills `flags` as a plain integer of the machine it runs on, and `protocol` as it stands on the wire. On
//! x86-64 a cut IPv4 packet so begins `01 00 08 00`, on s390x `00 01 08 00`. Functions without an order in their name
//! use [`ByteOrder::NATIVE`], which is right for octets that come from, or go to, a descriptor of this machine. Those
//! that end in `_in` take the [`ByteOrder`] as a parameter: for recordings of other machines, and so that both orders
//! are tested on any machine.
//!
//! # Octets from outside never panic
//! Decoders are total: any octets give a value or a [`DecodeError`] that names the octets needed and those available.
//! They borrow what follows the header. Bits that nobody has named are kept. Encoders return an array, or write into
//! the caller's buffer and leave it untouched when it is too short.
//!
//! ```
//! use tuntap_test::codec::{EtherType, Framing, PacketInfo, TunPi};
//!
//! let read = [0x00, 0x00, 0x86, 0xdd, 0x60, 0x00]; // … the rest of an IPv6 packet
//! let (info, frame) = Framing::TunPi.split(&read)?;
//! assert_eq!(info, PacketInfo::TunPi(TunPi::new(EtherType::IPV6)));
//! assert_eq!(frame, [0x60, 0x00]);
//!
//! let mut buffer = [0; 6];
//! assert_eq!(Framing::TunPi.join(info, frame, &mut buffer)?, 6);
//! assert_eq!(buffer, read);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod byte_order;
mod error;
mod ether_type;
mod flags;
mod framing;
mod ifreq;
mod name;
mod tun_pi;

pub use byte_order::ByteOrder;
pub use error::{DecodeError, EncodeError, Structure};
pub use ether_type::EtherType;
pub use flags::TunTapFlags;
pub use framing::{Framing, PacketInfo};
pub use ifreq::{IfReq, IfReqSize};
pub use name::{InterfaceName, NameError, NamedMode, UnknownModeError};
pub use tun_pi::{PayloadKind, TunPi, TunPiFlags};
