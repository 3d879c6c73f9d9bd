//! A device for stacks that are built on smoltcp: [`SmoltcpDevice`] implements smoltcp's `phy::Device`.
//!
//! Layer: `device`; `exchange` gives it out ([`Exchange::smoltcp`](crate::exchange::Exchange::smoltcp)). Feature
//! `smoltcp`.
//!
//! ```text
//!  Interface::poll ── receive ──► Device::receive, at once ──► one buffer ──► RxToken: the frame in that buffer
//!                  └─ transmit ─► TxToken: a frame in the other buffer ──► Device::transmit
//!  SmoltcpDevice::wait ─────────► Device::receive, until a deadline; the frame waits for the next poll
//!  SmoltcpDevice::now ──────────► the link's clock, in microseconds since the link was made
//! ```
//!
//! smoltcp sees frames without packet information, which is taken off and put on where the device has it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::thread;
use std::time::Instant;

use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant as Stamp};

use super::{Clock, Deadline, Device, LARGEST_FRAME, Mode};

/// Octets of an Ethernet header, which smoltcp counts to the longest frame.
const ETHERNET_HEADER: u32 = 14;
/// The errors kept at most; the rest is counted.
const MOST_ERRORS: usize = 16;
/// Polls without a frame and without time passing, after which a stack is taken never to rest.
const MOST_POLLS: u32 = 100_000;

/// `None`, as a stack that has nothing to do says it, is [`Deadline::Never`].
impl From<Option<Duration>> for Deadline {
    fn from(delay: Option<Duration>) -> Self {
        delay.map_or(Self::Never, |delay| Self::After(delay.into()))
    }
}

/// A [`Device`] as smoltcp wants one: the way to put a stack that is built on smoltcp on a link of a test.
///
/// smoltcp never waits and has no clock. [`wait`](Self::wait) waits for the next frame, [`now`](Self::now) is the link's
/// time, which is virtual on the mock, and [`run_until`](Self::run_until) is the loop of both. A frame costs one copy, the
/// device's own.
///
/// ```
/// use smoltcp::iface::{Config, Interface, SocketSet};
/// use smoltcp::socket::udp;
/// use smoltcp::wire::{HardwareAddress, IpCidr};
/// # use tuntap_test::context::{Backend, TestContext};
/// # use tuntap_test::device::DeviceConfig;
/// use tuntap_test::device::patience;
/// use tuntap_test::prelude::*;
///
/// # let mut context = TestContext::new(Backend::Mock, "smoltcp")?;
/// # let tun: Tun = context.argument(DeviceConfig::new())?;
/// // The code under test: a stack with one UDP socket.
/// let mut device = tun.smoltcp();
/// let now = device.now();
/// let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, now);
/// interface.update_ip_addrs(|own| own.push(IpCidr::new(tun.peer_v4().into(), 24)).unwrap());
/// let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 4096]);
/// let mut socket = udp::Socket::new(buffer(), buffer());
/// socket.bind(53)?;
/// let mut sockets = SocketSet::new(vec![]);
/// let socket = sockets.add(socket);
///
/// // The host asks, the stack answers.
/// let host = tun.host_end();
/// host.send(Udp::new().sport(9).dport(53) / b"question");
/// device.run_until(&mut interface, &mut sockets, patience(), |_, sockets| {
///     let socket = sockets.get_mut::<udp::Socket>(socket);
///     let from = socket.recv().ok()?.1.endpoint;
///     socket.send_slice(b"answer", from).ok()
/// })?;
/// host.expect(Udp::new().sport(53).dport(9) / b"answer");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The MTU is the one that the device has when this is made. A smoltcp interface keeps what it was made with, too: after a
/// change both are made anew.
///
/// # Errors that smoltcp cannot tell
///
/// A `TxToken` takes its frame and says nothing: for smoltcp a frame that the device refused (EIO while the interface is
/// down, EINVAL, ENOBUFS, EBADFD when it was removed) was sent and is lost on the way, so its sockets try again. The errors
/// are kept: [`wait`](Self::wait) and [`run_until`](Self::run_until) give the oldest first, and
/// [`take_error`](Self::take_error) does without waiting. So are errors of reading, which look like silence to smoltcp.
///
/// # Panics
/// When it is dropped with errors of which nobody has asked for any.
pub struct SmoltcpDevice<'a> {
    device: &'a dyn Device,
    clock: Clock,
    origin: Instant,
    read: Vec<u8>,
    /// How much of `read` is a frame that the next poll gets.
    held: Option<usize>,
    /// The device was interrupted while smoltcp looked for a frame.
    interrupted: bool,
    write: Vec<u8>,
    /// smoltcp asks for each frame, and the kernel's answer takes longer than the frame.
    mtu: u32,
    errors: Errors,
}

/// What smoltcp could not be told.
#[derive(Default)]
struct Errors {
    kept: VecDeque<(&'static str, io::Error)>,
    further: u64,
    anybody_asked: bool,
}

impl Errors {
    fn push(&mut self, verb: &'static str, error: io::Error) {
        if self.kept.len() < MOST_ERRORS {
            self.kept.push_back((verb, error));
        } else {
            self.further += 1;
        }
    }

    fn take(&mut self) -> Option<io::Error> {
        let (_, error) = self.kept.pop_front()?;
        self.anybody_asked = true;
        Some(error)
    }
}

impl<'a> SmoltcpDevice<'a> {
    /// A device whose stamps count from now. On a link of a test [`smoltcp`](crate::exchange::Exchange::smoltcp) makes one.
    ///
    /// # Errors
    /// As [`Device::mtu`].
    pub fn new(device: &'a dyn Device) -> io::Result<Self> {
        let clock = device.clock();
        let origin = clock.now();
        let header = device.framing().header_len();
        Ok(Self {
            mtu: device.mtu()?,
            device,
            clock,
            origin,
            read: vec![0; header + LARGEST_FRAME],
            held: None,
            interrupted: false,
            write: Vec::new(),
            errors: Errors::default(),
        })
    }

    /// Stamps count from that instant of the device's clock: a stack on several devices, or one that outlives its device,
    /// has one time.
    #[must_use]
    pub const fn counting_from(mut self, origin: Instant) -> Self {
        self.origin = origin;
        self
    }

    /// The device's time as smoltcp has it, in whole microseconds.
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.stamp(self.clock.now())
    }

    /// An instant of the device's clock as smoltcp has it, in whole microseconds.
    #[must_use]
    pub fn stamp(&self, instant: Instant) -> Stamp {
        let since = instant.saturating_duration_since(self.origin).as_micros();
        Stamp::from_micros(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Waits on the device's clock until there is a frame for the next poll, and says whether there is one. Without one the
    /// deadline came, or [`Device::interrupt`] was called.
    ///
    /// The deadline may be what smoltcp says: `device.wait(interface.poll_delay(device.now(), &sockets))?`. The frame is off
    /// the device then; when this is dropped before a poll, so is the frame.
    ///
    /// # Errors
    /// The oldest error that smoltcp could not be told, without waiting; otherwise as [`Device::receive`], but neither
    /// `TimedOut` nor `WouldBlock` nor `Interrupted`. Under virtual time: when everybody waits for ever.
    pub fn wait(&mut self, deadline: impl Into<Deadline>) -> io::Result<bool> {
        if let Some(error) = self.errors.take() {
            return Err(error);
        }
        if self.held.is_some() {
            return Ok(true);
        }
        if std::mem::take(&mut self.interrupted) {
            return Ok(false);
        }
        match self.device.receive(&mut self.read, deadline.into()) {
            Ok(octets) => {
                self.held = Some(octets);
                Ok(true)
            }
            Err(error) if is_no_frame(&error) => Ok(false),
            Err(error) => {
                self.errors.anybody_asked = true;
                Err(error)
            }
        }
    }

    /// Polls the stack, and waits in between, until `done` gives something. It is asked after each poll, when what the
    /// stack sent has arrived at the other end, and may use the sockets; what it writes there is sent before this returns.
    ///
    /// # Errors
    /// `TimedOut` when it is not done so long after the call; otherwise as [`wait`](Self::wait). When the stack wants to be
    /// polled again and again while no time passes.
    pub fn run_until<'s, T>(
        &mut self,
        interface: &mut Interface,
        sockets: &mut SocketSet<'s>,
        deadline: impl Into<Deadline>,
        mut done: impl FnMut(&mut Interface, &mut SocketSet<'s>) -> Option<T>,
    ) -> io::Result<T> {
        let deadline = deadline.into();
        let begin = self.clock.now();
        let (mut polls, mut at) = (0, begin);
        loop {
            interface.poll(self.now(), self, sockets);
            // What was sent has arrived when `done` looks at the other end.
            self.held = self.look();
            if let Some(value) = done(interface, sockets) {
                interface.poll(self.now(), self, sockets);
                return self.errors.take().map_or(Ok(value), Err);
            }
            let delay = interface.poll_delay(self.now(), sockets).map(std::time::Duration::from);
            let now = self.clock.now();
            let passed = now.saturating_duration_since(begin);
            let left = match deadline {
                Deadline::Now => Some(std::time::Duration::ZERO),
                Deadline::After(most) => Some(most.saturating_sub(passed)),
                Deadline::Never => None,
            };
            let next = delay.into_iter().chain(left).min();
            let came = self.wait(next.map_or(Deadline::Never, Deadline::After))?;
            // Who is to be polled at once is not out of time yet, unless that is all it ever wants.
            if !came && left.is_some_and(|left| left.is_zero()) && delay.is_none_or(|delay| !delay.is_zero()) {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("the stack on {} is not done after {passed:?}", self.device.name().unwrap_or_default()),
                ));
            }
            (polls, at) = if came || now > at { (0, now) } else { (polls + 1, at) };
            if polls >= MOST_POLLS {
                return Err(io::Error::other("the stack wants to be polled again and again while no time passes"));
            }
        }
    }

    /// The oldest error of the device that smoltcp could not be told, with its errno, if there is one.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.errors.take()
    }

    /// Reads without waiting what the next poll gets.
    fn look(&mut self) -> Option<usize> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        loop {
            match self.device.receive(&mut self.read, Deadline::Now) {
                Ok(octets) => return Some(octets),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => self.interrupted = true,
                Err(error) if is_no_frame(&error) => return None,
                Err(error) => {
                    self.errors.push("receive", error);
                    return None;
                }
            }
        }
    }

    fn tokens(&mut self) -> (&Vec<u8>, TxToken<'_>) {
        let Self { device, read, write, errors, .. } = self;
        (read, TxToken { device: *device, write, errors })
    }
}

/// Whether an error says no more than that there is no frame.
fn is_no_frame(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl Drop for SmoltcpDevice<'_> {
    fn drop(&mut self) {
        let Errors { kept, further, anybody_asked } = &self.errors;
        if let Some((verb, error)) = kept.front().filter(|_| !anybody_asked && !thread::panicking()) {
            let more = u64::try_from(kept.len()).unwrap_or(u64::MAX).saturating_add(*further) - 1;
            panic!(
                "smoltcp could not be told of an error of {} (and of {more} more), and nobody has asked for it: {verb}: {error}",
                self.device.name().unwrap_or_default()
            );
        }
    }
}

impl fmt::Debug for SmoltcpDevice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmoltcpDevice")
            .field("mode", &self.device.mode())
            .field("now", &self.now())
            .field("errors", &self.errors.kept)
            .finish_non_exhaustive()
    }
}

impl phy::Device for SmoltcpDevice<'_> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, _: Stamp) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let octets = self.look()?;
        let framing = self.device.framing();
        let (read, transmit) = self.tokens();
        match framing.split(read.get(..octets).unwrap_or_default()) {
            Ok((_, frame)) => Some((RxToken { frame }, transmit)),
            Err(error) => {
                transmit.errors.push("receive", io::Error::new(io::ErrorKind::InvalidData, error));
                None
            }
        }
    }

    fn transmit(&mut self, _: Stamp) -> Option<Self::TxToken<'_>> {
        Some(self.tokens().1)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let (medium, header) = match self.device.mode() {
            Mode::Tun => (Medium::Ip, 0),
            Mode::Tap => (Medium::Ethernet, ETHERNET_HEADER),
        };
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = medium;
        capabilities.max_transmission_unit = usize::try_from(self.mtu.saturating_add(header)).unwrap_or(usize::MAX);
        capabilities
    }
}

/// A frame from the device, where it was read.
#[derive(Debug)]
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, look: F) -> R {
        look(self.frame)
    }
}

/// Leave to send one frame.
pub struct TxToken<'a> {
    device: &'a dyn Device,
    write: &'a mut Vec<u8>,
    errors: &'a mut Errors,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, octets: usize, fill: F) -> R {
        let Self { device, write, errors } = self;
        let framing = device.framing();
        let header = framing.header_len();
        write.clear();
        write.resize(header + octets, 0);
        let (info, frame) = write.split_at_mut(header);
        let filled = fill(frame);
        let of_frame = match device.mode() {
            Mode::Tun => framing.info_for_ip_packet(frame),
            Mode::Tap => framing.info_for_ethernet_frame(frame),
        };
        let sent = match of_frame.map(|of_frame| framing.join(of_frame, &[], info)) {
            Some(Ok(_)) => device.transmit(write).map(drop),
            // A frame that no packet information fits is refused, as the device would.
            Some(Err(error)) => Err(io::Error::other(error)),
            None => Err(io::ErrorKind::InvalidInput.into()),
        };
        if let Err(error) = sent {
            errors.push("transmit", error);
        }
        filled
    }
}

impl fmt::Debug for TxToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxToken").field("mode", &self.device.mode()).finish_non_exhaustive()
    }
}
