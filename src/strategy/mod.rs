//! Proptest strategies for the crate's own vocabulary. Feature `proptest`.
//!
//! Layer: above [`codec`](crate::codec), [`packet`](crate::packet) and [`fault`](crate::fault), used by tests
//! only.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::codec::TunPi;
//! use tuntap_test::strategy;
//!
//! proptest!(|(pi in strategy::codec::tun_pi())| {
//!     let octets = pi.encode();
//!     prop_assert_eq!(TunPi::decode(&octets), Ok((pi, &[][..])));
//! });
//! ```

pub mod address;
pub mod codec;
pub mod defect;
pub mod fault;
pub mod fragments;
pub mod packet;
mod plain;
pub mod port;
pub mod script;
mod simpler;
pub mod tcp_stream;
