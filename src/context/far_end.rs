//! What an exchange asks of the link it runs on: drops, MTU, and the means to establish that nothing else comes.

use std::io;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
#[cfg(target_os = "linux")]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Stack;
use super::backing::Backing;
#[cfg(target_os = "linux")]
use super::backing::QUEUE_LENGTH;
use super::witnesses::Witnesses;
#[cfg(target_os = "linux")]
use crate::device::Mode;
use crate::device::{Cidr, Device, DeviceConfig, FrameRef};
use crate::exchange::{FarEnd, Faulted, Means, Reason, Timeline};
use crate::fault::{Faulty, Towards};
#[cfg(target_os = "linux")]
use crate::kernel::{Fence, KernelDevice, OpenSocket, sockets};
use crate::mock::Cable;

/// Numbers fences apart, also those of links that one namespace has.
#[cfg(target_os = "linux")]
static NONCE: AtomicU64 = AtomicU64::new(1);

/// The exchanges at both ends of one link: what the test puts in at one end is not the code under test's at the other.
#[derive(Default)]
pub(super) struct Ends {
    device: Mutex<Weak<Timeline>>,
    hosts: Mutex<Vec<Weak<Timeline>>>,
    handed_over: AtomicBool,
    /// The MTU as it was last seen, octets.
    mtu: AtomicU32,
    /// The largest that was seen.
    largest_mtu: AtomicU32,
}

impl Ends {
    pub(super) fn new(mtu: u32) -> Self {
        Self { mtu: AtomicU32::new(mtu), largest_mtu: AtomicU32::new(mtu), ..Self::default() }
    }

    pub(super) fn set_device(&self, timeline: &Arc<Timeline>) {
        *self.device.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(timeline);
    }

    pub(super) fn add_host(&self, timeline: &Arc<Timeline>) {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(timeline));
        if self.handed_over.load(Ordering::Acquire) {
            timeline.monitors.switch_all(true);
        }
    }

    /// The device belongs to the code under test now: what the host ends see is its doing.
    pub(super) fn hand_over(&self) {
        self.handed_over.store(true, Ordering::Release);
        self.each_host(|timeline| {
            timeline.monitors.switch_all(true);
            false
        });
    }

    pub(super) fn set_mtu(&self, octets: u32) {
        self.mtu.store(octets, Ordering::Relaxed);
        self.largest_mtu.fetch_max(octets, Ordering::Relaxed);
    }

    fn each_host(&self, mut look: impl FnMut(&Timeline) -> bool) -> bool {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().filter_map(Weak::upgrade).any(|timeline| look(&timeline))
    }

    fn has_host(&self) -> bool {
        self.each_host(|_| true)
    }

    /// Whether a packet is over the MTU: asked of the device only when it is over what was seen last. Where faults are
    /// planned it may have been on its way since the MTU was larger.
    fn exceeds_mtu(&self, octets: usize, device: &dyn Device, faults: &Faulty) -> bool {
        let exceeds = |mtu: u32| usize::try_from(mtu).is_ok_and(|mtu| octets > mtu);
        if !exceeds(self.mtu.load(Ordering::Relaxed)) {
            return false;
        }
        if faults.is_planned() && !exceeds(self.largest_mtu.load(Ordering::Relaxed)) {
            return false;
        }
        device.mtu().is_ok_and(|mtu| {
            self.set_mtu(mtu);
            exceeds(mtu)
        })
    }
}

/// The host, as the exchange at the device end sees it.
pub(super) struct HostSide {
    pub(super) ends: Arc<Ends>,
    /// The link's number, counted from 1, and its faults.
    number: usize,
    faults: Arc<Faulty>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Mock(Cable),
    #[cfg(target_os = "linux")]
    Kernel {
        device: Arc<KernelDevice>,
        stack: Stack,
        witnesses: Witnesses,
        hosts: Vec<Cidr>,
        fence: OnceLock<Fence>,
        /// Reports for groups that the quiet filter drops count as dropped, too.
        filtered: bool,
        queue_length: u64,
    },
}

impl HostSide {
    pub(super) fn new(
        ends: &Arc<Ends>,
        backing: &Backing,
        stack: &Stack,
        witnesses: &Witnesses,
        hosts: &[Cidr],
        config: &DeviceConfig,
        number: usize,
    ) -> Self {
        // Used where there is a kernel backend.
        let _ = (stack, witnesses, hosts, config);
        let kind = match backing {
            Backing::Mock { cable, .. } => Kind::Mock(cable.clone()),
            #[cfg(target_os = "linux")]
            Backing::Kernel { link, .. } => Kind::Kernel {
                device: Arc::clone(&link.device),
                stack: stack.clone(),
                witnesses: witnesses.clone(),
                hosts: hosts.to_vec(),
                fence: OnceLock::new(),
                filtered: !config.has_chatter() && link.device.mode() == Mode::Tap,
                queue_length: config.requested_queue_length().unwrap_or(QUEUE_LENGTH).into(),
            },
        };
        Self { ends: Arc::clone(ends), number, faults: backing.faulty(), kind }
    }
}

impl FarEnd for HostSide {
    fn exceeds_mtu(&self, octets: usize) -> bool {
        match &self.kind {
            Kind::Mock(cable) => self.ends.exceeds_mtu(octets, &cable.device_end(), &self.faults),
            #[cfg(target_os = "linux")]
            Kind::Kernel { device, .. } => self.ends.exceeds_mtu(octets, &**device, &self.faults),
        }
    }

    fn dropped(&self) -> io::Result<u64> {
        match &self.kind {
            Kind::Mock(cable) => Ok(cable.statistics().tx_dropped),
            #[cfg(target_os = "linux")]
            Kind::Kernel { device, filtered, queue_length, .. } => {
                let statistics = device.statistics()?;
                // A queue that was never full has dropped nothing: it was the filter.
                let filter = *filtered && statistics.tx_packets < *queue_length;
                Ok(if filter { 0 } else { statistics.tx_dropped })
            }
        }
    }

    fn means(&self) -> Means {
        if self.ends.has_host() {
            return Means::Quiet(Reason::Program);
        }
        match &self.kind {
            Kind::Mock(_) => Means::AtOnce,
            #[cfg(target_os = "linux")]
            Kind::Kernel { device, stack, witnesses, hosts, fence, .. } => {
                let Ok(Some(prepared)) = Fence::prepare(device, hosts) else {
                    return Means::Quiet(Reason::NoAddress);
                };
                let and_quiet = match stack.run(sockets) {
                    Ok(Ok(sockets)) if are_witnesses(&sockets, witnesses) => None,
                    _ => Some(Reason::Sockets),
                };
                let nonce = NONCE.fetch_add(1, Ordering::Relaxed);
                let request = fence.get_or_init(|| prepared).request(nonce);
                Means::Fence { nonce, request, and_quiet }
            }
        }
    }

    fn is_own(&self, frame: FrameRef<'_>) -> bool {
        // Used where there is a kernel backend.
        let _ = frame;
        match &self.kind {
            Kind::Mock(_) => false,
            #[cfg(target_os = "linux")]
            Kind::Kernel { fence, .. } => fence.get().is_some() && Fence::is_part(frame),
        }
    }

    fn answers_fence(&self, nonce: u64, frame: FrameRef<'_>) -> bool {
        // Used where there is a kernel backend.
        let _ = (nonce, frame);
        match &self.kind {
            Kind::Mock(_) => false,
            #[cfg(target_os = "linux")]
            Kind::Kernel { fence, .. } => fence.get().is_some_and(|fence| fence.is_answer(nonce, frame)),
        }
    }

    fn faults(&self) -> Option<Faulted> {
        Some(Faulted { link: self.number, report: self.faults.report()?, plan: self.faults.section()? })
    }

    fn has_sent(&self, octets: &[u8]) -> bool {
        // What a fault made of a frame is none of the code under test's either.
        self.faults.has_altered(Towards::Device, octets) || self.ends.each_host(|timeline| timeline.has_sent(octets))
    }
}

/// Whether all sockets are the harness's own that only listen.
#[cfg(target_os = "linux")]
fn are_witnesses(sockets: &[OpenSocket], witnesses: &Witnesses) -> bool {
    sockets.is_empty() || {
        let own = witnesses.inodes();
        sockets.iter().all(|socket| own.contains(&socket.inode))
    }
}

/// Whoever holds the device end, as the exchange at the host end sees it.
pub(super) struct DeviceSide {
    pub(super) ends: Arc<Ends>,
    pub(super) end: Arc<dyn Device>,
    pub(super) dropped: Dropped,
    pub(super) faults: Arc<Faulty>,
    /// Fences pass the link: on the kernel backend.
    pub(super) has_fences: bool,
}

/// Asks a host end how many frames found no room in its queue.
pub(super) type Dropped = Box<dyn Fn() -> io::Result<u64> + Send + Sync>;

impl FarEnd for DeviceSide {
    fn exceeds_mtu(&self, octets: usize) -> bool {
        self.ends.exceeds_mtu(octets, &*self.end, &self.faults)
    }

    fn dropped(&self) -> io::Result<u64> {
        (self.dropped)()
    }

    fn queue(&self) -> &'static str {
        "the host end"
    }

    fn means(&self) -> Means {
        Means::Quiet(Reason::Program)
    }

    fn is_own(&self, frame: FrameRef<'_>) -> bool {
        #[cfg(target_os = "linux")]
        let is_part = Fence::is_part(frame);
        // Used where there is a kernel backend.
        #[cfg(not(target_os = "linux"))]
        let (is_part, _) = (false, frame);
        self.has_fences && is_part
    }

    fn answers_fence(&self, _: u64, _: FrameRef<'_>) -> bool {
        false
    }

    fn has_sent(&self, octets: &[u8]) -> bool {
        if self.faults.has_altered(Towards::Host, octets) {
            return true;
        }
        let device = self.ends.device.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        device.is_some_and(|timeline| timeline.has_sent(octets))
    }
}
