//! The host end's sockets for tasks: whoever awaits one lets its runtime go on meanwhile.
//!
//! Layer: `host`, feature `tokio`. [`Host::as_async`](crate::Host::as_async) makes them, and `as_async` of a blocking
//! socket gives a view of that socket.
//!
//! ```text
//!  task  ──►  AsyncUdpSocket · AsyncTcpListener · AsyncTcpStream · AsyncPingSocket · AsyncRawSocket
//!                  │ mock: looks, does what is due on the test's clock, and leaves its waker there; a timer of tokio's
//!                  │       for what is due next
//!                  └ kernel: AsyncFd over the same descriptors, which do not block
//! ```
//!
//! ```
//! use tokio::io::AsyncWriteExt;
//! use tuntap_test::prelude::*;
//!
//! #[tuntap_test]
//! #[tokio::test]
//! async fn greets(tun: Tun, host: Host) -> std::io::Result<()> {
//!     let listener = host.as_async().tcp_listen((tun.host_v4(), 80))?;
//!     let server = tokio::spawn(async move { listener.accept().await?.0.write_all(b"hello").await });
//!     let (mut flow, tun) = (tun.tcp_flow(40_000, 80), tun.as_async());
//!     tun.send(flow.syn());
//!     tun.expect(flow.reply().syn_ack()).await;
//!     tun.send(flow.ack());
//!     tun.expect(flow.reply().data(b"hello")).await;
//!     server.await.unwrap()
//! }
//! ```
//!
//! Errors and deadlines are those of the sockets that block: nothing waits longer than 10 s (times
//! `TUNTAP_TEST_TIMEOUT_SCALE`) unless `set_timeout` says so. What does not wait for anything (`connect` of a UDP socket,
//! `shutdown`, addresses, options) is no future: all of these dereference to the socket that blocks, where it stands.
//!
//! # Dropped before it is done
//! A future takes what it gives, a datagram, octets, a connection, in the very poll in which it gives it: dropped before
//! (`tokio::time::timeout`, `select!`, an aborted task) it has taken nothing. A `tcp_connect` that is dropped ends the
//! attempt.
//!
//! # Clocks
//! Deadlines stand on tokio's clock, and on the mock all else as well: the test's clock follows it from the first
//! await on. A paused clock (`start_paused`) jumps to what is due next when all tasks wait, so that a minute of back-off takes
//! no real time; one that runs takes its time. On the kernel only the deadlines jump; one that was jumped to waits at most
//! 100 ms of real time for the kernel.
//!
//! # Runtimes
//! Any of tokio's with its timer and, on the kernel backend, its I/O driver enabled, as `#[tokio::test]` does; else the
//! first await panics. A socket of the kernel's belongs to the runtime in which it was awaited first.

mod icmp_and_raw;
mod tcp;
mod udp;
mod wait;

pub use icmp_and_raw::{AsyncPingSocket, AsyncRawSocket};
pub use tcp::{AsyncTcpListener, AsyncTcpStream};
pub use udp::AsyncUdpSocket;

pub(super) use wait::Tasks;
