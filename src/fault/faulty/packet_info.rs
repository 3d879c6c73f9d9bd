//! `struct tun_pi` as the mock's device end writes and reads it.

use std::io;

use crate::codec::{EtherType, TunPi, TunPiFlags};
use crate::device::Mode;
use crate::errno::Errno;
use crate::fault::CallFault;

/// Octets of an Ethernet header.
pub(crate) const ETHERNET_HEADER: usize = 14;

/// The protocol of a frame as its first octets tell it; 0 when they do not.
pub(crate) fn protocol_of(mode: Mode, octets: &[u8]) -> u16 {
    match mode {
        Mode::Tun => match octets.first().map(|octet| octet >> 4) {
            Some(4) => EtherType::IPV4.0,
            Some(6) => EtherType::IPV6.0,
            _ => 0,
        },
        Mode::Tap => match octets.get(12..14) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => 0,
        },
    }
}

/// The header's octets.
pub(crate) const LENGTH: usize = TunPi::LEN;

/// The header of a received frame; `truncated` when the reader's buffer was shorter than the frame.
pub(crate) const fn encode(truncated: bool, protocol: u16) -> [u8; LENGTH] {
    let flags = if truncated { TunPiFlags::STRIP } else { TunPiFlags::empty() };
    TunPi { flags, protocol: EtherType(protocol) }.encode()
}

/// Protocol and frame of what was written; `None` with less than four octets. The kernel ignores the flags.
pub(crate) fn split(octets: &[u8]) -> Option<(u16, &[u8])> {
    let (pi, frame) = TunPi::decode(octets).ok()?;
    Some((pi.protocol.0, frame))
}

/// What one read gives of a frame: the octets written to `buffer`, with the header in front where the device keeps it.
/// The fault is that of the call.
pub(crate) fn fill(
    keeps: bool,
    protocol: u16,
    octets: &[u8],
    buffer: &mut [u8],
    fault: Option<CallFault>,
) -> io::Result<usize> {
    let most = match fault {
        Some(CallFault::ShortRead { octets }) => octets,
        _ => usize::MAX,
    };
    let (header, room) = if keeps {
        match buffer.split_first_chunk_mut::<LENGTH>() {
            Some((header, room)) => (Some(header), room),
            None => return Err(Errno::Invalid.into()),
        }
    } else {
        (None, buffer)
    };
    let taken = octets.len().min(room.len()).min(most);
    for (to, from) in room.iter_mut().zip(octets.iter().take(taken)) {
        *to = *from;
    }
    let Some(header) = header else { return Ok(taken) };
    *header = match fault {
        Some(CallFault::PacketInfo(wrong)) => wrong.encode(),
        _ => encode(taken < octets.len(), protocol),
    };
    Ok(taken + LENGTH)
}
