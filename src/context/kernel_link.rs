//! The interface of a kernel device, as it is taken down and up, resized and removed: by a test, or by a planned fault.

use std::io;
use std::sync::Arc;

use crate::device::Cidr;
use crate::fault::{LinkControl, LinkFault};
use crate::kernel::netlink::Step;
use crate::kernel::{KernelDevice, bring_up};

/// An interface, with the addresses that it had.
#[derive(Clone)]
pub(super) struct KernelLink {
    pub(super) device: Arc<KernelDevice>,
    pub(super) hosts: Vec<Cidr>,
}

impl KernelLink {
    fn apply(&self, step: Step) -> io::Result<()> {
        Ok(self.device.apply(&[step])?)
    }
}

impl LinkControl for KernelLink {
    fn happen(&self, fault: LinkFault) -> io::Result<()> {
        let index = self.device.index();
        match fault {
            LinkFault::Down => self.apply(Step::Down { index }),
            LinkFault::Up => Ok(bring_up(&self.device, &self.hosts)?),
            LinkFault::Mtu(octets) => self.apply(Step::Mtu { index, octets }),
            LinkFault::QueueLength(frames) => self.apply(Step::QueueLength { index, frames }),
            LinkFault::Removed => self.apply(Step::DeleteLink { index }),
        }
    }

    fn is_up(&self) -> bool {
        // A socket buffer that is full makes it not writable as well, so that only the first of the two answers alone.
        self.device.is_writable() || self.device.state().is_ok_and(|state| state.up)
    }
}
