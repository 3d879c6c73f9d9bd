//! The host for tasks: `host.as_async()`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use super::Host;
use crate::device::Deadline;
use crate::host::{AsyncPingSocket, AsyncRawSocket, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, PingReply};

/// A [`Host`] whose sockets do not block: [`Host::as_async`]. Cheap to clone. See
/// [`host::asynchronous`](crate::host::asynchronous).
///
/// It dereferences to the [`Host`]: what does not wait stands there.
///
/// ```
/// use tuntap_test::prelude::*;
///
/// #[tuntap_test]
/// #[tokio::test]
/// async fn pings(tun: Tun, host: Host) -> std::io::Result<()> {
///     let _peer = tun.answer(IcmpEcho::any_address());
///     assert_eq!(host.as_async().ping(tun.peer_v4()).await?.hop_limit, 64);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AsyncHost {
    host: Host,
}

impl AsyncHost {
    pub(super) const fn new(host: Host) -> Self {
        Self { host }
    }

    /// As [`Host::udp_bind`].
    ///
    /// # Errors
    /// As [`Host::udp_bind`].
    pub fn udp_bind(&self, at: impl Into<SocketAddr>) -> io::Result<AsyncUdpSocket> {
        Ok(self.host.udp_bind(at)?.as_async())
    }

    /// As [`Host::tcp_listen`].
    ///
    /// # Errors
    /// As [`Host::tcp_listen`].
    pub fn tcp_listen(&self, at: impl Into<SocketAddr>) -> io::Result<AsyncTcpListener> {
        Ok(self.host.tcp_listen(at)?.as_async())
    }

    /// As [`Host::tcp_connect`]. The SYN leaves with the first poll; dropped before it is done, the attempt is over.
    ///
    /// # Errors
    /// As [`Host::tcp_connect`].
    pub async fn tcp_connect(&self, to: impl Into<SocketAddr>) -> io::Result<AsyncTcpStream> {
        self.tcp_connect_by(to.into(), None).await
    }

    /// As [`Host::tcp_connect_timeout`].
    ///
    /// # Errors
    /// As [`Host::tcp_connect_timeout`].
    pub async fn tcp_connect_timeout(
        &self,
        to: impl Into<SocketAddr>,
        timeout: impl Into<Deadline>,
    ) -> io::Result<AsyncTcpStream> {
        self.tcp_connect_by(to.into(), Some(timeout.into())).await
    }

    async fn tcp_connect_by(&self, to: SocketAddr, timeout: Option<Deadline>) -> io::Result<AsyncTcpStream> {
        if timeout == Some(Deadline::Now) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // The SYN is sent by the time that tasks go by.
        self.host.clock.follow_tokio();
        let stream = self.host.begin_tcp_connect(to)?;
        AsyncTcpStream::opened(stream, timeout).await
    }

    /// As [`Host::ping`].
    ///
    /// # Errors
    /// As [`Host::ping`].
    pub async fn ping(&self, to: impl Into<IpAddr>) -> io::Result<PingReply> {
        let to = to.into();
        let any = match to {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        self.ping_socket(any)?.ping(to).await
    }

    /// As [`Host::ping_socket`].
    ///
    /// # Errors
    /// As [`Host::ping_socket`].
    pub fn ping_socket(&self, at: impl Into<IpAddr>) -> io::Result<AsyncPingSocket> {
        Ok(self.host.ping_socket(at)?.as_async())
    }

    /// As [`Host::raw`].
    ///
    /// # Errors
    /// As [`Host::raw`].
    pub fn raw(&self, at: impl Into<IpAddr>, protocol: u8) -> io::Result<AsyncRawSocket> {
        Ok(self.host.raw(at, protocol)?.as_async())
    }
}

impl Deref for AsyncHost {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}
