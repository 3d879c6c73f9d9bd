//! The mock: a TUN or TAP link in memory, which needs no privileges and no kernel.
//!
//! Layer: beside `kernel`, above [`device`](crate::device) and [`codec`](crate::codec). It builds on every platform.
//!
//! ```text
//!   DeviceEnd                       Cable                        the host
//!  ┌──────────┐   transmit   ┌──────────────────┐   receive   ┌───────────┐
//!  │ a program├─────────────►│ checks, counters ├──────┬─────►│ HostStack │  EchoHost
//!  │ or test  │              │                  │      │      └─────┬─────┘
//!  │          │◄─────────────┤ queue (500/1000) │◄─────│────────────┤ out
//!  └──────────┘   receive    └──────────────────┘      │ copies     │
//!   with or without packet    up, down, removed,       ▼            │ transmit
//!   information (4 octets)    MTU, statistics       HostEnd ────────┘  raw frames, a packet socket's view
//! ```
//!
//! A cable goes by the clock it was made with ([`CableConfig::clock`]): the system's time by default, in which a frame has
//! arrived when `transmit` returns; the virtual time of a test ([`Clock`]), in which it arrives when all wait, those of one
//! instant in the order of the ends (stack, then host ends as they were made) and of their writing.
//!
//! The device end answers mistakes with the errno of a Linux TUN/TAP device; the rules were measured on Linux 6.18.
//! Frames are in network byte order; no method panics on any octets.
//!
//! What was observed of both backends, and every difference: [`parity`]. What the mock does not do:
//! - A device whose last device end is dropped stays, as with `TUNSETPERSIST`; its queue stays as well.
//! - A receive that waits while the link is removed gives EBADFD (a blocked `read(2)` gives EFAULT).
//! - Writes of any length are taken (the kernel: ENOBUFS above about 4.7 MB).
//! - The kernel's ring frees its slots in batches of 16 once it was full; here one read makes room for one frame.
//! - There are no `%d` patterns in names, no multi-queue, no `vnet_hdr`, no carrier, no filters.
//! - The host does not fragment: what a stack sends above the MTU is dropped and counted. [`EchoHost`] lists its own gaps.
//! - There is no file descriptor, but on unix there is `into_descriptor`, a socket pair with differences of its own.
//!
//! ```
//! use tuntap_test::device::{Deadline, Device};
//! use tuntap_test::mock::{Cable, CableConfig};
//!
//! let cable = Cable::new(CableConfig::tun())?;
//! let (device, host) = (cable.device_end(), cable.host_end());
//! device.transmit(&[0x45, 0, 0, 20])?;
//! let mut buffer = [0; 1500];
//! assert_eq!(host.receive(&mut buffer, Deadline::Now)?, 4);
//! assert_eq!(device.transmit(&[0x00]).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
//! # Ok::<(), std::io::Error>(())
//! ```

mod config;
#[cfg(unix)]
mod descriptor;
mod device_end;
mod echo_host;
mod faults;
#[cfg(feature = "host")]
pub mod host;
mod host_end;
#[cfg(feature = "host")]
mod host_on_cable;
mod host_stack;
mod state;
mod witness;

#[doc = include_str!("parity.md")]
pub mod parity {}

pub use config::CableConfig;
#[cfg(unix)]
pub use descriptor::{Descriptor, Pump, into_descriptor};
pub use device_end::DeviceEnd;
pub use echo_host::EchoHost;
pub use host_end::HostEnd;
#[cfg(feature = "host")]
pub(crate) use host_on_cable::HostOnCable;
pub use host_stack::HostStack;
pub use state::Statistics;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, Weak};

use crate::device::{Clock, Source};

use crate::errno::Errno;
use crate::fault::Faulty;
use state::{LinkState, Shared, State};

/// A cable in memory with a device end and a host end, and the controls of the link. Clones are the same cable.
///
/// The link is removed when the last handle (cable, device end or host end) is dropped.
#[derive(Clone)]
pub struct Cable {
    owner: Arc<Owner>,
}

/// Removes the link with the last handle; what must not keep a link alive holds `shared` only.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.set_link(LinkState::Removed);
    }
}

impl Cable {
    /// A cable as configured.
    ///
    /// # Errors
    /// EINVAL for an MTU or a name that the kernel would refuse.
    pub fn new(config: CableConfig) -> io::Result<Self> {
        let name = config.valid_name().ok_or(Errno::Invalid)?;
        if !config::is_valid_mtu(config.mode, config.mtu) {
            return Err(Errno::Invalid.into());
        }
        let state = State {
            link: if config.up { LinkState::Up } else { LinkState::Down },
            mtu: config.mtu,
            statistics: Statistics::default(),
            to_host: Vec::new(),
            to_device: Vec::new(),
            queue: VecDeque::new(),
            queue_length: usize::try_from(config.queue_length).unwrap_or(usize::MAX),
            interrupted: false,
            taps: BTreeMap::new(),
            // 0 is the stack's.
            next_tap: 1,
            passed: None,
        };
        let clock = config.clock.unwrap_or_else(Clock::real_for_mock);
        let shared = Arc::new(Shared {
            mode: config.mode,
            packet_info: config.packet_info,
            name,
            state: Mutex::new(state),
            clock: clock.clone(),
            host: Mutex::new(config.host),
            host_next: Mutex::new(None),
            host_knows: Mutex::new((Some(config.up), config.mtu)),
            faults: Arc::new(Faulty::new(clock.now())),
        });
        let source: Weak<dyn Source> = Arc::<Shared>::downgrade(&shared);
        clock.add_source(source);
        Ok(Self { owner: Arc::new(Owner { shared }) })
    }

    /// The device end. All of them are one: a frame goes to the one that receives it first.
    #[must_use]
    pub fn device_end(&self) -> DeviceEnd {
        DeviceEnd { owner: Arc::clone(&self.owner) }
    }

    /// A new host end, which sees what the device end writes from now on. Each has copies of its own.
    #[must_use]
    pub fn host_end(&self) -> HostEnd {
        HostEnd::open(Arc::clone(&self.owner))
    }

    /// The interface's name, also after removal.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.owner.shared.name
    }

    /// Sets the link up or down. Going down leaves queued frames where they are and wakes no reader of the device end.
    ///
    /// # Errors
    /// ENODEV when the link was removed.
    pub fn set_up(&self, up: bool) -> io::Result<()> {
        let link = if up { LinkState::Up } else { LinkState::Down };
        let shared = &self.owner.shared;
        // What was written before is taken or answered first, as with the kernel.
        shared.settle();
        if !shared.set_link(link) {
            return Err(Errno::NoDevice.into());
        }
        shared.tell_idle_host();
        Ok(())
    }

    /// Whether the link is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.owner.shared.lock().link == LinkState::Up
    }

    /// Removes the link as `ip link del` does: every call on its ends fails from now on, waiting ones included.
    pub fn remove(&self) {
        self.owner.shared.set_link(LinkState::Removed);
    }

    /// Sets the MTU in octets.
    ///
    /// # Errors
    /// EINVAL outside of 68 to 65,535 (TAP: 65,521); ENODEV when the link was removed.
    pub fn set_mtu(&self, octets: u32) -> io::Result<()> {
        self.owner.shared.settle();
        let mut state = self.owner.shared.lock();
        if state.link == LinkState::Removed {
            return Err(Errno::NoDevice.into());
        }
        if !config::is_valid_mtu(self.owner.shared.mode, octets) {
            return Err(Errno::Invalid.into());
        }
        state.mtu = octets;
        drop(state);
        self.owner.shared.tell_idle_host();
        self.owner.shared.work();
        Ok(())
    }

    /// What the link counted, also after removal.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.owner.shared.settle();
        self.owner.shared.lock().statistics
    }
}

impl std::fmt::Debug for Cable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cable({})", self.name())
    }
}
