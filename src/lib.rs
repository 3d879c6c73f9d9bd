//! Throwaway TUN/TAP links for tests.

pub mod answer;
pub mod codec;
pub mod context;
pub mod device;
pub mod fuzz;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod mock;
#[cfg(feature = "proptest")]
pub mod strategy;

pub use context::{Stack, Tap, Tun};
pub use tuntap_test_macros::tuntap_test;
