//! What the benchmarks on kernel links share: the middle of many rounds, and the end of the program.

use std::io;
use std::process::ExitCode;

use tuntap_test::kernel::{self, Privilege};

/// The middle one of the rounds' figures, which a busy machine moves less than their mean.
pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

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
