//! A link as a test wants it: the device, its addresses, up, and nothing on it that the test did not cause.
//!
//! Layer: `kernel`; the context calls it in the namespace of the test. One round trip of netlink sets everything:
//!
//! ```text
//!  TUNSETIFF ─► (TAP: quiet filter) ─► one sendmsg: address generation none · MTU · queue length · up · addresses (no DAD)
//! ```

use super::{KernelError, SetupError};
use std::io;
use std::net::IpAddr;
use std::thread;
use std::time::Instant;

use super::linux::{KernelDevice, OpenOptions};
use super::netlink::{AddressGeneration, Ipv4Setting, Step as LinkStep};
use super::sysctl;
use crate::device::{Cidr, Device, Mode, PacketInfoMode, patience};

/// What a link is made with; the context resolves a [`DeviceConfig`](crate::device::DeviceConfig) to it.
#[derive(Clone, Debug)]
pub(crate) struct LinkPlan {
    pub(crate) mode: Mode,
    pub(crate) name: Option<String>,
    pub(crate) mtu: Option<u32>,
    pub(crate) queue_length: u32,
    pub(crate) packet_info: PacketInfoMode,
    pub(crate) multi_queue: bool,
    pub(crate) chatter: bool,
    pub(crate) addresses: Vec<Cidr>,
    /// Peers outside of the addresses' prefixes.
    pub(crate) routes: Vec<Cidr>,
    /// `/proc/sys` is read-only here, so the link's IPv4 settings go over netlink (those of `all` cannot).
    pub(crate) read_only_settings: bool,
    /// The namespace is ours, so the interface may go with it.
    pub(crate) throwaway: bool,
}

/// The kernel's defaults of what a namespace inherits from the initial one, as `sysctl` sets them where it can.
const IPV4_SETTINGS: [(Ipv4Setting, u32); 10] = [
    (Ipv4Setting::Forwarding, 0),
    (Ipv4Setting::RpFilter, 0),
    (Ipv4Setting::AcceptRedirects, 1),
    (Ipv4Setting::AcceptLocal, 0),
    (Ipv4Setting::ArpIgnore, 0),
    (Ipv4Setting::ArpAnnounce, 0),
    (Ipv4Setting::ArpFilter, 0),
    (Ipv4Setting::ArpAccept, 0),
    (Ipv4Setting::ArpNotify, 0),
    (Ipv4Setting::LogMartians, 0),
];

impl LinkPlan {
    /// Makes the link in the calling thread's namespace.
    pub(crate) fn make(&self) -> Result<KernelDevice, SetupError> {
        let mut options = OpenOptions::new()
            .mode(self.mode)
            .packet_info(self.packet_info)
            .multi_queue(self.multi_queue)
            .exclusive(true);
        if let Some(name) = &self.name {
            options = options.name(name);
        }
        let mut device = options.open()?;
        if self.throwaway {
            device.forget_on_drop();
        }
        if self.mode == Mode::Tap && !self.chatter {
            device.attach_quiet_filter()?;
        }
        // In the caller's own namespace they are as the caller has them.
        if self.chatter && self.throwaway {
            sysctl::limit_icmp_errors()
                .map_err(|error| KernelError::new("bring the kernel's limits of ICMP errors back", error))?;
        }
        device.apply(&self.steps(device.index()))?;
        // With duplicate address detection, which a TUN never does, an address is the host's a second later.
        if !(self.chatter && self.mode == Mode::Tap) {
            wait_until_delivered(&device, &self.addresses)?;
        }
        Ok(device)
    }

    fn steps(&self, index: u32) -> Vec<LinkStep> {
        let mut steps = Vec::with_capacity(4 + self.addresses.len());
        if !self.chatter {
            steps.push(LinkStep::AddressGeneration { index, mode: AddressGeneration::None });
        }
        if let Some(octets) = self.mtu {
            steps.push(LinkStep::Mtu { index, octets });
        }
        steps.push(LinkStep::QueueLength { index, frames: self.queue_length });
        steps.push(LinkStep::Up { index });
        if self.read_only_settings {
            steps.extend(IPV4_SETTINGS.map(|(setting, value)| LinkStep::Ipv4Setting { index, setting, value }));
        }
        for &address in &self.addresses {
            steps.push(LinkStep::Address { index, address, peer: None, broadcast: None, dad: self.chatter });
        }
        for &route in &self.routes {
            steps.push(LinkStep::Route { index, destination: Some(route), via: None });
        }
        steps
    }
}

/// Brings a link up again. The kernel forgets IPv6 addresses when an interface goes down (`keep_addr_on_down`), so those
/// are assigned anew; and it has none where the MTU is too small for IPv6 (RFC 8200 section 5).
pub(crate) fn bring_up(device: &KernelDevice, addresses: &[Cidr]) -> Result<(), KernelError> {
    let index = device.index();
    let small = Device::mtu(device).is_ok_and(|mtu| mtu < 1280);
    let addresses: Vec<_> = addresses.iter().filter(|host| !(small && host.address().is_ipv6())).copied().collect();
    device.apply(&[LinkStep::Up { index }])?;
    let present = device.netlink().addresses(index)?;
    let missing = addresses.iter().filter(|address| !present.iter().any(|held| held.address == **address));
    device.apply(&missing.map(|&address| LinkStep::address(index, address)).collect::<Vec<_>>())?;
    wait_until_delivered(device, &addresses)
}

/// The kernel adds the local routes of IPv6 addresses from a work queue, some 50 µs later; a packet that comes before
/// is dropped. Nothing but the route itself tells, so it is looked up until it is there.
fn wait_until_delivered(device: &KernelDevice, addresses: &[Cidr]) -> Result<(), KernelError> {
    let end = Instant::now() + patience();
    let mut netlink = device.netlink();
    for address in addresses.iter().map(|host| host.address()).filter(IpAddr::is_ipv6) {
        while !netlink.delivers(address)? {
            if Instant::now() >= end {
                let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
                return Err(KernelError::new(format!("wait for the local route of {address}"), error)
                    .with_cure("Another program may have taken the interface down or the address away"));
            }
            thread::yield_now();
        }
    }
    Ok(())
}
