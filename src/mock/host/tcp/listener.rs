//! Listeners: the two queues behind `listen(2)`, of connections that are being opened and of those that wait for `accept`.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::super::ports;
use super::super::route::{Way, mapped, unmapped};
use super::super::stack::Stack;
use super::Tuple;
use super::connection::{Connection, Owner};
use super::segment::Segment;
use crate::errno::Errno;

/// `net.core.somaxconn`, which `std::net::TcpListener` asks for.
const BACKLOG: usize = 4096;

pub(super) struct Listener {
    local: SocketAddr,
    is_v6: bool,
    backlog: usize,
    /// Handshakes that are not done yet.
    embryos: usize,
    /// Connections that wait to be accepted.
    waiting: VecDeque<u64>,
}

impl Listener {
    /// Linux takes one more than it was told.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() > self.backlog
    }
}

impl Stack {
    /// The listener for an address: one on exactly it before one on all.
    pub(super) fn listener_of(&self, to: SocketAddr) -> Option<u64> {
        let fits = |listener: &Listener| {
            let any = listener.local.ip().is_unspecified() && (listener.local.is_ipv6() || to.is_ipv4());
            listener.local.port() == to.port() && (any || listener.local.ip() == to.ip())
        };
        let fitting = self.tcp.listeners.iter().filter(|(_, listener)| fits(listener));
        fitting.min_by_key(|(_, listener)| listener.local.ip() != to.ip()).map(|(number, _)| *number)
    }

    /// A SYN for a listener: begins a connection, or is dropped where a queue is full.
    pub(super) fn receive_syn(&mut self, number: u64, tuple: Tuple, segment: &Segment<'_>, link: Option<usize>) {
        let (local, remote) = tuple;
        let Some(listener) = self.tcp.listeners.get(&number) else { return };
        let Some(way) = link.map_or(Some(Way::Loopback), |_| self.way_to(remote.ip(), Some(local.ip())).ok()) else {
            return;
        };
        if listener.is_full() || listener.embryos > listener.backlog || remote.port() == 0 {
            return;
        }
        let timestamps = segment.options.timestamps.is_some();
        let Some(engine) = self.engine(way) else { return };
        let Some(connection) = Connection::listening(local, remote, way, number, engine, timestamps) else { return };
        if let Some(listener) = self.tcp.listeners.get_mut(&number) {
            listener.embryos += 1;
        }
        let number = self.socket_number();
        self.tcp.insert(number, connection);
        self.run_tcp(number, Some(segment));
        self.settle(number);
    }

    pub(super) fn embryo_is_gone(&mut self, listener: u64) {
        if let Some(listener) = self.tcp.listeners.get_mut(&listener) {
            listener.embryos = listener.embryos.saturating_sub(1);
        }
    }

    pub(super) fn embryo_is_born(&mut self, listener: u64, number: u64) {
        self.embryo_is_gone(listener);
        match self.tcp.listeners.get_mut(&listener) {
            Some(listener) => listener.waiting.push_back(number),
            None => self.abort_tcp(number),
        }
    }

    /// `bind` and `listen`, with `SO_REUSEADDR` as std sets it: connections on the port do not matter, listeners do.
    pub(in crate::mock::host) fn listen_tcp(&mut self, at: SocketAddr) -> Result<u64, Errno> {
        let (is_v6, mut local) = (at.is_ipv6(), SocketAddr::new(unmapped(at.ip()), at.port()));
        self.check_bindable(local.ip(), false)?;
        let place = self.random.next_u16();
        let taken = |at: SocketAddr| self.tcp.listeners.values().any(|listener| ports::conflict(at, listener.local));
        if local.port() == 0 {
            let in_use = |port| self.tcp.connections.values().any(|connection| connection.local.port() == port);
            let is_taken = |port| taken(SocketAddr::new(local.ip(), port)) || in_use(port);
            let port = ports::ephemeral(place, is_taken).ok_or(Errno::AddressInUse)?;
            local.set_port(port);
        } else if taken(local) {
            return Err(Errno::AddressInUse);
        }
        let number = self.socket_number();
        let listener = Listener { local, is_v6, backlog: BACKLOG, embryos: 0, waiting: VecDeque::new() };
        self.tcp.listeners.insert(number, listener);
        Ok(number)
    }

    pub(in crate::mock::host) fn set_backlog(&mut self, number: u64, connections: usize) {
        if let Some(listener) = self.tcp.listeners.get_mut(&number) {
            listener.backlog = connections.min(BACKLOG);
        }
    }

    pub(in crate::mock::host) fn listener_address(&self, number: u64) -> Option<SocketAddr> {
        let listener = self.tcp.listeners.get(&number)?;
        Some(SocketAddr::new(mapped(listener.local.ip(), listener.is_v6), listener.local.port()))
    }

    /// The oldest connection that waits.
    pub(in crate::mock::host) fn accept_tcp(&mut self, number: u64) -> Result<u64, Errno> {
        let listener = self.tcp.listeners.get_mut(&number).ok_or(Errno::Invalid)?;
        let accepted = listener.waiting.pop_front().ok_or(Errno::Again)?;
        if let Some(connection) = self.tcp.connections.get_mut(&accepted) {
            connection.owner = Owner::Stream;
        }
        Ok(accepted)
    }

    /// Ends a listener: those that wait are reset, those that are being opened are forgotten.
    pub(in crate::mock::host) fn close_listener(&mut self, number: u64) {
        let Some(listener) = self.tcp.listeners.remove(&number) else { return };
        for waiting in listener.waiting {
            self.abort_tcp(waiting);
        }
        let embryos = self.tcp.connections.iter().filter(|(_, other)| other.owner == Owner::Embryonic(number));
        let embryos: Vec<u64> = embryos.map(|(number, _)| *number).collect();
        for embryo in embryos {
            self.tcp.remove(embryo);
        }
    }
}
