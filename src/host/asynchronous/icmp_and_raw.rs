//! Ping sockets and raw sockets for tasks.

use std::io;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::wait::{Call, Owner, Waits};
use crate::host::wait::Waiting;
use crate::host::{PingAnswer, PingReply, PingSocket, RawDatagram, RawSocket, ping, raw};

/// A [`PingSocket`] whose waits are futures, made by [`AsyncHost::ping_socket`](crate::AsyncHost::ping_socket). Clones are
/// the same socket.
///
/// It dereferences to the [`PingSocket`]: what does not wait stands there.
#[derive(Clone, Debug)]
pub struct AsyncPingSocket {
    socket: PingSocket,
}

impl PingSocket {
    /// The same socket for tasks.
    #[must_use]
    pub fn as_async(&self) -> AsyncPingSocket {
        AsyncPingSocket { socket: self.clone() }
    }
}

impl Waits for PingSocket {
    fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    fn owner(&self) -> Option<Owner> {
        match &self.inner {
            ping::Inner::Mock(_) => None,
            #[cfg(target_os = "linux")]
            ping::Inner::Kernel(socket) => Some(Owner::Ip(Arc::clone(socket))),
        }
    }
}

impl AsyncPingSocket {
    /// As [`PingSocket::send_to`].
    ///
    /// # Errors
    /// As [`PingSocket::send_to`].
    pub async fn send_to(&self, to: impl Into<IpAddr>, sequence: u16, payload: &[u8]) -> io::Result<()> {
        let (socket, to) = (&self.socket, to.into());
        Call::write("send_to").until(socket, || socket.try_send_to(to, sequence, payload)).await
    }

    /// As [`PingSocket::receive`].
    ///
    /// # Errors
    /// As [`PingSocket::receive`].
    pub async fn receive(&self) -> io::Result<PingAnswer> {
        let socket = &self.socket;
        Call::read("receive").until(socket, || socket.try_receive()).await
    }

    /// One request and its answer.
    pub(crate) async fn ping(&self, to: IpAddr) -> io::Result<PingReply> {
        let began = self.socket.now();
        self.send_to(to, 1, &ping::data()).await?;
        let answer = self.receive().await?;
        self.socket.reply(answer, began)
    }
}

impl Deref for AsyncPingSocket {
    type Target = PingSocket;

    fn deref(&self) -> &PingSocket {
        &self.socket
    }
}

/// A [`RawSocket`] whose waits are futures, made by [`AsyncHost::raw`](crate::AsyncHost::raw). Clones are the same socket.
///
/// It dereferences to the [`RawSocket`]: what does not wait stands there.
///
/// ```
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// #[tokio::test]
/// async fn speaks_gre(tun: Tun, host: Host) -> std::io::Result<()> {
///     let gre = host.as_async().raw(tun.host_v4(), 47)?;
///     gre.send_to(b"\0\0\x08\0", tun.peer_v4()).await?;
///     tun.as_async().expect(Ipv4::new().protocol(47) / b"\0\0\x08\0").await;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AsyncRawSocket {
    socket: RawSocket,
}

impl RawSocket {
    /// The same socket for tasks.
    #[must_use]
    pub fn as_async(&self) -> AsyncRawSocket {
        AsyncRawSocket { socket: self.clone() }
    }
}

impl Waits for RawSocket {
    fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    fn owner(&self) -> Option<Owner> {
        match &self.inner {
            raw::Inner::Mock(_) => None,
            #[cfg(target_os = "linux")]
            raw::Inner::Kernel(socket) => Some(Owner::Ip(Arc::clone(socket))),
        }
    }
}

impl AsyncRawSocket {
    /// As [`RawSocket::send_to`].
    ///
    /// # Errors
    /// As [`RawSocket::send_to`].
    pub async fn send_to(&self, payload: &[u8], to: impl Into<IpAddr>) -> io::Result<usize> {
        let (socket, to) = (&self.socket, to.into());
        Call::write("send_to").until(socket, || socket.try_send_to(payload, to)).await
    }

    /// As [`RawSocket::recv_from`].
    ///
    /// # Errors
    /// As [`RawSocket::recv_from`].
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<RawDatagram> {
        let socket = &self.socket;
        Call::read("recv_from").until(socket, || socket.try_recv_from(buffer)).await
    }
}

impl Deref for AsyncRawSocket {
    type Target = RawSocket;

    fn deref(&self) -> &RawSocket {
        &self.socket
    }
}
