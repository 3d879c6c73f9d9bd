//! A real ping, answered by this crate: Scapy's TUN/TAP tutorial in one command, without root where the system allows.
//!
//! ```text
//!  kernel: ping 192.0.2.2 ──► tun0 192.0.2.1 ═══ device end ──► IcmpEcho: "Replying 192.0.2.1 to 192.0.2.2"
//! ```
//!
//! `cargo run --example answer_ping -- --help` lists the options.

mod arguments;
#[cfg(target_os = "linux")]
mod ping;
#[cfg(target_os = "linux")]
mod serve;

use std::process::ExitCode;

use arguments::{Arguments, Asked};

fn main() -> ExitCode {
    match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Help) => {
            print!("{}", arguments::USAGE);
            ExitCode::SUCCESS
        }
        Ok(Asked::Run(arguments)) => run(&arguments),
        Err(mistake) => {
            eprintln!("answer_ping: {mistake}\n\n{}", arguments::USAGE);
            ExitCode::from(2)
        }
    }
}

#[cfg(target_os = "linux")]
fn run(arguments: &Arguments) -> ExitCode {
    let served = match &arguments.interface {
        Some(name) => serve::until_interrupted(name, arguments.tap),
        None => serve::a_throwaway_link(arguments),
    };
    match served {
        Ok(true) => ExitCode::SUCCESS,
        // What was lost is printed already.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("answer_ping: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn run(_: &Arguments) -> ExitCode {
    eprintln!("answer_ping: kernel devices exist on Linux only so far; `cargo test` shows the mock");
    ExitCode::FAILURE
}
