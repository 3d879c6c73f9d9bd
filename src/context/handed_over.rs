//! A device that was handed over by name: it stays, without a reader of ours, until the code under test opens it.

use std::io;

use super::Stack;
#[cfg(target_os = "linux")]
use crate::kernel::{KernelDevice, netlink::LinkState, netlink::Netlink};

/// A link whose device end belongs to the code under test. The host end is the test's as before.
#[derive(Debug)]
pub struct HandedOver {
    name: String,
    stack: Stack,
    #[cfg(target_os = "linux")]
    remains: Remains,
}

/// The interface in the kernel.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Remains {
    index: u32,
    netlink: Netlink,
    /// Nothing else removes it: the namespace is not ours.
    remove: bool,
}

impl HandedOver {
    #[cfg(target_os = "linux")]
    pub(super) fn new(device: &KernelDevice, stack: Stack) -> io::Result<Self> {
        use crate::device::Device;

        let name = device.name()?;
        let netlink = stack.run(Netlink::open)??;
        device.set_persist(true)?;
        let remains = Remains { index: device.index(), netlink, remove: !stack.is_throwaway() };
        Ok(Self { name, stack, remains })
    }

    /// The interface's name, which the code under test opens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host's stack, and so the namespace in which the name means this interface.
    #[must_use]
    pub const fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The interface's state and counters. `running` tells whether somebody has it open.
    ///
    /// # Errors
    /// ENODEV when the code under test removed it.
    #[cfg(target_os = "linux")]
    pub fn state(&mut self) -> io::Result<LinkState> {
        Ok(self.remains.netlink.link(self.remains.index)?)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Remains {
    fn drop(&mut self) {
        if self.remove {
            // ENODEV: the code under test removed it, which is as good.
            let _ = self.netlink.apply(&[crate::kernel::netlink::Step::DeleteLink { index: self.index }]);
        }
    }
}
