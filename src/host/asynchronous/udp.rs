//! UDP sockets for tasks.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::wait::{Call, Owner, Waits};
use crate::host::UdpSocket;
use crate::host::udp::Inner;
use crate::host::wait::Waiting;

/// A [`UdpSocket`] whose waits are futures, made by [`AsyncHost::udp_bind`](crate::AsyncHost::udp_bind). Clones are the
/// same socket.
///
/// It dereferences to the [`UdpSocket`]: what does not wait stands there.
///
/// ```
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// #[tokio::test]
/// async fn answers(tun: Tun, host: Host) -> std::io::Result<()> {
///     let socket = host.as_async().udp_bind((tun.host_v4(), 53))?;
///     tun.send(Udp::new().sport(9).dport(53) / b"who?");
///     let mut buffer = [0; 512];
///     let (length, from) = socket.recv_from(&mut buffer).await?;
///     assert_eq!((&buffer[..length], from), (b"who?".as_slice(), (tun.peer_v4(), 9).into()));
///     socket.send_to(b"me", from).await?;
///     tun.as_async().expect(Udp::new().sport(53).dport(9) / b"me").await;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AsyncUdpSocket {
    socket: UdpSocket,
}

impl UdpSocket {
    /// The same socket for tasks.
    #[must_use]
    pub fn as_async(&self) -> AsyncUdpSocket {
        AsyncUdpSocket { socket: self.clone() }
    }
}

impl Waits for UdpSocket {
    fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    fn owner(&self) -> Option<Owner> {
        match &self.inner {
            Inner::Mock(_) => None,
            #[cfg(target_os = "linux")]
            Inner::Kernel(socket) => Some(Owner::Udp(Arc::clone(socket))),
        }
    }
}

impl AsyncUdpSocket {
    /// As [`UdpSocket::send_to`].
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`].
    pub async fn send_to(&self, octets: &[u8], to: impl Into<SocketAddr>) -> io::Result<usize> {
        let (socket, to) = (&self.socket, to.into());
        Call::write("send_to").until(socket, || socket.try_send_to(octets, to)).await
    }

    /// As [`UdpSocket::recv_from`].
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let socket = &self.socket;
        Call::read("recv_from").until(socket, || socket.try_recv_from(buffer)).await
    }

    /// As [`UdpSocket::peek_from`].
    ///
    /// # Errors
    /// As [`UdpSocket::peek_from`].
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let socket = &self.socket;
        Call::read("peek_from").until(socket, || socket.try_peek_from(buffer)).await
    }

    /// As [`UdpSocket::send`].
    ///
    /// # Errors
    /// As [`UdpSocket::send`].
    pub async fn send(&self, octets: &[u8]) -> io::Result<usize> {
        let socket = &self.socket;
        Call::write("send").until(socket, || socket.try_send(octets)).await
    }

    /// As [`UdpSocket::recv`].
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let socket = &self.socket;
        Call::read("recv").until(socket, || socket.try_recv(buffer)).await
    }
}

impl Deref for AsyncUdpSocket {
    type Target = UdpSocket;

    fn deref(&self) -> &UdpSocket {
        &self.socket
    }
}
