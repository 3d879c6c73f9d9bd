//! What changes a real link when a plan says so.

use std::io;
use std::sync::Arc;

use crate::fault::LinkFault;

/// Does to a link what a [`LinkFault`] says: takes it down, sets its MTU. Given to
/// [`FaultyDevice::with_link`](super::FaultyDevice::with_link) by who owns the interface behind the device.
///
/// The methods are called on the thread of a transmit or receive, or on one of the device's own where the time is come;
/// never two at once for one transmit, but a receive and a transmit may.
///
/// ```
/// use std::io;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use tuntap_test::fault::{LinkControl, LinkFault};
///
/// /// An interface that can only go up and down.
/// struct Interface { up: AtomicBool }
///
/// impl LinkControl for Interface {
///     fn happen(&self, fault: LinkFault) -> io::Result<()> {
///         match fault {
///             LinkFault::Down => self.up.store(false, Ordering::Release),
///             LinkFault::Up => self.up.store(true, Ordering::Release),
///             other => return Err(io::Error::other(format!("this interface has no {other}"))),
///         }
///         Ok(())
///     }
///
///     fn is_up(&self) -> bool {
///         self.up.load(Ordering::Acquire)
///     }
/// }
/// ```
pub trait LinkControl: Send + Sync {
    /// Does it, and returns when it is done.
    ///
    /// # Errors
    /// What the system refused. The call that the fault stood before fails with it, or, where it came by time, the
    /// next call at the device end.
    fn happen(&self, fault: LinkFault) -> io::Result<()>;

    /// Whether the interface is up and there: asked before each frame that is transmitted, because what a device refuses
    /// meets no fault. True where nobody can tell.
    fn is_up(&self) -> bool {
        true
    }
}

/// Who made the interface may keep it.
impl<T: LinkControl + ?Sized> LinkControl for Arc<T> {
    fn happen(&self, fault: LinkFault) -> io::Result<()> {
        (**self).happen(fault)
    }

    fn is_up(&self) -> bool {
        (**self).is_up()
    }
}
