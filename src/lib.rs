//! Throwaway TUN/TAP links for tests: the same body on an in-memory mock, which needs no privileges, and on a device of
//! the kernel in a network namespace that exists for that one test only. As root, or rootless through user namespaces.
//!
//! ```
//! use tuntap_test::prelude::*;
//!
//! /// `host_answers_ping::mock` runs everywhere; `host_answers_ping::kernel` with `-- --ignored ::kernel`.
//! #[tuntap_test]
//! fn host_answers_ping(tun: Tun) {
//!     tun.send(Icmpv4::echo_request(7, 1) / b"hello");
//!     tun.expect(Icmpv4::echo_reply(7, 1) / b"hello");
//!     tun.expect_nothing_else();
//! }
//! ```
//!
//! The [guide](exchange::guide) leads from there to flows, any order, time windows and captures.
//!
//! # Who it is for
//!
//! * **Code that owns the device** (a VPN, a user-space stack, a router): hand it the device end in whatever shape it
//!   takes ([`Exchange::device`](exchange::Exchange::device), `tun.smoltcp()` (feature `smoltcp`), [`std::io::Read`] and [`std::io::Write`] on `&Tun`, [`Tun::into_fd`], [`Tun::hand_over`]),
//!   and drive it from the host end: with sockets, the same on both backends ([`Link::host`]), or with raw frames
//!   ([`Link::host_end`]).
//! * **Code that uses sockets** (ping, DNS or DHCP tools, servers, the kernel itself): play the network through the
//!   device end, by hand ([`send`](exchange::Exchange::send), [`expect`](exchange::Exchange::expect)) or with an answering machine ([`Link::answer`]).
//! * **Code that parses** what a TUN descriptor gives: [`codec`], its strategies (feature `proptest`), its `Arbitrary`
//!   implementations (feature `arbitrary`) and its fuzz targets ([`fuzz::targets`]).
//!
//! Any of them is [fuzzed](fuzz) with the same vocabulary: whole exchanges as scripts, in under ten lines.
//!
//! # The layers
//!
//! A module uses only what stands below it.
//!
//! ```text
//!  tuntap_test (the attribute) ─► context   what a test receives: Tun, Tap, Host, its namespace, its report
//!                                    │
//!      to_test ─► exchange · answer · host   send, expect, account, explain · answering machines · the host's sockets
//!                          │         │
//!      strategy, fuzz ─► packet ── capture  templates: build, match, explain (on etherparse) · pcapng, pcap
//!                          └────┬────┘
//!                         mock    kernel    the two backends; kernel: namespace, device, netlink, obstacles
//!                            └──┬───┘
//!                             device        the Device trait, the one reader of a link, configuration
//!                               │
//!                             codec         packet information: total, no operating system
//! ```
//!
//! `to_test` turns captures into tests, and is public as [`capture::to_test`].
//!
//! # Features
//!
//! * `host` (a default): the mock's far end as a whole TCP/IP host with sockets, [`mock::host`](https://docs.rs/tuntap-test);
//!   brings smoltcp.
//! * `proptest`: strategies for packets and for every codec type, in [`strategy`](https://docs.rs/tuntap-test).
//! * `arbitrary`: `arbitrary::Arbitrary` for every codec type.
//! * `dns`: DNS messages as a layer, `packet::Dns`; brings simple-dns.
//! * `dhcp`: DHCPv4 messages as a layer, `packet::Dhcp`; brings nothing.
//! * `smoltcp`: a link as smoltcp's `phy::Device`, `tun.smoltcp()`, for stacks that are built on smoltcp 0.14; brings it.
//! * `tokio`: the verbs and the host's sockets as futures, `tun.as_async().expect(…).await`, for tests on tokio's runtimes:
//!   `exchange::asynchronous`, `host::asynchronous`.
//!
//! # What it does not do yet
//!
//! Answering machines beyond ICMP echo, kernel devices on macOS and the BSDs.

pub mod answer;
pub mod capture;
pub mod codec;
pub mod context;
pub mod device;
mod errno;
pub mod exchange;
pub mod fault;
pub mod fuzz;
#[cfg(feature = "host")]
pub mod host;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod mock;
pub mod packet;
pub mod shrink;
#[cfg(feature = "proptest")]
pub mod strategy;
mod to_test;

#[cfg(all(feature = "host", feature = "tokio"))]
pub use context::AsyncHost;
#[cfg(feature = "host")]
pub use context::Host;
pub use context::{Link, Stack, Tap, Tun};
pub use etherparse;
#[cfg(target_os = "linux")]
pub use kernel::Namespace;
/// The smoltcp whose `phy::Device` [`SmoltcpDevice`](device::SmoltcpDevice) implements.
#[cfg(feature = "smoltcp")]
pub use smoltcp;
pub use tuntap_test_macros::{test, tuntap_test};

/// What a test file uses: `use tuntap_test::prelude::*`. It never exports the name `test`.
pub mod prelude {
    pub use std::time::Duration;

    pub use crate::answer::IcmpEcho;
    #[cfg(feature = "host")]
    pub use crate::context::Host;
    pub use crate::context::{HostEnd, Stack, Tap, Tun};
    pub use crate::device::{Frame, FrameRef};
    pub use crate::exchange::{
        Established, Expectation, Failure, IntoExpectation, IntoReplay, Monitor, Sniff, TcpFlow, one_of, optional,
        times,
    };
    pub use crate::fuzz::Script;
    pub use crate::packet::tcp_flags;
    pub use crate::packet::{
        Arp, DestinationOptions, Ethernet, Field, Fragment, HopByHop, Icmpv4, Icmpv6, Igmp, IntoPacket, Ipv4, Ipv6,
        Packet, Payload, Routing, Tcp, TcpFlags, Udp, Vlan, octets_such_that, such_that,
    };
    pub use crate::tuntap_test;
}

/// What the attribute's expansion calls: no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::{
        Backend, FromTestContext, TestContext, in_runner, run, run_strict, run_unit, run_unit_should_panic,
        run_unit_strict, run_unit_strict_should_panic, stashed,
    };
    pub use crate::device::{DeviceConfig, PacketInfoMode, Time};
}

/// The README's examples, which must compile.
#[cfg(all(doctest, target_os = "linux"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The attribute's page, whose examples use this crate and so cannot run in its own.
#[cfg(all(doctest, target_os = "linux"))]
#[doc = include_str!("../macros/src/tuntap_test.md")]
struct AttributePage;
