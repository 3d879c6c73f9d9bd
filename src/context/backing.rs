//! What a link stands on: a kernel device, or the mock's cable. The one place that knows both.

use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::plan::Addresses;
use super::{HandedOver, HostEnd, Stack};
use crate::device::{Device, DeviceConfig, Mode};
#[cfg(target_os = "linux")]
use crate::kernel::{self, KernelDevice, netlink};
use crate::mock::{Cable, CableConfig, EchoHost};

/// How many frames a link's device queues, so that a slow test loses nothing.
const QUEUE_LENGTH: u32 = 10_000;

pub(super) enum Backing {
    Mock(Cable),
    #[cfg(target_os = "linux")]
    Kernel(Arc<KernelDevice>),
}

impl Backing {
    pub(super) fn make(stack: &Stack, mode: Mode, config: &DeviceConfig, addresses: &Addresses) -> io::Result<Self> {
        let queue_length = config.requested_queue_length().unwrap_or(QUEUE_LENGTH);
        #[cfg(target_os = "linux")]
        if stack.namespace().is_some() {
            let plan = kernel::LinkPlan {
                mode,
                name: config.requested_name().map(str::to_owned),
                mtu: config.requested_mtu(),
                queue_length,
                packet_info: config.packet_info_mode(),
                multi_queue: config.is_multi_queue(),
                chatter: config.has_chatter(),
                addresses: addresses.hosts.clone(),
                throwaway: stack.is_throwaway(),
            };
            let device = stack.run(|| plan.make())??;
            return Ok(Self::Kernel(Arc::new(device)));
        }
        let _ = stack;
        let mut cable = CableConfig::new(mode).packet_info(config.packet_info_mode()).queue_length(queue_length);
        if let Some(name) = config.requested_name() {
            cable = cable.name(name);
        }
        if let Some(octets) = config.requested_mtu() {
            cable = cable.mtu(octets);
        }
        let host = addresses.hosts.iter().fold(EchoHost::new(), |host, at| host.address(at.address()));
        Ok(Self::Mock(Cable::new(cable.host(host))?))
    }

    pub(super) fn device(&self) -> Arc<dyn Device> {
        match self {
            Self::Mock(cable) => Arc::new(cable.device_end()),
            #[cfg(target_os = "linux")]
            Self::Kernel(device) => Arc::clone(device) as _,
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn kernel(&self) -> Option<&KernelDevice> {
        match self {
            Self::Mock(_) => None,
            Self::Kernel(device) => Some(device),
        }
    }

    pub(super) const fn mock(&self) -> Option<&Cable> {
        match self {
            Self::Mock(cable) => Some(cable),
            #[cfg(target_os = "linux")]
            Self::Kernel(_) => None,
        }
    }

    pub(super) fn host_mac(&self) -> io::Result<Option<[u8; 6]>> {
        match self {
            Self::Mock(_) => Ok(None),
            #[cfg(target_os = "linux")]
            Self::Kernel(device) => Ok(device.state()?.mac.filter(|_| device.mode() == Mode::Tap)),
        }
    }

    pub(super) fn set_up(&self, up: bool) -> io::Result<()> {
        match self {
            Self::Mock(cable) => cable.set_up(up),
            #[cfg(target_os = "linux")]
            Self::Kernel(device) => {
                let index = device.index();
                let step = if up { netlink::Step::Up { index } } else { netlink::Step::Down { index } };
                Ok(device.apply(&[step])?)
            }
        }
    }

    pub(super) fn set_mtu(&self, octets: u32) -> io::Result<()> {
        match self {
            Self::Mock(cable) => cable.set_mtu(octets),
            #[cfg(target_os = "linux")]
            Self::Kernel(device) => Ok(device.apply(&[netlink::Step::Mtu { index: device.index(), octets }])?),
        }
    }

    pub(super) fn host_end(&self, stack: &Stack) -> io::Result<HostEnd> {
        match self {
            Self::Mock(cable) => Ok(HostEnd::new(Box::new(cable.host_end()))),
            #[cfg(target_os = "linux")]
            Self::Kernel(device) => Ok(HostEnd::new(Box::new(stack.run(|| device.packet_socket())??))),
        }
    }

    #[cfg(unix)]
    pub(super) fn into_fd(self, blocking: bool) -> io::Result<OwnedFd> {
        match self {
            Self::Mock(cable) => {
                let _ = cable;
                todo!()
            }
            #[cfg(target_os = "linux")]
            Self::Kernel(device) => Ok(device.descriptor(blocking)?),
        }
    }

    pub(super) fn hand_over(self, stack: Stack) -> io::Result<HandedOver> {
        match self {
            Self::Mock(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the mock has no name that another program could open: write #[tuntap_test(kernel)]",
            )),
            #[cfg(target_os = "linux")]
            Self::Kernel(device) => HandedOver::new(&device, stack),
        }
    }
}
