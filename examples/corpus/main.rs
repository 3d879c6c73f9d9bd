//! Turns captures into seeds of fuzz targets, one for each class of what they cover, and seeds back into captures.
//!
//! ```text
//!  cargo run --example corpus -- fixtures/captures/*.pcapng --as frame --out target/seeds
//!  cargo run --example corpus -- --pcapng target/seeds/*.bin --as frame --out seeds.pcapng
//! ```
//!
//! `cargo run --example corpus -- --help` lists the options; `tuntap_test::fuzz::corpus` says what a class is.

mod run;

use std::io::{self, Write};
use std::process::ExitCode;

use run::{Failure, USAGE, run};

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            // A reader that went away early is no failure.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                eprintln!("corpus: standard output: {error}");
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        },
        Err(Failure::File(error)) => {
            eprintln!("corpus: {error}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(mistake)) => {
            eprintln!("corpus: {mistake}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
