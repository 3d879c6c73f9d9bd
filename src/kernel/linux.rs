//! The Linux TUN/TAP device: a descriptor of `/dev/net/tun`, attached to an interface.
//!
//! Layer: implements [`Device`]; the context makes one for each link, and anybody may open one by name as Scapy does.
//! The descriptor belongs to the network namespace of the thread that opens the node, so the namespace is entered
//! first.
//!
//! ```text
//!  open("/dev/net/tun") ─► TUNSETIFF {name, flags} ─► tun0 ─► read, write: one frame a call
//!                            IFF_TUN | IFF_TAP          with packet information (no IFF_NO_PI):
//!                            IFF_NO_PI                   0        2        4
//!                            IFF_MULTI_QUEUE             | flags  | proto  | frame …
//! ```

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::environment::NODE;
use super::ioctl;
use super::netlink::{LinkState, LinkStatistics, Netlink, Step as LinkStep};
use super::obstacle::Obstacle;
use super::privilege::{Refusal, Step};
use super::quiet_filter;
use super::waiting::Waker;
use super::{KernelError, PacketSocket, PacketWitness, SetupError};
use crate::codec::{Framing, IfReq, InterfaceName, NamedMode, TunPi, TunTapFlags};
use crate::device::{Deadline, Device, Mode, PacketInfoMode};

/// How to open a device. Everything but the mode has a default; the mode may come from the name.
///
/// ```no_run
/// use tuntap_test::device::{Mode, PacketInfoMode};
/// use tuntap_test::kernel::OpenOptions;
///
/// let detected = OpenOptions::new().name("tap7").open()?; // `tap*`: a TAP
/// let chosen = OpenOptions::new().mode(Mode::Tun).name("vpn%d").packet_info(PacketInfoMode::Keep).open()?;
/// # Ok::<(), tuntap_test::kernel::SetupError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct OpenOptions {
    mode: Option<Mode>,
    name: Option<String>,
    packet_info: PacketInfoMode,
    multi_queue: bool,
    exclusive: bool,
}

impl OpenOptions {
    /// The kernel chooses the name; there is no packet information.
    pub fn new() -> Self {
        Self::default()
    }

    /// TUN or TAP. Without it the name decides: `tun*` and `utun*` are TUN, `tap*` is TAP.
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The interface's name, at most 15 octets, or a pattern with one `%d`. An interface of that name that is a free
    /// TUN/TAP device is attached to, otherwise one is made.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the kernel puts packet information in front of frames, and whether callers see it.
    pub const fn packet_info(mut self, mode: PacketInfoMode) -> Self {
        self.packet_info = mode;
        self
    }

    /// Several descriptors, a queue each (`IFF_MULTI_QUEUE`).
    pub const fn multi_queue(mut self, yes: bool) -> Self {
        self.multi_queue = yes;
        self
    }

    /// Fail with EBUSY rather than attach to an existing device (`IFF_TUN_EXCL`).
    pub const fn exclusive(mut self, yes: bool) -> Self {
        self.exclusive = yes;
        self
    }

    /// Opens the node and attaches it, in the calling thread's network namespace.
    ///
    /// # Errors
    /// An [`Obstacle`] when this process can have no device at all; otherwise the step, its errno and the likely
    /// cause, such as EBUSY for a name that is taken.
    pub fn open(&self) -> Result<KernelDevice, SetupError> {
        KernelDevice::open(self)
    }

    /// The mode that was given, or else the one that the name tells.
    fn resolve_mode(&self, name: Option<&InterfaceName>) -> Result<Mode, KernelError> {
        let cause = match (self.mode, name.map(InterfaceName::guess_mode)) {
            (Some(mode), _) => return Ok(mode),
            (None, Some(Ok(NamedMode::Tun))) => return Ok(Mode::Tun),
            (None, Some(Ok(NamedMode::Tap))) => return Ok(Mode::Tap),
            (None, Some(Err(error))) => error.to_string(),
            (None, None) => "there is no name to tell it from".to_owned(),
        };
        Err(KernelError::new("choose between TUN and TAP", io::Error::from_raw_os_error(libc::EINVAL))
            .with_cure(format!("Give the mode: {cause}")))
    }
}

/// What becomes of the interface when the device is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Teardown {
    /// It goes with the last descriptor. The close waits for the kernel (RCU), 15 to 50 ms.
    Close,
    /// It stays for a moment and goes with its namespace, in the kernel's own time. Only in namespaces that we made.
    Forget,
}

/// An open TUN or TAP device of the kernel.
#[derive(Debug)]
pub struct KernelDevice {
    node: File,
    waker: Waker,
    netlink: Mutex<Netlink>,
    mode: Mode,
    packet_info: PacketInfoMode,
    index: u32,
    teardown: Teardown,
}

impl KernelDevice {
    fn open(options: &OpenOptions) -> Result<Self, SetupError> {
        let asked = options.name.as_deref().unwrap_or("");
        let name = if asked.is_empty() { None } else { Some(interface_name(asked)?) };
        let mode = options.resolve_mode(name.as_ref())?;
        let node = OpenOptions::open_node()?;
        let mut flags = match mode {
            Mode::Tun => TunTapFlags::TUN,
            Mode::Tap => TunTapFlags::TAP,
        };
        if options.packet_info == PacketInfoMode::Off {
            flags = flags.union(TunTapFlags::NO_PI);
        }
        if options.multi_queue {
            flags = flags.union(TunTapFlags::MULTI_QUEUE);
        }
        if options.exclusive {
            flags = flags.union(TunTapFlags::TUN_EXCL);
        }
        let attached = ioctl::set_iff(node.as_fd(), &IfReq::new(name, flags))
            .map_err(|error| attach_error(error, mode, asked, options))?;
        let name = name_of(&attached).map_err(|error| KernelError::new("read the device's name", error))?;
        let index = if_nametoindex(name.as_str())
            .map_err(|errno| KernelError::new(format!("find the index of {name}"), errno.into()))?;
        Ok(Self {
            node,
            waker: Waker::new()?,
            netlink: Mutex::new(Netlink::open()?),
            mode,
            packet_info: options.packet_info,
            index,
            teardown: Teardown::Close,
        })
    }

    /// The interface's index, which other programs and netlink name it by.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// How packet information is treated.
    #[must_use]
    pub const fn packet_info(&self) -> PacketInfoMode {
        self.packet_info
    }

    /// The interface goes with its namespace, which is cheaper than to close it. Only for namespaces made by us.
    pub(crate) const fn forget_on_drop(&mut self) {
        self.teardown = Teardown::Forget;
    }

    /// Applies changes to this link, its addresses, routes and neighbours; see [`LinkStep`].
    ///
    /// # Errors
    /// The first step that the kernel refuses, with its errno and cure.
    pub fn apply(&self, steps: &[LinkStep]) -> Result<(), KernelError> {
        self.netlink().apply(steps)
    }

    /// The interface's name, MTU, state and counters.
    ///
    /// # Errors
    /// ENODEV when the interface is gone.
    pub fn state(&self) -> Result<LinkState, KernelError> {
        self.netlink().link(self.index)
    }

    /// What went through the link, and what did not: [`tx_dropped`](LinkStatistics::tx_dropped) grows by each frame of
    /// the host that found the device's queue full, or that the quiet filter of a TAP dropped. Costs one round trip of
    /// netlink.
    ///
    /// # Errors
    /// ENODEV when the interface is gone.
    pub fn statistics(&self) -> Result<LinkStatistics, KernelError> {
        Ok(self.state()?.statistics)
    }

    /// The netlink socket of the device's namespace, for what [`apply`](Self::apply) and [`state`](Self::state) lack:
    /// routes, neighbours, other interfaces. Usable from any thread.
    pub fn netlink(&self) -> MutexGuard<'_, Netlink> {
        self.netlink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plugs or pulls the cable (`TUNSETCARRIER`). Without carrier the host's sends succeed and nothing arrives.
    ///
    /// # Errors
    /// EINVAL on kernels before 5.0.
    pub fn set_carrier(&self, on: bool) -> Result<(), KernelError> {
        let step = if on { "plug the cable in" } else { "pull the cable" };
        ioctl::set_carrier(self.node.as_fd(), on).map_err(|error| KernelError::new(step, error))
    }

    /// Keeps the interface when the descriptor closes, or not (`TUNSETPERSIST`).
    ///
    /// # Errors
    /// EBADFD when the interface was removed.
    pub fn set_persist(&self, persist: bool) -> Result<(), KernelError> {
        ioctl::set_persist(self.node.as_fd(), persist).map_err(|error| KernelError::new("set TUNSETPERSIST", error))
    }

    /// Who may attach to the device by name while it has no reader: the user and group, by number.
    ///
    /// # Errors
    /// EINVAL for a number that is not mapped in the user namespace.
    pub fn set_owner(&self, user: u32, group: u32) -> Result<(), KernelError> {
        ioctl::set_owner(self.node.as_fd(), user)
            .and_then(|()| ioctl::set_group(self.node.as_fd(), group))
            .map_err(|error| KernelError::new(format!("give the device to {user}:{group}"), error))
    }

    /// The flags that this kernel's driver knows (`TUNGETFEATURES`).
    ///
    /// # Errors
    /// EBADFD when the interface was removed.
    pub fn features(&self) -> Result<u32, KernelError> {
        ioctl::features(self.node.as_fd()).map_err(|error| KernelError::new("read TUNGETFEATURES", error))
    }

    /// The network namespace that the interface lives in, whichever thread asks.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN in it.
    pub fn network_namespace(&self) -> Result<OwnedFd, KernelError> {
        ioctl::network_namespace(self.node.as_fd())
            .map_err(|error| KernelError::new("open the device's network namespace", error))
    }

    /// Keeps a TAP's reports for solicited-node groups from being read (DESIGN.md 9).
    pub(crate) fn attach_quiet_filter(&self) -> Result<(), KernelError> {
        ioctl::attach_filter(self.node.as_fd(), &quiet_filter::program())
            .map_err(|error| KernelError::new("attach the quiet filter", error))
    }

    /// A packet socket on the interface: the host end as raw frames. Call it in the device's namespace.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW.
    pub fn packet_socket(&self) -> Result<PacketSocket, KernelError> {
        let state = self.state()?;
        PacketSocket::open(self.mode, state.name, state.index, state.mtu)
    }

    /// Sees what passes on the interface from now on, both ways. Call it in the device's namespace.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW.
    pub(crate) fn witness(&self) -> Result<PacketWitness, KernelError> {
        PacketWitness::open(self.mode, &self.state()?.name, self.index())
    }

    /// Whether the driver would take a frame now: cheaper than to ask netlink whether the interface is up. Linux,
    /// drivers/net/tun.c: `tun_chr_poll` says writable only with IFF_UP, since a write without it gives EIO.
    pub(crate) fn is_writable(&self) -> bool {
        let mut descriptors = [PollFd::new(self.node.as_fd(), PollFlags::POLLOUT)];
        let ready = poll(&mut descriptors, PollTimeout::ZERO);
        let [node] = descriptors;
        ready.is_ok() && node.revents().is_some_and(|events| events.contains(PollFlags::POLLOUT))
    }

    /// Another descriptor of the device, blocking or not. All descriptors of one device share that flag, so this one
    /// should be the last to be used.
    ///
    /// # Errors
    /// When the descriptor's flags cannot be set.
    pub fn descriptor(&self, blocking: bool) -> Result<OwnedFd, KernelError> {
        let descriptor =
            self.node.try_clone().map_err(|error| KernelError::new("duplicate the device's descriptor", error))?;
        let flags = if blocking { OFlag::empty() } else { OFlag::O_NONBLOCK };
        fcntl(&descriptor, FcntlArg::F_SETFL(flags))
            .map_err(|errno| KernelError::new("set the device's descriptor blocking", errno.into()))?;
        Ok(descriptor.into())
    }

    fn read_once(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut node = &self.node;
        if self.packet_info != PacketInfoMode::Strip {
            return node.read(buffer);
        }
        if buffer.is_empty() {
            // As without packet information: nothing is read, and the frame stays.
            return Ok(0);
        }
        // The kernel scatters: its header goes into the first part, the frame into the caller's buffer.
        let mut header = [0; Framing::TunPi.header_len()];
        let read = node.read_vectored(&mut [IoSliceMut::new(&mut header), IoSliceMut::new(buffer)])?;
        Ok(read.saturating_sub(header.len()))
    }

    fn write_once(&self, octets: &[u8]) -> io::Result<usize> {
        let mut node = &self.node;
        if self.packet_info != PacketInfoMode::Strip {
            return node.write(octets);
        }
        let header = match self.mode {
            Mode::Tun => TunPi::for_ip_packet(octets),
            Mode::Tap => TunPi::for_ethernet_frame(octets),
        }
        // No protocol can be told: what the kernel refuses without packet information, too.
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?
        .encode();
        let written = node.write_vectored(&[IoSlice::new(&header), IoSlice::new(octets)])?;
        Ok(written.saturating_sub(header.len()))
    }
}

impl OpenOptions {
    fn open_node() -> Result<File, Obstacle> {
        std::fs::OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(NODE).map_err(|error| {
            Obstacle::diagnose(Refusal { step: Step::Node, errno: error.raw_os_error().unwrap_or(libc::EIO) })
        })
    }
}

fn interface_name(asked: &str) -> Result<InterfaceName, KernelError> {
    InterfaceName::new(asked).map_err(|error| {
        KernelError::new(format!("name an interface `{asked}`"), io::Error::from_raw_os_error(libc::EINVAL))
            .with_cure(format!("The name is refused: {error}"))
    })
}

/// The name that the kernel wrote into a request.
fn name_of(request: &IfReq) -> io::Result<String> {
    let name = request.name().map_err(io::Error::other)?;
    Ok(name.map(|name| name.to_text().into_owned()).unwrap_or_default())
}

fn attach_error(error: io::Error, mode: Mode, asked: &str, options: &OpenOptions) -> SetupError {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    if errno == libc::EPERM {
        return Obstacle::diagnose(Refusal { step: Step::Attach, errno }).into();
    }
    let named = if asked.is_empty() { String::new() } else { format!(" `{asked}`") };
    let cure = match errno {
        libc::EBUSY if options.exclusive => "An interface of that name exists",
        libc::EBUSY => {
            "Another program is attached to it, and it has one queue; use a free name, or open it with multi_queue on both sides"
        }
        libc::EINVAL => {
            "The name may be refused (`%` other than one `%d`, `/`, `:`, white space, `.`, `..`, `all`, `default`), or an interface \
             of that name exists and is no TUN/TAP device, is of the other mode, or differs in multi_queue"
        }
        libc::E2BIG => "A device has at most 256 queues",
        libc::ENFILE => "All names of that pattern are taken",
        _ => "See the errno",
    };
    KernelError::new(format!("open the {mode} device{named} (TUNSETIFF)"), error).with_cure(cure).into()
}

impl Device for KernelDevice {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn name(&self) -> io::Result<String> {
        name_of(&ioctl::get_iff(self.node.as_fd())?)
    }

    fn mtu(&self) -> io::Result<u32> {
        Ok(self.state()?.mtu)
    }

    fn framing(&self) -> Framing {
        match self.packet_info {
            PacketInfoMode::Keep => Framing::TunPi,
            PacketInfoMode::Off | PacketInfoMode::Strip => Framing::None,
        }
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        loop {
            match self.write_once(octets) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        self.waker.read_until(deadline, self.node.as_fd(), || self.read_once(buffer))
    }

    fn interrupt(&self) {
        self.waker.wake();
    }

    fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.node.as_fd())
    }
}

impl AsFd for KernelDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.as_fd()
    }
}

impl Drop for KernelDevice {
    fn drop(&mut self) {
        if self.teardown == Teardown::Forget {
            // Where the driver has no persistent devices (gVisor), the close removes the device, only slower.
            drop(self.set_persist(true));
        }
    }
}
