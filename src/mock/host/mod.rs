//! The mock's far end as a whole TCP/IP host: it answers as the Linux kernel does, has sockets in the shape of
//! `std::net`, and never looks at a clock.
//!
//! Layer: in the mock, above [`device`](crate::device); the cable and the clock drive it. Feature `host`.
//!
//! ```text
//!   the cable, with its clock                 MockHost                             a test's sockets
//!  ┌────────────────────────┐ receive(frame, now) ┌───────────────────────┐  udp_bind     ┌─────────────┐
//!  │ frames to the host     ├────────────────────►│ ethernet · arp · ndp  │◄──────────────┤ UdpSocket   │
//!  │                        │                     │ ipv4 · ipv6 · icmp    │  tcp_listen   │ TcpListener │
//!  │ frames from the host   │◄────────────────────┤ udp · tcp (smoltcp's) │◄──────────────┤ TcpStream   │
//!  │ sleeps until …         │◄──── poll(now) ─────┤                       │  ping         │ PingSocket  │
//!  └────────────────────────┘   next instant      └───────────┬───────────┘◄──────────────┴─────────────┘
//!            ▲                                                │
//!            └──────────────── on_change, generation ─────────┘
//! ```
//!
//! # How it is driven
//!
//! Nothing here waits, sleeps, or starts a thread. Time is a [`Duration`] since a beginning that all links of a host
//! share; it comes in with [`HostLink::receive`] and [`HostLink::poll`] and does not go back. A call of a socket sends
//! nothing by itself: it leaves work behind, [`HostLink::poll`] does it. Each such call raises [`MockHost::generation`]
//! and then calls [`MockHost::on_change`]'s function; who drives the host polls all its links then, at once. After
//! a poll or a frame the sockets may have changed as well, and the same two tell who waits at one.
//!
//! The same seed and the same calls in the same order give the same octets.
//!
//! # Where it differs from Linux
//!
//! What both say, behaviour by behaviour, stands in [`parity`](super::parity). In short, and with what is not asked there,
//! measured against Linux 6.18, with the settings that this crate's kernel links have. smoltcp does the arithmetic of TCP's
//! windows and sequence numbers, nothing else; all other code is the mock's own.
//!
//! TCP, as smoltcp has it:
//! - The congestion window is Reno's with the ten segments that Linux begins with, not CUBIC's.
//! - The window scale is 0 (Linux: 7 or more), so a window is at most 65,535 octets; it opens as soon as data is read.
//! - Every segment with data is acknowledged at once. Linux begins so, and delays up to 40 ms later.
//! - Any window is filled, however small. Linux sends no more than half of the greatest window in one segment.
//! - No SYN cookies, ECN, urgent data, keep-alives, PAWS, tail loss probes, selective retransmission; at most four gaps in what
//!   arrives out of order.
//! - Segments that are out of place, but for a SYN or a reset, are answered with an acknowledgement once a second of smoltcp's,
//!   not once in half a second of time.
//! - Time-outs are exact: a fresh connection's RTO is 200 ms, where the kernel's timer wheel makes it 204 to 240.
//!
//! The rest, as the mock has it:
//! - A neighbour that is known stays known (Linux asks again some seconds after it was used).
//! - IPv4 options are read over: no recorded routes or time stamps come back. Time stamp requests are not answered.
//! - ICMP errors are not limited in number (the harness switches the kernel's limits off, too), and nothing is learnt from
//!   redirects, router advertisements and "too big": there are no gateways and no path MTU.
//! - No IGMP, MLD, duplicate address detection, link-local addresses, forwarding. Of the multicast groups only 224.0.0.1,
//!   ff02::1 and the solicited-node groups are joined.
//! - `connect` to port 0 gives ENETUNREACH at once.

mod arp;
pub(crate) mod checksum;
mod config;
mod ethernet;
mod icmp;
mod icmp_error;
mod ipv4;
mod ipv6;
mod link;
mod ndp;
mod neighbour;
mod packet;
mod ping;
mod ports;
mod random;
mod raw_socket;
mod reassembly;
mod route;
mod stack;
mod tcp;
mod tcp_stream;
mod udp;
mod udp_socket;

pub use config::{HostConfig, LinkConfig};
pub use ping::{PingAnswer, PingSocket};
pub use raw_socket::RawSocket;
pub use tcp_stream::{TcpListener, TcpStream};
pub use udp_socket::UdpSocket;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::device::FrameRef;
use link::LinkState;
use stack::{Shared, Stack};
use tcp::engine::Engine;

/// A TCP/IP host. Clones are the same host.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::mock::host::{HostConfig, LinkConfig, MockHost};
///
/// let host = MockHost::new(HostConfig::new().seed(7));
/// let link = host.add_link(LinkConfig::tun().address("192.0.2.1/24".parse()?));
/// assert_eq!(link.poll(Duration::ZERO, &mut |_| unreachable!()), None, "nothing to do, ever");
/// # Ok::<(), tuntap_test::device::AddressError>(())
/// ```
#[derive(Clone)]
pub struct MockHost {
    shared: Arc<Shared>,
}

impl MockHost {
    /// A host without links.
    #[must_use]
    pub fn new(config: HostConfig) -> Self {
        Self { shared: Arc::new(Shared::new(Stack::new(&config))) }
    }

    /// Gives the host a link. It is up.
    #[must_use]
    pub fn add_link(&self, config: LinkConfig) -> HostLink {
        let mut stack = self.shared.lock();
        let seed = stack.random.next();
        stack.links.push(LinkState::new(config, seed));
        HostLink { shared: Arc::clone(&self.shared), index: stack.links.len() - 1 }
    }

    /// A number that rises with everything that a socket's waiter may want to know: it tries, and if that would block
    /// waits until the number is another than before the try.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation()
    }

    /// Lets the host take no frame, for a test that plays it through a link's host end (or, with false, take them again).
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// use tuntap_test::prelude::*;
    /// # let mut context = TestContext::new(Backend::Mock, "silent")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    /// tun.stack().mock_host().unwrap().set_silent(true);
    /// tun.send(Icmpv4::echo_request(7, 1));
    /// tun.expect_nothing_else();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_silent(&self, yes: bool) {
        self.shared.silent.store(yes, Ordering::Relaxed);
    }

    /// Sets what is called each time that [`generation`](Self::generation) rose, on the thread that made it rise. The
    /// host is not locked meanwhile. The first function stays; gives false for a later one.
    pub fn on_change(&self, function: impl Fn() + Send + Sync + 'static) -> bool {
        self.shared.set_on_change(Box::new(function))
    }

    /// A UDP socket on that address; port 0 stands for a free one of 32,768 to 60,999.
    ///
    /// # Errors
    /// EADDRNOTAVAIL when the host has no such address; EADDRINUSE when a socket has it.
    pub fn udp_bind(&self, at: SocketAddr) -> io::Result<UdpSocket> {
        UdpSocket::bind(&self.shared, at)
    }

    /// A TCP listener on that address; port 0 stands for a free one of 32,768 to 60,999.
    ///
    /// # Errors
    /// EADDRNOTAVAIL when the host has no such address; EADDRINUSE when a listener has it.
    pub fn tcp_listen(&self, at: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(&self.shared, at)
    }

    /// Begins to open a TCP connection; [`TcpStream::try_connected`] tells what became of it.
    ///
    /// # Errors
    /// ENETUNREACH without a route; EADDRNOTAVAIL when no port is free.
    pub fn tcp_connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(&self.shared, to)
    }

    /// A socket for echo requests with that identifier; 0 stands for a free one.
    ///
    /// # Errors
    /// EADDRINUSE when a socket has the identifier.
    pub fn ping(&self, identifier: u16) -> io::Result<PingSocket> {
        PingSocket::open(&self.shared, identifier)
    }

    /// As [`ping`](Self::ping) with a free identifier, of that address's family: bound to it, or to all with 0.0.0.0 or `::`.
    pub(crate) fn ping_at(&self, at: IpAddr) -> io::Result<PingSocket> {
        PingSocket::open_at(&self.shared, at)
    }

    /// A socket for the payloads of an IP protocol, on an address of the host's or, with 0.0.0.0 or `::`, on all of that
    /// family.
    ///
    /// # Errors
    /// EADDRNOTAVAIL when the host has no such address; EPROTONOSUPPORT for protocol 0.
    pub fn raw(&self, at: IpAddr, protocol: u8) -> io::Result<RawSocket> {
        RawSocket::open(&self.shared, at, protocol)
    }
}

impl std::fmt::Debug for MockHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MockHost({} links)", self.shared.lock().links.len())
    }
}

/// A link of a [`MockHost`]: where its frames come in and go out. Clones are the same link.
#[derive(Clone)]
pub struct HostLink {
    shared: Arc<Shared>,
    index: usize,
}

impl HostLink {
    /// Takes a frame (any octets) at `now`, and gives to `out` what leaves over this link. The host is not locked while
    /// `out` runs. A frame of the other mode is dropped.
    pub fn receive(&self, frame: FrameRef<'_>, now: Duration, out: &mut dyn FnMut(&[u8])) {
        let frames = {
            let mut stack = self.shared.lock();
            stack.advance(now);
            stack.work();
            let wanted = !self.shared.silent.load(Ordering::Relaxed);
            if wanted && stack.links.get(self.index).is_some_and(|link| link.mode == frame.mode) {
                stack.receive_frame(self.index, frame.octets);
            }
            stack.work();
            stack.changed = false;
            stack.links.get_mut(self.index).map(LinkState::take).unwrap_or_default()
        };
        for frame in frames {
            out(&frame);
        }
        // Who is told may poll at once: what leaves then comes after these.
        self.shared.notify();
    }

    /// Does all that is due at `now`, of the whole host, and gives to `out` what leaves over this link. Gives the
    /// instant at which there is something to do next, if no frame and no call comes before: one that has passed
    /// when another link of the host has frames to send.
    pub fn poll(&self, now: Duration, out: &mut dyn FnMut(&[u8])) -> Option<Duration> {
        let (frames, next, changed) = {
            let mut stack = self.shared.lock();
            stack.advance(now);
            stack.work();
            let frames = stack.links.get_mut(self.index).map(LinkState::take).unwrap_or_default();
            (frames, stack.next(), std::mem::take(&mut stack.changed))
        };
        for frame in frames {
            out(&frame);
        }
        if changed {
            self.shared.notify();
        }
        next
    }

    /// Sets the link up or down. While it is down nothing comes in or goes out, and there is no route over it. Up, it has
    /// its addresses again, those of IPv6 too.
    pub fn set_up(&self, up: bool) {
        self.shared.change(|stack| {
            if let Some(link) = stack.links.get_mut(self.index) {
                link.up = up;
                link.ipv6_ended &= !up;
            }
        });
    }

    /// Sets the MTU, clamped as in [`LinkConfig::mtu`]. Below 1280 octets IPv6 ends on the link, and begins again with
    /// [`set_up`](Self::set_up) only: Linux drops the addresses.
    pub fn set_mtu(&self, octets: usize) {
        self.shared.change(|stack| {
            let seed = stack.random.next();
            if let Some(link) = stack.links.get_mut(self.index) {
                link.mtu = config::clamp_mtu(octets);
                link.ipv6_ended |= link.mtu < route::LEAST_IPV6_MTU;
                link.engine = Engine::new(link.mtu, seed);
                stack.tcp_mtu_changed(self.index);
            }
        });
    }

    /// The host that it is a link of.
    #[must_use]
    pub fn host(&self) -> MockHost {
        MockHost { shared: Arc::clone(&self.shared) }
    }
}

impl std::fmt::Debug for HostLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostLink({})", self.index)
    }
}
