//! Captures: pcapng out, pcap and pcapng in, and the file that a running test leaves when it fails.
//!
//! Layer: above [`device`](crate::device) (whose [`Mode`](crate::device::Mode) tells the link type) and
//! [`codec`](crate::codec); `exchange` and `context` use it. The standard library only, on every platform.
//!
//! * [`PcapngWriter`] writes, [`Capture`] reads; both speak of [`CapturedFrame`]s on [`Interface`]s.
//! * [`Recording`] is the file of a running test, written as it happens.
//! * [`to_test`] turns a capture into the source of a test. It stands above `exchange`, whose flows it uses, and is only
//!   named here.
//!
//! # The octets
//!
//! A pcapng file (draft-ietf-opsawg-pcapng) is a row of blocks. The writer's are little-endian, on big-endian machines
//! too; the reader takes both orders, which each section header tells. Lengths are in octets.
//!
//! ```text
//!  any block               type (4) · total length (4) · body, a multiple of 4 · total length (4)
//!  an option               code (2) · length of the value (2) · value · zeros up to a multiple of 4
//!
//!  section header          type 0a0d0d0a · … · 1a2b3c4d (4) · version 1.0 (2 + 2) · section length −1 (8) · options · …
//!  interface description   type 1 · … · link type (2) · zero (2) · octets kept of a frame, 0: all (4) · options · …
//!  enhanced packet         type 6 · … · interface (4) · time, upper half (4) · time, lower half (4) · octets kept (4) ·
//!                          octets of the frame (4) · octets · zeros up to a multiple of 4 · options · …
//!  interface statistics    type 5 · … · interface (4) · time, upper half (4) · time, lower half (4) · options · …
//!  simple packet           type 3 · … · octets of the frame (4) · octets · zeros · …               (read only)
//!  packet, obsolete        type 2 · … · interface (2) · drops (2) · as in the enhanced packet      (read only)
//! ```
//!
//! Options written: `shb_hardware`, `shb_os`, `shb_userappl`, `if_name`, `if_description`, `if_tsresol` (9: nanoseconds),
//! `epb_flags` (the direction), `epb_dropcount`, `isb_ifrecv`, `isb_ifdrop`, `isb_osdrop`, and `opt_comment` on sections
//! and frames. Also read: `if_tsresol` of any power of ten or two, `if_tsoffset`. A pcap file is a header and records.

mod block;
mod cursor;
mod description;
mod error;
mod frame;
mod link_type;
mod pcap;
mod pcapng;
mod read;
mod recording;
mod time;
mod writer;

pub use block::BlockType;
pub use description::{Interface, InterfaceId, Section, Statistics};
pub use error::{CaptureError, CaptureProblem, ReadError};
pub use frame::{CapturedFrame, Direction};
pub use link_type::{LinkType, LinkTypeError};
pub use read::Capture;
pub use recording::Recording;
pub use writer::PcapngWriter;

pub use crate::to_test::{ToTest, ToTestError, to_test};
