//! What a program does with a connection: connect, read, write, shut down, close.

use std::net::{Shutdown, SocketAddr};

use smoltcp::socket::tcp::{RecvError, State};

use super::super::ports;
use super::super::route::{not_unspecified, unmapped};
use super::super::stack::Stack;
use super::connection::{Connection, Owner};
use crate::errno::Errno;

/// Whether a connection stands.
pub(in crate::mock::host) enum Progress {
    Opening,
    Open,
    Failed(Errno),
}

impl Stack {
    /// Begins to open a connection: the SYN leaves when time goes on.
    pub(in crate::mock::host) fn connect_tcp(&mut self, to: SocketAddr) -> Result<u64, Errno> {
        let to = SocketAddr::new(not_unspecified(unmapped(to.ip())), to.port());
        if to.port() == 0 || to.ip().is_multicast() || self.is_broadcast(to.ip()) {
            return Err(Errno::NetworkUnreachable);
        }
        let way = self.way_to(to.ip(), None)?;
        let source = self.source_for(to.ip(), way).ok_or(Errno::NetworkUnreachable)?;
        let place = self.random.next_u16();
        let taken = |port: u16| {
            let local = SocketAddr::new(source, port);
            self.tcp.connections.values().any(|connection| connection.local.port() == port)
                || self.tcp.time_waits.contains_key(&(local, to))
                || self.listener_of(local).is_some()
        };
        let port = ports::ephemeral(place, taken).ok_or(Errno::AddressNotAvailable)?;
        let local = SocketAddr::new(source, port);
        let engine = self.engine(way).ok_or(Errno::NetworkUnreachable)?;
        let connection = Connection::connecting(local, to, way, engine).ok_or(Errno::AddressNotAvailable)?;
        let number = self.socket_number();
        self.tcp.insert(number, connection);
        self.tcp.ready.insert(number);
        Ok(number)
    }

    fn connection(&mut self, number: u64) -> Result<&mut Connection, Errno> {
        self.tcp.connections.get_mut(&number).ok_or(Errno::NotConnected)
    }

    /// Whether the connection stands; an error is told once.
    pub(in crate::mock::host) fn progress_of_tcp(&mut self, number: u64) -> Progress {
        let Ok(connection) = self.connection(number) else { return Progress::Failed(Errno::NotConnected) };
        match (connection.error.take(), connection.state()) {
            (Some(errno), _) => Progress::Failed(errno),
            (None, State::SynSent | State::SynReceived) => Progress::Opening,
            (None, State::Closed) if connection.dead => Progress::Failed(Errno::NotConnected),
            _ => Progress::Open,
        }
    }

    /// Own address and peer's.
    pub(in crate::mock::host) fn addresses_of_tcp(&self, number: u64) -> Option<(SocketAddr, SocketAddr)> {
        let connection = self.tcp.connections.get(&number)?;
        Some((connection.local, connection.remote))
    }

    /// Reads what is there; 0 is the end.
    pub(in crate::mock::host) fn read_tcp(
        &mut self,
        number: u64,
        buffer: &mut [u8],
        peek: bool,
    ) -> Result<usize, Errno> {
        let connection = self.connection(number)?;
        if buffer.is_empty() {
            return Ok(0);
        }
        let state = connection.state();
        let socket = connection.socket_mut();
        let read = match peek {
            // smoltcp gives what lies in one piece.
            true => socket.peek(buffer.len()).map(|octets| super::super::udp_socket::copy(octets, buffer)),
            false => socket.recv_slice(buffer),
        };
        let result = match read {
            Ok(octets) if octets > 0 => Ok(octets),
            // The peer has said that this was all.
            Err(RecvError::Finished) => Ok(0),
            _ => match (connection.error.take(), state) {
                (Some(errno), _) => Err(errno),
                (None, State::Closed) => Ok(0),
                (None, _) if connection.reading_is_over => Ok(0),
                (None, _) => Err(Errno::Again),
            },
        };
        if result.as_ref().is_ok_and(|octets| *octets > 0) && !peek {
            // The window may have opened.
            self.tcp.ready.insert(number);
        }
        result
    }

    /// Writes what fits.
    pub(in crate::mock::host) fn write_tcp(&mut self, number: u64, octets: &[u8]) -> Result<usize, Errno> {
        let connection = self.connection(number)?;
        if let Some(errno) = connection.error.take() {
            return Err(errno);
        }
        match connection.state() {
            State::SynSent | State::SynReceived => return Err(Errno::Again),
            State::Established | State::CloseWait => {}
            _ => return Err(Errno::BrokenPipe),
        }
        let written = connection.socket_mut().send_slice(octets).map_err(|_| Errno::BrokenPipe)?;
        if written == 0 && !octets.is_empty() {
            return Err(Errno::Again);
        }
        self.tcp.ready.insert(number);
        Ok(written)
    }

    pub(in crate::mock::host) fn shut_down_tcp(&mut self, number: u64, how: Shutdown) -> Result<(), Errno> {
        let connection = self.connection(number)?;
        match connection.state() {
            State::Closed | State::TimeWait | State::SynSent | State::Listen => return Err(Errno::NotConnected),
            _ => {}
        }
        connection.reading_is_over |= how != Shutdown::Write;
        if how != Shutdown::Read {
            connection.socket_mut().close();
            self.tcp.ready.insert(number);
        }
        Ok(())
    }

    pub(in crate::mock::host) fn set_no_delay(&mut self, number: u64, yes: bool) -> Result<(), Errno> {
        self.connection(number)?.no_delay = yes;
        self.tcp.ready.insert(number);
        Ok(())
    }

    pub(in crate::mock::host) fn take_tcp_error(&mut self, number: u64) -> Result<Option<Errno>, Errno> {
        Ok(self.connection(number)?.error.take())
    }

    /// The last handle is gone: says good-bye, or resets where something was not read.
    pub(in crate::mock::host) fn close_tcp(&mut self, number: u64) {
        let Ok(connection) = self.connection(number) else { return };
        let state = connection.state();
        if connection.is_over() || state == State::SynSent {
            self.tcp.remove(number);
            return;
        }
        if connection.socket().can_recv() {
            return self.abort_tcp(number);
        }
        connection.owner = Owner::Orphan;
        connection.socket_mut().close();
        self.tcp.ready.insert(number);
        self.settle(number);
    }

    /// Resets a connection.
    pub(super) fn abort_tcp(&mut self, number: u64) {
        let Ok(connection) = self.connection(number) else { return };
        if connection.is_over() {
            self.tcp.remove(number);
            return;
        }
        connection.owner = Owner::Orphan;
        connection.socket_mut().abort();
        self.tcp.ready.insert(number);
    }
}
