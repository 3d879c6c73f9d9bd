//! Proptest strategies for the crate's own vocabulary. Feature `proptest`.
//!
//! Layer: above [`codec`](crate::codec), used by tests only.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::codec::TunPi;
//! use tuntap_test::strategy;
//!
//! proptest!(|(pi in strategy::codec::tun_pi())| {
//!     prop_assert_eq!(TunPi::decode(&pi.encode()), Ok((pi, &[][..])));
//! });
//! ```

pub mod codec;
