//! Reads pcap (draft-ietf-opsawg-pcap): a file header, then packet records, all of one link type.
//!
//! ```text
//!  file header (24): magic (4) · major 2 (2) · minor 4 (2) · zone 0 (4) · accuracy 0 (4) · octets kept (4) · link type (4)
//!  packet record:    seconds (4) · micro- or nanoseconds (4) · octets kept (4) · octets of the frame (4) · octets
//! ```
//!
//! The magic is `a1b2c3d4` where times are microseconds and `a1b23c4d` where they are nanoseconds, in the byte order of all
//! fields. Nothing is padded. The upper half of the link type may tell of a frame check sequence; it is left in the frame.

use std::time::Duration;

use super::cursor::Cursor;
use super::{BlockType, Capture, CaptureError, CaptureProblem, CapturedFrame, Interface, InterfaceId, LinkType};
use crate::codec::ByteOrder;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// What the first four octets of a pcap file tell; none when it is another format.
#[derive(Clone, Copy)]
pub(super) struct Magic {
    order: ByteOrder,
    nanoseconds: bool,
}

impl Magic {
    pub(super) const fn of(octets: [u8; 4]) -> Option<Self> {
        Some(match (u32::from_be_bytes(octets), u32::from_le_bytes(octets)) {
            (MICROSECONDS, _) => Self { order: ByteOrder::Big, nanoseconds: false },
            (NANOSECONDS, _) => Self { order: ByteOrder::Big, nanoseconds: true },
            (_, MICROSECONDS) => Self { order: ByteOrder::Little, nanoseconds: false },
            (_, NANOSECONDS) => Self { order: ByteOrder::Little, nanoseconds: true },
            _ => return None,
        })
    }
}

/// Reads until the end or the first error; what was read before it is in `capture`.
pub(super) fn read<'a>(magic: Magic, octets: &'a [u8], capture: &mut Capture<'a>) -> Result<(), CaptureError> {
    let mut file = Cursor { block: BlockType::PcapHeader, order: magic.order, offset: 0, rest: octets };
    let mut header = Cursor { rest: Cursor { ..file }.take(24)?, ..file };
    file.take(24)?;
    header.take(4)?;
    let at_version = header;
    let (major, minor) = (header.u16()?, header.u16()?);
    if major != 2 {
        return Err(at_version.error(CaptureProblem::UnknownVersion { major, minor }));
    }
    header.take(12)?; // time zone, accuracy, octets kept
    let [low, high, ..] = header.u32()?.to_le_bytes();
    capture.interfaces.push(Interface::of_link_type(LinkType(u16::from_le_bytes([low, high]))));
    while !file.rest.is_empty() {
        file.block = BlockType::PcapRecord;
        capture.frames.push(record(&mut file, magic)?);
    }
    Ok(())
}

fn record<'a>(file: &mut Cursor<'a>, magic: Magic) -> Result<CapturedFrame<'a>, CaptureError> {
    let mut record = *file;
    let header = record.take(16)?;
    let mut header = Cursor { rest: header, ..*file };
    let (seconds, fraction) = (header.u32()?, header.u32()?);
    let kept = header.length()?;
    let original_length = header.u32()?;
    let whole = kept.saturating_add(16);
    let octets = record.take(kept).map_err(|_| file.truncated(whole))?;
    *file = record;
    // A fraction of more than a second is carried, as it is by others.
    let fraction = Duration::from_nanos(u64::from(fraction) * if magic.nanoseconds { 1 } else { 1_000 });
    let time = Duration::from_secs(seconds.into()) + fraction;
    Ok(CapturedFrame::new(InterfaceId(0), time, octets).with_original_length(original_length))
}
