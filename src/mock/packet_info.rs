//! `struct tun_pi` as the mock's device end writes and reads it.

use crate::codec::{EtherType, TunPi, TunPiFlags};

/// The header's octets.
pub(super) const LENGTH: usize = TunPi::LEN;

/// The header of a received frame; `truncated` when the reader's buffer was shorter than the frame.
pub(super) const fn encode(truncated: bool, protocol: u16) -> [u8; LENGTH] {
    let flags = if truncated { TunPiFlags::STRIP } else { TunPiFlags::empty() };
    TunPi { flags, protocol: EtherType(protocol) }.encode()
}

/// Protocol and frame of what was written; `None` with less than four octets. The kernel ignores the flags.
pub(super) fn split(octets: &[u8]) -> Option<(u16, &[u8])> {
    let (pi, frame) = TunPi::decode(octets).ok()?;
    Some((pi.protocol.0, frame))
}
