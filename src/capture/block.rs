//! The numbers of pcapng: block types, option codes, magics. Their names are the draft's.

use std::fmt;

/// What a section header block begins with: the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
pub(super) const PACKET: u32 = 2;
pub(super) const SIMPLE_PACKET: u32 = 3;
pub(super) const INTERFACE_STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;

/// Tells the byte order of a section.
pub(super) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

pub(super) const OPT_ENDOFOPT: u16 = 0;
pub(super) const OPT_COMMENT: u16 = 1;
pub(super) const SHB_HARDWARE: u16 = 2;
pub(super) const SHB_OS: u16 = 3;
pub(super) const SHB_USERAPPL: u16 = 4;
pub(super) const IF_NAME: u16 = 2;
pub(super) const IF_DESCRIPTION: u16 = 3;
pub(super) const IF_TSRESOL: u16 = 9;
pub(super) const IF_TSOFFSET: u16 = 14;
/// Also `pack_flags` of the obsolete packet block.
pub(super) const EPB_FLAGS: u16 = 2;
pub(super) const EPB_DROPCOUNT: u16 = 4;
pub(super) const ISB_IFRECV: u16 = 4;
pub(super) const ISB_IFDROP: u16 = 5;
pub(super) const ISB_OSDROP: u16 = 7;

/// How many octets fill `length` up to a multiple of four.
pub(super) const fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

/// A part of a capture file, as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockType {
    /// The first four octets of a file, which tell its format.
    Magic,
    /// The file header of a pcap file.
    PcapHeader,
    /// A packet record of a pcap file.
    PcapRecord,
    /// A block of a pcapng file whose type is not known yet: its type and its length.
    Block,
    /// A section header block (SHB).
    SectionHeader,
    /// An interface description block (IDB).
    InterfaceDescription,
    /// An enhanced packet block (EPB).
    EnhancedPacket,
    /// A simple packet block (SPB).
    SimplePacket,
    /// The obsolete packet block (PB).
    Packet,
    /// An interface statistics block (ISB).
    InterfaceStatistics,
    /// A block that is skipped, by its type.
    Other(u32),
}

impl BlockType {
    pub(super) const fn of(code: u32) -> Self {
        match code {
            SECTION_HEADER => Self::SectionHeader,
            INTERFACE_DESCRIPTION => Self::InterfaceDescription,
            ENHANCED_PACKET => Self::EnhancedPacket,
            SIMPLE_PACKET => Self::SimplePacket,
            PACKET => Self::Packet,
            INTERFACE_STATISTICS => Self::InterfaceStatistics,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "capture file",
            Self::PcapHeader => "pcap file header",
            Self::PcapRecord => "pcap packet record",
            Self::Block => "pcapng block",
            Self::SectionHeader => "section header block",
            Self::InterfaceDescription => "interface description block",
            Self::EnhancedPacket => "enhanced packet block",
            Self::SimplePacket => "simple packet block",
            Self::Packet => "obsolete packet block",
            Self::InterfaceStatistics => "interface statistics block",
            Self::Other(code) => return write!(f, "block of type {code:#010x}"),
        })
    }
}
