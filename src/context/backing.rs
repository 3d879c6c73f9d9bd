//! What a link stands on: a kernel device, or the mock's cable. The one place that knows both.

use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::Arc;
#[cfg(unix)]
use std::sync::PoisonError;

#[cfg(unix)]
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::far_end::Dropped;
#[cfg(target_os = "linux")]
use super::kernel_link::KernelLink;
use super::plan::Addresses;
use super::{HandedOver, Kept, Stack, TestContext};
use crate::device::{Device, DeviceConfig, Mode, Time, Witness};
use crate::fault::Faults;
use crate::fault::Faulty;
#[cfg(target_os = "linux")]
use crate::fault::{FaultyDevice, LinkControl, LinkFault};
#[cfg(target_os = "linux")]
use crate::kernel::{self, Fence, KernelDevice};
#[cfg(not(feature = "host"))]
use crate::mock::EchoHost;
#[cfg(feature = "host")]
use crate::mock::HostOnCable;
#[cfg(feature = "host")]
use crate::mock::host::LinkConfig;
use crate::mock::{Cable, CableConfig};
#[cfg(unix)]
use crate::mock::{Descriptor, into_descriptor};
use crate::packet::Defaults;

/// How many frames a link's device queues, so that a slow test loses nothing.
pub(super) const QUEUE_LENGTH: u32 = 10_000;

/// The hardware address of the mock's host: locally administered.
const MOCK_MAC: [u8; 6] = Defaults::HOST_MAC;

pub(super) enum Backing {
    Mock {
        cable: Cable,
        mode: Mode,
        #[cfg_attr(not(unix), expect(dead_code, reason = "only descriptors need something kept"))]
        kept: Kept,
    },
    #[cfg(target_os = "linux")]
    Kernel { device: Arc<FaultyDevice<KernelDevice>>, link: KernelLink },
}

impl Backing {
    pub(super) fn make(
        context: &mut TestContext,
        stack: &Stack,
        mode: Mode,
        config: &DeviceConfig,
        addresses: &Addresses,
        number: usize,
    ) -> io::Result<Self> {
        let planned = context.shared.faults.clone();
        let planned = planned.plan_of(number)?;
        let queue_length = config.requested_queue_length().unwrap_or(QUEUE_LENGTH);
        #[cfg(target_os = "linux")]
        if let Some(namespace) = stack.namespace() {
            let plan = kernel::LinkPlan {
                mode,
                name: config.requested_name().map(str::to_owned),
                mtu: config.requested_mtu(),
                queue_length,
                packet_info: config.packet_info_mode(),
                multi_queue: config.is_multi_queue(),
                chatter: config.has_chatter(),
                addresses: addresses.hosts.clone(),
                routes: addresses.off_link_peers()?,
                read_only_settings: !namespace.unapplied().is_empty(),
                throwaway: stack.is_throwaway(),
            };
            let device = stack.run(|| plan.make())??;
            let link = KernelLink { device: Arc::new(device), hosts: addresses.hosts.clone() };
            // A fence is the harness's own: it is not counted, and nothing keeps it from its answer.
            let device = FaultyDevice::past(Arc::clone(&link.device), link.clone(), Fence::is_part);
            if let Some(plan) = planned {
                device.set(plan.clone())?;
            }
            return Ok(Self::Kernel { device: Arc::new(device), link });
        }
        let _ = stack;
        let mut cable = CableConfig::new(mode).packet_info(config.packet_info_mode()).queue_length(queue_length);
        let pattern = config.requested_name().unwrap_or(match mode {
            Mode::Tun => "tun%d",
            Mode::Tap => "tap%d",
        });
        cable = cable.name(context.name_on_mock(config.requested_host(), pattern)?);
        if config.requested_time() == Time::Real {
            context.clock().make_real();
        }
        cable = cable.clock(context.clock().clone());
        if let Some(octets) = config.requested_mtu() {
            cable = cable.mtu(octets);
        }
        let cable = behind(cable, context, stack, mode, config, addresses)?;
        if let Some(plan) = planned {
            let _at_work = cable.faults().set(plan.clone());
        }
        Ok(Self::Mock { cable, mode, kept: context.kept() })
    }

    pub(super) fn device(&self) -> Arc<dyn Device> {
        match self {
            Self::Mock { cable, .. } => Arc::new(cable.device_end()),
            #[cfg(target_os = "linux")]
            Self::Kernel { device, .. } => Arc::clone(device) as _,
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn kernel(&self) -> Option<&KernelDevice> {
        match self {
            Self::Mock { .. } => None,
            Self::Kernel { link, .. } => Some(&link.device),
        }
    }

    /// What is planned for this link.
    pub(super) fn faults(&self) -> Faults<'_> {
        match self {
            Self::Mock { cable, .. } => cable.faults(),
            #[cfg(target_os = "linux")]
            Self::Kernel { device, .. } => device.faults(),
        }
    }

    /// The faults, which the report asks for when the link is gone.
    pub(super) fn faulty(&self) -> Arc<Faulty> {
        match self {
            Self::Mock { cable, .. } => cable.faulty(),
            #[cfg(target_os = "linux")]
            Self::Kernel { device, .. } => device.faulty(),
        }
    }

    /// The device end can leave the harness, unless that takes it away from its faults.
    pub(super) fn check_hand_over(&self) -> io::Result<()> {
        match self {
            Self::Mock { .. } => Ok(()),
            #[cfg(target_os = "linux")]
            Self::Kernel { device, .. } if device.faulty().is_planned() => Err(io::Error::other(
                "faults are planned on this link, and whoever opens the TUN/TAP itself goes past them: give the code under \
                 test `device()` or `&Tun`, or hand the device over without faults (is TUNTAP_TEST_FAULTS set?); on the mock \
                 into_fd goes through them",
            )),
            #[cfg(target_os = "linux")]
            Self::Kernel { .. } => Ok(()),
        }
    }

    pub(super) const fn mock(&self) -> Option<&Cable> {
        match self {
            Self::Mock { cable, .. } => Some(cable),
            #[cfg(target_os = "linux")]
            Self::Kernel { .. } => None,
        }
    }

    pub(super) fn host_mac(&self) -> io::Result<Option<[u8; 6]>> {
        match self {
            Self::Mock { mode, .. } => Ok(Some(MOCK_MAC).filter(|_| *mode == Mode::Tap)),
            #[cfg(target_os = "linux")]
            Self::Kernel { link, .. } => Ok(link.device.state()?.mac.filter(|_| link.device.mode() == Mode::Tap)),
        }
    }

    pub(super) fn set_up(&self, up: bool) -> io::Result<()> {
        match self {
            Self::Mock { cable, .. } => cable.set_up(up),
            #[cfg(target_os = "linux")]
            Self::Kernel { link, .. } => link.happen(if up { LinkFault::Up } else { LinkFault::Down }),
        }
    }

    pub(super) fn set_mtu(&self, octets: u32) -> io::Result<()> {
        match self {
            Self::Mock { cable, .. } => cable.set_mtu(octets),
            #[cfg(target_os = "linux")]
            Self::Kernel { link, .. } => link.happen(LinkFault::Mtu(octets)),
        }
    }

    /// The host end, and how many frames found no room there.
    pub(super) fn host_end(&self, stack: &Stack) -> io::Result<(Arc<dyn Device>, Dropped)> {
        // Used where there is a kernel backend.
        let _ = stack;
        match self {
            Self::Mock { cable, .. } => {
                let end = cable.host_end();
                let same = end.clone();
                Ok((Arc::new(end), Box::new(move || Ok(same.dropped()))))
            }
            #[cfg(target_os = "linux")]
            Self::Kernel { link, .. } => {
                let end = Arc::new(stack.run(|| link.device.packet_socket())??);
                let same = Arc::clone(&end);
                Ok((end, Box::new(move || same.dropped())))
            }
        }
    }

    /// Sees what passes on the link from now on, both ways.
    pub(super) fn witness(&self, stack: &Stack) -> io::Result<Box<dyn Witness>> {
        // Used where there is a kernel backend.
        let _ = stack;
        match self {
            Self::Mock { cable, .. } => Ok(Box::new(cable.witness())),
            #[cfg(target_os = "linux")]
            Self::Kernel { link, .. } => Ok(Box::new(stack.run(|| link.device.witness())??)),
        }
    }

    #[cfg(unix)]
    pub(super) fn into_fd(self, blocking: bool) -> io::Result<OwnedFd> {
        match self {
            Self::Mock { cable, kept, .. } => {
                let Descriptor { fd, pump, .. } = into_descriptor(cable.device_end())?;
                if !blocking {
                    fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
                }
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new((pump, cable)));
                Ok(fd)
            }
            #[cfg(target_os = "linux")]
            Self::Kernel { link, .. } => Ok(link.device.descriptor(blocking)?),
        }
    }

    pub(super) fn hand_over(self, stack: Stack) -> io::Result<HandedOver> {
        // Used where there is a kernel backend.
        let _ = &stack;
        match self {
            Self::Mock { .. } => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the mock has no name that another program could open: write #[tuntap_test(kernel)]",
            )),
            #[cfg(target_os = "linux")]
            Self::Kernel { link, .. } => HandedOver::new(&link.device, stack),
        }
    }
}

/// The cable with the host behind it.
#[cfg(feature = "host")]
fn behind(
    cable: CableConfig,
    context: &TestContext,
    stack: &Stack,
    mode: Mode,
    config: &DeviceConfig,
    addresses: &Addresses,
) -> io::Result<Cable> {
    let Some(host) = stack.mock_host() else { return Err(io::Error::other("a mock link has a mock host")) };
    let mtu = config.requested_mtu().map_or(1500, |octets| usize::try_from(octets).unwrap_or(usize::MAX));
    let link = LinkConfig::new(mode).mtu(mtu).mac(MOCK_MAC);
    let link = addresses.hosts.iter().fold(link, |link, &at| link.address(at));
    let link = addresses.off_link_peers()?.into_iter().fold(link, LinkConfig::route);
    let link = HostOnCable::new(host.add_link(link), context.clock(), context.began());
    Cable::new(cable.host(link))
}

/// The cable with a host behind it that answers echo requests, and nothing else.
#[cfg(not(feature = "host"))]
fn behind(
    cable: CableConfig,
    _: &TestContext,
    _: &Stack,
    _: Mode,
    _: &DeviceConfig,
    addresses: &Addresses,
) -> io::Result<Cable> {
    let host = addresses.hosts.iter().fold(EchoHost::new().mac(MOCK_MAC), |host, &at| host.address(at));
    let host = addresses.off_link_peers()?.into_iter().fold(host, EchoHost::route);
    Cable::new(cable.host(host))
}
