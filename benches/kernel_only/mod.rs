//! What the benchmarks on kernel links alone share: the end of the program.

use std::io;
use std::process::ExitCode;

use tuntap_test::kernel::{self, Privilege};

/// Measures where this process may make kernel devices, and says why not where it may not.
pub(crate) fn on_the_kernel(measure: impl FnOnce(Privilege) -> io::Result<()>) -> ExitCode {
    let measured = match kernel::prepare() {
        Ok(privilege) => measure(privilege),
        Err(obstacle) => Err(io::Error::other(obstacle.to_string())),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
