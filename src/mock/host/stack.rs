//! The inside of a host: one lock around links, sockets and timers. Frames come in on top, and leave at the bottom.
//!
//! ```text
//!  HostLink::receive ─► ethernet ─► ipv4 · ipv6 ─► deliver ─► icmp · udp · tcp ─► queues of the sockets
//!                         │ arp        │ reassembly                │ errors, echo replies, resets
//!  HostLink::poll ◄─── outbox ◄──── neighbour ◄── transmit ◄── send ┘◄── sockets
//! ```

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::config::HostConfig;
use super::icmp_error::Report;
use super::link::LinkState;
use super::packet::{Outgoing, Received, protocol};
use super::ping::PingTable;
use super::random::Random;
use super::raw_socket::RawTable;
use super::reassembly::Reassembly;
use super::route::Way;
use super::tcp::TcpTable;
use super::tcp::engine::Engine;
use super::udp::UdpTable;
use crate::errno::Errno;

/// How many packets the host sends to itself before it looks up: two sockets of one host could go on for ever.
const MOST_LOOPS: usize = 100_000;

/// The longest packet that there is: the MTU of the host's way to itself, as of Linux's `lo`.
const LOOPBACK_MTU: usize = 65_535;

pub(super) struct Stack {
    /// The latest instant that anybody spoke of.
    pub(super) now: Duration,
    pub(super) seed: u64,
    pub(super) hop_limit: u8,
    pub(super) random: Random,
    pub(super) identification: u16,
    pub(super) links: Vec<LinkState>,
    /// Packets to the host itself.
    looping: VecDeque<Vec<u8>>,
    pub(super) loopback: Engine,
    pub(super) reassembly: Reassembly,
    pub(super) udp: UdpTable,
    pub(super) tcp: TcpTable,
    pub(super) ping: PingTable,
    pub(super) raw: RawTable,
    next_socket: u64,
    /// Something happened that a waiting socket may want to know.
    pub(super) changed: bool,
}

impl Stack {
    pub(super) fn new(config: &HostConfig) -> Self {
        let mut random = Random::new(config.seed);
        let (identification, tcp) = (random.next_u16(), TcpTable::new(&mut random));
        let loopback = Engine::new(LOOPBACK_MTU, random.next());
        Self {
            now: Duration::ZERO,
            seed: config.seed,
            hop_limit: config.hop_limit,
            random,
            identification,
            links: Vec::new(),
            looping: VecDeque::new(),
            loopback,
            reassembly: Reassembly::default(),
            udp: UdpTable::default(),
            tcp,
            ping: PingTable::default(),
            raw: RawTable::default(),
            next_socket: 0,
            changed: false,
        }
    }

    /// A number for a socket; it is never given again.
    pub(super) fn socket_number(&mut self) -> u64 {
        self.next_socket += 1;
        self.next_socket
    }

    /// Time does not go back: an instant before the last counts as the last.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// Does all that is due.
    pub(super) fn work(&mut self) {
        for expired in self.reassembly.expire(self.now) {
            self.reassembly_failed(expired.first.as_deref());
        }
        self.poll_tcp();
        for _ in 0..MOST_LOOPS {
            let Some(packet) = self.looping.pop_front() else { break };
            self.changed = true;
            match packet.first().map(|octet| octet >> 4) {
                Some(4) => self.receive_ipv4(&packet, None, false),
                _ => self.receive_ipv6(&packet, None, false),
            }
        }
        self.ask_neighbours();
    }

    /// When there is something to do next; an instant that has passed means at once.
    pub(super) fn next(&self) -> Option<Duration> {
        let waiting = !self.looping.is_empty() || self.links.iter().any(|link| !link.outbox.is_empty());
        let neighbours = self.links.iter().filter_map(|link| link.neighbours.next()).min();
        let at_once = waiting.then_some(self.now);
        [at_once, neighbours, self.reassembly.next(), self.next_tcp()].into_iter().flatten().min()
    }

    /// Gives a whole packet to who it is for.
    pub(super) fn deliver(&mut self, received: &Received<'_>) {
        let is_v4 = received.source.is_ipv4();
        let taken = self.receive_raw(received);
        match (received.protocol, is_v4) {
            (protocol::UDP, _) => self.receive_udp(received),
            (protocol::TCP, _) => self.receive_tcp(received),
            (protocol::ICMPV4, true) => self.receive_icmpv4(received),
            (protocol::ICMPV6, false) => self.receive_icmpv6(received),
            // Known to the kernel, and of no interest to anybody here.
            (protocol::IGMP, true) | (protocol::UDP_LITE, _) => {}
            _ if taken => {}
            (_, true) => self.report(received, Report::ProtocolUnreachable),
            (_, false) => {
                let at = u32::try_from(received.protocol_at).unwrap_or(0);
                self.report(received, Report::ParameterProblem { code: 1, at });
            }
        }
    }

    /// The longest packet that goes that way.
    pub(super) fn mtu_of(&self, way: Way) -> usize {
        match way {
            Way::Loopback => LOOPBACK_MTU,
            Way::Link(link) => self.links.get(link).map_or(LOOPBACK_MTU, |link| link.mtu),
        }
    }

    /// Sends a packet on its way; it leaves at the next [`HostLink::poll`](super::HostLink::poll), or with the end of
    /// the present call.
    pub(super) fn send(&mut self, outgoing: &Outgoing<'_>) -> Result<(), Errno> {
        let way = self.way_to(outgoing.destination, Some(outgoing.source))?;
        let mtu = self.mtu_of(way);
        let packets = match outgoing.destination {
            IpAddr::V4(_) => self.build_ipv4(outgoing, mtu),
            IpAddr::V6(_) => self.build_ipv6(outgoing, mtu),
        };
        for packet in packets {
            match way {
                Way::Loopback => self.looping.push_back(packet),
                Way::Link(link) => self.transmit(link, outgoing.destination, packet),
            }
        }
        Ok(())
    }

    fn reassembly_failed(&mut self, first: Option<&[u8]>) {
        // Whose first fragment did not come is not told.
        let received = first.and_then(super::icmp_error::fragment);
        if let Some(received) = received.filter(|received| self.owns(received.destination)) {
            self.report(&received, Report::ReassemblyTimeExceeded);
        }
    }
}

/// What all handles of one host share.
pub(super) struct Shared {
    stack: Mutex<Stack>,
    generation: AtomicU64,
    /// Frames are not for this host, but for who plays it.
    pub(super) silent: AtomicBool,
    on_change: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Shared {
    pub(super) fn new(stack: Stack) -> Self {
        Self {
            stack: Mutex::new(stack),
            generation: AtomicU64::new(0),
            silent: AtomicBool::new(false),
            on_change: OnceLock::new(),
        }
    }

    /// The lock, for a look. Nothing panics while it is held, so that poison means nothing.
    pub(super) fn lock(&self) -> MutexGuard<'_, Stack> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the stack that others may wait for, and tells them.
    pub(super) fn change<T>(&self, act: impl FnOnce(&mut Stack) -> T) -> T {
        let result = act(&mut self.lock());
        self.notify();
        result
    }

    /// As [`change`](Self::change), but what gave EAGAIN has changed nothing: who waits tries it over and over, and telling
    /// him of it would make him try again.
    pub(super) fn attempt<T>(&self, act: impl FnOnce(&mut Stack) -> Result<T, Errno>) -> Result<T, Errno> {
        let result = act(&mut self.lock());
        if !matches!(result, Err(Errno::Again)) {
            self.notify();
        }
        result
    }

    pub(super) fn notify(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        if let Some(on_change) = self.on_change.get() {
            on_change();
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn set_on_change(&self, on_change: Box<dyn Fn() + Send + Sync>) -> bool {
        self.on_change.set(on_change).is_ok()
    }
}
