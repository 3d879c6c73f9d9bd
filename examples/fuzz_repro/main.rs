//! Tells all about what a fuzzer found: the script in words, minimised; what went over the link, with a capture; and the
//! source of a test that does it again.
//!
//! ```text
//!  cargo run --example fuzz_repro -- fuzz/artifacts/toy/crash-1f3870be274f6c49b3e31a0c6728957f
//! ```
//!
//! `cargo run --example fuzz_repro -- --help` lists the options. For a body of your own these are five lines, which
//! `tuntap_test::fuzz` shows under "A finding becomes a test".

mod arguments;
mod bodies;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use arguments::{Arguments, Asked, USAGE};
use bodies::Told;

fn main() -> ExitCode {
    let asked = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Help) => return printed(USAGE, ExitCode::SUCCESS),
        Ok(Asked::Run(arguments)) => arguments,
        Err(mistake) => {
            eprintln!("fuzz_repro: {mistake}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&asked) {
        Ok(told) => {
            let code = if told.failed { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            printed(&told.text, code)
        }
        Err(error) => {
            eprintln!("fuzz_repro: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(asked: &Arguments) -> Result<Told, String> {
    let octets = std::fs::read(&asked.artifact).map_err(|error| format!("{}: {error}", asked.artifact.display()))?;
    // A thousand runs panic while a script is minimised: what they say is said once, at the end.
    panic::set_hook(Box::new(|_| ()));
    let told = bodies::tell(&asked.target, &octets, asked.minimise)?;
    drop(panic::take_hook());
    if let Some(path) = &asked.source {
        std::fs::write(path, &told.source).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(path) = &asked.script {
        std::fs::write(path, &told.script).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(told)
}

/// Prints; a reader that went away early is no failure.
fn printed(text: &str, code: ExitCode) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("fuzz_repro: standard output: {error}");
            ExitCode::from(2)
        }
        _ => code,
    }
}
