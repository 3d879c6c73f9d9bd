//! `struct tun_pi` (linux/if_tun.h), the four octets in front of a frame. Private, and replaced by `codec::TunPi` once
//! that is merged.
//!
//! ```text
//!  0       1       2       3
//! +-------+-------+-------+-------+
//! | flags         | protocol      |    flags in host order, protocol in network order
//! +-------+-------+-------+-------+
//! ```

/// The header's octets.
pub(super) const LENGTH: usize = 4;

/// `TUN_PKT_STRIP`: the reader's buffer was shorter than the packet.
const STRIP: u16 = 1;

/// The header of a received frame.
pub(super) fn encode(truncated: bool, protocol: u16) -> [u8; LENGTH] {
    let [a, b] = if truncated { STRIP } else { 0 }.to_ne_bytes();
    let [c, d] = protocol.to_be_bytes();
    [a, b, c, d]
}

/// Protocol and frame of what was written; `None` with less than four octets. The kernel ignores the flags.
pub(super) fn split(octets: &[u8]) -> Option<(u16, &[u8])> {
    let (&[_, _, c, d], frame) = octets.split_first_chunk::<LENGTH>()?;
    Some((u16::from_be_bytes([c, d]), frame))
}
