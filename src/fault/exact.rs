//! One exact fault: what is done to which frame, call or link. A plan that has only those is what replay and shrinking
//! work with.
//!
//! Layer: `fault`.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::codec::TunPi;
use crate::errno::Errno;

/// The end of the link that a frame is on its way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a link has two ends")]
pub enum Towards {
    /// From the device end to the host end: what a program wrote to its device.
    Host,
    /// From the host end to the device end: what a program will read from its device.
    Device,
}

impl fmt::Display for Towards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "to host",
            Self::Device => "to device",
        })
    }
}

/// What is done to one frame. Several may be done to the same; they are applied in the order in which they stand here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameFault {
    /// It never arrives.
    Drop,
    /// One octet is changed.
    Corrupt {
        /// Which, counted from the frame's first, 0. An octet that the frame does not have is not changed.
        octet: usize,
        /// The bits that are turned over.
        xor: u8,
        /// Whether the checksums are computed anew, so that the change goes unnoticed below the application.
        repair: bool,
    },
    /// All but its first octets are cut off.
    Truncate {
        /// How many are left.
        to: usize,
    },
    /// It arrives once more.
    Duplicate {
        /// How long after the first.
        after: Duration,
    },
    /// It waits until so many frames of its direction that came later have passed, dropped ones included.
    Hold {
        /// How many.
        behind: u64,
        /// How long it waits for them: then it goes on, whatever came.
        at_most: Duration,
    },
    /// It changes places with a later frame. Those between them wait as well, and keep their order.
    Swap {
        /// The number of the later frame.
        with: u64,
        /// How long they wait for it.
        at_most: Duration,
    },
    /// It takes longer. Several delays add up.
    Delay {
        /// By so much.
        by: Duration,
    },
}

impl fmt::Display for FrameFault {
    /// What was done, such as `corrupted octet 23 by 0x04`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => f.write_str("dropped"),
            Self::Corrupt { octet, xor, repair } => {
                write!(f, "corrupted octet {octet} by {xor:#04x}")?;
                f.write_str(if *repair { " with checksums repaired" } else { "" })
            }
            Self::Truncate { to } => write!(f, "truncated to {to} octets"),
            Self::Duplicate { after: Duration::ZERO } => f.write_str("duplicated"),
            Self::Duplicate { after } => write!(f, "duplicated {after:?} later"),
            Self::Hold { behind, .. } => write!(f, "held behind {behind} more"),
            Self::Swap { with, .. } => write!(f, "swapped with #{with}"),
            Self::Delay { by } => write!(f, "delayed {by:?}"),
        }
    }
}

/// A call at the device end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a device end is written and read")]
pub enum Call {
    /// [`Device::transmit`](crate::device::Device::transmit), a write.
    Transmit,
    /// [`Device::receive`](crate::device::Device::receive), a read.
    Receive,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transmit => "transmit",
            Self::Receive => "receive",
        })
    }
}

/// What one call at the device end gives instead of what it would have given.
///
/// A call that fails takes nothing: the frame of a refused write never was on the link, and what could be read can be
/// read by the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallFault {
    /// EAGAIN: nothing to read, or no room to write, for a caller that does not wait.
    Eagain,
    /// EINTR: a signal came.
    Eintr,
    /// EIO: what a write gives while the interface is down.
    Eio,
    /// ENOBUFS: the kernel has no memory for the frame.
    Enobufs,
    /// EBADFD: what every call gives once the device was removed.
    Ebadfd,
    /// A read gives so many octets of the frame at most, without packet information counted; the rest is lost.
    ShortRead {
        /// How many.
        octets: usize,
    },
    /// A read gives this packet information instead of the right one, on a device that has it.
    PacketInfo(TunPi),
}

impl CallFault {
    /// The error that the call gives; `None` for a read that gives something wrong instead.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use tuntap_test::fault::CallFault;
    ///
    /// assert_eq!(CallFault::Eintr.error().unwrap().kind(), ErrorKind::Interrupted);
    /// assert!(CallFault::ShortRead { octets: 10 }.error().is_none());
    /// ```
    #[must_use]
    pub fn error(self) -> Option<io::Error> {
        let errno = match self {
            Self::Eagain => Errno::Again,
            Self::Eintr => Errno::Interrupted,
            Self::Eio => Errno::Io,
            Self::Enobufs => Errno::NoBuffers,
            Self::Ebadfd => Errno::BadFd,
            Self::ShortRead { .. } | Self::PacketInfo(_) => return None,
        };
        Some(errno.into())
    }

    /// Whether only a read can give it.
    pub(super) const fn is_of_receive(self) -> bool {
        matches!(self, Self::ShortRead { .. } | Self::PacketInfo(_))
    }
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eagain => f.write_str("EAGAIN"),
            Self::Eintr => f.write_str("EINTR"),
            Self::Eio => f.write_str("EIO"),
            Self::Enobufs => f.write_str("ENOBUFS"),
            Self::Ebadfd => f.write_str("EBADFD"),
            Self::ShortRead { octets } => write!(f, "{octets} octets at most"),
            Self::PacketInfo(TunPi { flags, protocol }) => {
                write!(f, "packet information {:#06x} {:#06x}", flags.0, protocol.0)
            }
        }
    }
}

/// What happens to the link itself. It stays so until another fault, or the test, changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkFault {
    /// It goes down: writes give EIO, nothing arrives.
    Down,
    /// It comes up.
    Up,
    /// Its MTU is so many octets from now on.
    Mtu(u32),
    /// Its queue towards the device end takes so many frames from now on: what finds it full is dropped and counted. 0
    /// lets every frame overflow.
    QueueLength(u32),
    /// It is removed, and every call gives EBADFD.
    Removed,
}

impl fmt::Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("link down"),
            Self::Up => f.write_str("link up"),
            Self::Mtu(mtu) => write!(f, "MTU {mtu}"),
            Self::QueueLength(frames) => write!(f, "queue of {frames} frames"),
            Self::Removed => f.write_str("link removed"),
        }
    }
}

/// When something happens to the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum When {
    /// At that time, counted from the start of the link's clock.
    At(Duration),
    /// Just before the n-th such call, counted from 1.
    Before(Call, u64),
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => write!(f, "at {time:?}"),
            Self::Before(call, number) => write!(f, "before {call} {number}"),
        }
    }
}

/// One exact fault. Frames are counted from 1 in each direction, calls from 1 for transmit and for receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExactFault {
    /// Something is done to a frame.
    Frame {
        /// Its direction.
        towards: Towards,
        /// Its number.
        frame: u64,
        /// What.
        fault: FrameFault,
    },
    /// A call fails, or gives something wrong.
    Call {
        /// Which call.
        call: Call,
        /// Its number.
        number: u64,
        /// What it gives.
        fault: CallFault,
    },
    /// Something happens to the link.
    Link {
        /// When.
        when: When,
        /// What.
        fault: LinkFault,
    },
}

impl fmt::Display for ExactFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { towards, frame, fault } => write!(f, "{fault} #{frame} {towards}"),
            Self::Call { call, number, fault } => write!(f, "{call} {number} gave {fault}"),
            Self::Link { when, fault } => write!(f, "{fault} {when}"),
        }
    }
}
