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

pub use context::{Link, Stack, Tap, Tun};
pub use etherparse;
pub use tuntap_test_macros::{test, tuntap_test};

#[doc(hidden)]
pub mod __private {
    pub use crate::context::{Backend, FromTestContext, TestContext, in_runner, run, run_unit, stashed};
    pub use crate::device::{DeviceConfig, PacketInfoMode};
}
