//! The argument `tun: Tun` of a test.

use std::io;

use super::argument::argument;
use super::{FromTestContext, TestContext};
use crate::device::{DeviceConfig, Mode};

argument! {
    /// A throwaway TUN link: a frame is an IP packet.
    ///
    /// What it can do stands at [`Link`], to which it dereferences. It is handed to code under test
    /// * as a [`&dyn Device`](crate::device::Device): [`device`](crate::exchange::Exchange::device);
    /// * as [`std::io::Read`] and [`std::io::Write`] on `&Tun`, one packet a call;
    /// * as a `phy::Device` of smoltcp (feature `smoltcp`): `tun.smoltcp()`;
    /// * as a descriptor: [`into_fd`](Self::into_fd);
    /// * by name: [`hand_over`](Self::hand_over).
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use tuntap_test::tuntap_test;
    /// use tuntap_test::Tun;
    ///
    /// #[tuntap_test]
    /// fn host_drops_garbage(tun: Tun) -> std::io::Result<()> {
    ///     (&tun).write_all(&[0x45, 0, 0, 0])?;
    ///     let silence = tun.try_receive(std::time::Duration::from_millis(20));
    ///     assert_eq!(silence.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    ///     Ok(())
    /// }
    /// ```
    Tun
}

impl FromTestContext for Tun {
    fn try_from_test_context(context: &mut TestContext, config: DeviceConfig) -> io::Result<Self> {
        Link::make(context, Mode::Tun, config).map(Self)
    }
}
