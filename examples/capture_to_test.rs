//! Turns a capture into the source of a test: what one side of it sent is sent, what the other sent is expected.
//!
//! ```text
//!  cargo run --example capture_to_test -- target/tuntap-test/echo.answers.kernel/exchange.pcapng > tests/answers.rs
//! ```
//!
//! `cargo run --example capture_to_test -- --help` lists the options; `tuntap_test::capture::ToTest` says what becomes of
//! addresses, ports and numbers.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use tuntap_test::capture::ToTest;

const USAGE: &str = "\
Usage: capture_to_test [OPTIONS] FILE

Prints the source of a test made from FILE, a pcap or pcapng file with IP packets or Ethernet frames.

Options:
  --sent-by ADDRESS   the test sends what comes from ADDRESS and expects all else of IPv4, or IPv6 (may be repeated);
                      else it sends what the capture calls inbound, or what the source of the first frame sent
  --name NAME         the name of the test's function (default: the file's, or that of the test that recorded it)
  --start STATEMENT   what starts the code under test, such as 'let _server = serve(&tun);'
  --help              this text
";

/// What the caller wants.
enum Asked {
    Help,
    Convert(ToTest, PathBuf),
}

fn main() -> ExitCode {
    match asked(std::env::args_os().skip(1)) {
        Ok(Asked::Help) => printed(USAGE),
        Ok(Asked::Convert(to_test, file)) => match to_test.read(file) {
            Ok(source) => printed(&source),
            Err(error) => {
                eprintln!("capture_to_test: {error}");
                ExitCode::FAILURE
            }
        },
        Err(mistake) => {
            eprintln!("capture_to_test: {mistake}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Prints; a reader that went away early is no failure.
fn printed(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("capture_to_test: standard output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Reads the command line, or says what is wrong with it.
fn asked(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let (mut to_test, mut file) = (ToTest::new(), None);
    let (mut arguments, mut options_are_over) = (arguments.into_iter(), false);
    while let Some(argument) = arguments.next() {
        let option = argument.to_str().filter(|text| !options_are_over && text.starts_with('-') && text.len() > 1);
        let mut value = |of: &str| {
            let value = arguments.next().ok_or_else(|| format!("{of} needs a value"))?;
            value.into_string().map_err(|value| format!("{of}: {value:?} is not text"))
        };
        match option {
            Some("--help" | "-h") => return Ok(Asked::Help),
            Some("--") => options_are_over = true,
            Some("--sent-by") => {
                let text = value("--sent-by")?;
                let address: IpAddr =
                    text.parse().map_err(|_| format!("--sent-by takes an IPv4 or IPv6 address, not `{text}`"))?;
                to_test = to_test.sent_by(address);
            }
            Some("--name") => to_test = to_test.named(value("--name")?),
            Some("--start") => to_test = to_test.start(value("--start")?),
            Some(unknown) => return Err(format!("unknown option `{unknown}`")),
            None if file.is_some() => return Err("one FILE only".to_owned()),
            None => file = Some(PathBuf::from(argument)),
        }
    }
    let file = file.ok_or_else(|| "which FILE?".to_owned())?;
    Ok(Asked::Convert(to_test, file))
}
