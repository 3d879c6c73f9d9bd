//! The argument `tap: Tap` of a test.

use super::argument::argument;
use crate::device::Mode;

argument! {
    /// A throwaway TAP link: a frame is an Ethernet frame without its check sequence.
    ///
    /// What it can do stands at [`Link`], to which it dereferences; how it is handed to code under test, at
    /// [`Tun`](super::Tun).
    Tap, Mode::Tap
}
