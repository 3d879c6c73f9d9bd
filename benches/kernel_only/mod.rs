//! What the benchmarks on kernel links alone share: they need a process that may make kernel devices.

use std::io;
use std::process::ExitCode;

use tuntap_test::kernel::{self, Privilege};

use super::rounds::end;

/// Measures where this process may make kernel devices, and says why not where it may not.
pub(crate) fn on_the_kernel(measure: impl FnOnce(Privilege) -> io::Result<()>) -> ExitCode {
    let measured = match kernel::prepare() {
        Ok(privilege) => measure(privilege),
        Err(obstacle) => Err(io::Error::other(obstacle.to_string())),
    };
    end(measured)
}
