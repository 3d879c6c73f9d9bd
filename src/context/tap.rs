//! The argument `tap: Tap` of a test.

use std::io;

use super::argument::argument;
use super::{FromTestContext, TestContext};
use crate::device::{DeviceConfig, Mode};

argument! {
    /// A throwaway TAP link: a frame is an Ethernet frame without its check sequence.
    ///
    /// What it can do stands at [`Link`], to which it dereferences; how it is handed to code under test, at
    /// [`Tun`](super::Tun).
    Tap
}

impl FromTestContext for Tap {
    fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self> {
        Link::make(context, Mode::Tap, config).map(Self)
    }
}
