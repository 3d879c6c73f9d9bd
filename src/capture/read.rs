//! A capture that was read: of either format, to its end or as far as it goes.

use std::io::{self, Write};
use std::path::Path;
use std::{borrow::Cow, fs};

use super::cursor::Cursor;
use super::{
    BlockType, CaptureError, CaptureProblem, CapturedFrame, Interface, InterfaceId, LinkTypeError, PcapngWriter,
    ReadError, Section, Statistics, block, pcap, pcapng,
};
use crate::codec::ByteOrder;
use crate::device::FrameRef;

/// What a pcap or pcapng file holds. Frames borrow from the octets that were read; those of [`Capture::read`] are owned.
///
/// ```no_run
/// use tuntap_test::capture::Capture;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let capture = Capture::read("fixtures/captures/handshake.pcapng")?;
/// for recorded in &capture.frames {
///     let frame = capture.frame(recorded)?;
///     println!("{:?} {} {} octets", recorded.time, frame.mode, frame.octets.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capture<'a> {
    /// Who recorded each section of a pcapng file. A pcap file has none.
    pub sections: Vec<Section>,
    /// The interfaces of all sections, in order.
    pub interfaces: Vec<Interface>,
    /// The frames, in the file's order.
    pub frames: Vec<CapturedFrame<'a>>,
    /// What interfaces had counted, in the file's order.
    pub statistics: Vec<Statistics>,
    /// Why the rest of the file is missing: set by the lossy readers only.
    pub truncated: Option<CaptureError>,
}

impl Capture<'static> {
    /// Reads a pcap or pcapng file. Its first octets tell which; its name does not matter.
    ///
    /// # Errors
    /// The file cannot be read, or its content is no capture to its end; see [`read_lossy`](Self::read_lossy).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let capture = Self::read_lossy(path)?;
        match capture.truncated {
            Some(error) => Err(ReadError::content(path, error)),
            None => Ok(capture),
        }
    }

    /// Reads as much of a file as is a capture, such as one that ends in the middle of a frame because its writer was
    /// killed. [`truncated`](Self::truncated) says what is wrong with the rest.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_lossy(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let octets = fs::read(path).map_err(|error| ReadError::io(path, error))?;
        Ok(Capture::from_octets_lossy(&octets).into_owned())
    }
}

impl<'a> Capture<'a> {
    /// Reads a pcap or pcapng file that is in memory.
    ///
    /// # Errors
    /// It is neither, or ends too early, or is malformed anywhere.
    pub fn from_octets(octets: &'a [u8]) -> Result<Self, CaptureError> {
        let capture = Self::from_octets_lossy(octets);
        match capture.truncated {
            Some(error) => Err(error),
            None => Ok(capture),
        }
    }

    /// Reads as much as is a capture; [`truncated`](Self::truncated) says what is wrong with the rest.
    #[must_use]
    pub fn from_octets_lossy(octets: &'a [u8]) -> Self {
        let mut capture = Self::default();
        capture.truncated = read(octets, &mut capture).err();
        capture
    }

    /// An interface by its number.
    #[must_use]
    pub fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(id.index())
    }

    /// A recorded frame as a link carries it: see [`LinkType::frame`](super::LinkType::frame).
    ///
    /// # Errors
    /// Names the link type when the frame is neither an IP packet nor an Ethernet frame.
    pub fn frame<'f>(&self, recorded: &'f CapturedFrame<'_>) -> Result<FrameRef<'f>, LinkTypeError> {
        let interface = self.interface(recorded.interface).ok_or(LinkTypeError::NoInterface)?;
        interface.link_type.frame(&recorded.octets)
    }

    /// Writes it as pcapng, in one section: interfaces, then frames, then statistics.
    ///
    /// # Errors
    /// `InvalidInput` for a time after the year 2554, else those of `out`.
    pub fn write_to(&self, out: impl Write) -> io::Result<()> {
        let section = self.sections.first().map_or_else(|| Cow::Owned(Section::unsaid()), Cow::Borrowed);
        let mut writer = PcapngWriter::with_section(out, &section)?;
        for interface in &self.interfaces {
            writer.add_interface(interface)?;
        }
        for frame in &self.frames {
            writer.write_frame(frame)?;
        }
        for statistics in &self.statistics {
            writer.write_statistics(statistics)?;
        }
        writer.flush()
    }

    /// Copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> Capture<'static> {
        Capture {
            frames: self.frames.into_iter().map(CapturedFrame::into_owned).collect(),
            sections: self.sections,
            interfaces: self.interfaces,
            statistics: self.statistics,
            truncated: self.truncated,
        }
    }
}

fn read<'a>(octets: &'a [u8], capture: &mut Capture<'a>) -> Result<(), CaptureError> {
    let at = Cursor { block: BlockType::Magic, order: ByteOrder::Big, offset: 0, rest: octets };
    let magic = Cursor { ..at }.array()?;
    if let Some(magic) = pcap::Magic::of(magic) {
        pcap::read(magic, octets, capture)
    } else if u32::from_be_bytes(magic) == block::SECTION_HEADER {
        pcapng::read(octets, capture)
    } else {
        Err(at.error(CaptureProblem::UnknownFormat { magic }))
    }
}
