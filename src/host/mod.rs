//! Sockets of the host end, one interface on both backends: what stands at the far end of a link from the device.
//!
//! Layer: above [`mock`](crate::mock) and `kernel`, below [`context`](crate::context), whose [`Host`](crate::Host) makes
//! them. Feature `host`.
//!
//! ```text
//!  test  ──►  Host  ──►  UdpSocket · TcpListener · TcpStream · PingSocket · RawSocket
//!                             │ mock: sockets of the mock host, waits on the virtual clock
//!                             └ kernel: sockets of the kernel in the test's namespace, waits by ppoll(2)
//! ```
//!
//! They have the shape of `std::net`, and its errors: an [`std::io::Error`] with the errno that Linux gives. What differs is
//! that nothing waits for ever: a call that would block waits for 10 s (times `TUNTAP_TEST_TIMEOUT_SCALE`), or as long as
//! `set_timeout` says: `Deadline::Now` gives EAGAIN at once, and only `Deadline::Never` waits for ever. When that time is over the error is `TimedOut`, has no errno
//! and says which socket waited for what; ETIMEDOUT, of a peer that does not answer, has its errno.
//!
//! Clones of a socket are the same socket; it is closed with the last.
//!
//! On the mock a thread counts for the virtual time from its first use of a socket on, as with any other end of a link (see
//! [`device::Clock`](crate::device::Clock)): a server that waits in `accept` lets the time pass for the others.
//!
//! ```
//! use std::io::Write;
//! use tuntap_test::prelude::*;
//!
//! /// The code under test holds the device; a server of the host's is what it speaks to.
//! #[tuntap_test]
//! fn greets(tun: Tun, host: Host) -> std::io::Result<()> {
//!     let listener = host.tcp_listen((tun.host_v4(), 80))?;
//!     let mut flow = tun.tcp_flow(40_000, 80);
//!     tun.send(flow.syn());
//!     tun.expect(flow.reply().syn_ack());
//!     tun.send(flow.ack());
//!     let (mut server, from) = listener.accept()?;
//!     assert_eq!(from, (tun.peer_v4(), 40_000).into());
//!     server.write_all(b"hello")?;
//!     tun.expect(flow.reply().data(b"hello"));
//!     Ok(())
//! }
//! ```

#[cfg(feature = "tokio")]
pub mod asynchronous;
mod ping;
mod raw;
mod tcp;
mod udp;
mod wait;

pub use ping::{PingAnswer, PingReply, PingSocket, Unreachable};
pub use raw::{RawDatagram, RawSocket};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;

#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncPingSocket, AsyncRawSocket, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket};

pub(crate) use wait::Place;
