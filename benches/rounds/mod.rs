//! What all hand-made benchmarks share: the middle of many rounds, and the end of the program.

use std::io;
use std::process::ExitCode;

/// The middle one of the rounds' figures, which a busy machine moves less than their mean.
pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The end of a program that measured: says what was in the way.
pub(crate) fn end(measured: io::Result<()>) -> ExitCode {
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
