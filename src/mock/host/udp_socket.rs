//! A UDP socket of the host's, in the shape of `std::net::UdpSocket`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::stack::{Shared, Stack};
use super::udp::UdpState;
use crate::errno::Errno;

/// A UDP socket of a [`MockHost`](super::MockHost). Clones are the same socket; it is closed with the last.
///
/// No call waits, and what is sent leaves the host with the next [`HostLink::poll`](super::HostLink::poll). The errnos
/// are those of Linux. A socket on `::` takes IPv4 datagrams, too, from addresses such as `::ffff:192.0.2.2`.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::mock::host::{HostConfig, LinkConfig, MockHost};
///
/// let host = MockHost::new(HostConfig::new());
/// let link = host.add_link(LinkConfig::tun().address("192.0.2.1/24".parse()?));
/// let socket = host.udp_bind("192.0.2.1:5000".parse()?)?;
/// socket.send_to(b"hello", "192.0.2.2:53".parse()?)?;
/// let mut frames = Vec::new();
/// link.poll(Duration::ZERO, &mut |frame| frames.push(frame.to_vec()));
/// assert_eq!(frames[0].len(), 20 + 8 + 5);
/// assert_eq!(socket.recv_from(&mut [0; 99]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct UdpSocket {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.change(|stack| stack.udp.sockets.remove(&self.number));
    }
}

impl UdpSocket {
    pub(super) fn bind(shared: &Arc<Shared>, at: SocketAddr) -> io::Result<Self> {
        let number = shared.lock().bind_udp(at)?;
        Ok(Self { handle: Arc::new(Handle { shared: Arc::clone(shared), number }) })
    }

    fn change<T>(&self, act: impl FnOnce(&mut Stack, u64) -> Result<T, Errno>) -> io::Result<T> {
        Ok(self.handle.shared.attempt(|stack| act(stack, self.handle.number))?)
    }

    fn state<T>(&self, look: impl FnOnce(&mut UdpState) -> Result<T, Errno>) -> io::Result<T> {
        let mut stack = self.handle.shared.lock();
        // It is there as long as a handle is.
        let state = stack.udp.sockets.get_mut(&self.handle.number).ok_or(Errno::Invalid)?;
        Ok(look(state)?)
    }

    /// Sends a datagram, of 65,507 octets at most, on IPv6 65,527. Gives its length.
    ///
    /// # Errors
    /// EMSGSIZE when it is longer; EINVAL for port 0; EAFNOSUPPORT for IPv6 on a socket of IPv4; ENETUNREACH without a route;
    /// EACCES for a broadcast address without [`set_broadcast`](Self::set_broadcast); the errno of an ICMP error that
    /// came about a former one, if the socket is connected.
    pub fn send_to(&self, octets: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.change(|stack, number| stack.send_udp(number, octets, Some(to)))
    }

    /// The oldest datagram, cut to the buffer, and who sent it.
    ///
    /// # Errors
    /// EAGAIN when there is none; the errno of an ICMP error, once.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (from, octets) = self.state(|state| state.receive(false))?;
        Ok((copy(&octets, buffer), from))
    }

    /// As [`recv_from`](Self::recv_from), but the datagram stays.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (from, octets) = self.state(|state| state.receive(true))?;
        Ok((copy(&octets, buffer), from))
    }

    /// Connects: [`send`](Self::send) goes there, only its datagrams are received, and errors about it are told.
    ///
    /// # Errors
    /// EINVAL for port 0; EAFNOSUPPORT for IPv6 on a socket of IPv4; ENETUNREACH without a route; EACCES for a broadcast address.
    pub fn connect(&self, to: SocketAddr) -> io::Result<()> {
        self.change(|stack, number| stack.connect_udp(number, to))
    }

    /// Sends to who the socket is connected to.
    ///
    /// # Errors
    /// EDESTADDRREQ when it is not connected; else as [`send_to`](Self::send_to).
    pub fn send(&self, octets: &[u8]) -> io::Result<usize> {
        self.change(|stack, number| stack.send_udp(number, octets, None))
    }

    /// As [`recv_from`](Self::recv_from), without the address.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_from(buffer)?.0)
    }

    /// The own address.
    ///
    /// # Errors
    /// None that happens: the shape of `std::net`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.state(|state| Ok(state.local()))
    }

    /// Who the socket is connected to.
    ///
    /// # Errors
    /// ENOTCONN.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.state(|state| state.peer().ok_or(Errno::NotConnected))
    }

    /// Allows datagrams to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    /// None that happens.
    pub fn set_broadcast(&self, yes: bool) -> io::Result<()> {
        self.state(|state| {
            state.may_broadcast = yes;
            Ok(())
        })
    }

    /// The TTL or hop limit of what it sends, 1 to 255.
    ///
    /// # Errors
    /// EINVAL for 0.
    pub fn set_ttl(&self, hop_limit: u8) -> io::Result<()> {
        self.state(|state| {
            if hop_limit == 0 {
                return Err(Errno::Invalid);
            }
            state.hop_limit = Some(hop_limit);
            Ok(())
        })
    }

    /// Takes the error that waits (`SO_ERROR`).
    ///
    /// # Errors
    /// None that happens.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.state(|state| Ok(state.take_error().map(io::Error::from)))
    }
}

impl std::fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UdpSocket")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}

/// Copies what fits. Gives how much that was.
pub(super) fn copy(octets: &[u8], buffer: &mut [u8]) -> usize {
    for (to, from) in buffer.iter_mut().zip(octets) {
        *to = *from;
    }
    octets.len().min(buffer.len())
}
