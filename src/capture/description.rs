//! What a capture says besides its frames: who recorded, on which interfaces, and what was lost.

use std::env::consts;
use std::time::Duration;

use super::LinkType;
use super::time::TimeScale;
use crate::device::Mode;

/// Who recorded a section of a pcapng file (section header block).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// The machine (`shb_hardware`).
    pub hardware: Option<String>,
    /// The operating system (`shb_os`).
    pub os: Option<String>,
    /// The program (`shb_userappl`).
    pub application: Option<String>,
    /// Comments on the whole section.
    pub comments: Vec<String>,
}

impl Section {
    /// A section that this program writes: its machine, its operating system, and `tuntap-test` with its version.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hardware: Some(consts::ARCH.to_owned()),
            os: Some(consts::OS.to_owned()),
            application: Some(concat!("tuntap-test ", env!("CARGO_PKG_VERSION")).to_owned()),
            comments: Vec::new(),
        }
    }

    /// Adds a comment on the whole section.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<String>) -> Self {
        self.comments.push(comment.into());
        self
    }

    pub(super) const fn unsaid() -> Self {
        Self { hardware: None, os: None, application: None, comments: Vec::new() }
    }
}

impl Default for Section {
    fn default() -> Self {
        Self::new()
    }
}

/// The number of an interface within a capture: the first is 0. Of another capture or writer it means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceId(pub(super) u32);

impl InterfaceId {
    /// The position in [`Capture::interfaces`](super::Capture::interfaces).
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// An interface that frames were recorded on (interface description block).
///
/// ```
/// use tuntap_test::capture::{Interface, LinkType};
/// use tuntap_test::device::Mode;
///
/// let interface = Interface::new("tun0", Mode::Tun).with_description("host 192.0.2.1/24");
/// assert_eq!(interface.link_type, LinkType::RAW);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// The interface's name, such as `tun0` (`if_name`). A pcap file has none.
    pub name: Option<String>,
    /// What it is, in words (`if_description`).
    pub description: Option<String>,
    /// What its frames begin with.
    pub link_type: LinkType,
}

impl Interface {
    /// The interface of a link.
    #[must_use]
    pub fn new(name: impl Into<String>, mode: Mode) -> Self {
        Self { name: Some(name.into()), description: None, link_type: LinkType::of(mode) }
    }

    /// An interface without a name whose frames begin with anything.
    #[must_use]
    pub const fn of_link_type(link_type: LinkType) -> Self {
        Self { name: None, description: None, link_type }
    }

    /// Says what it is, in words.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// What the reader must know of an interface, besides what it tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoding {
    pub(super) id: InterfaceId,
    pub(super) times: TimeScale,
    /// The octets kept of each frame; no limit when zero.
    pub(super) snap_length: usize,
}

/// What an interface had counted at a time (interface statistics block).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The interface.
    pub interface: InterfaceId,
    /// When, since the Unix epoch.
    pub time: Duration,
    /// Frames that the interface had received since the capture began (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Frames that the interface had dropped for lack of room (`isb_ifdrop`).
    pub dropped: Option<u64>,
    /// Frames that the operating system had dropped (`isb_osdrop`).
    pub os_dropped: Option<u64>,
}

impl Statistics {
    /// Statistics without a counter.
    #[must_use]
    pub const fn new(interface: InterfaceId, time: Duration) -> Self {
        Self { interface, time, received: None, dropped: None, os_dropped: None }
    }

    /// The frames received.
    #[must_use]
    pub const fn with_received(mut self, frames: u64) -> Self {
        self.received = Some(frames);
        self
    }

    /// The frames that the interface dropped.
    #[must_use]
    pub const fn with_dropped(mut self, frames: u64) -> Self {
        self.dropped = Some(frames);
        self
    }

    /// The frames that the operating system dropped.
    #[must_use]
    pub const fn with_os_dropped(mut self, frames: u64) -> Self {
        self.os_dropped = Some(frames);
        self
    }
}
