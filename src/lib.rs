//! Throwaway TUN/TAP links for tests.

pub mod answer;
pub mod codec;
pub mod context;
pub mod device;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod mock;

pub use context::{Namespace, Tap, Tun};
pub use tuntap_test_macros::{test, tuntap_test};

/// What the attribute's expansion calls. Not for users: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::{Backend, FromTestContext, TestContext, in_runner, run, run_unit, stashed};
    pub use crate::device::{DeviceConfig, PacketInfoMode};
}

/// Runs the examples of the attribute's page, which stands in `macros/` and cannot run them there.
#[cfg(doctest)]
#[doc = include_str!("../macros/src/tuntap_test.md")]
mod attribute_page {}
