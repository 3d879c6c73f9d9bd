//! The mock host by itself: the tests are its cable and its clock, and give it frames and instants by hand. What it does
//! is what Linux 6.18 did when it was measured; `as_linux` asks the kernel itself.
#![cfg(all(target_os = "linux", feature = "host"))]
#![expect(clippy::indexing_slicing, reason = "tests on octets of known length: a panic is a failure")]

#[path = "mock_host/answers.rs"]
mod answers;
#[path = "mock_host/any_octets.rs"]
mod any_octets;
#[path = "mock_host/as_linux.rs"]
mod as_linux;
#[path = "mock_host/datagrams.rs"]
mod datagrams;
#[path = "mock_host/neighbours.rs"]
mod neighbours;
#[path = "mock_host/pair.rs"]
mod pair;
#[path = "mock_host/tcp.rs"]
mod tcp;
#[path = "mock_host/tcp_in_time.rs"]
mod tcp_in_time;
#[path = "mock_host/world.rs"]
mod world;
