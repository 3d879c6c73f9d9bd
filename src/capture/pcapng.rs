//! Reads pcapng (draft-ietf-opsawg-pcapng): sections, their interfaces, packet blocks of all three kinds, statistics.
//! Every other block is skipped. The octets of each block are drawn in the [module's documentation](super).

use std::borrow::Cow;
use std::time::Duration;

use super::block;
use super::cursor::{Cursor, OptionField};
use super::description::Decoding;
use super::time::TimeScale;
use super::writer::fitting;
use super::{
    BlockType, Capture, CaptureError, CaptureProblem, CapturedFrame, Direction, Interface, InterfaceId, LinkType,
    Section, Statistics,
};
use crate::codec::ByteOrder;

/// The length at a block's beginning, its type in front, and the length at its end.
const AROUND_A_BODY: u32 = 12;

/// The interfaces of the section that is read, which numbers them from 0.
#[derive(Default)]
struct Interfaces(Vec<Decoding>);

/// Reads until the end or the first error; what was read before it is in `capture`.
pub(super) fn read<'a>(octets: &'a [u8], capture: &mut Capture<'a>) -> Result<(), CaptureError> {
    let mut interfaces = Interfaces::default();
    let mut file = Cursor { block: BlockType::Block, order: ByteOrder::Little, offset: 0, rest: octets };
    while !file.rest.is_empty() {
        let body = next_block(&mut file)?;
        match body.block {
            BlockType::SectionHeader => {
                interfaces = Interfaces::default();
                capture.sections.push(section_header(body)?);
            }
            BlockType::InterfaceDescription => interfaces.describe(body, capture)?,
            BlockType::EnhancedPacket => capture.frames.push(interfaces.enhanced_packet(body)?),
            BlockType::SimplePacket => capture.frames.push(interfaces.simple_packet(body)?),
            BlockType::Packet => capture.frames.push(interfaces.obsolete_packet(body)?),
            BlockType::InterfaceStatistics => capture.statistics.push(interfaces.statistics(body)?),
            _ => {}
        }
    }
    Ok(())
}

/// Takes the next block and gives its body. A section header block sets the byte order, its own included.
fn next_block<'a>(file: &mut Cursor<'a>) -> Result<Cursor<'a>, CaptureError> {
    let whole = Cursor { block: BlockType::Block, ..*file };
    let mut head = whole;
    head.block = BlockType::of(head.u32()?);
    if head.block == BlockType::SectionHeader {
        file.order = byte_order(head)?;
        head.order = file.order;
    }
    let whole = Cursor { block: head.block, ..whole };
    let length = head.u32()?;
    if length < AROUND_A_BODY || !length.is_multiple_of(4) {
        return Err(whole.error(CaptureProblem::WrongLength { length }));
    }
    let octets = usize::try_from(length).unwrap_or(usize::MAX);
    let Some((_, rest)) = whole.rest.split_at_checked(octets) else { return Err(whole.truncated(octets)) };
    let body = Cursor { rest: head.take(octets.saturating_sub(12))?, offset: whole.offset + 8, ..head };
    let end = head;
    let last = head.u32()?;
    if last != length {
        return Err(end.error(CaptureProblem::LengthsDiffer { first: length, last }));
    }
    file.offset = whole.offset + octets;
    file.rest = rest;
    Ok(body)
}

/// The byte order of the section whose length and magic follow.
fn byte_order(mut head: Cursor<'_>) -> Result<ByteOrder, CaptureError> {
    head.take(4)?;
    let at_magic = head;
    let magic = head.array()?;
    if u32::from_le_bytes(magic) == block::BYTE_ORDER_MAGIC {
        Ok(ByteOrder::Little)
    } else if u32::from_be_bytes(magic) == block::BYTE_ORDER_MAGIC {
        Ok(ByteOrder::Big)
    } else {
        Err(at_magic.error(CaptureProblem::UnknownFormat { magic }))
    }
}

fn section_header(mut body: Cursor<'_>) -> Result<Section, CaptureError> {
    body.take(4)?; // the magic, which told the order
    let at_version = body;
    let (major, minor) = (body.u16()?, body.u16()?);
    // Some writers used 1.2 without a change of the layout; the draft has it read as 1.0.
    if !matches!((major, minor), (1, 0 | 2)) {
        return Err(at_version.error(CaptureProblem::UnknownVersion { major, minor }));
    }
    body.take(8)?; // the section's length, which is often unknown and never needed
    let mut section = Section::unsaid();
    while let Some(option) = body.option()? {
        match option.code {
            block::OPT_COMMENT => section.comments.push(text(&option).into_owned()),
            block::SHB_HARDWARE => section.hardware = Some(text(&option).into_owned()),
            block::SHB_OS => section.os = Some(text(&option).into_owned()),
            block::SHB_USERAPPL => section.application = Some(text(&option).into_owned()),
            _ => {}
        }
    }
    Ok(section)
}

impl Interfaces {
    fn describe(&mut self, mut body: Cursor<'_>, capture: &mut Capture<'_>) -> Result<(), CaptureError> {
        let mut interface = Interface::of_link_type(LinkType(body.u16()?));
        body.take(2)?; // reserved
        let snap_length = body.length()?;
        let mut times = TimeScale::default();
        while let Some(option) = body.option()? {
            match option.code {
                block::IF_NAME => interface.name = Some(text(&option).into_owned()),
                block::IF_DESCRIPTION => interface.description = Some(text(&option).into_owned()),
                block::IF_TSRESOL => [times.resolution] = option.fixed()?,
                block::IF_TSOFFSET => times.offset = option.u64()?.cast_signed(),
                _ => {}
            }
        }
        let id = InterfaceId(u32::try_from(capture.interfaces.len()).unwrap_or(u32::MAX));
        capture.interfaces.push(interface);
        self.0.push(Decoding { id, times, snap_length });
        Ok(())
    }

    /// What was described under that number; `at` is where the number stands.
    fn get(&self, at: Cursor<'_>, interface: u32) -> Result<Decoding, CaptureError> {
        let index = usize::try_from(interface).unwrap_or(usize::MAX);
        self.0
            .get(index)
            .copied()
            .ok_or_else(|| at.error(CaptureProblem::UnknownInterface { interface, described: self.0.len() }))
    }

    fn enhanced_packet<'a>(&self, mut body: Cursor<'a>) -> Result<CapturedFrame<'a>, CaptureError> {
        let interface = self.get(body, body.u32()?)?;
        packet(body, interface)
    }

    fn obsolete_packet<'a>(&self, mut body: Cursor<'a>) -> Result<CapturedFrame<'a>, CaptureError> {
        let interface = self.get(body, body.u16()?.into())?;
        let drops = body.u16()?;
        let mut frame = packet(body, interface)?;
        // It has no option for it, and 0xffff says that the number is not known.
        frame.drop_count = (drops != u16::MAX).then_some(drops.into());
        Ok(frame)
    }

    fn simple_packet<'a>(&self, mut body: Cursor<'a>) -> Result<CapturedFrame<'a>, CaptureError> {
        let interface = self.get(body, 0)?;
        let original_length = body.u32()?;
        let whole = usize::try_from(original_length).unwrap_or(usize::MAX);
        let kept = if interface.snap_length == 0 { whole } else { whole.min(interface.snap_length) };
        let frame = CapturedFrame::new(interface.id, Duration::ZERO, body.take(kept)?);
        Ok(frame.with_original_length(original_length))
    }

    fn statistics(&self, mut body: Cursor<'_>) -> Result<Statistics, CaptureError> {
        let interface = self.get(body, body.u32()?)?;
        let mut statistics = Statistics::new(interface.id, time(&mut body, interface)?);
        while let Some(option) = body.option()? {
            match option.code {
                block::ISB_IFRECV => statistics.received = Some(option.u64()?),
                block::ISB_IFDROP => statistics.dropped = Some(option.u64()?),
                block::ISB_OSDROP => statistics.os_dropped = Some(option.u64()?),
                _ => {}
            }
        }
        Ok(statistics)
    }
}

/// What enhanced and obsolete packet blocks have in common: from the timestamp on.
fn packet<'a>(mut body: Cursor<'a>, interface: Decoding) -> Result<CapturedFrame<'a>, CaptureError> {
    let is_enhanced = body.block == BlockType::EnhancedPacket;
    let time = time(&mut body, interface)?;
    let kept = body.length()?;
    let original_length = body.u32()?;
    let octets = body.padded(kept)?;
    let mut frame = CapturedFrame::new(interface.id, time, octets).with_original_length(original_length);
    while let Some(option) = body.option()? {
        match option.code {
            block::OPT_COMMENT => frame.comments.push(text(&option)),
            block::EPB_FLAGS => frame.direction = Direction::from_flags(option.u32()?),
            block::EPB_DROPCOUNT if is_enhanced => frame.drop_count = Some(option.u64()?),
            _ => {}
        }
    }
    Ok(frame)
}

fn time(body: &mut Cursor<'_>, interface: Decoding) -> Result<Duration, CaptureError> {
    let at = *body;
    let units = body.timestamp()?;
    interface.times.time(units).ok_or_else(|| at.error(CaptureProblem::TimeOutOfRange))
}

/// The string of an option. Octets that are no UTF-8 become U+FFFD; should it have outgrown an option by that, it is cut.
fn text<'a>(option: &OptionField<'a>) -> Cow<'a, str> {
    match String::from_utf8_lossy(option.text()) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(mut text) => {
            text.truncate(fitting(&text).len());
            Cow::Owned(text)
        }
    }
}
