//! Writes pcapng: little-endian on every machine, times in nanoseconds, one write a block.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use super::block::{self, padding};
use super::time::NANOSECONDS;
use super::{CapturedFrame, Direction, Interface, InterfaceId, Section, Statistics};

/// The longest value of an option, in octets.
pub(super) const MOST_OPTION_OCTETS: usize = 0xffff;

/// Writes a pcapng file of one section.
///
/// The octets are little-endian on every machine, so that the same frames give the same file everywhere; times are
/// nanoseconds. Each block is put together first and leaves by one [`write_all`](Write::write_all): on a
/// [`File`](std::fs::File) that is one `write(2)` a frame, and what was written is with the kernel when the process is
/// killed. After an error the file may end in a part of a block, and nothing more should be written.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::capture::{Capture, CapturedFrame, Interface, PcapngWriter};
/// use tuntap_test::device::Mode;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut writer = PcapngWriter::new(Vec::new())?;
/// let tap0 = writer.add_interface(&Interface::new("tap0", Mode::Tap))?;
/// let frame = CapturedFrame::new(tap0, Duration::from_secs(1), &[0xff; 14]);
/// writer.write_frame(&frame)?;
///
/// let octets = writer.into_inner();
/// let capture = Capture::from_octets(&octets)?;
/// assert_eq!(capture.frames, [frame]);
/// assert_eq!(capture.interfaces, [Interface::new("tap0", Mode::Tap)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    interfaces: u32,
    octets: u64,
    /// The block that is put together; kept for its room.
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a file: writes the section header block of [`Section::new`].
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        Self::with_section(out, &Section::new())
    }

    /// Begins a file that says of itself what `section` does.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn with_section(out: W, section: &Section) -> io::Result<Self> {
        let mut writer = Self { out, interfaces: 0, octets: 0, block: Vec::new() };
        writer.begin(block::SECTION_HEADER);
        writer.put(&block::BYTE_ORDER_MAGIC.to_le_bytes());
        writer.put(&[1, 0, 0, 0]); // version 1.0
        writer.put(&[0xff; 8]); // the section's length is not told
        for comment in &section.comments {
            writer.text(block::OPT_COMMENT, Some(comment));
        }
        writer.text(block::SHB_HARDWARE, section.hardware.as_deref());
        writer.text(block::SHB_OS, section.os.as_deref());
        writer.text(block::SHB_USERAPPL, section.application.as_deref());
        writer.end(true)?;
        Ok(writer)
    }

    /// Describes an interface: writes an interface description block. Frames may have been written before.
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn add_interface(&mut self, interface: &Interface) -> io::Result<InterfaceId> {
        self.begin(block::INTERFACE_DESCRIPTION);
        self.put(&interface.link_type.0.to_le_bytes());
        self.put(&[0; 2 + 4]); // reserved; no limit to the octets kept of a frame
        self.text(block::IF_NAME, interface.name.as_deref());
        self.text(block::IF_DESCRIPTION, interface.description.as_deref());
        self.option(block::IF_TSRESOL, &[NANOSECONDS]);
        self.end(true)?;
        let id = InterfaceId(self.interfaces);
        self.interfaces += 1;
        Ok(id)
    }

    /// Writes a frame with what is known of it: an enhanced packet block.
    ///
    /// # Errors
    /// `InvalidInput` for an interface that was not added here, a time after the year 2554 (2^64 ns), and a frame that
    /// fills more than 4 GiB; nothing was written then. Else those of the writer below.
    pub fn write_frame(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        let octets = u32::try_from(frame.octets.len()).map_err(|_| invalid("a frame of more than 4 GiB"))?;
        self.begin(block::ENHANCED_PACKET);
        self.interface_and_time(frame.interface, frame.time)?;
        self.put(&octets.to_le_bytes());
        self.put(&frame.original_length.max(octets).to_le_bytes());
        self.padded(&frame.octets);
        for comment in &frame.comments {
            self.text(block::OPT_COMMENT, Some(comment));
        }
        if let Some(direction) = frame.direction {
            self.option(block::EPB_FLAGS, &direction.flags().to_le_bytes());
        }
        self.counter(block::EPB_DROPCOUNT, frame.drop_count);
        self.end(!frame.comments.is_empty() || frame.direction.is_some() || frame.drop_count.is_some())
    }

    /// Writes what an interface has counted: an interface statistics block.
    ///
    /// # Errors
    /// As [`write_frame`](Self::write_frame).
    pub fn write_statistics(&mut self, statistics: &Statistics) -> io::Result<()> {
        let Statistics { interface, time, received, dropped, os_dropped } = *statistics;
        self.begin(block::INTERFACE_STATISTICS);
        self.interface_and_time(interface, time)?;
        self.counter(block::ISB_IFRECV, received);
        self.counter(block::ISB_IFDROP, dropped);
        self.counter(block::ISB_OSDROP, os_dropped);
        self.end(received.is_some() || dropped.is_some() || os_dropped.is_some())
    }

    /// Flushes the writer below.
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The octets written so far.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// The writer below. Nothing has to be flushed into it.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }

    fn begin(&mut self, block_type: u32) {
        self.block.clear();
        self.put(&block_type.to_le_bytes());
        self.put(&[0; 4]); // the length, which `end` knows
    }

    fn end(&mut self, has_options: bool) -> io::Result<()> {
        if has_options {
            self.option(block::OPT_ENDOFOPT, &[]);
        }
        let length = u32::try_from(self.block.len() + 4).map_err(|_| invalid("a block of more than 4 GiB"))?;
        let length = length.to_le_bytes();
        self.put(&length);
        if let Some(first) = self.block.get_mut(4..8) {
            first.copy_from_slice(&length);
        }
        self.out.write_all(&self.block)?;
        self.octets += u64::from(u32::from_le_bytes(length));
        Ok(())
    }

    fn put(&mut self, octets: &[u8]) {
        self.block.extend_from_slice(octets);
    }

    fn padded(&mut self, octets: &[u8]) {
        self.put(octets);
        self.put([0; 3].get(..padding(octets.len())).unwrap_or_default());
    }

    /// The value has at most 65,535 octets.
    fn option(&mut self, code: u16, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.put(&code.to_le_bytes());
        self.put(&length.to_le_bytes());
        self.padded(value);
    }

    /// A string ends at a zero octet for its readers, so none is written.
    fn text(&mut self, code: u16, text: Option<&str>) {
        let Some(text) = text else { return };
        let text = if text.contains('\0') { Cow::Owned(text.replace('\0', "␀")) } else { Cow::Borrowed(text) };
        self.option(code, fitting(&text).as_bytes());
    }

    fn counter(&mut self, code: u16, count: Option<u64>) {
        if let Some(count) = count {
            self.option(code, &count.to_le_bytes());
        }
    }

    fn interface_and_time(&mut self, interface: InterfaceId, time: Duration) -> io::Result<()> {
        if interface.0 >= self.interfaces {
            return Err(invalid("an interface that was not added to this capture"));
        }
        let time = u64::try_from(time.as_nanos()).map_err(|_| invalid("a time after the year 2554"))?;
        self.put(&interface.0.to_le_bytes());
        // Two numbers of 32 bits, the upper one first.
        self.put(&time.rotate_left(32).to_le_bytes());
        Ok(())
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// As much of a text as an option holds.
pub(super) fn fitting(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MOST_OPTION_OCTETS)).unwrap_or(text)
}

impl Direction {
    const fn flags(self) -> u32 {
        match self {
            Self::Inbound => 1,
            Self::Outbound => 2,
        }
    }

    /// The lowest two bits of `epb_flags`.
    pub(super) const fn from_flags(flags: u32) -> Option<Self> {
        match flags & 3 {
            1 => Some(Self::Inbound),
            2 => Some(Self::Outbound),
            _ => None,
        }
    }
}
