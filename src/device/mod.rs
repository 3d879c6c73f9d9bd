//! A TUN or TAP device as the rest of the crate sees it: the [`Device`] trait, its configuration and its errors.
//!
//! Layer: above [`codec`](crate::codec), below everything else. `mock` and `kernel` implement the trait; nothing here
//! knows an operating system.
//!
//! One call of [`Device::transmit`] is one write, one call of [`Device::receive`] is one read: whole frames, never a
//! stream. What one read gives depends on the [`PacketInfoMode`]:
//!
//! ```text
//!           off, strip                       keep
//!  TUN      IP packet                        struct tun_pi (4) · IP packet
//!  TAP      Ethernet frame, without FCS      struct tun_pi (4) · Ethernet frame
//! ```

mod address;
mod clock;
mod config;
pub mod dispatch;
mod frame;
#[cfg(feature = "smoltcp")]
mod phy;
mod timeout;
mod witness;

pub(crate) use address::documentation_hosts;
pub use address::{AddressError, Cidr};
pub use clock::{Announcement, Clock, ClockScope, ClockThread, ScopedClockThread};
pub(crate) use clock::{Scheduler, Source, WaitError, What};
pub use config::{AddressText, DeviceConfig, PacketInfoMode, Time};
pub(crate) use frame::LARGEST_FRAME;
pub use frame::{Direction, Frame, FrameRef};
#[cfg(feature = "smoltcp")]
pub use phy::{RxToken, SmoltcpDevice, TxToken};
pub use timeout::{patience, timeout_scale};
pub(crate) use witness::{Seen, Witness};

use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::codec::Framing;

/// Whether a device carries IP packets or Ethernet frames (`ip tuntap add mode …`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the kernel knows these two, and has for twenty years")]
pub enum Mode {
    /// Layer 3: a frame is an IPv4 or IPv6 packet (`IFF_TUN`).
    Tun,
    /// Layer 2: a frame is an Ethernet frame without its check sequence (`IFF_TAP`).
    Tap,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tun => "TUN",
            Self::Tap => "TAP",
        })
    }
}

/// How long a call waits for a frame.
///
/// Relative on purpose: the mock's clock is not the system's, so a point of `std::time::Instant` would mean nothing
/// to it. The wait starts when the call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth way to wait")]
pub enum Deadline {
    /// Do not wait: with nothing to read the call gives `WouldBlock` (EAGAIN).
    Now,
    /// Wait this long, then give `TimedOut` (ETIMEDOUT).
    After(Duration),
    /// Wait until a frame comes or [`Device::interrupt`] is called.
    Never,
}

impl From<Duration> for Deadline {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

/// The device end of a link: what a program that owns a TUN/TAP file descriptor does with it.
///
/// Every method takes `&self`, so that one device serves a test, its answering machines and proptest's closures at
/// once. The trait is object-safe: code under test can take a `&dyn Device` or an `Arc<dyn Device>`.
///
/// Errors are [`io::Error`]s that carry the errno a Linux TUN/TAP device gives ([`io::Error::raw_os_error`] on unix),
/// on the mock too.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::device::{Deadline, Device};
///
/// /// Code under test that takes any device: drops every frame.
/// fn sink(device: &dyn Device) -> std::io::Result<usize> {
///     let mut buffer = vec![0; device.mtu()? as usize + 18];
///     let mut frames = 0;
///     while device.receive(&mut buffer, Deadline::After(Duration::from_millis(5))).is_ok() {
///         frames += 1;
///     }
///     Ok(frames)
/// }
/// ```
pub trait Device: Send + Sync {
    /// TUN or TAP.
    fn mode(&self) -> Mode;

    /// The interface's name, such as `tun0`.
    ///
    /// # Errors
    /// EBADFD when the device was removed behind the caller's back.
    fn name(&self) -> io::Result<String>;

    /// The MTU in octets: the largest IP packet, without an Ethernet header and without packet information.
    ///
    /// # Errors
    /// ENODEV or EBADFD when the device is gone.
    fn mtu(&self) -> io::Result<u32>;

    /// Which header stands in front of the frame in [`transmit`](Self::transmit) and [`receive`](Self::receive).
    /// `Framing::None` unless the device was opened with [`PacketInfoMode::Keep`].
    fn framing(&self) -> Framing;

    /// Writes one frame, with the header that [`framing`](Self::framing) names in front. Returns the octets taken.
    ///
    /// The MTU is not enforced, as the kernel does not enforce it on this path.
    ///
    /// # Errors
    /// EIO while the interface is down; EINVAL for a frame the device refuses (first nibble neither 4 nor 6 on TUN
    /// without packet information, less than 14 octets on TAP, less than the header); EBADFD when detached or removed.
    fn transmit(&self, octets: &[u8]) -> io::Result<usize>;

    /// Reads one frame, with the header that [`framing`](Self::framing) names in front. Returns the octets written to
    /// `buffer`; what does not fit is lost, as with `read(2)`.
    ///
    /// # Errors
    /// `WouldBlock` (EAGAIN) or `TimedOut` (ETIMEDOUT) as `deadline` says; `Interrupted` (EINTR) after
    /// [`interrupt`](Self::interrupt); EINVAL when `buffer` is shorter than the header (the frame is consumed, as the
    /// kernel does); EBADFD when detached or removed.
    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize>;

    /// Makes one [`receive`](Self::receive), the waiting one or else the next one that would wait, return
    /// `Interrupted`. This is how a reading thread is asked to look up. What can be read is read first, so a reader that
    /// is interrupted has seen every frame that was there when it was asked.
    fn interrupt(&self);

    /// The clock that waits and stamps on this link go by: the system's, unless the device says otherwise.
    fn clock(&self) -> Clock {
        Clock::system()
    }

    /// The file descriptor, when the device has one: the kernel's has, the mock has not.
    #[cfg(unix)]
    fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
