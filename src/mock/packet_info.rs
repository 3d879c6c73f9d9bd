//! `struct tun_pi` as the mock's device end writes and reads it.

use std::io;

use super::errno::Errno;
use super::fault::CallFault;
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

/// What one read gives of a frame: the octets written to `buffer`, with the header in front where the device keeps it.
/// The fault is that of the call.
pub(super) fn fill(
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
